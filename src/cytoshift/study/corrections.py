"""What a person may say of a slide, its cells and its regions: one method for each kind of event."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cytoshift.errors import StudyError
from cytoshift.study.events import Box, Corners, Event, Kind, Targets, valid_box, valid_label, valid_mpp, valid_points
from cytoshift.study.imports import Edits, Packed, packed_cells, payload_of

if TYPE_CHECKING:
    from cytoshift.study.formats.annotations import Annotations

Limits = Mapping[str, float]


class Corrections(ABC):
    """The corrections of a study. Each is on the disk when its method returns; StudyError where it cannot be stored.

    Attributes
    ----------
    reader : str
        The blinded reader whose reading this is; ``""`` for the common one.
    """

    reader: str

    @abstractmethod
    def _correct(
        self, slide: str, kind: Kind, target: Targets, cells: Packed | None = None, /, **payload: Any
    ) -> Event:
        """Check an event and store it."""

    @abstractmethod
    def _size(self, run: str) -> tuple[str, int]:
        """Return the slide and the number of predictions of a run; StudyError where there is no such run."""

    def accept(self, slide: str, target: Targets) -> Event:
        """Say that a cell is right, or that several are: one event, which one undo takes back."""
        return self._correct(slide, "accept", target)

    def reject(self, slide: str, target: Targets) -> Event:
        """Say that a prediction or an added cell is none, or that a region is not complete after all."""
        return self._correct(slide, "reject", target)

    def unsure(self, slide: str, target: Targets) -> Event:
        """Say that it cannot be told what a cell is; training then leaves it out."""
        return self._correct(slide, "unsure", target)

    def relabel(self, slide: str, target: Targets, label: str) -> Event:
        """Say of which class a cell is."""
        return self._correct(slide, "relabel", target, label=valid_label(label))

    def move(self, slide: str, target: str, box: Box) -> Event:
        """Say that a cell of this size lies elsewhere: x0, y0, x1, y1 in level-0 pixels."""
        return self._correct(slide, "move", target, box=valid_box(box))

    def resize(self, slide: str, target: str, box: Box) -> Event:
        """Say that a cell has another size: x0, y0, x1, y1 in level-0 pixels, wherever it lies then."""
        return self._correct(slide, "resize", target, box=valid_box(box))

    def add(self, slide: str, box: Box, label: str) -> Event:
        """Add a cell that was not found; the event's id is what later corrections point at."""
        return self._correct(slide, "add", "", box=valid_box(box), label=valid_label(label))

    def outline(self, slide: str, outline: Corners, label: str) -> Event:
        """Add a cell that was not found, by its outline; its box is the one around it."""
        corners = valid_points(outline, 3)
        xs, ys = zip(*corners, strict=True)
        box = valid_box((min(xs), min(ys), max(xs), max(ys)))
        return self._correct(slide, "add", "", box=box, label=valid_label(label), outline=corners)

    def bring_in(self, slide: str, cells: Annotations, source: str, edits: Edits | None = None) -> Event:
        """Add the cells and regions of a file, and correct cells by it, in one event, which one undo takes back.

        See `exchange.preview`, which makes all of these.
        """
        packed = packed_cells(cells, slide, source)  # before anybody has to wait for it
        return self._correct(slide, "import", "", packed, **payload_of(cells, source, edits or {}))

    def settle(self, slide: str, kind: Kind, target: str, said: Mapping[str, str], **payload: Any) -> Event:
        """Settle in the common reading what readers disagreed about.

        ``said`` names them (``""`` for the common reading), each with the id of the event that is settled, ``""`` where
        there is none; the payload is ``label``, ``box`` or ``text``, as the kind needs it.
        """
        if self.reader:
            raise StudyError(f"{self.reader} reads blinded; choose the common reading to settle disagreements.")
        return self._correct(slide, kind, target, settles=dict(said), **payload)

    def note(self, slide: str, target: str, text: str) -> Event:
        """Write a note to a cell, a region or (target ``""``) the slide."""
        return self._correct(slide, "note", target, text=text)

    def keep_measure(self, slide: str, text: str, points: Corners) -> Event:
        """Write a note to the slide that says what was measured, with the two ends of a length or a ring."""
        return self._correct(slide, "note", "", text=text, points=valid_points(points, 2))

    def mark_complete(
        self, slide: str, box: Box, run: str | None = None, threshold: float = 0.0, thresholds: Limits | None = None
    ) -> Event:
        """Say that in a box every cell is right as it is now shown: predictions of a run from a threshold, corrected.

        ``thresholds`` are those of single classes, by name. Without a run, only cells that a person added count there.
        """
        if run:
            self._size(run)
        own = {"thresholds": dict(thresholds)} if thresholds else {}
        marked = {"box": valid_box(box), "run": run or "", "threshold": float(threshold)}
        return self._correct(slide, "mark_complete", "", **marked, **own)

    def calibrate(self, slide: str, mpp_yx: tuple[float, float], objective: float | None = None) -> Event:
        """Set µm per level-0 pixel along y and x, for a slide whose file does not say or is wrong."""
        return self._correct(slide, "calibrate", "", mpp_yx=valid_mpp(mpp_yx), objective=objective)
