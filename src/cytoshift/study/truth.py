"""Completely annotated fields: regions marked complete, with every cell in them as a person left it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cytoshift.engine.operator import Needs
from cytoshift.engine.view import View
from cytoshift.errors import StudyError
from cytoshift.slides.slide import Slide
from cytoshift.study.cells import Region
from cytoshift.study.change import State
from cytoshift.study.store import Study

Rectangle = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Field:
    """A rectangle in which all cells are known. Coordinates are pixels of the view's raster.

    Parameters
    ----------
    view : View
        The slide at the resolution of the training set.
    rectangle : tuple of int
        x0, y0, x1, y1.
    boxes : ndarray of float64, shape (n, 4)
        Cells that show in the rectangle, x0, y0, x1, y1, not cut at its edges.
    labels : ndarray of str, shape (n,)
        Their classes.
    sure : ndarray of bool, shape (n,)
        False for cells of which a person was not sure.
    classes : tuple of str
        Every class that could have been given.
    corrected : ndarray of float64, shape (k, 4)
        Boxes that show in the rectangle of what a person corrected: cells renamed, moved or added, and predictions
        rejected.
    """

    view: View
    rectangle: Rectangle
    boxes: npt.NDArray[np.float64]
    labels: npt.NDArray[np.str_]
    sure: npt.NDArray[np.bool_]
    classes: tuple[str, ...]
    corrected: npt.NDArray[np.float64]

    @property
    def slide(self) -> str:
        """Identity of the slide."""
        return self.view.slide.info.identity

    @property
    def true(self) -> npt.NDArray[np.bool_]:
        """Cells to learn: a person was sure, and the centre lies in the rectangle. The others are to be ignored."""
        x0, y0, x1, y1 = self.rectangle
        x, y = (self.boxes[:, 0] + self.boxes[:, 2]) / 2, (self.boxes[:, 1] + self.boxes[:, 3]) / 2
        inside: npt.NDArray[np.bool_] = (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
        return self.sure & inside

    def cut(self, rectangle: Rectangle) -> Field | None:
        """Return the part in another rectangle; None where they share no pixel."""
        ax0, ay0, ax1, ay1 = self.rectangle
        bx0, by0, bx1, by1 = rectangle
        x0, y0, x1, y1 = max(ax0, bx0), max(ay0, by0), min(ax1, bx1), min(ay1, by1)
        if x0 >= x1 or y0 >= y1:
            return None
        shown = _shown(self.boxes, (x0, y0, x1, y1))
        return replace(
            self,
            rectangle=(x0, y0, x1, y1),
            boxes=self.boxes[shown],
            labels=self.labels[shown],
            sure=self.sure[shown],
            corrected=self.corrected[_shown(self.corrected, (x0, y0, x1, y1))],
        )

    def overlaps(self, other: Field) -> bool:
        """Whether two fields show the same pixels."""
        return self.slide == other.slide and self.cut(other.rectangle) is not None


def complete_fields(
    study: Study, slides: Mapping[str, Slide], mpp: float | None = None
) -> tuple[list[Field], tuple[str, ...]]:
    """Return the completely annotated fields of a study's slides, and the names of slides that are not at hand.

    Parameters
    ----------
    study : Study
    slides : mapping of str to Slide
        The slides by identity.
    mpp : float, optional
        µm/px of the raster; level 0 without it, and on slides of which nobody knows µm/px.

    Raises
    ------
    StudyError
        Nothing is marked complete, or only on slides that are not at hand.
    """
    fields: list[Field] = []
    missing: list[str] = []
    for record in study.slides():
        regions = _newest(study.regions(record.identity))
        slide = slides.get(record.identity)
        if regions and slide is None:
            missing.append(record.name)
        elif slide is not None:
            if record.mpp_yx is not None and record.mpp_yx != slide.info.mpp_yx:
                slide = slide.calibrated(record.mpp_yx, record.objective)
            view = View.of(slide, Needs(mpp=mpp if slide.mpp is not None else None))
            fields += [field for region in regions if (field := _field(study, view, region)) is not None]
    if not fields and missing:
        raise StudyError(
            f"The regions marked complete in {study.folder} are on slides that are not at hand ({', '.join(missing)}); "
            "open those slides first."
        )
    if not fields:
        raise StudyError(
            f"Nothing in the study {study.folder} is marked complete; mark a region in which every cell is right."
        )
    return fields, tuple(missing)


def _newest(regions: tuple[Region, ...]) -> list[Region]:
    """Leave out regions that lie in one marked later: that one says what holds now."""
    return [
        region
        for number, region in enumerate(regions)
        if not any(_inside(region, later) for later in regions[number + 1 :])
    ]


def _inside(inner: Region, outer: Region) -> bool:
    return (
        inner.box[0] >= outer.box[0]
        and inner.box[1] >= outer.box[1]
        and inner.box[2] <= outer.box[2]
        and inner.box[3] <= outer.box[3]
    )


def _shown(boxes: npt.NDArray[np.float64], rectangle: Rectangle) -> npt.NDArray[np.bool_]:
    """Return which boxes share at least a pixel with a rectangle, each way."""
    x0, y0, x1, y1 = rectangle
    shared_x = np.minimum(boxes[:, 2], x1) - np.maximum(boxes[:, 0], x0)
    shared_y = np.minimum(boxes[:, 3], y1) - np.maximum(boxes[:, 1], y0)
    return np.asarray((shared_x >= 1) & (shared_y >= 1), bool)


def _field(study: Study, view: View, region: Region) -> Field | None:
    cells = study.cells(view.slide.info.identity, region.run, region.threshold, region.thresholds, region.imports)
    wrong = (cells.states == State.REJECTED) & (cells.ids.numbers >= 0)  # below zero: added by a person, and taken back
    changed = cells.boxes[
        wrong | ((cells.corrected | (cells.states == State.ADDED)) & (cells.states != State.REJECTED))
    ]
    cells = cells.select(cells.states != State.REJECTED)
    x0, y0, x1, y1 = view.raster(region.box).round().astype(int).tolist()
    whole = Field(
        view,
        (x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)),
        view.raster(cells.boxes.astype(np.float64)),
        np.array(cells.classes or ("",))[cells.labels],
        cells.states != State.UNSURE,
        cells.classes,
        view.raster(changed.astype(np.float64)),
    )
    return whole.cut((0, 0, view.level.width, view.level.height))
