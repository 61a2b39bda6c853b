"""The job that makes a model from a recipe, whichever task the recipe is for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from pydantic import BaseModel
from torch import Tensor

from cytoshift.detection.recipe import DetectorRecipe
from cytoshift.errors import Cancelled, Paused, RecipeError
from cytoshift.jobs.control import FolderControl
from cytoshift.jobs.folder import MODEL, TRAINING, WORK
from cytoshift.jobs.gain import Trust
from cytoshift.jobs.keep import keep_model, write_model
from cytoshift.jobs.result import Made
from cytoshift.jobs.samples import keep_samples
from cytoshift.jobs.spec import TrainSpec
from cytoshift.jobs.taught import beside, parted
from cytoshift.jobs.train_detector import detector_card, placed_detector
from cytoshift.jobs.train_mitosis import classifier_card, placed_classifier
from cytoshift.jobs.train_restyler import placed_restyler, restyler_card
from cytoshift.jobs.train_translator import placed_translator, translator_card
from cytoshift.jobs.worth_carrying import carried_worth
from cytoshift.jobs.worth_detector import DetectorWorth
from cytoshift.mitosis.recipe import MitosisRecipe
from cytoshift.models import Card, Registry
from cytoshift.stain.restyling import RestainRecipe
from cytoshift.training import Control, Emit
from cytoshift.training.ranks import current
from cytoshift.training.recipe import check_recipe, read_recipe
from cytoshift.translation.recipe import TranslationRecipe


class Train(Protocol):
    """Trains from a recipe: returns the card, the weights and the number of steps."""

    def __call__(
        self, recipe: Any, folder: Path, *, emit: Emit, control: Control
    ) -> tuple[Card, dict[str, Tensor], int]:
        """Train, or go on with the training in a folder."""


class Weigh(Protocol):
    """Measures what a model that was made is worth beside its parent; None where that cannot be told."""

    def __call__(
        self,
        recipe: Any,
        card: Card,
        state: Mapping[str, Tensor],
        folder: Path,
        registry: Registry,
        *,
        emit: Emit,
        control: Control,
    ) -> DetectorWorth | None:
        """Measure it; the folder is that of the training."""


class Task(NamedTuple):
    """How models of one task are made.

    ``placed`` looks whether a recipe's data and parent are there, and returns it with absolute paths.
    """

    recipe: type[BaseModel]
    placed: Callable[[Any], BaseModel]
    train: Train
    weigh: Weigh | None = None


TASKS = {
    "detector": Task(DetectorRecipe, placed_detector, detector_card, carried_worth),
    "mitosis": Task(MitosisRecipe, placed_classifier, classifier_card),
    "stain": Task(RestainRecipe, placed_restyler, restyler_card),
    "translation": Task(TranslationRecipe, placed_translator, translator_card),
}

RECIPES: dict[str, type[BaseModel]] = {name: task.recipe for name, task in TASKS.items()}
"""What a recipe must be, by its task."""


def training_spec(recipe: str | Path, overrides: list[str]) -> TrainSpec:
    """Read a recipe, check its data, and return a specification that holds whatever folder it is run from.

    Raises
    ------
    RecipeError, DataError, ModelError
        The recipe, its data or its parent is not there or not valid.
    """
    data, name = read_recipe(recipe, overrides)
    return spec_of(data, name)


def spec_of(recipe: dict[str, Any], name: str) -> TrainSpec:
    """Check a recipe given as a dictionary, and return a specification, as `training_spec` does."""
    task = _task(recipe.get("task", "detector"), name)
    placed = task.placed(check_recipe(recipe, task.recipe, name))
    written = placed.model_dump(mode="json")
    return TrainSpec(name=Path(name).stem, title=written["title"], recipe=written)


def train(spec: TrainSpec, folder: Path, *, emit: Emit, control: Control) -> Made:
    """Train, or go on training, and write the model with its card to ``model`` in the job's folder, or the registry."""
    task = _task(spec.recipe.get("task", "detector"), spec.name)
    recipe = check_recipe(spec.recipe, task.recipe, spec.name)
    training = folder / WORK / TRAINING
    card, state, steps = task.train(recipe, training, emit=keep_samples(emit, training, folder), control=control)
    current().wait()  # none of them reads the folder any more
    registry = Registry(spec.registry or None)
    worth = None
    if task.weigh is not None:
        worth = task.weigh(recipe, card, state, training, registry, emit=emit, control=control)
    numbers = _numbers(card, worth)
    if spec.registry:
        kept = keep_model(registry, card, state, folder / WORK / MODEL)
        return Made(kept.card.id, kept.folder, steps, *numbers)
    write_model(card, state, folder / MODEL)
    return Made(card.id, folder / MODEL, steps, *numbers)


def _numbers(card: Card, worth: DetectorWorth | None) -> tuple[dict[str, float], dict[str, float], Trust | None]:
    """Return a model's numbers, its parent's, and what may be concluded; what was measured goes on its card, too."""
    if worth is None:
        return *parted(card.metrics), None
    card.metrics = beside(worth.after, worth.before) | worth.trust.as_metrics()
    card.validation = f"{worth.trust.gain.on}; neither it nor its teacher learnt from them"
    return worth.after, worth.before, worth.trust


def take_part(spec: TrainSpec, folder: Path) -> None:
    """Train beside the first rank, which runs the job in a folder, and write nothing.

    It does what the first rank does, after that one has prepared what the training needs.
    """
    import torch

    torch.set_num_threads(spec.threads)
    task, ranks = _task(spec.recipe.get("task", "detector"), spec.name), current()
    recipe = check_recipe(spec.recipe, task.recipe, spec.name)
    ranks.prepared()
    try:
        task.train(recipe, folder / WORK / TRAINING, emit=lambda event: None, control=FolderControl(folder))
    except (Cancelled, Paused):
        return
    ranks.wait()


def _task(name: object, recipe: str) -> Task:
    if name not in TASKS:
        *others, last = TASKS
        raise RecipeError(
            f"{recipe} is for the task {name!r}; this version trains {', '.join(others)} and {last} models."
        )
    return TASKS[str(name)]
