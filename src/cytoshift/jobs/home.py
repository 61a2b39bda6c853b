"""The training domain that a job writes into a model's card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

from cytoshift.engine.operator import Operator
from cytoshift.errors import DataError, SlideError
from cytoshift.models.domain import Domain
from cytoshift.models.gauge import coco_slides, measure_domain
from cytoshift.slides import Slide
from cytoshift.stain import StainError
from cytoshift.training import Emit
from cytoshift.training.coco import CocoSet
from cytoshift.training.domain_files import DomainFile, DomainFiles

LOOKED_AT = 200
"""Files that a training domain is measured on, at most."""


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
    return _home(coco_slides(data, mpp), data.name, emit, operator)


def home_of_files(files: DomainFiles, emit: Emit) -> Domain | None:
    """Measure what files look like, of many some evenly; None, with a note, as `home_of`."""
    return _home(_opened(files.files[:: -(-len(files.files) // LOOKED_AT)]), files.name, emit)


def _opened(files: Sequence[DomainFile]) -> Iterator[Slide]:
    """Yield files as slides, each open until the next."""
    for file in files:
        with closing(file.open()) as slide:
            yield slide


def _home(slides: Iterable[Slide], name: str, emit: Emit, operator: Operator | None = None) -> Domain | None:
    try:
        return measure_domain(slides, name=name, operator=operator)
    except (DataError, SlideError, StainError) as error:
        emit({"kind": "note", "text": f"the model's card gets no training domain: {error}"})
        return None
