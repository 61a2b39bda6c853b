"""How long a restyler's second stage will take on this computer, before it is started."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cytoshift.engine.device import pick_device
from cytoshift.jobs.duration import seconds_per_run
from cytoshift.models import Card
from cytoshift.stain.restyling import RestainRecipe
from cytoshift.stain.restyling.networks import Generator
from cytoshift.stain.restyling.recipe import RestylerArchitecture
from cytoshift.training.recipe import load_recipe

COST = 2.0
"""Runs of the generator over both domains' patches that one step takes as long as; measured on two CPU cores."""

SETTLING = 45.0
"""The same of one validation, which counts batch normalization's statistics anew."""


def restyling_seconds(card: Card, recipe: str, overrides: Sequence[str] = ()) -> float:
    """Estimate the seconds of a training as `restyling_spec` would start it: a few runs are timed, and counted up."""
    plan = RestylerArchitecture.model_validate(card.architecture)
    made = load_recipe(recipe, RestainRecipe, overrides)
    settings = made.training
    device = pick_device(settings.device)
    generator = Generator(plan.removal.channels, plan.widths).to(device).eval()
    size = made.patches.size
    left = torch.zeros(2 * settings.batch, plan.removal.channels, size, size, device=device)
    once = seconds_per_run(lambda: generator(left), device, precision=settings.precision)
    validations = -(-made.stages.inter // settings.validate_every)
    return (made.stages.inter * COST + validations * SETTLING) * once
