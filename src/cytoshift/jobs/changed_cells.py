"""The cells that a new detector sees otherwise than its parent, on the fields held back: gained, lost and renamed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from cytoshift.engine.delta import compare_findings, counting
from cytoshift.engine.findings import Findings
from cytoshift.jobs.folder import write_text
from cytoshift.metrics.detection import BY_OVERLAP, Boxes, DetectionTruth, partners
from cytoshift.slides.coordinates import level0_from_level
from cytoshift.training.coco import CocoSet, Field

CHANGES = "changes.json"
"""In a job's folder."""

Kind = Literal["gained", "lost", "renamed"]
Box = tuple[float, float, float, float]


class ChangedCell(BaseModel):
    """A cell that two detectors do not agree about.

    ``before`` and ``after`` are what each calls it, ``""`` where it sees none; ``truth`` is what a person calls it,
    ``""`` where there is none. ``image`` is the picture of the field and ``in_image`` the box in its pixels; ``slide``
    and ``box`` say where that is, in level-0 pixels, where the data set says it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    before: str
    after: str
    truth: str
    image: str
    in_image: Box
    slide: str = ""
    box: Box | None = None

    @property
    def righted(self) -> bool:
        """Whether the new detector says what the person says, and the old one did not."""
        return self.after == self.truth


class ChangedCells(BaseModel):
    """All of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cells: tuple[ChangedCell, ...] = ()

    def words(self) -> str:
        """Say how many there are of each kind, and how many of them are right now."""
        kinds: tuple[Kind, ...] = ("gained", "lost", "renamed")
        parts = []
        for kind in kinds:
            of = [cell for cell in self.cells if cell.kind == kind]
            if of:
                parts.append(f"{kind} {len(of)} ({sum(cell.righted for cell in of)} rightly)")
        return " · ".join(parts) or "Both find the same cells."


def changed_cells(
    data: CocoSet,
    before: Sequence[Findings],
    after: Sequence[Findings],
    limits: tuple[Mapping[str, float], Mapping[str, float]],
) -> ChangedCells:
    """Compare what two detectors found, field by field.

    Parameters
    ----------
    data : CocoSet
        The fields, in the classes of the detectors.
    before, after : sequence of Findings
        In pixels of the fields, below the thresholds too.
    limits : tuple of mapping of str to float
        Score from which a finding counts, by class, of each detector.
    """
    cells: list[ChangedCell] = []
    for field, old, new in zip(data.fields, before, after, strict=True):
        was, now = (found.select(counting(found, limit)) for found, limit in zip((old, new), limits, strict=True))
        cells += _of_field(field, was, now, data.classes)
    return ChangedCells(cells=tuple(cells))


def write_changes(changes: ChangedCells, folder: Path) -> None:
    """Write them into a job's folder."""
    write_text(folder / CHANGES, changes.model_dump_json(indent=1) + "\n")


def read_changes(folder: Path) -> ChangedCells | None:
    """Read a job's changed cells; None where it measured none."""
    try:
        return ChangedCells.model_validate_json((folder / CHANGES).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _of_field(field: Field, old: Findings, new: Findings, classes: tuple[str, ...]) -> list[ChangedCell]:
    delta = compare_findings(old, new)
    old_truth, new_truth = (_truths(field, found, classes) for found in (old, new))
    rows: list[tuple[Kind, str, str, str, np.ndarray]] = []
    for k in delta.gained.tolist():
        rows.append(("gained", "", _name(new, k), new_truth[k], new.boxes[k]))
    for k in delta.lost.tolist():
        rows.append(("lost", _name(old, k), "", old_truth[k], old.boxes[k]))
    for i, k in delta.changed.tolist():
        rows.append(("renamed", _name(old, i), _name(new, k), new_truth[k], new.boxes[k]))
    return [
        ChangedCell(
            kind=kind,
            before=was,
            after=now,
            truth=truth,
            image=field.name,
            in_image=_box(box),
            slide=field.slide,
            box=_on_slide(field, box),
        )
        for kind, was, now, truth, box in rows
    ]


def _truths(field: Field, found: Findings, classes: tuple[str, ...]) -> list[str]:
    """Return what a person calls each finding; ``""`` where no cell is."""
    truth = DetectionTruth(field.boxes, field.labels, field.ignored)
    order, partner = partners(truth, Boxes(found.boxes, found.scores, found.labels), matching=BY_OVERLAP)
    names = [""] * len(found)
    for finding, cell in zip(order.tolist(), partner.tolist(), strict=True):
        if cell >= 0:
            names[finding] = classes[int(field.labels[cell])]
    return names


def _name(found: Findings, place: int) -> str:
    return found.classes[int(found.labels[place])]


def _box(box: np.ndarray) -> Box:
    x0, y0, x1, y1 = (round(float(value), 2) for value in box)
    return x0, y0, x1, y1


def _on_slide(field: Field, box: np.ndarray) -> Box | None:
    """Return a box of a field in level-0 pixels of its slide; None where nobody says where the field lies."""
    if field.level0 is None:
        return None
    x0, y0, x1, y1 = field.level0
    steps = (y1 - y0) / field.height, (x1 - x0) / field.width
    return _box(level0_from_level(box, steps) + np.array([x0, y0, x0, y0]))
