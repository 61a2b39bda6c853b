"""A restyling's recipe becomes a stain model that runs over slides, and a parent for the next scanner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fields import write_set
from laboratories import draw_smear, write_slide
from same_bytes import ArraySlide, noise

from cytoshift.engine import DerivedSlide, ImageOperator
from cytoshift.errors import DataError, ModelError, RecipeError
from cytoshift.jobs import create
from cytoshift.jobs.runner import run
from cytoshift.jobs.train import training_spec
from cytoshift.models import build_operator, load_model

RECIPE = """
task = "stain"
id = "tiny-restyling"
title = "Tiny restyling"
mpp = 0.5
parent = "{parent}"
[source]
path = "{data}"
split = "train"
mpp = 0.5
[target]
path = "{data}"
split = "val"
mpp = 0.5
[architecture]
widths = [4, 4, 4, 4, 4, 4]
tile = 64
[critics]
widths = [4, 4, 4, 4, 4]
[patches]
size = 64
around_cells = 0
[stages]
intra = {intra}
inter = 1
[task_network]
patch = 32
[training]
batch = 2
device = "cpu"
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("restyling") / "fields")


def made(folder: Path, data: Path, **values: Any) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "tiny.toml"
    file.write_text(RECIPE.format(data=data.as_posix(), **({"parent": "", "intra": 1} | values)))
    create(training_spec(file, []), folder / "run")
    assert run(folder / "run").state == "done"
    return folder / "run" / "model"


def test_a_recipe_becomes_a_stain_model(data: Path, tmp_path: Path) -> None:
    model = load_model(made(tmp_path / "first", data))
    card = model.card
    assert (card.id, card.task, card.mpp) == ("tiny-restyling", "stain", 0.5)
    assert [part.split for part in card.trained_on] == ["train", "val"]
    assert card.recipe["source"]["path"] == "fields"  # a name, not a path of this computer
    assert str(tmp_path) not in json.dumps(card.model_dump(mode="json"))
    operator = build_operator(model)
    assert isinstance(operator, ImageOperator)
    seen = DerivedSlide(ArraySlide(noise(100, 90), mpp=0.5), operator).read(0, 0, 0, 100, 90)
    assert seen.shape == (100, 90, 3)
    assert np.ptp(seen) > 0

    second = load_model(made(tmp_path / "second", data, parent=model.folder.as_posix(), intra=0))
    assert (second.card.parent, second.card.recipe["parent"]) == ("tiny-restyling", "tiny-restyling")
    assert second.card.sha256 != card.sha256


def test_what_a_recipe_must_say(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "tiny.toml"
    text = RECIPE.format(data=data.as_posix(), parent="", intra=0)
    file.write_text(text)
    with pytest.raises(RecipeError, match="needs a parent"):
        training_spec(file, [])
    with pytest.raises(ModelError, match="nowhere"):
        training_spec(file, ['parent="nowhere"'])
    file.write_text(text.replace('task = "stain"', 'task = "cooking"'))
    with pytest.raises(RecipeError, match="'cooking'; this version trains"):
        training_spec(file, [])


def test_a_source_of_slides_has_no_cells_to_draw_around(data: Path, tmp_path: Path) -> None:
    slide = write_slide(tmp_path / "ours.tif", draw_smear(0, 256, 256), 0.5)
    file = tmp_path / "tiny.toml"
    file.write_text(RECIPE.format(data=data.as_posix(), parent="", intra=1))
    slides = f'source={{slides=["{slide}"]}}'
    with pytest.raises(DataError, match=r"ours\.tif are slides, whose cells are not labelled; set patches"):
        training_spec(file, [slides, "patches.around_cells=0.5"])
    spec = training_spec(file, [slides])
    assert spec.recipe["source"]["slides"] == [slide]
    with pytest.raises(DataError, match="Source and target are the same files"):
        training_spec(file, [slides, f'target={{slides=["{slide}"]}}'])
