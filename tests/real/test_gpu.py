"""A few steps of every method's training on a GPU: what autocast forbids there shows nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from experiments._trainings import GoOn, let_pass

from cytoshift.detection import DetectorRecipe, train_detector
from cytoshift.mitosis import read_patches
from cytoshift.mitosis.recipe import MitosisRecipe
from cytoshift.mitosis.train import train_classifier
from cytoshift.stain.restyling.recipe import RestainRecipe
from cytoshift.stain.restyling.train import train_restyler
from cytoshift.training import load_recipe
from cytoshift.translation.recipe import TranslationRecipe
from cytoshift.translation.train import train_translator

STEPS = 6

DEVICE = "cuda"

BRIEF = [f"training.{name}={STEPS}" for name in ("steps", "validate_every", "checkpoint_every")]

Training = Callable[[str, Path], object]


def _translator(name: str, folder: Path) -> object:
    changes = [*BRIEF, f"rehearsal={STEPS - 2}", f'training.device="{DEVICE}"']
    return train_translator(load_recipe(name, TranslationRecipe, changes), folder, emit=let_pass, control=GoOn())


def _restyler(name: str, folder: Path) -> object:
    stages = [f"stages.{stage}={STEPS}" for stage in ("intra", "inter", "task")]
    changes = [*BRIEF, *stages, f"task_network.training.steps={STEPS}", f'training.device="{DEVICE}"']
    return train_restyler(load_recipe(name, RestainRecipe, changes), folder, emit=let_pass, control=GoOn())


def _detector(name: str, folder: Path) -> object:
    recipe = load_recipe(name, DetectorRecipe, [*BRIEF, f'training.device="{DEVICE}"'])
    return train_detector(recipe, folder, emit=let_pass, control=GoOn())


def _classifier(name: str, folder: Path) -> object:
    recipe = load_recipe(name, MitosisRecipe, [*BRIEF, f'training.device="{DEVICE}"'])
    return train_classifier(recipe, read_patches(recipe.data.path, "train"), folder, emit=let_pass, control=GoOn())


RECIPES: dict[str, Training] = {
    **dict.fromkeys(("sc-unsb", "cut", "fastcut-small", "cyclegan", "not", "not-weak-small"), _translator),
    **dict.fromkeys(("restain", "restain-small"), _restyler),
    **dict.fromkeys(("detector", "detector-small"), _detector),
    **dict.fromkeys(("mix-align-distil", "mix-align-distil-small"), _classifier),
}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_trains_on_a_gpu(name: str, data: Path, tmp_path: Path) -> None:
    RECIPES[name](name, tmp_path)  # raises where a loss or a gradient is not finite
