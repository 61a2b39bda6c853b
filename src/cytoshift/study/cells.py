"""The cells and regions of a slide as they are now: predictions with the corrections folded into them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from cytoshift.engine.measures import Measures, join_measures, select_measures
from cytoshift.study.base import Base, join
from cytoshift.study.change import Change, State, decided_on
from cytoshift.study.events import Box, Event

if TYPE_CHECKING:
    from cytoshift.engine.findings import Findings
    from cytoshift.study.imports import Imports


class Ids(Sequence[str]):
    """Ids of cells, made when they are asked for.

    ``"RUN:INDEX"`` for predictions, ``"EVENT:INDEX"`` for imported cells, event ids for added ones. Predictions and
    imported cells are numbered through: ``sources`` says with which number each run or import begins.
    """

    def __init__(
        self,
        run: str,
        indices: npt.NDArray[np.int64],
        added: tuple[str, ...],
        sources: Sequence[tuple[int, str]] | None = None,
    ) -> None:
        self._sources = tuple(sources or ((0, run),))
        self._indices = indices
        self._added = added

    def __len__(self) -> int:
        return len(self._indices)

    @property
    def sources(self) -> tuple[tuple[int, str], ...]:
        """With which number the run, and each import, begins."""
        return self._sources

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """The numbers of predictions and imported cells; below zero for added ones."""
        return self._indices

    @property
    def imports(self) -> tuple[str, ...]:
        """The imports (their events) whose cells are numbered behind the predictions."""
        return tuple(event for _, event in self._sources[1:])

    @overload
    def __getitem__(self, position: int) -> str: ...
    @overload
    def __getitem__(self, position: slice) -> list[str]: ...
    def __getitem__(self, position: int | slice) -> str | list[str]:
        if isinstance(position, slice):
            return [self._name(index) for index in self._indices[position].tolist()]
        return self._name(int(self._indices[position]))

    def position(self, identifier: str) -> int | None:
        """Return where an id is, None when it is not among these; much faster than a search through the names."""
        index = number_of(self._sources, identifier)
        if index is None:
            if identifier not in self._added:
                return None
            index = -1 - self._added.index(identifier)
        # Where all are in their order, as they are until somebody selects some, it is known where to look.
        expected = index if index >= 0 else len(self) - len(self._added) - 1 - index
        if 0 <= expected < len(self) and self._indices[expected] == index:
            return expected
        found = np.flatnonzero(self._indices == index)
        return int(found[0]) if len(found) else None

    def with_added(self, room: npt.NDArray[np.int64], identifier: str) -> Ids:
        """Return these and an added cell behind them; ``room`` begins with their numbers and has a place for it."""
        room[len(self)] = -1 - len(self._added)
        return Ids("", room[: len(self) + 1], (*self._added, identifier), self._sources)

    def select(self, which: npt.NDArray[Any]) -> Ids:
        """Return the ids at a boolean mask or indices."""
        return Ids("", self._indices[which], self._added, self._sources)

    def imported(self) -> Iterator[tuple[str, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Yield, for each import, its event, where its cells are among these, and which of its cells they are."""
        ends = [start for start, _ in self._sources[1:]] + [np.iinfo(np.int64).max]
        for (start, event), end in zip(self._sources[1:], ends[1:], strict=True):
            here = np.flatnonzero((self._indices >= start) & (self._indices < end))
            yield event, here, self._indices[here] - start

    def _name(self, index: int) -> str:
        if index < 0:
            return self._added[-1 - index]
        if len(self._sources) == 1:
            return f"{self._sources[0][1]}:{index}"
        start, source = self._sources[bisect_right(self._sources, index, key=itemgetter(0)) - 1]
        return f"{source}:{index - start}"


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Cells of one slide, one array per property.

    Parameters
    ----------
    ids : Ids
        What corrections point at, a sequence of str.
    boxes : ndarray of float32, shape (n, 4)
        x0, y0, x1, y1 in level-0 pixels.
    scores : ndarray of float32, shape (n,)
        Probability that the model gave its label; 1 for added cells.
    labels : ndarray of int16, shape (n,)
        Index into `classes`.
    states : ndarray of uint8, shape (n,)
        Values of `State`.
    corrected : ndarray of bool, shape (n,)
        Whether a person changed the label or the box.
    classes : tuple of str
        Class names: those of the run, then others that a person gave.
    measures : mapping of str to ndarray of float32, shape (n,)
        What the model measured besides, by name; NaN for cells that a person added.
    """

    ids: Ids
    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int16]
    states: npt.NDArray[np.uint8]
    corrected: npt.NDArray[np.bool_]
    classes: tuple[str, ...]
    measures: Measures = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.boxes)

    def select(self, which: npt.NDArray[Any]) -> Cells:
        """Return the cells at a boolean mask or indices."""
        return replace(
            self,
            ids=self.ids.select(which),
            boxes=self.boxes[which],
            scores=self.scores[which],
            labels=self.labels[which],
            states=self.states[which],
            corrected=self.corrected[which],
            measures=select_measures(self.measures, which),
        )

    def label(self, position: int) -> str:
        """Return the class name of one cell."""
        return self.classes[int(self.labels[position])]


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a slide that a person marked as completely annotated.

    Parameters
    ----------
    id : str
        Id of the event; rejecting it takes the mark away.
    box : tuple of float
        x0, y0, x1, y1 in level-0 pixels.
    run : str
        The run whose predictions count in it; ``""`` where only added cells do.
    threshold : float
        Score from which unreviewed predictions count.
    thresholds : mapping of str to float
        The same for single classes, by name, where they have one of their own.
    imports : tuple of str
        Events that had brought in cells when it was marked; undecided cells of later ones were not seen and do not
        count.
    """

    id: str
    box: Box
    run: str
    threshold: float
    thresholds: Mapping[str, float] = field(default_factory=dict)
    imports: tuple[str, ...] = ()


