"""A detector carried to another look: what a job is to do, from a detector, its labelled fields and a translator.

The student learns from the labelled fields as a translator shows them, and its teacher sees them as they are: nothing
on the slides of the other look has to be labelled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cytoshift.errors import DataError, RecipeError
from cytoshift.jobs.at_hand import places_of
from cytoshift.jobs.spec import TrainSpec
from cytoshift.models import COLOUR_TASKS, Card, Registry
from cytoshift.models.published import check_taught

RECIPE = "lfa-cfa-small"

ANNOTATIONS = "annotations.json"

_REPEATED = ("path", "split", "half", "mpp", "classes", "point_um", "box")


def carrying_spec(
    translator: str,
    *,
    study: str | Path,
    parent: str = "starter",
    fields: str | Path = "",
    recipe: str | Path = RECIPE,
    overrides: Sequence[str] = (),
    registry: str | Path | None = None,
) -> TrainSpec:
    """Return what a job that carries a detector across is to do; `start` it in a `new_job_folder` of the study.

    Parameters
    ----------
    translator : str
        A translator or stain model, from the look of the labelled fields to that of the slides: its id or folder.
    study : path
        Folder of the study among whose jobs it is.
    parent : str
        The detector, which teaches: an id, a folder, or ``"starter"``.
    fields : path, optional
        Labelled fields, COCO's JSON or its folder: of split ``train``, or all where they have no splits. Those that the
        parent learnt from without, see `fields_of`.
    recipe : str
        A recipe's file or name, of which all but the data, the teacher and the translator counts.
    overrides : sequence of str
        ``training.steps=100`` and the like.
    registry : path, optional
        Root of the registry in which models are looked up and that receives the new one; the user's own without.

    Raises
    ------
    DataError
        The fields are not there, or cannot be used.
    ModelError
        There is no such detector or translator, or the detector cannot be taught further.
    RecipeError
        The recipe is not valid, or distils nothing.
    """
    from cytoshift.jobs.train import spec_of
    from cytoshift.training.recipe import read_recipe

    known = Registry(registry)
    teacher, look = known.find(parent, "detector"), known.find(translator, *COLOUR_TASKS)
    check_taught(teacher.card)
    data, name = read_recipe(recipe, overrides)
    if data.get("task") != "detector" or not data.get("distillation"):
        raise RecipeError(f"{name} carries no detector across; choose a recipe with a distillation, as {RECIPE}.")
    data["data"] |= {**fields_to_carry(teacher.card, fields), "through": str(look.folder.absolute())}
    data["distillation"] |= {"teacher": str(teacher.folder.absolute())}
    data |= {
        "id": _words(f"{teacher.card.id} {look.card.id}"),
        "title": f"{teacher.card.title}, {_lowered(look.card.title)}",
        "mpp": teacher.card.mpp,
    }
    places = {"study": str(Path(study).absolute()), "registry": str(known.root.absolute())}
    return spec_of(data, name).model_copy(update=places)


def fields_to_carry(card: Card, fields: str | Path = "") -> dict[str, Any]:
    """Return which labelled fields a detector is carried across with, as a recipe's data names them.

    Parameters
    ----------
    card : Card
        Of the detector.
    fields : path, optional
        COCO's JSON or its folder; those that it learnt from without.

    Raises
    ------
    DataError
        None are named, and those are not at hand.
    """
    if fields:
        place = str(Path(fields).absolute())
        return {"path": place, "split": _split(place), "half": ""}
    place = fields_of(card)
    if not place:
        raise DataError(
            f"The labelled fields that {card.title} learnt from are not at hand; name a data set that it knows."
        )
    return {**_data(card), "path": place}


def fields_of(card: Card) -> str:
    """Return where the labelled fields lie that a detector learnt from; ``""`` where they are not at hand.

    A card names a path, or only the set's folder; both are looked for under ``CYTOSHIFT_DATA``.
    """
    places = places_of(str(_data(card).get("path", "")))
    return next((str(place) for place in places if (place / ANNOTATIONS).is_file() or place.is_file()), "")


def _split(place: str) -> str:
    """Return the split that is there to learn from; ``""`` where a data set has none, and all of it is."""
    from cytoshift.training.coco import read_coco

    try:
        read_coco(place, "train")
    except DataError:
        return ""
    return "train"


def _data(card: Card) -> dict[str, Any]:
    """Return which data a card's recipe names, as far as a recipe that repeats them needs it."""
    named = card.recipe.get("data", {})
    return {
        name: named[name] for name in ("path", "split", "half", "mpp", "classes", "point_um", "box") if name in named
    }


def _words(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[-60:].strip("-")


def _lowered(title: str) -> str:
    return title[:1].lower() + title[1:]
