"""How long teaching a classifier of mitoses will take on this computer, before it is started."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

import torch

from cytoshift.engine.device import pick_device
from cytoshift.jobs.corrections import RECIPES
from cytoshift.mitosis.networks import Architecture, build_network
from cytoshift.mitosis.recipe import MitosisRecipe
from cytoshift.models import Card
from cytoshift.training.recipe import load_recipe

COST = 7.0
"""Runs of the network that one step takes as long as, with its share of the validations; measured on a CPU."""

RUNS = 4


def teaching_seconds(parent: Card, overrides: Sequence[str] = ()) -> float:
    """Estimate the seconds of a job that teaches a classifier: a few runs of its network are timed, and counted up."""
    recipe = load_recipe(RECIPES["mitosis"], MitosisRecipe, overrides)
    plan = Architecture.model_validate(dict(parent.architecture))
    device = pick_device(recipe.training.device)
    network = build_network(plan).to(device).eval()
    images = torch.zeros(recipe.training.batch, 3, plan.side, plan.side, device=device)
    lowered = recipe.training.precision == "bfloat16"
    taken = []
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=lowered):
        for _ in range(RUNS):
            start = time.perf_counter()
            float(network(images).logits.sum())  # which waits for the device
            taken.append(time.perf_counter() - start)
    return recipe.training.steps * COST * median(taken[1:])
