"""Stain methods, stain models and references by the names a person types."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cytoshift.errors import CytoshiftError, ModelError

if TYPE_CHECKING:
    from cytoshift.engine import ImageOperator
    from cytoshift.stain import Reference


def stain_operator(method: str, reference: str | None = None, strength: float = 1.0) -> ImageOperator:
    """Return a stain method or a stain model, not yet prepared.

    Parameters
    ----------
    method : str
        A name of `stain.METHODS`, or a stain model's id, folder or file.
    reference : str, optional
        For `read_reference`; a model brings its own.
    strength : float
        0 to 1: how far the colours move.
    """
    from cytoshift import stain
    from cytoshift.engine import Blended

    operator: ImageOperator
    if method in stain.METHODS:
        operator = stain.method(method, None if reference is None else read_reference(reference))
    else:
        if reference is not None:
            raise CytoshiftError(f"A stain model such as {method} brings its own colours; leave --reference out.")
        operator = _restyler(method)
    return operator if strength == 1 else Blended(operator, strength)


def read_reference(given: str) -> Reference:
    """Open an image, a slide, a saved reference, a built-in one, or the training domain of a model of this id."""
    from cytoshift.models import Registry
    from cytoshift.stain import BUILT_IN, Reference, open_reference

    if Path(given).exists():
        return open_reference(given)
    if given in BUILT_IN:
        return BUILT_IN[given]
    registry = Registry()
    tasks = {card.id: card.task for card in registry.list()}
    if given not in tasks:
        raise CytoshiftError(f"There is no image {given}, and no model of this id; check the name.")
    domain = registry.find(given, tasks[given]).card.domain
    if domain is None or domain.reference is None:
        raise ModelError(f"The card of {given} does not say what its training slides look like; give an image.")
    return Reference.from_json(domain.reference)


def doubt(operator: ImageOperator) -> str:
    """Return what is doubtful about a prepared operator's fit, in one sentence; ``""`` when nothing is."""
    from cytoshift.engine import Blended

    inner = operator.operator if isinstance(operator, Blended) else operator
    return str(getattr(inner, "diagnosis", ""))  # methods and models have one, image operators at large need not


def _restyler(name: str) -> ImageOperator:
    from cytoshift import stain
    from cytoshift.engine import ImageOperator
    from cytoshift.models import STARTER, Registry, build_operator

    registry = Registry()
    known = {STARTER, *(card.id for card in registry.list())}
    if not (Path(name).exists() or name in known):
        raise ModelError(f"{name} is no stain method and no model; choose one of {', '.join(stain.METHODS)}.")
    operator = build_operator(registry.find(name, "stain"))
    if not isinstance(operator, ImageOperator):
        raise ModelError(f"{operator.title} changes no colours; give a stain model.")
    return operator
