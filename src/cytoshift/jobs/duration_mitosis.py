"""How long teaching a classifier of mitoses will take on this computer, before it is started."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cytoshift.engine.device import pick_device
from cytoshift.jobs.corrections import RECIPES
from cytoshift.jobs.duration import seconds_per_run
from cytoshift.mitosis.networks import build_network
from cytoshift.mitosis.published import taught_plan
from cytoshift.mitosis.recipe import MitosisRecipe
from cytoshift.models import Card
from cytoshift.training.recipe import load_recipe

COST = 7.0
"""Runs of the network that one step takes as long as, with its share of the validations; measured on a CPU."""


def teaching_seconds(parent: Card, overrides: Sequence[str] = ()) -> float:
    """Estimate the seconds of a job that teaches a classifier: a few runs of its network are timed, and counted up."""
    recipe = load_recipe(RECIPES["mitosis"], MitosisRecipe, overrides)
    plan = taught_plan(parent.architecture)
    device = pick_device(recipe.training.device)
    network = build_network(plan).to(device).eval()
    images = torch.zeros(recipe.training.batch, 3, plan.side, plan.side, device=device)
    once = seconds_per_run(lambda: network(images).logits, device, precision=recipe.training.precision)
    return recipe.training.steps * COST * once
