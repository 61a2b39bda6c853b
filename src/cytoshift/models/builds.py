"""How workers elsewhere make an operator: something small that can be pickled, and names a model's folder."""

from __future__ import annotations

from copy import copy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cytoshift.errors import ModelError
from cytoshift.models.finders import build_finder
from cytoshift.models.model import Model, load_model
from cytoshift.models.operators import build_operator, find_colour_model
from cytoshift.models.registry import Registry

if TYPE_CHECKING:
    from cytoshift.engine import Build, FindingOperator, ImageOperator, Operator


def model_build(model: Model, **options: Any) -> Build:
    """Return what makes the operator of a model; ``options`` are those of `build_operator`."""
    return partial(_operator_from, model.folder.absolute(), **options)


def finder_build(detector: Model, classifier: Model, *, threshold: float | None = None) -> Build:
    """Return what makes the operator that finds and classifies mitoses; see `build_finder`."""
    return partial(_finder_from, detector.folder.absolute(), classifier.folder.absolute(), threshold)


def weaker_build(build: Build, strength: float) -> Build:
    """Return what makes an image operator of a strength."""
    return partial(_weaker, build, strength)


def colours_build(operator: ImageOperator, registry: Registry) -> Build:
    """Return what makes an image operator, prepared, that is here.

    A stain method is small and travels itself; what a network does is made from its model.

    Raises
    ------
    ModelError
        Its model is not here any more, or another by now.
    """
    from cytoshift.engine import Blended

    if operator.pointwise:
        return partial(copy, operator)
    if isinstance(operator, Blended):
        return weaker_build(colours_build(operator.operator, registry), operator.strength)
    name, version = getattr(operator, "model", ("", ""))
    if not name:
        raise ModelError(f"{operator.title} cannot be sent to workers elsewhere; search on this computer.")
    model = find_colour_model(name, registry)
    if model.card.sha256 != version:
        raise ModelError(f"The model {name} is another by now; choose it in Compare again.")
    steps = getattr(operator, "steps", None)
    return model_build(model) if steps is None else model_build(model, steps=steps)


def _operator_from(folder: Path, **options: Any) -> Operator:
    return build_operator(load_model(folder), **options)


def _finder_from(detector: Path, classifier: Path, threshold: float | None) -> FindingOperator:
    return build_finder(load_model(detector), load_model(classifier), threshold=threshold)


def _weaker(build: Build, strength: float) -> ImageOperator:
    from cytoshift.engine import Blended, ImageOperator

    operator = build()
    if not isinstance(operator, ImageOperator):
        raise ModelError(f"{operator.title} changes no colours; give a stain model or a translation model.")
    return Blended(operator, strength)
