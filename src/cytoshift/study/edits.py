"""Cells of a file that a study has already: which ones they are, and what the file says otherwise of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cytoshift.study.cells import Cells
from cytoshift.study.change import State, decided_on
from cytoshift.study.events import Box
from cytoshift.study.formats.annotations import Annotations, stable
from cytoshift.study.store import Study

ROUNDED = 1.0
"""Pixels by which a box may lie elsewhere without being moved: some programs keep whole pixels only."""

Edit = Mapping[str, Any]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Edited:
    """What a file says otherwise of cells that a study has already.

    Parameters
    ----------
    changes : mapping of str to mapping
        By cell (`Cells.ids`): ``label``, ``box``, or both.
    relabelled, moved, resized : int
        How many cells get another class, another place, another size.
    older : int
        Cells that were corrected here since, and are in the file as they were before; they stay as they are.
    absent : bool
        Whether cells of the same searches and imports are not in the file.
    """

    changes: Mapping[str, Edit]
    relabelled: int = 0
    moved: int = 0
    resized: int = 0
    older: int = 0
    absent: bool = False

    def __len__(self) -> int:
        return len(self.changes)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes that it gives."""
        return tuple(dict.fromkeys(edit["label"] for edit in self.changes.values() if "label" in edit))

    def sentence(self) -> str:
        """Say how many cells are corrected, and how."""
        counts = {"relabelled": self.relabelled, "moved": self.moved, "resized": self.resized}
        how = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
        return f"{len(self)} {'cell' if len(self) == 1 else 'cells'} ({how})"


def targets_of(study: Study, slide: str, ids: Sequence[str]) -> list[str]:
    """Return the cell of a slide that each id of a file means, ``""`` where the slide has none of that id.

    Cells are known by the ids with which `exchange.outgoing` and the formats write them.
    """
    sizes = {run: cells for run, _, cells in study.searches(slide)}
    here: dict[str, str] = {}
    for event in study.corrections(slide):
        if event.kind == "add":
            here[event.id] = event.id
        elif event.kind == "import":
            here.update({name: f"{event.id}:{at}" for at, name in enumerate(study.names(event.id)[0].ids)})
            sizes[event.id] = event.payload["cells"]
    if any(len(name) == 36 and name[14] == "5" and name not in here for name in ids):
        # a program that keeps no metadata gives back, of a prediction, the id that was made for the file
        for run, cells in sizes.items():
            here.update((stable(f"{run}:{index}"), f"{run}:{index}") for index in range(cells))
    return [here.get(name) or (name if _is_prediction(name, sizes) else "") for name in ids]


def _is_prediction(name: str, sizes: Mapping[str, int]) -> bool:
    run, _, index = name.rpartition(":")
    return run in sizes and int(index) < sizes[run]


def edited(study: Study, slide: str, read: Annotations, targets: Sequence[str]) -> Edited:
    """Compare the cells of a file with what they are in a study now.

    What a file says of a cell that was corrected here, and what the cell was before that, is no edit: the file was
    written then.

    Parameters
    ----------
    study : Study
    slide : str
        Identity.
    read : Annotations
        Cells of a file.
    targets : sequence of str
        The cell that each of them is; ``""`` for one to be left alone.
    """
    found: dict[str, _Difference] = {}
    absent = False
    for run, lot in _lots(study.runs(slide), targets):
        cells = study.cells(slide, run)
        places = [(at, place) for at in lot if (place := cells.ids.position(targets[at])) is not None]
        at, here = np.array(places, np.int64).reshape(-1, 2).T
        found.update(_differing(read, cells, at, here))
        left = cells.states != State.REJECTED
        left[here] = False
        absent = absent or bool(left.any())
    earlier = _earlier(study, slide, found)
    newer = {target: one.without(earlier[target]) for target, one in found.items()}
    kept = {target: one for target, one in newer.items() if one.label or one.box}
    boxes = [one for one in kept.values() if one.box]
    moved = sum(one.same_size for one in boxes)
    return Edited(
        {target: one.edit for target, one in kept.items()},
        relabelled=sum(one.label != "" for one in kept.values()),
        moved=moved,
        resized=len(boxes) - moved,
        older=len(found) - len(kept),
        absent=absent,
    )


@dataclass(frozen=True, slots=True)
class _Difference:
    """The class and the box that a file gives a cell, where they are others than here, and the box that it has here."""

    label: str
    box: Box | None
    was: Box

    @property
    def edit(self) -> Edit:
        label = {"label": self.label} if self.label else {}
        return label | ({"box": list(self.box)} if self.box else {})

    @property
    def same_size(self) -> bool:
        x0, y0, x1, y1 = np.subtract(self.box or self.was, self.was).tolist()
        return bool(max(abs(x1 - x0), abs(y1 - y0)) <= ROUNDED)

    def without(self, earlier: Sequence[Edit]) -> _Difference:
        """Return what of it the cell was never said to be before."""
        label = "" if any(self.label == one.get("label") for one in earlier) else self.label
        known = self.box and any("box" in one and _same(self.box, one["box"]) for one in earlier)
        return _Difference(label, None if known else self.box, self.was)


def _lots(runs: Sequence[str], targets: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Group cells by run; those that were imported or added are among the cells of every run."""
    lots: dict[str, list[int]] = {}
    for at, target in enumerate(targets):
        if target:
            run = target.rpartition(":")[0]
            lots.setdefault(run if run in runs else "", []).append(at)
    others = lots.pop("", [])
    if others:
        lots.setdefault(next(iter(lots), ""), []).extend(others)
    return list(lots.items())


def _differing(read: Annotations, cells: Cells, at: Places, here: Places) -> Iterator[tuple[str, _Difference]]:
    """Yield the cells of which a file says another class or another box."""
    said, known = np.array((*read.classes, "")), np.array((*cells.classes, ""))
    labels = said[read.labels[at]]
    other = labels != known[cells.labels[here]]
    moved = np.abs(read.boxes[at] - cells.boxes[here]).max(axis=1, initial=0) > ROUNDED
    for one in np.flatnonzero(other | moved).tolist():
        place = int(here[one])
        box = _box(read.boxes[at[one]]) if moved[one] else None
        label = str(labels[one]) if other[one] else ""
        yield cells.ids[place], _Difference(label, box, _box(cells.boxes[place]))


def _earlier(study: Study, slide: str, targets: Collection[str]) -> Mapping[str, list[Edit]]:
    """Return what was said of cells before: by their model or file, and by persons."""
    said: dict[str, list[Edit]] = {target: [] for target in targets}
    for target in targets:
        source, _, index = target.rpartition(":")
        if source:
            as_found, at = study.findings(source), int(index)
            name = as_found.classes[int(as_found.labels[at])]
            said[target].append({"label": name, "box": _box(as_found.boxes[at])})
    for event in study.corrections(slide):
        for target in (event.id,) if event.kind == "add" else decided_on(event):
            if target in said:
                said[target].append(event.payload["edits"][target] if event.kind == "import" else event.payload)
    return said


def _same(box: Sequence[float], other: Sequence[float]) -> bool:
    return bool(np.abs(np.subtract(box, other)).max() <= ROUNDED)


def _box(box: npt.NDArray[np.float32]) -> Box:
    x0, y0, x1, y1 = box.tolist()
    return (x0, y0, x1, y1)
