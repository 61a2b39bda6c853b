"""What goes into a report, and the numbers that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cytoshift.engine.findings import Box, Findings
from cytoshift.models.card import Card
from cytoshift.slides.slide import Slide
from cytoshift.slides.tissue import Tissue


class Picture(NamedTuple):
    """A picture file and the sentence below it."""

    path: Path
    caption: str


class Command(NamedTuple):
    """What was done, and the line that does it in a terminal."""

    text: str
    line: str


class Count(NamedTuple):
    """How many cells of a class were found, and how many on a mm² of searched tissue; None without µm/px."""

    label: str
    cells: int
    per_mm2: float | None


@dataclass(frozen=True)
class Contents:
    """What a report tells.

    Parameters
    ----------
    slide : Slide
        The original.
    seen : Slide
        The slide in other colours.
    method : str
        How it got these colours, in words such as ``"Through Reinhard"``.
    doubt : str
        What is doubtful about the colours, in one sentence; ``""`` when nothing is.
    findings : Findings
        The cells; their provenance says which part of the slide was searched.
    card : Card
        The model that found them.
    tissue : Tissue
        Where the slide holds tissue.
    screenshots : tuple of Picture
        The window, step by step.
    commands : tuple of Command
        What was done.
    """

    slide: Slide
    seen: Slide
    method: str
    doubt: str
    findings: Findings
    card: Card
    tissue: Tissue
    screenshots: tuple[Picture, ...] = ()
    commands: tuple[Command, ...] = ()

    @property
    def searched(self) -> Box:
        """The part that was searched, in level-0 pixels within the slide."""
        level = self.slide.levels[0]
        x0, y0, x1, y1 = self.findings.provenance.region or (0, 0, level.width, level.height)
        return (max(x0, 0), max(y0, 0), min(x1, level.width), min(y1, level.height))

    @property
    def searched_mm2(self) -> float | None:
        """Area of the tissue in the searched part, in mm²; None while nobody knows µm/px."""
        mpp_yx = self.slide.info.mpp_yx
        if mpp_yx is None:
            return None
        x0, y0, x1, y1 = self.searched
        return (x1 - x0) * mpp_yx[1] * (y1 - y0) * mpp_yx[0] / 1e6 * self.tissue.covered(x0, y0, x1, y1)

    @property
    def counts(self) -> list[Count]:
        """Cells by class, in the order of the model's classes; every class, found or not."""
        cells = np.bincount(self.findings.labels, minlength=len(self.findings.classes))
        area = self.searched_mm2
        return [
            Count(label, int(number), number / area if area else None)
            for label, number in zip(self.findings.classes, cells, strict=True)
        ]

    def best(self, label: str, number: int) -> list[int]:
        """Return the indices of the cells of a class with the highest scores, highest first."""
        of_class = np.flatnonzero(self.findings.labels == self.findings.classes.index(label))
        order = np.argsort(-self.findings.scores[of_class], kind="stable")
        return [int(index) for index in of_class[order[:number]]]
