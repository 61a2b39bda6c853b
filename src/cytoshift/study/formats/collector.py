"""Gathers the cells of a file one by one, and checks them all at once."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cytoshift.engine.outlines import Outlines
from cytoshift.errors import StudyError
from cytoshift.study.cells import Region
from cytoshift.study.change import State
from cytoshift.study.formats.annotations import Annotations, stable, universal
from cytoshift.study.palette import RGBColor, color_of, spelled

FAR = 1e9
"""Coordinates that are larger lie off every slide."""

MAX_MEASURES = 256
"""Measurements of more names than this are left out."""

MAX_CLASSES = 30_000
_LONGEST_NAME = 200
_UNKNOWN = math.nan


class Collector:
    """Cells as a reader comes upon them; `annotations` gives them back.

    Parameters
    ----------
    path : Path
        The file that is read, for the errors' words.
    thing : str
        What the file calls a cell: ``"Feature"``.

    Attributes
    ----------
    regions : list of Region
        Regions that are annotated completely.
    """

    def __init__(self, path: Path, thing: str) -> None:
        self.path = path
        self.regions: list[Region] = []
        self._thing = thing
        self._ids: dict[str, None] = {}
        self._given: dict[int, str] = {}
        self._boxes, self._scores = array("d"), array("f")
        self._labels, self._states, self._drawn = array("i"), array("B"), array("B")
        self._classes: dict[str, int] = {}
        self._spelled: dict[str, str] = {}
        self._colors: dict[str, RGBColor] = {}
        self._points, self._ends = array("f"), array("q")
        self._measures: dict[str, array[float]] = {}
        self._notes: Counter[str] = Counter()
        self._models: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._labels)

    def note(self, text: str, number: int = 1) -> None:
        """Count something that was changed or left out: ``"Open rings closed"``."""
        self._notes[text] += number

    def found_by(self, model: str) -> None:
        """Note which model a file says has found a cell."""
        self._models[model] = None

    def add(
        self,
        box: Sequence[float],
        label: str,
        identifier: object = None,
        *,
        score: float = 1.0,
        state: State = State.PREDICTED,
        drawn: bool = False,
        given: str = "",
        outline: Iterable[float] = (),
        measures: Mapping[str, float] | None = None,
    ) -> None:
        """Take a cell: its box or corners, class, the id that the file gives it, and what else it says of it.

        ``outline`` is x, y, x, y and so on, without its first corner again at the end; ``given`` is what another
        program called the cell, where the identifier is none of its own.

        Raises
        ------
        ValueError
            Its score is none, its class is no name, or there are too many classes.
        """
        position = len(self._labels)
        if not 0 <= score <= 1:
            raise ValueError(f"its score is {score}")
        name = self._spelled.get(label)
        if name is None:
            name = self._spelled[label] = _class_name(label)
        at = self._classes.setdefault(name, len(self._classes))
        if at >= MAX_CLASSES:
            raise ValueError(f"it is of the class number {at + 1}")
        x0, y0, x1, y1 = box
        self._boxes.extend((x0, y0, x1, y1))
        self._scores.append(score)
        self._labels.append(at)
        self._states.append(state)
        self._drawn.append(drawn)
        self._points.extend(outline)
        self._ends.append(len(self._points) // 2)
        if measures:
            self._measure(position, measures)
        self._identify(position, identifier, given, box, name)

    def color(self, label: str, color: RGBColor) -> None:
        """Note which colour a file gives a class."""
        self._colors[_class_name(label)] = color

    def annotations(self, *, corners: bool = True, names: Mapping[str, str] | None = None) -> Annotations:
        """Return everything.

        Parameters
        ----------
        corners : bool
            Whether boxes were given as x0, y0, x1, y1; otherwise as x, y, width, height.
        names : mapping of str to str, optional
            Class names of what was given as label; all of them as they are without.

        Raises
        ------
        StudyError
            A box has no area, lies off every slide, or is not made of numbers.
        """
        boxes = np.frombuffer(self._boxes, np.float64).reshape(-1, 4)
        if not corners:
            boxes = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
        stored = self._checked(boxes)
        n = len(stored)
        classes, labels = self._named(names)
        points = np.frombuffer(self._points, np.float32).reshape(-1, 2)
        return Annotations(
            ids=tuple(self._ids),
            boxes=stored,
            scores=np.frombuffer(self._scores, np.float32),
            labels=labels,
            states=np.frombuffer(self._states, np.uint8),
            drawn=np.frombuffer(self._drawn, np.uint8).astype(np.bool_),
            classes=classes,
            colors=tuple(self._colors.get(name) or color_of(name) for name in classes),
            outlines=Outlines(points, np.concatenate([[0], np.frombuffer(self._ends, np.int64)]).astype(np.int64)),
            measures={name: np.frombuffer(_padded(column, n), np.float32) for name, column in self._measures.items()},
            given=tuple([self._given.get(at, "") for at in range(n)]) if self._given else (),
            regions=tuple(self.regions),
            model=", ".join(self._models),
            notes=tuple(f"{text}: {number}." for text, number in self._notes.items()),
        )

    def refused(self, position: int, why: object) -> StudyError:
        """Return the error of a cell (counted from 0) that cannot be read."""
        return StudyError(
            f"{self._thing} {position + 1} of {self.path} cannot be read ({why}); export cells with an area again."
        )

    def _identify(self, position: int, identifier: object, given: str, box: Sequence[float], label: str) -> None:
        own = "" if identifier is None else printable(str(identifier))
        name = own.lower()
        if not universal(name):
            given = given or own
            name = stable(f"{given or position} {tuple(map(float, box))} {label}")
        elif name in self._ids:
            self.note("Ids that occurred twice, replaced")
        while name in self._ids:
            name = stable(f"{name} again")
        self._ids[name] = None
        if given:
            self._given[position] = printable(given)[:_LONGEST_NAME]

    def _measure(self, position: int, measures: Mapping[str, float]) -> None:
        for key, value in measures.items():
            name = printable(key)
            column = self._measures.get(name)
            if column is None:
                if len(self._measures) == MAX_MEASURES or len(name) > _LONGEST_NAME:
                    self.note("Measurements left out, of too many kinds")
                    continue
                column = self._measures[name] = array("f")
            _padded(column, position).append(value)

    def _named(self, names: Mapping[str, str] | None) -> tuple[tuple[str, ...], npt.NDArray[np.int16]]:
        """Return the classes and which one each cell is of."""
        labels = np.frombuffer(self._labels, np.int32)
        if names is None:
            return tuple(self._classes), labels.astype(np.int16)
        called: dict[str, int] = {}
        to = [called.setdefault(_class_name(names[name]), len(called)) for name in self._classes]
        return tuple(called), np.array(to, np.int16)[labels] if to else labels.astype(np.int16)

    def _checked(self, boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        with np.errstate(over="ignore", invalid="ignore"):
            stored = boxes.astype(np.float32)
            near = (np.abs(boxes) <= FAR).all(axis=1)  # also false for what is no number
            area = (stored[:, 0] < stored[:, 2]) & (stored[:, 1] < stored[:, 3])
        if not near.all():
            raise self.refused(int(np.argmin(near)), "it lies off every slide")
        if not area.all():
            raise self.refused(int(np.argmin(area)), "it has no area")
        return stored


def printable(text: str) -> str:
    """Return a text without what no program shows and some formats cannot hold, and without blanks around it."""
    return (text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)).strip()


def number(value: object) -> float:
    """Return a number, also where it is written as text; TypeError or ValueError where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError(f"{value!r:.40} is no number")
    return float(value)


def _class_name(label: str) -> str:
    name = printable(label)
    if len(name) > _LONGEST_NAME:
        raise ValueError(f"its class has a name of {len(name)} letters")
    return spelled(name)


def _padded(column: array[float], length: int) -> array[float]:
    if len(column) < length:
        column.extend([_UNKNOWN] * (length - len(column)))
    return column
