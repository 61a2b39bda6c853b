"""What changes colours, by the names a person types: stain methods, stain models, translators, and references."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cytoshift.errors import CytoshiftError, ModelError

if TYPE_CHECKING:
    from cytoshift.engine import Build, ImageOperator
    from cytoshift.stain import Reference


def stain_build(method: str, reference: str | None = None, strength: float = 1.0) -> Build:
    """Return what makes a stain method or a stain model, not yet prepared.

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
    from cytoshift.models.builds import weaker_build

    build: Build
    if method in stain.METHODS:
        build = partial(stain.method, method, None if reference is None else read_reference(reference))
    elif reference is not None:
        raise CytoshiftError(f"A stain model such as {method} brings its own colours; leave --reference out.")
    else:
        build = _model_build(method, ("stain",))
    return build if strength == 1 else weaker_build(build, strength)


def through_build(name: str) -> Build:
    """Return what makes the operator to look through: a stain method, a stain model or a translator."""
    from cytoshift import stain
    from cytoshift.models import COLOUR_TASKS

    return partial(stain.method, name) if name in stain.METHODS else _model_build(name, COLOUR_TASKS)


def stain_operator(method: str, reference: str | None = None, strength: float = 1.0) -> ImageOperator:
    """Return what `stain_build` makes."""
    return image_operator(stain_build(method, reference, strength))


def image_operator(build: Build) -> ImageOperator:
    """Make an operator; ModelError when it changes no colours."""
    from cytoshift.engine import ImageOperator

    operator = build()
    if not isinstance(operator, ImageOperator):
        raise ModelError(f"{operator.title} changes no colours; give a stain model or a translation model.")
    return operator


def _model_build(name: str, tasks: tuple[str, ...]) -> Build:
    from cytoshift import stain
    from cytoshift.models import STARTER, Registry
    from cytoshift.models.builds import model_build

    registry = Registry()
    known = {STARTER, *(card.id for card in registry.list())}
    if not (Path(name).exists() or name in known):
        raise ModelError(f"{name} is no stain method and no model; choose one of {', '.join(stain.METHODS)}.")
    return model_build(registry.find(name, *tasks))


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
