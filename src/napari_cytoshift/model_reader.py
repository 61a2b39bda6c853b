"""Taking in models through napari: a model file dropped on the window, or chosen under *File > Open*."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cytoshift.errors import CytoshiftError
from cytoshift.models.exchange import SUFFIX
from napari_cytoshift import notices
from napari_cytoshift.background import wait_for
from napari_cytoshift.reader import NO_LAYERS, Layers
from napari_cytoshift.workspace import Workspace

if TYPE_CHECKING:
    from cytoshift.models import Registry
    from cytoshift.models.card import Card

PLACES = {"detector": "Find", "mitosis": "Find", "stain": "Compare", "translation": "Compare"}
"""Where a model of each task is chosen."""


def get_reader(path: str | Sequence[str]) -> Callable[[str | Sequence[str]], Layers] | None:
    """Return the function that takes in model files, or None where a path is none."""
    paths = [path] if isinstance(path, str) else list(path)
    return read if paths and all(Path(one).suffix == SUFFIX for one in paths) else None


def read(path: str | Sequence[str]) -> Layers:
    """Take in one model file or several, in a thread, and say where each is chosen, or why it is refused."""
    from napari import current_viewer

    viewer = current_viewer()
    if viewer is None:
        return NO_LAYERS
    workspace = Workspace.of(viewer)
    for one in [path] if isinstance(path, str) else path:
        try:
            card = _added(workspace.registry, one)
        except CytoshiftError as error:
            notices.complain(error)
        else:
            workspace.models_changed.emit()
            notices.inform(f"{card.title} was imported as {card.id}; choose it in {PLACES[card.task]}.")
    return NO_LAYERS


def _added(registry: Registry, path: str) -> Card:
    return wait_for(f"Importing {Path(path).name}", lambda work: registry.add(path)).card
