"""What a recipe's images are seen through: a stain method or a model, by name."""

from __future__ import annotations

from cytoshift import stain
from cytoshift.engine.operator import ImageOperator
from cytoshift.errors import ModelError, RecipeError
from cytoshift.models import COLOUR_TASKS, Registry, build_operator


def through(name: str, reference: str = "") -> ImageOperator:
    """Return an operator that changes colours.

    Parameters
    ----------
    name : str
        One of `cytoshift.stain.METHODS`, or a stain model's or translator's id or folder.
    reference : str
        An image whose colours a method aims at; its usual ones without.

    Raises
    ------
    ModelError, RecipeError, StainError
        There is no such method or model, a model was given a reference, or the reference cannot be used.
    """
    if name in stain.METHODS:
        return stain.method(name, stain.open_reference(reference) if reference else None)
    if reference:
        raise RecipeError(f"The model {name} brings its own colours; leave data.reference out.")
    operator = build_operator(Registry().find(name, *COLOUR_TASKS))
    if not isinstance(operator, ImageOperator):
        raise ModelError(f"{operator.title} changes no colours; give a stain model or a translation model.")
    return operator
