"""What a detector that was carried to another look is worth beside its teacher, there and at home."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from cytoshift.detection import DetectorRecipe
from cytoshift.detection.seen import seen_through
from cytoshift.detection.train import read_data
from cytoshift.jobs.known_fields import identity_of
from cytoshift.jobs.looking import through
from cytoshift.jobs.train_detector import parent_detector
from cytoshift.jobs.worth_detector import DetectorWorth, Measuring, Taught, home_fields
from cytoshift.models import Card, Registry
from cytoshift.training import Control, Emit
from cytoshift.training.table import find_table

HOME, SHOWN = "home", "home-shown"
"""Folders, in that of a training, of what a teacher was validated on: as it knows it, and as the student saw more."""


def carried_worth(
    recipe: DetectorRecipe,
    card: Card,
    state: Mapping[str, Tensor],
    folder: Path,
    registry: Registry,
    *,
    emit: Emit,
    control: Control,
) -> DetectorWorth | None:
    """Compare a carried detector with its teacher on fields that the teacher was validated on.

    Nothing on the other look is labelled, so the gain is that on those fields as the translator shows them; what was
    forgotten is the loss on the same fields as they are. Neither model learnt from them or was chosen by them.

    Parameters
    ----------
    recipe : DetectorRecipe
    card, state
        Of the detector that was made.
    folder : Path
        Of the training.
    registry : Registry
        Where a translator is found through which the teacher saw them.
    emit, control
        A note says why nothing is returned of a carried detector; ``cancel`` raises `Cancelled`, ``pause`` `Paused`.

    Returns
    -------
    DetectorWorth or None
        None for a detector that was not carried, and where no such fields are at hand.
    """
    teacher = parent_detector(recipe)
    if recipe.distillation is None or not recipe.data.through or teacher is None:
        return None
    own = _learnt_from(recipe)
    fields = home_fields(teacher.card, registry, recipe, folder / HOME, without=own, emit=emit, control=control)
    if isinstance(fields, str):
        emit({"kind": "note", "text": f"not compared with its teacher: {fields}"})
        return None
    look = through(recipe.data.through, recipe.data.reference)
    shown = seen_through(
        fields, look, folder / SHOWN, mpp=recipe.mpp, presumed=recipe.data.mpp, emit=emit, control=control
    )
    old, new = Taught(teacher.card, teacher.load_state()), Taught(card, state)
    measuring = Measuring(old, new, recipe.training.device, emit, control)
    return measuring.worth(shown, fields, f"seen through {look.title}")


def _learnt_from(recipe: DetectorRecipe) -> set[str]:
    """Return the identities of the fields that the student learnt from: chosen by hand, they may be any."""
    if find_table(recipe.data.path) is not None:  # patches, which are laid side by side
        return set()
    return {identity_of(field.path) for field in read_data(recipe).fields}
