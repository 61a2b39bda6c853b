"""From a recipe to a restyler: the task network, then one stage after the other, each resumed where it was left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cytoshift.stain.restyling.learning import RGB, RestainLearning, Stage
from cytoshift.stain.restyling.patches import DomainImages, read_domain
from cytoshift.stain.restyling.recipe import RestainRecipe, RestylerArchitecture, TaskRecipe
from cytoshift.stain.restyling.task_network import TaskLearning, TaskNetwork
from cytoshift.training.loop import Control, Emit, FitResult, fit
from cytoshift.training.samples import Show, show_in


@dataclass(frozen=True, slots=True)
class TrainedRestyler:
    """What a restyling's training made.

    Parameters
    ----------
    state : dict of Tensor
        The generator's weights.
    critics : dict of Tensor
        D1's and D2's weights, for a further stage.
    architecture : RestylerArchitecture
    metrics : dict of float
        ``reconstruction``, and where it has seen the target ``colour`` and ``structure``; see `RestainLearning`.
    before : dict of float
        The same of the target by the parent alone; empty without one.
    steps : int
        Of all stages together.
    source, target : DomainImages
        What it learnt from.
    """

    state: dict[str, Tensor]
    critics: dict[str, Tensor]
    architecture: RestylerArchitecture
    metrics: dict[str, float]
    before: dict[str, float]
    steps: int
    source: DomainImages
    target: DomainImages


@dataclass(frozen=True, slots=True)
class ParentRestyler:
    """The restyler from which a further stage starts, say for a new scanner."""

    architecture: Mapping[str, Any]
    state: Mapping[str, Tensor]


def train_restyler(
    recipe: RestainRecipe, folder: Path, *, emit: Emit, control: Control, parent: ParentRestyler | None = None
) -> TrainedRestyler:
    """Train a restyler, or go on with the training that the folder holds.

    Parameters
    ----------
    recipe : RestainRecipe
        What to do. With a parent its architecture is taken from there.
    folder : Path
        For checkpoints, one folder in it for each stage, and for pictures of the target, see `show_in`.
    emit, control
        See `cytoshift.training.fit`. An early stop ends the stage that runs and leaves out the ones after it.
    parent : ParentRestyler, optional
        Weights to start from.

    Raises
    ------
    DataError
        The data cannot be used.
    """
    if parent is not None:
        architecture = RestylerArchitecture.model_validate(dict(parent.architecture))
        recipe = recipe.model_copy(update={"architecture": architecture})
    size = recipe.patches.size
    source, target = read_domain(recipe.source, recipe.mpp, size), read_domain(recipe.target, recipe.mpp, size)
    for note in (*source.notes, *target.notes):
        emit({"kind": "note", "text": note})
    task_network = None
    if recipe.stages.task:
        task_network = train_task_network(recipe.task_network, source, folder / "task", emit=emit, control=control)[0]
    start = None if parent is None else dict(parent.state)
    critics: dict[str, Tensor] | None = None
    show = show_in(folder, emit)
    result, steps, before = None, 0, dict[str, float]()
    for stage in _stages(recipe):
        learning = RestainLearning(
            recipe,
            stage,
            source,
            None if stage == "intra" else target,
            task_network=task_network if stage == "task" else None,
            start=start,
            critics=critics,
            show=partial(_show_later, show, steps),
        )
        if parent is not None and stage == "inter" and result is None:
            with torch.inference_mode():
                before = learning.judge(learning.network.eval())
            learning.network.train()
        result = fit_stage(learning, folder / f"stage-{stage}", emit=emit, control=control)
        start, critics = result.state, learning.opponents.state_dict()
        steps += result.steps
        if control.state() == "stop_early":
            break
    if result is None or critics is None:
        raise ValueError("a recipe has at least one stage")
    return TrainedRestyler(result.state, critics, recipe.architecture, result.metrics, before, steps, source, target)


def _show_later(show: Show, steps: int, step: int, sheet: RGB) -> None:
    """Show a sample at its step of all stages together."""
    show(steps + step, sheet)


def fit_stage(learning: RestainLearning, folder: Path, *, emit: Emit, control: Control) -> FitResult:
    """Train one stage for as many steps as its recipe gives it; see `cytoshift.training.fit`."""
    recipe = learning.recipe
    settings = recipe.training.model_copy(update={"steps": getattr(recipe.stages, learning.stage), "keep": "last"})
    emit({"kind": "note", "text": f"stage {learning.stage}"})
    return fit(learning, settings, folder, emit=emit, control=control)


def train_task_network(
    recipe: TaskRecipe, source: DomainImages, folder: Path, *, emit: Emit, control: Control
) -> tuple[nn.Module, dict[str, float]]:
    """Train the task network on the source domain; returns it frozen, and its accuracy on the fields held back."""
    learning = TaskLearning(recipe, source)
    emit({"kind": "note", "text": "task network"})
    result = fit(learning, recipe.training, folder, emit=emit, control=control)
    network = TaskNetwork(recipe.trunk, grey=recipe.grey)
    network.load_state_dict(result.state)
    device = next(learning.network.parameters()).device
    return network.to(device).eval().requires_grad_(False), result.metrics


def _stages(recipe: RestainRecipe) -> list[Stage]:
    every: tuple[Stage, ...] = ("intra", "inter", "task")
    return [stage for stage in every if getattr(recipe.stages, stage)]
