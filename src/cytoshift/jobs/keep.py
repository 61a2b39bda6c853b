"""Writing the model that a job made, and putting it into the registry, where there is room for it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from cytoshift.models import Card, Model, Registry, save_model
from cytoshift.room import check_room


def write_model(card: Card, state: Mapping[str, Tensor], folder: Path) -> Model:
    """Write a model in the place of what a killed run may have written there; DiskFull as `keep_model`."""
    shutil.rmtree(folder, ignore_errors=True)
    check_room(folder, size_of(state), "the model")
    return save_model(folder, card, dict(state))


def size_of(state: Mapping[str, Tensor]) -> int:
    """Return how many bytes weights take."""
    return sum(tensor.nbytes for tensor in state.values())


def keep_model(registry: Registry, card: Card, state: dict[str, Tensor], folder: Path) -> Model:
    """Put a model into the registry, once: a run killed right after this finds it there.

    DiskFull where there is too little room for it.

    Parameters
    ----------
    registry : Registry
    card : Card
    state : dict of Tensor
    folder : Path
        Where it may lie meanwhile.
    """
    check_room(registry.root, size_of(state), "the model")
    model = write_model(card, state, folder)
    for known in registry.list(card.task):
        if known.id == card.id and known.sha256 == model.card.sha256:
            return registry.find(known.id, card.task)
    kept = registry.add(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return kept
