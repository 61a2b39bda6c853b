"""The training domain that a job writes into a model's card."""

from __future__ import annotations

from collections.abc import Iterable

from cytoshift.engine.operator import Operator
from cytoshift.errors import DataError, SlideError
from cytoshift.models.domain import Domain
from cytoshift.models.gauge import coco_slides, measure_domain
from cytoshift.slides import Slide
from cytoshift.stain import StainError
from cytoshift.training import Emit
from cytoshift.training.coco import CocoSet


def home_of(data: CocoSet, mpp: float, emit: Emit, *, operator: Operator | None = None) -> Domain | None:
    """Measure what the fields look like that a model learnt from.

    None, with a note, where they show too little tissue: a training is not lost for want of a gauge.

    Parameters
    ----------
    data : CocoSet
    mpp : float
        µm/px of fields that say nothing of it.
    emit : callable
        Receives the note.
    operator : Operator, optional
        The model, which is asked what it makes of the fields.
    """
    return home_of_slides(coco_slides(data, mpp), data.name, emit, operator=operator)


def home_of_slides(
    slides: Iterable[Slide], name: str, emit: Emit, *, operator: Operator | None = None
) -> Domain | None:
    """Measure what slides look like, calibrated and read one after the other; None, with a note, as `home_of`."""
    try:
        return measure_domain(slides, name=name, operator=operator)
    except (DataError, SlideError, StainError) as error:
        emit({"kind": "note", "text": f"the model's card gets no training domain: {error}"})
        return None
