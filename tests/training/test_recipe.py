"""Recipes: every one that ships is valid, and mistakes are named."""

from pathlib import Path

import pytest

from cytoshift.detection import DetectorRecipe
from cytoshift.errors import RecipeError
from cytoshift.jobs.train import RECIPES
from cytoshift.training.recipe import check_recipe, load_recipe, read_recipe, recipe_folder

MINIMAL = '[data]\npath = "x"\n'


def test_every_recipe_that_ships_is_valid() -> None:
    files = sorted(recipe_folder().glob("*.toml"))
    assert {"detector", "detector-small", "restain", "restain-small"} <= {file.stem for file in files}
    for file in files:
        data, name = read_recipe(file)
        check_recipe(data, RECIPES[data.get("task", "detector")], name)


def test_a_recipe_is_found_by_its_name() -> None:
    assert load_recipe("detector-small", DetectorRecipe).id == "detector-cric-small"


def test_overrides_are_toml(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text(MINIMAL)
    recipe = load_recipe(file, DetectorRecipe, ["training.steps=7", "title=My cells", "training.learning_rate=1e-4"])
    assert (recipe.training.steps, recipe.title, recipe.training.learning_rate) == (7, "My cells", 1e-4)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("titel = 'x'\n" + MINIMAL, "titel; did you mean title?"),
        (MINIMAL + "[training]\nstep = 3\n", "training.step; did you mean steps?"),
        (MINIMAL + "[training]\nsteps = 'many'\n", "training.steps"),
        ("[data\n", "not valid TOML"),
        ("", "data"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(RecipeError) as error:
        load_recipe(file, DetectorRecipe)
    assert sentence in str(error.value)
    assert "wrong.toml" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_recipe_names_those_there_are() -> None:
    with pytest.raises(RecipeError, match="detector-small"):
        load_recipe("nonsense", DetectorRecipe)
    with pytest.raises(RecipeError, match="key=value"):
        load_recipe("detector-small", DetectorRecipe, ["steps"])
