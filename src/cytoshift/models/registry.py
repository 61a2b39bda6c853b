"""The models of a computer: a folder, the starter models of the package, and which is in use for each task."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from platformdirs import user_data_path

from cytoshift.errors import ModelError
from cytoshift.models.adoption import Adoptions, Decision
from cytoshift.models.card import Card, Task
from cytoshift.models.exchange import SUFFIX, export_model, unpacked
from cytoshift.models.intake import copy_model
from cytoshift.models.model import CARD, Model, load_model, read_card

STARTER = "starter"
"""The name of the model of each task that ships with the package."""

STARTERS = Path(__file__).parent / STARTER
"""Folder of the models that ship: ``TASK`` is the starter of a task, ``TASK-NAME`` a further one."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Registry:
    """A folder of models, ``TASK/ID/`` with card and weights, and the history of adoptions.

    Parameters
    ----------
    root : path, optional
        The folder; the environment's ``CYTOSHIFT_MODELS`` or the user's data folder by default.
    starters : path
        Folder of the starter models.
    """

    def __init__(self, root: str | Path | None = None, *, starters: Path = STARTERS) -> None:
        chosen = root or os.environ.get("CYTOSHIFT_MODELS")
        self.root = Path(chosen) if chosen else user_data_path("cytoshift", appauthor=False) / "models"
        self._starters = starters
        self._adoptions = Adoptions(self.root / "adoption.jsonl")

    # Finding

    def list(self, task: str | None = None) -> list[Card]:
        """Return the cards of all models, starters first; a folder that cannot be read is left out."""
        cards: list[Card] = []
        for folder in self._folders(task):
            try:
                cards.append(read_card(folder / CARD))
            except ModelError:
                continue
        return cards

    def find(self, name: str | Path, *tasks: str) -> Model:
        """Return a model of one of the tasks.

        Parameters
        ----------
        name : str or path
            An id, ``"starter"``, a model's folder, or a model file, which is taken into the registry.
        *tasks : str
            ``"detector"``, ``"mitosis"``, ``"stain"`` or ``"translation"``; the starter is that of the first.

        Raises
        ------
        ModelError
            There is no such model, it cannot be read, or it is of another task.
        """
        model = self._starter(tasks[0]) if str(name) == STARTER else self._by_id(str(name)) or self._by_path(Path(name))
        if model.card.task not in tasks:
            raise ModelError(
                f"The model {model.card.id} is a {model.card.task} model, and a {' or '.join(tasks)} model is needed; "
                f"choose one of {self._known(*tasks)}."
            )
        return model

    def current(self, task: str) -> Model:
        """Return the model in use for a task: the adopted one, else the starter."""
        return self.find(self.adopted(task) or STARTER, task)

    # Taking in and giving out

    def add(self, folder: str | Path) -> Model:
        """Copy a model, a folder or a model file, into the registry.

        An id that is taken gets ``-2``, ``-3`` and so on. ModelError where it is no model, or its weights are damaged
        or not those of the network that its card describes.
        """
        folder = Path(folder)
        if folder.is_file() and folder.suffix == SUFFIX:
            with unpacked(folder) as model:
                return self._add(model)
        return self._add(load_model(folder))

    def export(self, name: str | Path, task: str, path: str | Path) -> Path:
        """Write a model to one file that `add` takes in elsewhere."""
        return export_model(self.find(name, task), path)

    # Adopting

    def adopt(self, model_id: str) -> None:
        """Use a model for its task from now on; ModelError where there is none of this id."""
        model = self._by_id(model_id)
        if model is None:
            raise ModelError(f"There is no model {model_id}; choose one of {self._known()}.")
        self._adoptions.adopt(model.card.task, model.card.id)

    def rollback(self, task: str) -> str:
        """Take back the last adoption and return the id in use then, ``"starter"`` when none is left."""
        return self._adoptions.rollback(task) or STARTER

    def adopted(self, task: str) -> str | None:
        """Return the id of the adopted model of a task; None while the starter is in use."""
        return self._adoptions.adopted(task)

    def in_use(self) -> dict[str, str | None]:
        """Return by task the id of the model in use; None where there is none.

        That is the adopted one. Without, it is the starter for what finds or names cells, and for colours none.
        """
        return {task: self.adopted(task) or self._starter_in_use(task) for task in get_args(Task)}

    def _starter_in_use(self, task: str) -> str | None:
        file = self._starters / task / CARD
        return read_card(file).id if task in ("detector", "mitosis") and file.is_file() else None

    def history(self, task: str | None = None) -> tuple[Decision, ...]:
        """Return who adopted and rolled back what, oldest first."""
        return tuple(self._adoptions.history(task))

    # Inside

    def _folders(self, task: str | None) -> Iterator[Path]:
        for name in get_args(Task) if task is None else (task,):
            yield from self._shipped(name)
            if (self.root / name).is_dir():
                folders = (folder for folder in (self.root / name).iterdir() if (folder / CARD).is_file())
                yield from sorted(folder for folder in folders if not folder.name.startswith("."))

    def _starter(self, task: str) -> Model:
        folder = self._starters / task
        if not (folder / CARD).is_file():
            raise ModelError(f"This version ships with no {task} model; choose one of {self._known(task)}.")
        return load_model(folder)

    def _by_id(self, name: str) -> Model | None:
        if not _ID.fullmatch(name):
            return None
        for task in get_args(Task):
            if (self.root / task / name / CARD).is_file():
                return load_model(self.root / task / name)
        for task in get_args(Task):
            for folder in self._shipped(task):
                if read_card(folder / CARD).id == name:
                    return load_model(folder)
        return None

    def _shipped(self, task: str) -> Iterator[Path]:
        """Yield the folders of the models of a task that ship, the starter's first."""
        folders = (self._starters / task, *sorted(self._starters.glob(f"{task}-*")))
        yield from (folder for folder in folders if (folder / CARD).is_file())

    def _by_path(self, path: Path) -> Model:
        if not path.exists():
            raise ModelError(f"There is no model '{path}'; give a folder, or one of {self._known()}.")
        if not path.is_file() or path.suffix != SUFFIX:
            return load_model(path)
        with unpacked(path) as model:
            known = (card for card in self.list(model.card.task) if card.sha256 == model.card.sha256)
            same = next(known, None)
            return self._add(model) if same is None else self._by_id(same.id) or self._add(model)

    def _add(self, model: Model) -> Model:
        card = model.card
        if not _ID.fullmatch(card.id):
            raise ModelError(
                f"The model's id '{card.id}' cannot name a folder; give it an id of letters, digits, dots and dashes."
            )
        taken = {known.id for known in self.list()}
        number, free = 1, card.id
        while free in taken or (self.root / card.task / free).exists():
            number += 1
            free = f"{card.id}-{number}"
        return copy_model(model, self.root / card.task / free, card.model_copy(update={"id": free}))

    def _known(self, *tasks: str) -> str:
        return (
            ", ".join(card.id for task in tasks or (None,) for card in self.list(task))
            or "none so far (train or import one)"
        )
