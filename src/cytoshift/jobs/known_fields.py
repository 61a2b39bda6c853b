"""What a detector knows already: labelled fields that it learnt from, and those that it was measured on."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from cytoshift.detection.recipe import DetectorRecipe
from cytoshift.detection.seen import seen_through
from cytoshift.detection.train import in_classes, read_data
from cytoshift.errors import CytoshiftError, DataError, ModelError
from cytoshift.jobs.carrying import fields_of
from cytoshift.jobs.looking import through
from cytoshift.models import COLOUR_TASKS, Card, Registry
from cytoshift.slides import open_slide
from cytoshift.stain import METHODS
from cytoshift.training import Control, Emit
from cytoshift.training.coco import CocoSet

TRAIN, VAL = "train", "val"


@dataclass(frozen=True, slots=True)
class KnownFields:
    """Where a detector's labelled fields are: its own, or those of the nearest model it comes from whose are at hand.

    Parameters
    ----------
    recipe : DetectorRecipe
        That made it; its data is where the fields lie now.
    classes : tuple of str
        Of the detector that is going to look at them.
    registry : Registry
        Where a translator is found through which they were seen.
    """

    recipe: DetectorRecipe
    classes: tuple[str, ...]
    registry: Registry

    @classmethod
    def of(cls, card: Card, registry: Registry) -> KnownFields | None:
        """Look for a detector's fields; None where nobody's that it comes from are at hand."""
        for each in _line(card, registry):
            place = fields_of(each)
            if not place:
                continue
            data = {**each.recipe["data"], "path": place}
            try:
                return cls(DetectorRecipe.model_validate({**each.recipe, "data": data}), card.classes, registry)
            except ValidationError:  # of an older or newer version: not to be repeated by this one
                continue
        return None

    def draw(
        self, split: str, most: int, folder: Path, *, seed: int, without: Collection[str], emit: Emit, control: Control
    ) -> CocoSet:
        """Return some of the fields of a split, as the detector saw them, in its classes and each with its µm/px.

        Parameters
        ----------
        split : str
            `TRAIN` for those that it learnt from, `VAL` for those that it never saw.
        most : int
            How many at most, drawn by the seed.
        folder : Path
            For the fields as a translator shows them, where it learnt from those.
        seed : int
        without : collection of str
            Identities of slides that are left out: of one's own none may be learnt from and held back.

        Raises
        ------
        DataError
            There are none of this split, or they cannot be used.
        """
        learnt = self.recipe.data.split
        if split == VAL and learnt != TRAIN:
            raise DataError("no fields are known that it did not learn from")
        wanted = self.recipe.data.model_copy(update={"split": learnt if split == TRAIN else split})
        data = read_data(self.recipe.model_copy(update={"data": wanted}))
        order = np.random.default_rng(seed).permutation(len(data.fields))[:most]
        fields = [data.fields[place] for place in sorted(order.tolist())]
        fields = [
            replace(field, mpp=field.mpp or wanted.mpp) for field in fields if identity_of(field.path) not in without
        ]
        if not fields:
            raise DataError(f"{data.name} has no fields of split '{split}' besides your own")
        return self._seen(in_classes(replace(data, fields=tuple(fields)), self.classes), folder, emit, control)

    def _seen(self, data: CocoSet, folder: Path, emit: Emit, control: Control) -> CocoSet:
        """Return fields as the detector learnt to see them: as they are, unless it was carried to another look."""
        recipe = self.recipe
        if not recipe.data.through or (recipe.distillation is not None and recipe.distillation.view != "translated"):
            return data
        name = recipe.data.through
        if name not in METHODS:
            name = str(self.registry.find(name, *COLOUR_TASKS).folder)
        look = through(name, recipe.data.reference)
        return seen_through(data, look, folder, mpp=recipe.mpp, presumed=recipe.data.mpp, emit=emit, control=control)


def repeated_fields(
    parent: Card,
    registry: Registry,
    recipe: DetectorRecipe,
    folder: Path,
    *,
    without: Collection[str],
    emit: Emit,
    control: Control,
) -> CocoSet | None:
    """Return the fields to be repeated while a detector learns, and say which; None, and why, where there are none."""
    if not recipe.data.repeated:
        return None
    known = KnownFields.of(parent, registry)
    if known is None:
        emit({"kind": "note", "text": "what the model learnt from is not at hand: it learns from your fields alone"})
        return None
    most, seed = recipe.data.repeated, recipe.training.seed
    try:
        data = known.draw(TRAIN, most, folder, seed=seed, without=without, emit=emit, control=control)
    except (DataError, ModelError) as error:
        emit({"kind": "note", "text": f"learns from your fields alone: {error}"})
        return None
    cells = sum(len(field.boxes) for field in data.fields)
    emit({"kind": "note", "text": f"repeats {len(data.fields)} fields of {data.name} with {cells} cells"})
    return data


def _line(card: Card, registry: Registry) -> Iterator[Card]:
    """Yield a card, its parent's, and so on, as far as they are known; each once."""
    cards = {each.id: each for each in registry.list(card.task)}
    seen: set[str] = set()
    following: Card | None = card
    while following is not None and following.id not in seen:
        seen.add(following.id)
        yield following
        following = cards.get(following.parent)


def identity_of(path: Path) -> str:
    """Return the identity of an image as a slide; ``""`` where it cannot be opened."""
    try:
        with closing(open_slide(path)) as slide:
            return slide.info.identity
    except CytoshiftError:
        return ""
