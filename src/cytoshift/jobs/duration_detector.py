"""How long teaching a detector from corrections will take on this computer, before it is started."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cytoshift.detection.networks import build_network
from cytoshift.detection.published import taught_plan
from cytoshift.detection.recipe import DetectorRecipe
from cytoshift.engine.device import pick_device
from cytoshift.jobs.corrections import RECIPES
from cytoshift.jobs.duration import seconds_per_run
from cytoshift.models import Card
from cytoshift.training.recipe import load_recipe

COST = 5.0
"""Runs of the trunk that one step takes as long as, with its share of the validations; measured on a CPU."""

TEACHER = 2.0
"""The same for what a teacher adds: it looks once, and both looks are compared."""


def learning_seconds(parent: Card, overrides: Sequence[str] = (), recipe: str = RECIPES["detector"]) -> float:
    """Estimate the seconds of a job that teaches a detector: a few runs of its trunk are timed, and counted up."""
    how = load_recipe(recipe, DetectorRecipe, overrides)
    network = build_network(taught_plan(parent.architecture), len(parent.classes))
    device, side = pick_device(how.training.device), how.views.crop
    trunk = network.backbone.to(device).eval()
    images = torch.zeros(how.training.batch, 3, side, side, device=device)
    once = seconds_per_run(lambda: trunk(images)["0"], device, precision=how.training.precision)
    return how.training.steps * (COST if how.distillation is None else COST + TEACHER) * once
