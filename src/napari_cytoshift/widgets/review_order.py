"""In which order cells are looked at, and which of them: computed in a thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cytoshift.study.cells import Cells
from cytoshift.study.change import State
from cytoshift.study.palette import severity
from napari_cytoshift.layers.findings_filter import CellFilter
from napari_cytoshift.widgets.review_queue import Indices, Queue

Numbers = npt.NDArray[Any]

ORDERS = {
    "worst": ("Worst first", "By class, the most severe first, then by score"),
    "uncertain": ("Most uncertain first", "Scores next to the threshold first: where a decision teaches most"),
    "score": ("Highest score first", "What the model is surest of first"),
    "place": ("By place", "Row by row over the slide, so that the view moves little"),
}

SIMILAR = "similar"
PHASES = "phases"
MEASURE = "measure: "
DIFFERS = "differs: "
"""Orders that not every slide has: by a measure of its name, and by how another run, by its id, differs."""

STATES = {
    "": ("State", "Cells whether or not somebody decided on them"),
    "open": ("Undecided", "Cells that nobody decided on"),
    "accepted": ("Accepted", "Cells that were accepted or given a class"),
    "rejected": ("Rejected", "Cells that were rejected"),
    "unsure": ("Unsure", "Cells that could not be told"),
    "added": ("Added", "Cells that a person added"),
}
_OF_STATE = {
    "open": State.PREDICTED,
    "accepted": State.ACCEPTED,
    "rejected": State.REJECTED,
    "unsure": State.UNSURE,
    "added": State.ADDED,
}

SCORES = {
    "": ("Score", 0.0, 1.1),
    "0.9": ("From 0.9", 0.9, 1.1),
    "0.7": ("0.7 to 0.9", 0.7, 0.9),
    "0.5": ("0.5 to 0.7", 0.5, 0.7),
    "0": ("Below 0.5", 0.0, 0.5),
}

BAND = 800.0
"""Height in level-0 pixels of the rows in which cells are visited by place."""

ATYPICAL = "atypical"
PHASE = "phase: "
"""Measures of findings: how surely a mitosis is atypical, and in which phase it is."""


@dataclass(frozen=True)
class Narrowed:
    """Which of the shown cells a person wants to go through; ``""`` for all.

    Parameters
    ----------
    label : str
        A class.
    state : str
        A key of `STATES`.
    scores : str
        A key of `SCORES`.
    """

    label: str = ""
    state: str = ""
    scores: str = ""

    def select(self, cells: Cells, shown: CellFilter) -> Indices:
        """Return which cells are shown and wanted; rejected ones where they are asked for."""
        keep = CellFilter(shown.thresholds, shown.hidden, shown.show_rejected or self.state == "rejected").mask(cells)
        if self.label:
            keep &= cells.labels == (cells.classes.index(self.label) if self.label in cells.classes else -1)
        if self.state in _OF_STATE:
            keep &= cells.states == _OF_STATE[self.state]
        if self.scores in SCORES:
            _, low, high = SCORES[self.scores]
            keep &= (cells.scores >= np.float32(low)) & (cells.scores < np.float32(high))
        return np.flatnonzero(keep)


@dataclass(frozen=True)
class Wanted:
    """An order to be made.

    Parameters
    ----------
    order : str
        A key of `ORDERS`, or another order that the cells have (`more_orders`).
    shown : CellFilter
        What is shown; its thresholds are where a prediction is uncertain.
    narrowed : Narrowed
        Which of that is to be looked at.
    ranks : ndarray of float64, shape (n,), optional
        For an order that is computed elsewhere, a rank of every cell, the smallest first; NaN goes last.
    """

    order: str
    shown: CellFilter
    narrowed: Narrowed = field(default_factory=Narrowed)
    ranks: npt.NDArray[np.float64] | None = None

    def queue(self, cells: Cells) -> Queue:
        """Make the order."""
        which = self.narrowed.select(cells, self.shown)
        if self.ranks is not None:
            ranks = np.full(len(cells), np.nan)  # cells may have been added since
            ranks[: len(self.ranks)] = self.ranks[: len(cells)]
            return Queue(cells, which[np.argsort(ranks[which], kind="stable")])
        return Queue(cells, arrange(cells, which, self.order, self.shown.thresholds.of_classes(cells.classes)))


def more_orders(cells: Cells) -> dict[str, tuple[str, str]]:
    """Return the orders that these cells have besides `ORDERS`, with title and tip."""
    orders = {
        f"{MEASURE}{name}": (f"By {name}, highest first", f"What the model calls {name} most surely first")
        for name in cells.measures
        if not name.startswith(PHASE)
    }
    if any(name.startswith(PHASE) for name in cells.measures):
        orders[PHASES] = ("By phase of mitosis", "In the order of the cycle; in each phase the most atypical first")
    return orders


def arrange(cells: Cells, which: Indices, order: str, thresholds: npt.NDArray[np.float32]) -> Indices:
    """Return cells in an order; equal ones stay as they are.

    Parameters
    ----------
    cells : Cells
    which : ndarray of int
        The cells to be looked at.
    order : str
        A key of `ORDERS` or `more_orders`; cells without a measure come last, and an order they do not have is "worst".
    thresholds : ndarray of float32
        Score of each class next to which a prediction is uncertain.
    """
    return which[np.lexsort(sort_keys(cells, which, order, thresholds))]


def sort_keys(cells: Cells, which: Indices, order: str, thresholds: npt.NDArray[np.float32]) -> tuple[Numbers, ...]:
    """Return by what `arrange` sorts, the smallest first: the last key, where that is equal the one before."""
    scores = cells.scores[which].astype(np.float64)
    if order == "uncertain":
        return (np.abs(scores - thresholds[cells.labels[which]]),)
    if order == "score":
        return (-scores,)
    if order == "place":
        return _along_rows(cells, which)
    if order.removeprefix(MEASURE) in cells.measures:
        return (-cells.measures[order.removeprefix(MEASURE)][which],)
    if order == PHASES and order in more_orders(cells):
        return -_atypical(cells)[which], _phase_ranks(cells)[which]
    ranks = np.array([severity(name) for name in (*cells.classes, "")], np.int64)[cells.labels[which]]
    return -scores, -ranks


def phases_of(cells: Cells) -> tuple[str, ...]:
    """Return the phases that the cells have probabilities of, as the model has them: in the order of the cycle."""
    return tuple(name.removeprefix(PHASE) for name in cells.measures if name.startswith(PHASE))


def phase_of(cells: Cells, position: int) -> str:
    """Return the phase that a cell is in most likely; ``""`` where nobody knows."""
    phases = phases_of(cells)
    shares = [float(cells.measures[PHASE + name][position]) for name in phases]
    return phases[int(np.argmax(shares))] if shares and not np.isnan(shares).any() else ""


def _along_rows(cells: Cells, which: Indices) -> tuple[Numbers, Numbers]:
    """Return what sorts there and back again, row by row."""
    centers = (cells.boxes[which, :2] + cells.boxes[which, 2:]) / 2
    rows = np.floor(centers[:, 1] / BAND)
    along = np.where(rows % 2 == 0, centers[:, 0], -centers[:, 0])
    return along, rows


def _phase_ranks(cells: Cells) -> npt.NDArray[np.int64]:
    """Return the place in the cycle of every cell's likeliest phase; cells of unknown phase come last."""
    shares = np.stack([cells.measures[PHASE + name] for name in phases_of(cells)], axis=1)
    unknown = np.isnan(shares).any(axis=1)
    ranks: npt.NDArray[np.int64] = np.where(unknown, shares.shape[1], np.argmax(np.nan_to_num(shares), axis=1))
    return ranks


def _atypical(cells: Cells) -> npt.NDArray[np.float32]:
    return np.nan_to_num(cells.measures.get(ATYPICAL, cells.scores), nan=-1.0)
