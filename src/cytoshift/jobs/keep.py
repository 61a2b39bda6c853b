"""Putting the model that a job made into the registry."""

from __future__ import annotations

import shutil
from pathlib import Path

from torch import Tensor

from cytoshift.models import Card, Model, Registry, save_model


def keep_model(registry: Registry, card: Card, state: dict[str, Tensor], folder: Path) -> Model:
    """Put a model into the registry, once: a run killed right after this finds it there.

    Parameters
    ----------
    registry : Registry
    card : Card
    state : dict of Tensor
    folder : Path
        Where it may lie meanwhile.
    """
    shutil.rmtree(folder, ignore_errors=True)
    model = save_model(folder, card, state)
    for known in registry.list(card.task):
        if known.id == card.id and known.sha256 == model.card.sha256:
            return registry.find(known.id, card.task)
    kept = registry.add(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return kept
