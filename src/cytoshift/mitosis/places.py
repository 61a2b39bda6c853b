"""Mitoses whose places are known, from a file, say: what a classifier says of each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from cytoshift.engine.operator import Needs
from cytoshift.engine.view import View
from cytoshift.mitosis.crops import Classifier, Column, crop_corners, measured
from cytoshift.slides.slide import TILE, Slide


def classify_places(
    slide: Slide,
    boxes: npt.NDArray[np.float32],
    classifier: Classifier,
    *,
    report: Callable[[int, int], None] | None = None,
) -> dict[str, Column]:
    """Classify what lies in the middle of boxes.

    Parameters
    ----------
    slide : Slide
    boxes : ndarray of float32, shape (n, 4)
        x0, y0, x1, y1 in level-0 pixels; only their centres count.
    classifier : Classifier
        Gets a crop of the slide at its µm/px around each centre, the one that `MitosisFinder` cuts there.
    report : callable, optional
        Receives how many are done, and how many there are.

    Returns
    -------
    dict of str to ndarray of float32, shape (n,)
        ``atypical``, and ``phase: NAME`` for each phase that the classifier tells apart.

    Raises
    ------
    SlideError
        The slide does not say its µm/px.
    """
    view = View.of(slide, Needs(mpp=classifier.mpp))
    side = classifier.side
    corners = crop_corners(view.raster(boxes), side)
    order = np.lexsort((corners[:, 0], corners[:, 1] // TILE))  # neighbours share what is read

    def crop(number: int) -> npt.NDArray[np.uint8]:
        x, y = corners[order[number]].tolist()
        return view.read(y, x, side, side)

    told = None if report is None else lambda done: report(done, len(boxes))
    columns = measured(classifier, crop, len(boxes), told)
    back = np.argsort(order)
    return {name: column[back] for name, column in columns.items()}
