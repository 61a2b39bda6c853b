"""Slides that are to look like a model's: what a job is to do, from a restyler, the slides and what it learnt from.

The restyler goes on with its second stage alone: discriminators compare what it makes of the slides with the fields
that it learnt from. torch loads when a specification is made, not before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from cytoshift.errors import DataError, RecipeError
from cytoshift.jobs.at_hand import places_of
from cytoshift.jobs.spec import TrainSpec
from cytoshift.models import Card, Registry
from cytoshift.training.domain_files import DomainFields, list_files

FULL, SMALL = "restain-scanner", "restain-scanner-small"
"""The recipes of the second stage: in the paper's size, and for two CPU cores."""

_FOR = ", for "


def restyling_spec(
    slides: DomainFields,
    *,
    study: str | Path,
    parent: str = "",
    fields: DomainFields | None = None,
    recipe: str | Path = "",
    title: str = "",
    overrides: Sequence[str] = (),
    registry: str | Path | None = None,
) -> TrainSpec:
    """Return what a job that teaches a restyler other slides is to do; `start` it in a `new_job_folder` of the study.

    Parameters
    ----------
    slides : DomainFields
        What is to look like the fields; see `laboratory`.
    study : path
        Folder of the study among whose jobs it is.
    parent : str
        The restyler that goes on: its id or folder; the one in use without.
    fields : DomainFields, optional
        The look that is wanted. Those that the restyler learnt from without, see `fields_of_restyler`.
    recipe : str
        A recipe's file or name, of which all but domains, network, µm/px and parent counts; see `recipe_for`.
    title : str
        What the new restyler is called; the parent's title and the slides' name without.
    overrides : sequence of str
        ``stages.inter=200`` and the like.
    registry : path, optional
        Root of the registry in which models are looked up and that receives the new one; the user's own without.

    Raises
    ------
    DataError
        The fields are not at hand; the slides cannot be used, or look like the fields already.
    SlideError
        A slide cannot be read, or does not say its µm/px.
    ModelError
        There is no such restyler.
    RecipeError
        The recipe is not valid, or not a restyler's.
    """
    from cytoshift.jobs.train import spec_of
    from cytoshift.training.recipe import read_recipe

    known = Registry(registry)
    model = known.find(parent, "stain") if parent else known.current("stain")
    card = model.card
    source = fields or fields_of_restyler(card)
    if source is None:
        raise DataError(
            f"What {card.title} learnt from is not at hand; name fields of the look that is wanted, or set"
            " CYTOSHIFT_DATA to where the data is."
        )
    check_needed(card, slides)
    data, name = read_recipe(recipe or recipe_for(card), overrides)
    if data.get("task") != "stain":
        raise RecipeError(f"{name} is not the recipe of a restyler; choose {SMALL} or {FULL}.")
    named = list_files(slides).name
    title = title or f"{card.title.partition(_FOR)[0]}{_FOR}{named}"
    data |= {
        "id": re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[-60:].strip("-"),
        "title": title,
        "mpp": card.mpp,
        "parent": str(model.folder.absolute()),
        "architecture": card.architecture,
        "source": source.model_dump(mode="json"),
        "target": slides.model_dump(mode="json"),
    }
    places = {"study": str(Path(study).absolute()), "registry": str(known.root.absolute())}
    return spec_of(data, name).model_copy(update=places)


def fields_of_restyler(card: Card) -> DomainFields | None:
    """Return the fields whose look a restyler gives, as its card names them; None where they are not at hand."""
    named = card.recipe.get("source", {})
    for place in places_of(str(named.get("path", ""))):
        try:
            fields = DomainFields.model_validate({**named, "path": str(place)})
            list_files(fields)
        except (ValidationError, DataError):  # another set of the same name
            continue
        return fields
    return None


def recipe_for(card: Card) -> str:
    """Return the recipe by which a restyler of a card's size goes on."""
    widths = card.architecture.get("widths") or (0,)
    return FULL if widths[0] >= 64 else SMALL


def check_needed(card: Card, slides: DomainFields) -> float | None:
    """Return how far slides are from what a restyler learnt from; None where its card does not say what that was.

    Raises
    ------
    DataError
        They show too little tissue, or look like that already.
    SlideError
        A slide cannot be read, or does not say its µm/px.
    """
    from cytoshift.jobs.how_far import how_far

    if card.domain is None:
        return None
    files = list_files(slides)
    far, usual = how_far(card.domain, files.files), card.domain.colour.usual[1]
    if far is None:
        raise DataError(f"There is too little tissue in {files.name} to learn its look from; choose other slides.")
    if far <= usual:
        raise DataError(
            f"{files.name} looks like the model's slides already ({far:.1f}; up to {usual:.1f} is usual); use it as it"
            " is."
        )
    return far
