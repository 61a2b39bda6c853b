"""What the demo tells in the end, and the numbers that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cytoshift.engine.findings import Box, Findings
from cytoshift.models.card import Card
from cytoshift.report.areas import tissue_mm2, within
from cytoshift.slides.slide import Slide
from cytoshift.slides.tissue import Tissue

TELLING = 1400.0
"""Side of the part that is shown nearer, in level-0 pixels."""


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
    """What the demo tells in the end.

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
        return within(self.slide, self.findings.provenance.region)

    @property
    def searched_mm2(self) -> float | None:
        """Area of the tissue in the searched part, in mm²; None while nobody knows µm/px."""
        return tissue_mm2(self.slide, self.tissue, self.searched)

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

    def telling_part(self) -> Box:
        """Return a square of the searched part that shows most: where the surest cells lie, else where tissue does."""
        x0, y0, x1, y1 = self.searched
        side = min(TELLING, x1 - x0, y1 - y0)
        best, most = (x0, y0, x0 + side, y0 + side), -1.0
        centers = (self.findings.boxes[:, :2] + self.findings.boxes[:, 2:]) / 2
        for y in np.arange(y0, y1 - side + 1, max(side / 2, 1)):
            for x in np.arange(x0, x1 - side + 1, max(side / 2, 1)):
                inside = ((centers >= (x, y)) & (centers < (x + side, y + side))).all(axis=1)
                value = float(self.findings.scores[inside].sum()) + self.tissue.covered(x, y, x + side, y + side)
                if value > most:
                    best, most = (float(x), float(y), float(x + side), float(y + side)), value
        return best
