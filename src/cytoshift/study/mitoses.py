"""The mitoses of a study, and of files, as they are counted: with what a person decided folded in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cytoshift.mitosis.counting import Figures
from cytoshift.study.change import State

if TYPE_CHECKING:
    from cytoshift.study.cells import Cells
    from cytoshift.study.formats.annotations import Annotations


def figures_of_cells(cells: Cells) -> Figures:
    """Return mitoses and look-alikes as they are now: rejected ones are out, relabelled ones are what they became.

    Raises
    ------
    DataError
        No class is one of mitoses.
    """
    kept = cells.select(cells.states != State.REJECTED)
    return Figures.of(
        kept.boxes,
        kept.labels,
        kept.classes,
        unsure=kept.states == State.UNSURE,
        reviewed=kept.states != State.PREDICTED,
    )


def figures_of_annotations(read: Annotations, threshold: float = 0.0) -> Figures:
    """Return mitoses and look-alikes of a file; of cells that nobody drew or decided on, those from a score on.

    Raises
    ------
    DataError
        No class is one of mitoses.
    """
    decided = read.drawn | (read.states != State.PREDICTED)
    keep = (read.states != State.REJECTED) & (decided | (read.scores >= threshold))
    return Figures.of(
        read.boxes[keep],
        read.labels[keep],
        read.classes,
        unsure=read.states[keep] == State.UNSURE,
        reviewed=decided[keep],
    )
