"""Describe cells by what a model makes of them, so that like cells can be found. No torch here."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from cytoshift.engine.operator import Needs
from cytoshift.engine.progress import CancelToken, Meter, Report
from cytoshift.engine.view import View
from cytoshift.slides.slide import TILE, Slide

RGB = npt.NDArray[np.uint8]
Features = npt.NDArray[np.float32]

AT_ONCE = 64
"""Crops that are described together."""


class Describer(Protocol):
    """What describes crops of cells.

    Attributes
    ----------
    mpp : float
        µm/px of its crops.
    side : int
        Side of a crop in those pixels.
    model : tuple of str
        Id and version.
    """

    mpp: float
    side: int
    model: tuple[str, str]

    def describe(self, crops: RGB) -> Features:
        """Describe crops ``(n, side, side, 3)`` uint8, each with a cell in its middle, by ``(n, d)`` numbers."""
        ...


def describe_cells(
    slide: Slide,
    boxes: npt.NDArray[np.float32],
    describer: Describer,
    *,
    report: Report | None = None,
    cancel: CancelToken | None = None,
) -> Features:
    """Describe the cells in boxes, tile by tile, so that each tile is read once.

    Parameters
    ----------
    slide : Slide
    boxes : ndarray of float32, shape (n, 4)
        x0, y0, x1, y1 in level-0 pixels.
    describer : Describer

    Returns
    -------
    ndarray of float32, shape (n, d)

    Raises
    ------
    SlideError
        Nobody knows the µm/px of the slide.
    Cancelled
        On request.
    """
    view, side = View.of(slide, Needs(mpp=describer.mpp)), describer.side
    centers = view.raster(np.asarray(boxes, np.float64).reshape(-1, 2, 2)).mean(axis=1)
    corners = np.round(centers - side / 2).astype(np.int64)
    order = np.lexsort((corners[:, 0] // TILE, corners[:, 1] // TILE))
    described: Features = np.zeros((0, 0), np.float32)
    meter = Meter(len(boxes), report, text="Describing cells")
    for start in range(0, len(order), AT_ONCE):
        if cancel is not None:
            cancel.check()
        which = order[start : start + AT_ONCE]
        found = describer.describe(np.stack([view.read(y, x, side, side) for x, y in corners[which].tolist()]))
        if not described.size:
            described = np.zeros((len(boxes), found.shape[1]), np.float32)
        described[which] = found
        meter.advance(len(which))
    return described


def unlikeness(features: Features, to: Features) -> npt.NDArray[np.float64]:
    """Return how unlike described cells are to one, ``(n,)``: 0 alike, 2 opposite; NaN for cells not described.

    One minus the cosine of the angle between descriptions, each number taken in its deviations over the cells, so that
    no channel counts for its size.
    """
    known = ~np.isnan(features).any(axis=1)
    mean, spread = features[known].mean(axis=0), features[known].std(axis=0) + 1e-6
    scaled, target = (features.astype(np.float64) - mean) / spread, (to.astype(np.float64) - mean) / spread
    lengths = np.linalg.norm(scaled, axis=1) * np.linalg.norm(target)
    unlike: npt.NDArray[np.float64] = 1 - scaled @ target / np.maximum(lengths, 1e-12)
    return unlike
