"""A classifier's recipe becomes a model in a folder, which classifies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_patches import draw_set, usual_rows

from cytoshift.errors import DataError, ModelError
from cytoshift.jobs import create
from cytoshift.jobs.runner import run
from cytoshift.jobs.train import training_spec
from cytoshift.jobs.train_mitosis import learnt_from
from cytoshift.mitosis import MitosisRecipe, read_patches
from cytoshift.models import build_classifier, load_model
from cytoshift.training.recipe import check_recipe

RECIPE = """
task = "mitosis"
id = "tiny-mitosis"
title = "Tiny"
phases = 0
[data]
path = "{path}"
split = ""
[views]
view = 32
side = 32
[training]
steps = 2
batch = 4
warmup = 1
validate_every = 2
checkpoint_every = 2
device = "cpu"
"""


def test_a_recipe_becomes_a_classifier(tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE.format(path=draw_set(tmp_path / "patches", usual_rows(slides=8)).as_posix()))
    job = create(training_spec(recipe, []), tmp_path / "job")
    result = run(job.folder)
    assert result.state == "done", result.message
    model = load_model(tmp_path / "job" / "model")
    card = model.card
    assert (card.task, card.classes, card.mpp) == ("mitosis", ("normal mitosis", "atypical mitosis"), 0.25)
    assert (card.trained_on[0].name, card.trained_on[0].images) == ("patches", 6)
    assert card.recipe["data"]["path"] == "patches"
    classifier = build_classifier(model)
    assert classifier.model == (card.id, card.sha256)
    assert 0 < float(classifier.classify(np.full((1, 128, 128, 3), 200, np.uint8)).atypical[0]) < 1


def test_several_tables_are_learnt_from_and_what_is_in_both_counts_once(tmp_path: Path) -> None:
    first = draw_set(tmp_path / "first", usual_rows(slides=4))
    both = draw_set(tmp_path / "both", [*usual_rows(slides=4), *usual_rows(slides=6)[16:]])
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE.format(path=first.as_posix()))
    spec = training_spec(recipe, [f"data.more=['{both.as_posix()}']"])
    checked = check_recipe(spec.recipe, MitosisRecipe, "tiny")
    assert (len(read_patches(first)), len(read_patches(both)), len(learnt_from(checked))) == (16, 24, 24)


def test_what_is_not_there_is_said_before_anything_runs(tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE.format(path=(tmp_path / "gone").as_posix()))
    with pytest.raises(DataError, match=r"no table at .*gone"):
        training_spec(recipe, [])
    recipe.write_text(RECIPE.format(path=draw_set(tmp_path / "patches").as_posix()))
    with pytest.raises(ModelError, match=r"nobody"):
        training_spec(recipe, ['start="nobody"'])
