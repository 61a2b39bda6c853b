"""Recipes: TOML files that say how a model is made, checked before anything runs."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cytoshift.errors import RecipeError

R = TypeVar("R", bound=BaseModel)


def load_recipe(path: str | Path, schema: type[R], overrides: Sequence[str] = ()) -> R:
    """Read and check a recipe.

    Parameters
    ----------
    path : path
        TOML file, or the name of a recipe that ships with the package (``detector-small``).
    schema : type of pydantic model
        What the recipe must be.
    overrides : sequence of str
        ``section.key=value`` pairs, values in TOML's notation.

    Raises
    ------
    RecipeError
        The file is not there, is not TOML, has a key that does not exist, or a value that does not fit.
    """
    data, name = read_recipe(path, overrides)
    return check_recipe(data, schema, name)


def read_recipe(path: str | Path, overrides: Sequence[str] = ()) -> tuple[dict[str, Any], str]:
    """Read a recipe whose task is not known yet; returns it unchecked, and its file's name. Raises RecipeError."""
    file = _locate(Path(path))
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{file.name} is not valid TOML: {error}; correct that line.") from error
    return apply_overrides(data, overrides), file.name


def check_recipe(data: dict[str, Any], schema: type[R], name: str) -> R:
    """Validate a recipe given as a dictionary; `RecipeError` names the first thing wrong with it."""
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        raise RecipeError(_sentence(error, schema, name)) from error


def apply_overrides(data: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Return a recipe's dictionary with ``section.key=value`` pairs put in."""
    merged = {key: dict(value) if isinstance(value, dict) else value for key, value in data.items()}
    for pair in overrides:
        key, separator, value = pair.partition("=")
        if not separator:
            raise RecipeError(f"'{pair}' is not key=value; write for example training.steps=200.")
        *sections, last = key.strip().split(".")
        place = merged
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = _toml_value(value.strip())
    return merged


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _locate(path: Path) -> Path:
    if path.is_file():
        return path
    shipped = recipe_folder() / f"{path.name.removesuffix('.toml')}.toml"
    if path.parent == Path() and shipped.is_file():
        return shipped
    raise RecipeError(f"There is no recipe {path}; the ones that ship are {', '.join(shipped_recipes())}.")


def recipe_folder() -> Path:
    """Return the folder of the recipes that ship: inside the installed package, or beside it in a checkout."""
    installed = Path(__file__).parents[1] / "recipes"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "recipes"


def shipped_recipes() -> list[str]:
    """Return the names of the recipes that ship."""
    return sorted(file.stem for file in recipe_folder().glob("*.toml"))


def _sentence(error: ValidationError, schema: type[BaseModel], name: str) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return f"{name}: {place}: {first['msg']}; correct it."
    known = _fields(schema, [str(part) for part in first["loc"][:-1]])
    close = difflib.get_close_matches(str(first["loc"][-1]), known, 1)
    hint = f"did you mean {close[0]}?" if close else f"the keys there are {', '.join(known)}."
    return f"{name} has a key that does not exist, {place}; {hint}"


def _fields(schema: type[BaseModel], place: list[str]) -> list[str]:
    for part in place:
        annotation = schema.model_fields[part].annotation if part in schema.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        schema = annotation
    return list(schema.model_fields)
