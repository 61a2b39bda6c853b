"""A model: a folder with a card and weights."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cytoshift.durable import new_file, new_folder
from cytoshift.errors import ModelError
from cytoshift.models.card import Card
from cytoshift.models.domain import Domain
from cytoshift.models.weights import WEIGHTS, check_size, read_weights, sha256_of, write_weights

if TYPE_CHECKING:
    import torch

CARD = "card.json"
LICENCE = "licence.txt"
"""Terms of the weights in full, where a model comes with them."""

_CARD_BYTES = 1 << 20
_DEPTH = 20
_CONTROL = re.compile(r"(?<!\\)\\u00(0[0-8bcef]|1[0-9a-f]|7f|[89][0-9a-f])|[\x7f-\x9f]", re.IGNORECASE)
"""What a terminal obeys when a card is shown: control characters, escaped in JSON or as they are."""
_ROW = re.compile(r"\[\n[-+.eE\d,\s]+\]")  # JSON has no line break inside a text


@dataclass(frozen=True, slots=True)
class Model:
    """A model on the disk.

    Parameters
    ----------
    card : Card
        What it does, what it was taught on, how good it is.
    folder : Path
        Where ``card.json`` and ``weights.safetensors`` lie.
    """

    card: Card
    folder: Path

    @property
    def weights(self) -> Path:
        """The file of the weights."""
        return self.folder / WEIGHTS

    def load_state(self) -> dict[str, torch.Tensor]:
        """Return the tensors by name, on the CPU; ModelError where they are not those of the card."""
        return read_weights(self.weights, self.card.sha256)

    def verify(self) -> None:
        """Raise ModelError where the weights are not those of the card; loads no torch."""
        check_size(self.weights)
        if sha256_of(self.weights) != self.card.sha256:
            raise ModelError(
                f"The weights of {self.folder} are not those that its card describes: they are damaged or were "
                "replaced; get the model again."
            )


def save_model(folder: str | Path, card: Card, state: dict[str, torch.Tensor]) -> Model:
    """Write a model: the whole folder appears at once, or not at all.

    Parameters
    ----------
    folder : path
        A new folder.
    card : Card
        Its checksum is filled in.
    state : dict of tensor

    Raises
    ------
    ModelError
        The folder is there already, or cannot be written.
    """
    folder = Path(folder)
    must_be_new(folder)
    try:
        with new_folder(folder) as partial:
            card = card.model_copy(update={"sha256": write_weights(partial / WEIGHTS, state)})
            write_card(partial, card)
    except OSError as error:
        raise ModelError(
            f"The model cannot be written to {folder} ({error.strerror}); make room or choose another folder."
        ) from error
    return Model(card, folder)


def keep_domain(model: Model, domain: Domain) -> Model:
    """Write a training domain into the card of a model that is there already; the old card stays until then.

    Raises
    ------
    ModelError
        The card cannot be written.
    """
    card = model.card.model_copy(update={"domain": domain})
    try:
        with new_file(model.folder / CARD) as file:
            file.write(_written(card))
    except OSError as error:
        raise ModelError(
            f"The card of {card.id} cannot be written in {model.folder} ({error.strerror}); make the folder writable, "
            "or import the model."
        ) from error
    return Model(card, model.folder)


def write_card(folder: Path, card: Card) -> None:
    """Write a card into the folder of a model that is being made."""
    (folder / CARD).write_bytes(_written(card))


def _written(card: Card) -> bytes:
    """Return a card as JSON for people: rows of numbers stay on one line."""
    text = _ROW.sub(lambda row: " ".join(row.group().split()), card.model_dump_json(indent=2))
    return (text + "\n").encode()


def load_model(folder: str | Path) -> Model:
    """Read a model's card and look that its weights are there; the tensors are read by `Model.load_state`.

    Raises
    ------
    ModelError
        The folder is not there, is no model, or its card or weights cannot be read.
    """
    folder = Path(folder)
    if folder.name in (CARD, WEIGHTS):
        folder = folder.parent
    if not folder.exists():
        raise ModelError(f"There is no model at {folder}; check the path, or list the models.")
    if not (folder / CARD).is_file():
        raise ModelError(
            f"{folder} is no model of this program (a folder with {CARD} and {WEIGHTS}); files with pickled code, as "
            ".pt and .pth are, are never opened."
        )
    model = Model(read_card(folder / CARD), folder)
    check_size(model.weights)
    return model


def read_card(path: Path) -> Card:
    """Read a card; ModelError, one sentence, where it is none or a newer version wrote it."""
    try:
        if not path.is_file():
            raise ValueError("it is no file")
        if path.stat().st_size > _CARD_BYTES:
            raise ValueError("it is larger than 1 MB")
        text = path.read_text(encoding="utf-8")
        if _CONTROL.search(text):
            raise ValueError("it holds control characters")
        data = json.loads(text)
        if _depth(data) > _DEPTH:
            raise ValueError(f"it nests more than {_DEPTH} levels")
        card = Card.model_validate(data)
        if not card.sha256:
            raise ValueError("it has no sha256 of the weights")
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "the card"
        if first["type"] == "extra_forbidden":
            raise ModelError(
                f"The card {path} has a field '{name}' that this version does not know; update napari-cytoshift."
            ) from error
        raise ModelError(f"The card {path} is not valid ({name}: {first['msg']}); get the model again.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"The card {path} cannot be read ({error}); get the model again.") from error
    return card


def _depth(data: Any) -> int:
    """Return how deeply lists and tables are nested."""
    depth, level = 0, [data]
    while level := [entry for entry in level if isinstance(entry, (dict, list)) and entry]:
        level = [inner for entry in level for inner in (entry.values() if isinstance(entry, dict) else entry)]
        depth += 1
    return depth


def must_be_new(folder: Path) -> None:
    """Raise ModelError where something lies in a folder already."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ModelError(f"{folder} is there already; choose a new folder for the model.")
