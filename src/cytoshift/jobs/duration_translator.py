"""How long a translator's training will take on this computer, before it is started."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cytoshift.engine.device import pick_device
from cytoshift.jobs.duration import seconds_per_run
from cytoshift.training.recipe import load_recipe
from cytoshift.translation.generator import Generator
from cytoshift.translation.recipe import Method, TranslationRecipe

COST: dict[Method, float] = {"unsb": 20.0, "cut": 11.0, "fastcut": 7.0, "cyclegan": 18.0, "not": 3.0}
"""Runs of the generator that one step takes as long as; measured with the small recipes on two CPU cores."""

REHEARSAL = 3.0
"""The same for one of the first steps, which only repeat."""


def translating_seconds(recipe: str, overrides: Sequence[str] = ()) -> float:
    """Estimate the seconds of a training as `translating_spec` would start it; see `training_seconds`."""
    return training_seconds(load_recipe(recipe, TranslationRecipe, overrides))


def training_seconds(recipe: TranslationRecipe) -> float:
    """Estimate the seconds of a training: a few runs of its generator are timed, and counted up."""
    device, batch = pick_device(recipe.training.device), recipe.training.batch
    plan = recipe.architecture.generator
    generator = Generator(plan).to(device).eval()
    image = torch.zeros(batch, plan.inputs, recipe.crop, recipe.crop, device=device)
    style = torch.zeros(batch, plan.style, device=device) if plan.style else None
    steps = recipe.training.steps - recipe.rehearsal
    once = seconds_per_run(lambda: generator(image, 0, style), device, precision=recipe.training.precision)
    return (steps * COST[recipe.method] + recipe.rehearsal * REHEARSAL) * once
