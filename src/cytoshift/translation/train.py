"""From a recipe to a translator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from cytoshift.training.domains import Domain, check_apart, read_domain
from cytoshift.training.loop import Control, Emit, fit
from cytoshift.training.samples import show_in
from cytoshift.translation.bridge_learning import BridgeLearning
from cytoshift.translation.cycle_learning import CycleLearning
from cytoshift.translation.learning import TranslatorLearning
from cytoshift.translation.recipe import Method, TranslationRecipe, TranslatorArchitecture
from cytoshift.translation.transport_learning import TransportLearning

LEARNING: Mapping[Method, type[TranslatorLearning]] = {
    "unsb": BridgeLearning,
    "cut": BridgeLearning,
    "fastcut": BridgeLearning,
    "cyclegan": CycleLearning,
    "not": TransportLearning,
}


@dataclass(frozen=True, slots=True)
class TrainedTranslator:
    """What a translator's training made.

    Parameters
    ----------
    state : dict of Tensor
        The generator's weights.
    back : dict of Tensor
        The weights of the generator that goes back, where the method has one; else empty.
    architecture : TranslatorArchitecture
    metrics : dict of float
        ``colour`` and ``structure``, see `TranslatorLearning.validate`.
    steps : int
    source, target : Domain
        What it learnt from.
    """

    state: dict[str, Tensor]
    back: dict[str, Tensor]
    architecture: TranslatorArchitecture
    metrics: dict[str, float]
    steps: int
    source: Domain
    target: Domain


@dataclass(frozen=True, slots=True)
class ParentTranslator:
    """The translator from which a training starts, say for a new scanner."""

    architecture: Mapping[str, Any]
    state: Mapping[str, Tensor]


def train_translator(
    recipe: TranslationRecipe, folder: Path, *, emit: Emit, control: Control, parent: ParentTranslator | None = None
) -> TrainedTranslator:
    """Train a translator, or go on with the training that the folder holds.

    Parameters
    ----------
    recipe : TranslationRecipe
        What to do. With a parent its architecture is taken from there.
    folder : Path
        For the checkpoint, and for pictures in ``samples``; each is announced by an event ``sample`` with its step
        and its path in the folder.
    emit, control
        See `cytoshift.training.fit`.
    parent : ParentTranslator, optional
        Weights to start from.

    Raises
    ------
    DataError
        The data cannot be used.
    """
    if parent is not None:
        architecture = TranslatorArchitecture.model_validate(dict(parent.architecture))
        recipe = TranslationRecipe.model_validate({**recipe.model_dump(), "architecture": architecture.model_dump()})
    check_apart(recipe.source, recipe.target)
    emit({"kind": "note", "text": "reading the slides"})
    source = read_domain(recipe.source, recipe.mpp, recipe.crop)
    target = read_domain(recipe.target, recipe.mpp, recipe.crop)
    for note in (*source.notes, *target.notes):
        emit({"kind": "note", "text": note})

    start = None if parent is None else parent.state
    learning = LEARNING[recipe.method](recipe, source, target, show=show_in(folder, emit), start=start)
    settings = recipe.training.model_copy(update={"keep": "last"})
    result = fit(learning, settings, folder, emit=emit, control=control)
    return TrainedTranslator(
        _part(result.state, "generator"),
        _part(result.state, "back"),
        recipe.architecture,
        result.metrics,
        result.steps,
        source,
        target,
    )


def _part(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}."): tensor for key, tensor in state.items() if key.startswith(f"{name}.")}
