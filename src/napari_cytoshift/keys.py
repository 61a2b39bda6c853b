"""Keys of the viewer that belong to no single dock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from napari_cytoshift.comparison import Comparison

if TYPE_CHECKING:
    from napari import Viewer

FLIP_KEY = "Q"


def bind_keys(viewer: Viewer) -> None:
    """Bind the keys to a viewer; binding again changes nothing."""
    viewer.bind_key(FLIP_KEY, _hold_original, overwrite=True)


def _hold_original(viewer: Viewer) -> Iterator[None]:
    """Show the original for as long as the key is held."""
    comparison = Comparison.of(viewer)
    comparison.flip(True)
    yield
    comparison.flip(False)
