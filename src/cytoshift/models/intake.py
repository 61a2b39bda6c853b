"""Taking a model in: what was copied is checked, and only then it appears."""

from __future__ import annotations

import shutil
from pathlib import Path

from cytoshift.durable import new_folder
from cytoshift.errors import ModelError
from cytoshift.models.card import Card
from cytoshift.models.fit import check_fit
from cytoshift.models.model import CARD, LICENCE, Model, must_be_new, write_card
from cytoshift.models.weights import WEIGHTS, check_size

_LICENCE_BYTES = 1 << 20


def copy_model(model: Model, folder: Path, card: Card) -> Model:
    """Copy a model's weights and licence beside a card; the folder appears at once, when all of it was checked.

    Raises
    ------
    ModelError
        A part is a link or no file, the weights are damaged or not those of the card, or there is no room.
    """
    must_be_new(folder)
    _check_parts(model)
    try:
        with new_folder(folder) as partial:
            shutil.copyfile(model.weights, partial / WEIGHTS)
            if (model.folder / LICENCE).exists():
                shutil.copyfile(model.folder / LICENCE, partial / LICENCE)
            write_card(partial, card)
            check_fit(Model(card, partial))
    except OSError as error:
        raise ModelError(
            f"The model {model.card.id} cannot be copied to {folder} ({error.strerror}); make room there."
        ) from error
    return Model(card, folder)


def _check_parts(model: Model) -> None:
    """Refuse links: a stranger's folder could name a file of this computer, which would then be copied and given on."""
    check_size(model.weights)
    parts = [model.folder / name for name in (CARD, WEIGHTS, LICENCE)]
    if link := next((part for part in parts if part.is_symlink()), None):
        raise ModelError(f"{link} is a link to another place; copy what it names into the folder, then import that.")
    licence = parts[-1]
    if licence.exists() and not (licence.is_file() and licence.stat().st_size <= _LICENCE_BYTES):
        raise ModelError(f"{licence} is no text of at most 1 MB; get the model again.")
