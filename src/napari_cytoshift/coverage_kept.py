"""What was looked at in this session, on its way into the study; no window is needed, and every thread may use it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cytoshift.study.coverage import SCREENED, Coverage, nominal_mpp
from napari_cytoshift.layers.findings import know

if TYPE_CHECKING:
    from cytoshift.slides.slide import Slide
    from cytoshift.study import Study
    from napari_cytoshift.view import Box


class Glance(NamedTuple):
    """A view that rested: in whose reading, of which slide, which part in level-0 pixels, at which magnification."""

    reader: str
    slide: Slide
    box: Box
    power: float


@dataclass(slots=True)
class _Entry:
    """The coverage of a slide in one reading, and whether the study lacks some of it."""

    slide: Slide
    coverage: Coverage
    unstored: bool = False


class KeptCoverage:
    """The coverages of a study's slides, by reader, as far as this session looked at them.

    Parameters
    ----------
    study : Study
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self._lock = threading.Lock()
        self._entries: dict[tuple[str, str], _Entry] = {}

    def of(self, reader: str, slide: Slide) -> Coverage:
        """Return the coverage of a slide in a reading; the first time it is read, or the slide's tissue is found."""
        key = (slide.info.identity, reader)
        with self._lock:
            entry = self._entries.get(key)
        if entry is None:
            known = self.study.coverage(slide.info.identity, reader)
            entry = _Entry(slide, Coverage.of(slide) if known is None else known)
        with self._lock:
            entry = self._entries.setdefault(key, entry)
            entry.slide, entry.coverage = slide, entry.coverage.at_mpp(nominal_mpp(slide))
            return entry.coverage

    def mark(self, glance: Glance) -> None:
        """Mark a view that rested."""
        self.of(glance.reader, glance.slide)
        with self._lock:
            entry = self._entries[glance.slide.info.identity, glance.reader]
            after = entry.coverage.marked(glance.box, glance.power)
            entry.unstored |= not np.array_equal(entry.coverage.seen, after.seen)
            entry.coverage = after

    def store(self) -> None:
        """Store what the study lacks; StudyError where it cannot be, and it waits for the next time.

        A slide that nobody has looked at closely does not enter the study for it.
        """
        if self.study.read_only:
            return
        known = {record.identity for record in self.study.slides()}
        with self._lock:
            waiting = [(key, entry, entry.coverage) for key, entry in self._entries.items() if entry.unstored]
        for (identity, reader), entry, coverage in waiting:
            if identity in known or coverage.seen_at(SCREENED).any():
                know(self.study, entry.slide)
                self.study.add_coverage(identity, coverage, reader)
                with self._lock:
                    entry.unstored = entry.coverage is not coverage
