"""The networks of the restyling experiment, for one seed: four task networks, and the generator stage by stage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from cytoshift.stain.restyling import RestainRecipe, Restyler
from cytoshift.stain.restyling.learning import RestainLearning, Stage
from cytoshift.stain.restyling.patches import DomainImages, read_domain
from cytoshift.stain.restyling.train import fit_stage, train_task_network
from experiments._trainings import GoOn

FULL = "L1+GAN1+GAN2+Task"
"""The row of the whole method."""


@dataclass(frozen=True)
class Networks:
    """What was trained: task networks by what they see, and restylers by their row of the table."""

    judges: dict[str, nn.Module]
    restylers: dict[str, Restyler]
    states: dict[str, Mapping[str, Tensor]]


@dataclass(frozen=True)
class _Trained:
    """A stage's outcome, from which the next one starts."""

    state: Mapping[str, Tensor]
    critics: Mapping[str, Tensor]


def train_networks(recipe: RestainRecipe, folder: Path) -> Networks:
    """Train the networks of one seed, or read what is there."""
    size = recipe.patches.size
    source, target = read_domain(recipe.source, recipe.mpp, size), read_domain(recipe.target, recipe.mpp, size)
    judges = _judges(recipe, source, folder)
    run = _Stages(recipe, source, target, judges["color"], folder)
    unmasked = recipe.architecture.removal.model_copy(update={"mask": False})
    plain = recipe.model_copy(
        update={"architecture": recipe.architecture.model_copy(update={"removal": unmasked})}, deep=True
    )
    first = run.stage("intra", "intra")
    second = run.stage("inter", "inter", start=first)
    made = {
        "L1+GAN1 without the mask": (plain, run.stage("unmasked", "intra", plain)),
        "L1+GAN1": (recipe, first),
        "L1+GAN1+GAN2": (recipe, second),
        "L1+GAN1+Task": (recipe, run.stage("task-alone", "task", start=first, inter=False)),
        FULL: (recipe, run.stage("task", "task", start=second)),
    }
    restylers = {name: _operator(plan, trained, name) for name, (plan, trained) in made.items()}
    return Networks(judges, restylers, {name: trained.state for name, (_, trained) in made.items()})


def _judges(recipe: RestainRecipe, source: DomainImages, folder: Path) -> dict[str, nn.Module]:
    plans = {
        "color": {},
        "gray": {"grey": True},
        "pca": {"augmentation": "pca"},
        "hsv": {"augmentation": "hsv"},
    }
    judges = {}
    for name, changes in plans.items():
        plan = recipe.task_network.model_copy(update=changes)
        judges[name], metrics = train_task_network(plan, source, folder / name, emit=_say, control=GoOn())
        print(json.dumps({"task network": name, "held back": round(metrics["accuracy"], 4)}), flush=True)
    return judges


@dataclass(frozen=True)
class _Stages:
    """Runs stages on one seed's data."""

    recipe: RestainRecipe
    source: DomainImages
    target: DomainImages
    judge: nn.Module
    folder: Path

    def stage(
        self,
        name: str,
        stage: Stage,
        recipe: RestainRecipe | None = None,
        *,
        start: _Trained | None = None,
        inter: bool = True,
    ) -> _Trained:
        """Train one stage in the folder of that name."""
        learning = RestainLearning(
            recipe or self.recipe,
            stage,
            self.source,
            self.target if inter and stage != "intra" else None,
            task_network=self.judge if stage == "task" else None,
            start=None if start is None else start.state,
            critics=None if start is None else start.critics,
        )
        result = fit_stage(learning, self.folder / name, emit=_say, control=GoOn())
        print(json.dumps({"stage": name, **{k: round(v, 3) for k, v in result.metrics.items()}}), flush=True)
        return _Trained(result.state, learning.opponents.state_dict())


def _operator(recipe: RestainRecipe, trained: _Trained, name: str) -> Restyler:
    return Restyler.from_model(
        architecture=recipe.architecture.model_dump(mode="json"),
        state=trained.state,
        mpp=recipe.mpp,
        title=name,
        model_id=name,
        version=str(recipe.training.seed),
    )


def _say(event: dict[str, Any]) -> None:
    if event["kind"] == "validation":
        print(json.dumps(event), flush=True)