def prediction_index(run: str, target: str) -> int | None:
    """Return the index of a target ``"RUN:INDEX"`` in a run; None when it is of another run or no prediction."""
    of, _, index = target.rpartition(":")
    return int(index) if of and of == run and index.isdecimal() else None


def number_of(sources: Sequence[tuple[int, str]], target: str) -> int | None:
    """Return the number of a target among predictions and imported cells that are numbered through; None for others."""
    for start, source in sources:
        index = prediction_index(source, target)
        if index is not None:
            return start + index
    return None


def fold_cells(
    findings: Findings | None,
    run: str,
    corrections: Iterable[Event],
    threshold: float = 0.0,
    thresholds: Mapping[str, float] | None = None,
    imports: Imports | None = None,
    seen: Collection[str] | None = None,
) -> Cells:
    """Fold corrections into the predictions of a run, and into the cells that were imported beside them.

    Unreviewed predictions below the threshold, or their class's own, are left out; what a person decided on stays
    whatever its score. The last decision counts: ``relabel`` accepts, ``move`` accepts what was not unsure. Imported
    cells on which nobody decided are left out, too, where ``seen`` does not name their import.
    """
    base = join(findings, run, imports or {})
    changed: dict[int, Change] = {}
    added: dict[str, Change] = {}
    for event in corrections:
        if event.kind == "add":
            added[event.id] = Change.of_added(event)
        for target in decided_on(event):
            index = number_of(base.sources, target)
            if index is not None:
                changed.setdefault(index, Change(State(int(base.states[index])))).apply(event, target)
            elif target in added:
                added[target].apply(event, target)
    classes = _classes(base.classes, (*changed.values(), *added.values()))
    keep = base.kept(_limits(threshold, thresholds or {}, classes), seen)
    predicted = _predicted(base, keep, changed, classes)
    return _with_added(predicted, added) if added else predicted


def _classes(given: tuple[str, ...], changes: Iterable[Change]) -> tuple[str, ...]:
    known = dict.fromkeys(given)
    known.update(dict.fromkeys(change.label for change in changes if change.label))
    return tuple(known)


def _limits(common: float, own: Mapping[str, float], classes: tuple[str, ...]) -> npt.NDArray[np.float32]:
    return np.array([own.get(name, common) for name in classes], np.float32)


def _predicted(base: Base, keep: npt.NDArray[np.bool_], changed: dict[int, Change], classes: tuple[str, ...]) -> Cells:
    keep[list(changed)] = True
    kept = np.flatnonzero(keep)
    boxes, labels, states = base.boxes[kept], base.labels[kept], base.states[kept]
    corrected = np.zeros(len(kept), np.bool_)
    positions = np.searchsorted(kept, list(changed)).tolist()
    for position, change in zip(positions, changed.values(), strict=True):
        states[position], corrected[position] = change.state, change.corrected
        if change.box is not None:
            boxes[position] = change.box
        if change.label:
            labels[position] = classes.index(change.label)
    measures = select_measures(base.measures, kept)
    return Cells(
        Ids("", kept, (), base.sources), boxes, base.scores[kept], labels, states, corrected, classes, measures
    )


def _with_added(cells: Cells, added: dict[str, Change]) -> Cells:
    changes = list(added.values())
    unknown = np.full(len(added), np.nan, np.float32)
    indices = np.concatenate([cells.ids.numbers, -1 - np.arange(len(added), dtype=np.int64)])
    return Cells(
        Ids("", indices, tuple(added), cells.ids._sources),
        np.concatenate([cells.boxes, np.array([change.box for change in changes], np.float32)]),
        np.concatenate([cells.scores, np.ones(len(added), np.float32)]),
        np.concatenate([cells.labels, np.array([cells.classes.index(c.label) for c in changes], np.int16)]),
        np.concatenate([cells.states, np.array([change.state for change in changes], np.uint8)]),
        np.concatenate([cells.corrected, np.array([change.corrected for change in changes], np.bool_)]),
        cells.classes,
        join_measures([cells.measures, dict.fromkeys(cells.measures, unknown)]),
    )


def fold_regions(corrections: Iterable[Event]) -> tuple[Region, ...]:
    """Return the regions that are marked complete, oldest first."""
    regions: dict[str, Region] = {}
    came: list[str] = []
    for event in corrections:
        if event.kind == "mark_complete":
            regions[event.id] = Region(
                event.id,
                event.box,
                event.payload["run"],
                event.payload["threshold"],
                event.payload.get("thresholds", {}),
                tuple(came),
            )
        elif event.kind == "import":
            came.append(event.id)
            for one in event.payload["regions"]:
                regions[one["id"]] = Region(
                    one["id"], tuple(one["box"]), one["run"], one["threshold"], one["thresholds"], tuple(came)
                )
        elif event.kind == "reject":
            for target in event.targets:
                regions.pop(target, None)
    return tuple(regions.values())
