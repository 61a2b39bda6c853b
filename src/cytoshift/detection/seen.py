"""Annotated fields as something else shows them: in other colours, the same cells in the same places."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from cytoshift.durable import new_file
from cytoshift.engine.derived import DerivedSlide
from cytoshift.engine.operator import ImageOperator, Needs
from cytoshift.engine.view import View
from cytoshift.slides import open_slide
from cytoshift.training.coco import CocoSet, Field
from cytoshift.training.loop import Control, Emit
from cytoshift.training.wishes import heed


def seen_through(
    data: CocoSet, operator: ImageOperator, folder: Path, *, mpp: float, presumed: float, emit: Emit, control: Control
) -> CocoSet:
    """Write the fields of a data set as an operator shows them, each as a slide of its own; those there are kept.

    Parameters
    ----------
    data : CocoSet
    operator : ImageOperator
    folder : Path
        For the pictures; belongs to one operator and data set.
    mpp : float
        µm/px of the pictures, those at which they are going to be looked at.
    presumed : float
        µm/px of fields that say nothing of it.

    Returns
    -------
    CocoSet
        The pictures, with boxes in their pixels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fields = []
    for place, field in enumerate(data.fields):
        heed(control.state())
        file = folder / f"{place:05d}.png"
        if not file.exists():
            emit({"kind": "note", "text": f"seeing field {place + 1} of {len(data.fields)} through {operator.title}"})
            _write(field, operator, file, mpp, presumed)
        fields.append(_placed(field, file, mpp))
    return replace(data, fields=tuple(fields))


def _write(field: Field, operator: ImageOperator, file: Path, mpp: float, presumed: float) -> None:
    scale = field.mpp or presumed
    with closing(open_slide(field.path).calibrated((scale, scale))) as slide:
        view = View.of(DerivedSlide(slide, operator), Needs(mpp=mpp))
        pixels = view.read(0, 0, view.level.height, view.level.width)
    with new_file(file) as fresh:  # several trainings may share the folder
        Image.fromarray(np.ascontiguousarray(pixels)).save(fresh, "PNG", compress_level=1)


def _placed(field: Field, file: Path, mpp: float) -> Field:
    with Image.open(file) as image:
        width, height = image.size
    zoom = np.array([width / field.width, height / field.height] * 2, np.float32)
    return replace(
        field,
        path=file,
        height=height,
        width=width,
        mpp=mpp,
        boxes=field.boxes * zoom,
        ignored=field.ignored * zoom,
        corrected=field.corrected * zoom,
    )
