"""The cells of all slides of a study in one order: gathered in a thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cytoshift.study.relocate import lies_at
from napari_cytoshift.layers.findings_filter import CellFilter
from napari_cytoshift.widgets.review_order import ORDERS, Narrowed, arrange, sort_keys
from napari_cytoshift.widgets.review_queue import Queue
from napari_cytoshift.widgets.review_study import Part, StudyQueue

if TYPE_CHECKING:
    from cytoshift.engine.progress import CancelToken
    from cytoshift.study import Cells, SlideRecord, Study
    from napari_cytoshift.layers.findings_thresholds import Thresholds


@dataclass(frozen=True)
class Shown:
    """The cells of one slide, and what is shown of them."""

    slide: str
    run: str
    cells: Cells
    filter: CellFilter


@dataclass(frozen=True)
class Everywhere:
    """A review of all slides of a study.

    Parameters
    ----------
    study : Study
    active : Shown
        The cells of the slide that is looked at.
    opened : mapping of str to str
        The slides that are open, each with the run that is shown of it; ``""`` for its last one.
    limits : callable
        Returns the thresholds of a run.
    """

    study: Study
    active: Shown
    opened: Mapping[str, str]
    limits: Callable[[str], Thresholds]

    def queue(self, order: str, narrowed: Narrowed, cancel: CancelToken) -> tuple[StudyQueue, str]:
        """Return the order, and what is to be said of it.

        Cells of several slides come as they would on one: by place, slide by slide. Orders that not every slide has
        are "worst" here.
        """
        records, gone = self._records()
        lots = [] if any(record.identity == self.active.slide for record in records) else [self.active]
        for record in records:
            cancel.check()
            lots.append(self._shown(record))
        self.study.cells(self.active.slide, self.active.run)  # whose next correction must not wait
        said = f"Left out, since not where they were seen last: {', '.join(gone)}." if gone else ""
        return merged(lots, order if order in ORDERS else "worst", narrowed), said

    def _records(self) -> tuple[list[SlideRecord], list[str]]:
        """Return the slides that can be looked at, and the names of the others."""
        here: list[SlideRecord] = []
        gone: list[str] = []
        for record in self.study.slides():
            if record.identity in self.opened or lies_at(record) is not None:
                here.append(record)
            else:
                gone.append(record.name)
        return here, gone

    def _shown(self, record: SlideRecord) -> Shown:
        identity, shown = record.identity, self.active.filter
        if identity == self.active.slide:
            return self.active
        run = self.opened.get(identity) or next(reversed(self.study.runs(identity)), "")
        limits = self.limits(run)
        return Shown(
            identity, run, self.study.cells(identity, run), CellFilter(limits, shown.hidden, shown.show_rejected)
        )


def merged(lots: list[Shown], order: str, narrowed: Narrowed) -> StudyQueue:
    """Return the cells of several slides in one order (of `ORDERS`)."""
    parts, keys = [], []
    for lot in lots:
        which = narrowed.select(lot.cells, lot.filter)
        limits = lot.filter.thresholds.of_classes(lot.cells.classes)
        keys.append(sort_keys(lot.cells, which, order, limits))
        parts.append(Part(lot.slide, lot.run, lot.cells, Queue(lot.cells, arrange(lot.cells, which, order, limits))))
    if order == "place" or not parts:
        return StudyQueue(parts)
    of = np.repeat(np.arange(len(parts)), [len(part.queue) for part in parts])
    return StudyQueue(parts, of[np.lexsort([np.concatenate(column) for column in zip(*keys, strict=True)])])
