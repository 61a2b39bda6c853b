"""Corrections as events: what a person decided, about what, when; never changed, never taken out."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from cytoshift.errors import StudyError

Box = tuple[float, float, float, float]

Corners = Sequence[Sequence[float]]
"""Points x, y in level-0 pixels, the first one not repeated."""

Targets = str | Sequence[str]
"""What a correction is about: one cell, or several that are corrected, and undone, together."""

Kind = Literal[
    "accept",
    "reject",
    "unsure",
    "relabel",
    "move",
    "resize",
    "add",
    "note",
    "mark_complete",
    "calibrate",
    "import",
    "undo",
    "redo",
]


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a study's log.

    Parameters
    ----------
    slide : str
        Identity of the slide.
    kind : str
        One of `Kind`; a newer version may have written others, which change no cell here.
    target : str
        What it is about: ``"RUN:INDEX"`` for a prediction, the id of an event (an added cell, a region, or what
        ``undo`` and ``redo`` take back), ``""`` for the slide, or where it is about several cells (`targets`).
    payload : dict
        ``label``, ``box``, ``text``, ``run``, ``threshold``, ``mpp_yx`` or ``objective``, as the kind needs it;
        ``outline`` where a person drew more of a cell than its box, ``points`` where a note keeps a measure;
        an ``import`` has ``source``, ``cells`` (how many), ``colors`` and ``regions``, and ``edits`` where the file
        says something else of cells that were here already: ``label`` or ``box``, or both, by cell;
        ``targets`` where it is about several cells, ``reader`` where a blinded reader made it, and ``settles`` where
        it settles what readers disagreed about.
    author : str
        Login name of the person.
    time : str
        ISO time in UTC.
    id : str
        A UUID.
    seq : int
        Position in the log, from 1; 0 while it is not stored.
    """

    slide: str
    kind: str
    target: str = ""
    payload: dict[str, Any] = field(default_factory=dict)
    author: str = ""
    time: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    seq: int = 0

    @property
    def box(self) -> Box:
        """The box in level-0 pixels that ``add``, ``move``, ``resize`` and ``mark_complete`` carry."""
        x0, y0, x1, y1 = self.payload["box"]
        return (x0, y0, x1, y1)

    @property
    def targets(self) -> tuple[str, ...]:
        """Everything it is about."""
        return tuple(self.payload.get("targets") or self.payload.get("edits") or (self.target,))

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names that it gives to cells."""
        said = (self.payload, *self.payload.get("edits", {}).values())
        return tuple(dict.fromkeys(one["label"] for one in said if "label" in one))

    def made(self, kinds: Collection[str]) -> Collection[str]:
        """Return the ids of the cells (kind ``add``) or regions (``mark_complete``) it made, if of these kinds."""
        if self.kind == "import" and "mark_complete" in kinds:
            return {region["id"] for region in self.payload["regions"]}
        return (self.id,) if self.kind in kinds else ()

    @property
    def reader(self) -> str:
        """The blinded reader whose reading it belongs to; ``""`` for the common one."""
        return str(self.payload.get("reader", ""))

    def row(self) -> tuple[str, str, str, str, str, str, str]:
        """Return the columns ``id, slide, kind, target, payload, author, time``."""
        payload = json.dumps(self.payload, ensure_ascii=False)
        return (self.id, self.slide, self.kind, self.target, payload, self.author, self.time)

    @classmethod
    def from_row(cls, row: tuple[int, str, str, str, str, str, str, str]) -> Event:
        """Read ``seq`` and the columns of `row`."""
        seq, identifier, slide, kind, target, payload, author, time = row
        return cls(slide, kind, target, json.loads(payload), author, time, identifier, seq)


def about(targets: Targets, payload: dict[str, Any], reader: str) -> tuple[str, dict[str, Any]]:
    """Return target and payload of an event about one cell or several, in the reading of ``reader``."""
    payload = {**payload, "reader": reader} if reader else payload
    if isinstance(targets, str):
        return targets, payload
    if len(targets) < 2:
        return (targets[0] if targets else ""), payload
    return "", {**payload, "targets": list(targets)}


def valid_box(box: Box) -> list[float]:
    """Return a box as JSON holds it; StudyError where it has no area."""
    x0, y0, x1, y1 = (float(value) for value in box)
    if not (all(math.isfinite(value) for value in (x0, y0, x1, y1)) and x0 < x1 and y0 < y1):
        raise StudyError(f"({x0}, {y0}, {x1}, {y1}) is no box; draw one that has a width and a height.")
    return [x0, y0, x1, y1]


def valid_points(points: Corners, least: int) -> list[list[float]]:
    """Return points as JSON holds them, to a hundredth of a pixel; StudyError where there are too few."""
    valid = [[round(float(x), 2), round(float(y), 2)] for x, y in points]
    if len(valid) < least or not all(math.isfinite(value) for point in valid for value in point):
        raise StudyError(f"{len(valid)} points are no such shape; draw one with at least {least}.")
    return valid


def valid_mpp(mpp_yx: tuple[float, float]) -> list[float]:
    """Return µm per pixel along y and x as JSON holds them; StudyError where they are none."""
    y, x = (float(value) for value in mpp_yx)
    if not (0 < y < math.inf and 0 < x < math.inf):
        raise StudyError(f"{y} × {x} µm/px is no size of a pixel; give two numbers above zero.")
    return [y, x]


def valid_label(label: str) -> str:
    """Return a class name without blanks around it; StudyError where nothing is left."""
    if not label.strip():
        raise StudyError("A class needs a name; choose one of the classes, or write a new one.")
    return label.strip()
