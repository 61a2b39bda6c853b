"""A count as a report needs it: lines for people, the same numbers for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cytoshift.mitosis.classes import LOOK_ALIKE
from cytoshift.mitosis.counting import Count, Window

if TYPE_CHECKING:
    from cytoshift.slides.coordinates import Frame

NOT_A_DIAGNOSIS = "For research only: this count is not a diagnosis."


@dataclass(frozen=True, slots=True)
class Counted:
    """A count, and where its cells come from.

    Parameters
    ----------
    count : Count
    slide : str
        Name of the slide.
    frame : Frame
        Of the slide.
    densest : bool
        Whether the window is where mitoses lie most densely, and not where a person put it.
    model : str
        What found the cells: a model, or a file of cells.
    thresholds : mapping of str to float
        Scores by class from which cells that nobody decided on count; empty where none was asked for.
    """

    count: Count
    slide: str
    frame: Frame
    densest: bool
    model: str
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Return the lines of the report."""
        said, window = self.count, self.count.window
        width, height = window.size_mm
        lines = [
            f"Mitotic count of {self.slide}",
            f"Window: {window.area_mm2:.3g} mm² ({width:.3g} × {height:.3g} mm), {said_fields(window)} high-power "
            f"fields of field number {window.field_number:g} at {window.objective:g}×",
            f"Place: {self._place()}",
        ]
        if not said.complete:
            lines.append(f"Covered: {said.area_mm2:.3g} mm² only, for no more of the slide was searched")
        lines.append(f"Mitoses: {said.mitoses} ({_density(said.mitoses, said)})")
        lines.append(f"Atypical mitoses: {self._atypical()}")
        lines.append(f"Look-alikes: {said.look_alikes}, not counted")
        lines.append(f"Unsure: {said.unsure}, not counted")
        lines.append(f"Reviewed by hand: {said.reviewed} of the {said.mitoses} mitoses")
        lines.append(f"Found by: {self.model}{self._limits()}")
        lines.append(NOT_A_DIAGNOSIS)
        return lines

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold."""
        said, window = self.count, self.count.window
        return {
            "slide": self.slide,
            "window": {
                "area_mm2": window.area_mm2,
                "size_mm": list(window.size_mm),
                "fields": window.fields,
                "field_number": window.field_number,
                "objective": window.objective,
            },
            "box": list(said.box),
            "mpp_yx": None if self.frame.mpp_yx is None else list(self.frame.mpp_yx),
            "densest": self.densest,
            "area_mm2": said.area_mm2,
            "complete": said.complete,
            "mitoses": said.mitoses,
            "mitoses_per_mm2": said.per_mm2,
            "atypical": said.atypical,
            "atypical_share": said.atypical_share,
            "told_apart": said.told_apart,
            "look_alikes": said.look_alikes,
            "unsure": said.unsure,
            "reviewed": said.reviewed,
            "model": self.model,
            "thresholds": dict(self.thresholds),
            "note": NOT_A_DIAGNOSIS,
        }

    def _place(self) -> str:
        x0, y0, x1, y1 = self.count.box
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        right, down = (self.frame.microns_from_level0([x, y]) / 1000).tolist()
        how = "the densest spot" if self.densest else "chosen by hand"
        return (
            f"{how}, its middle at x {x:.0f}, y {y:.0f} px ({right:.2f} mm from the left, {down:.2f} mm from the top)"
        )

    def _atypical(self) -> str:
        said = self.count
        share = said.atypical_share
        if share is None:
            return "not told apart" if said.mitoses else "0"
        among = "mitoses" if not said.undivided else f"{said.told_apart} that were told apart"
        return f"{said.atypical} ({share:.0%} of the {among}, {_density(said.atypical, said)})"

    def _limits(self) -> str:
        """Say from which scores on cells were counted."""
        if not self.thresholds:
            return ""
        counted = {name: score for name, score in self.thresholds.items() if name != LOOK_ALIKE}
        if len(set(counted.values())) == 1:
            return f", counted from score {next(iter(counted.values())):.2f}"
        return ", counted from score " + ", ".join(f"{score:.2f} ({name})" for name, score in counted.items())


def said_fields(window: Window) -> str:
    """Return how many high-power fields a window is, as a person reads it: ``"10.0"``."""
    return f"{window.fields:.1f}" if window.fields >= 1 else f"{window.fields:.2g}"


def _density(number: int, said: Count) -> str:
    return f"{number / said.area_mm2:.1f} per mm²"
