"""Keys of the viewer that belong to no single dock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from napari_cytoshift.auditing import Auditing
from napari_cytoshift.comparison import Comparison
from napari_cytoshift.counting import Counting

if TYPE_CHECKING:
    from napari import Viewer

FLIP_KEY = "Q"
LAYOUT_KEY = "Shift-Q"
CHANGES_KEY = "Shift-W"
COUNT_KEY = "Shift-M"


def bind_keys(viewer: Viewer) -> None:
    """Bind the keys to a viewer; binding again changes nothing."""
    viewer.bind_key(FLIP_KEY, _hold_original, overwrite=True)
    viewer.bind_key(LAYOUT_KEY, _next_layout, overwrite=True)
    viewer.bind_key(CHANGES_KEY, _show_changes, overwrite=True)
    viewer.bind_key(COUNT_KEY, _count_mitoses, overwrite=True)


def _hold_original(viewer: Viewer) -> Iterator[None]:
    """Show the original for as long as the key is held."""
    comparison = Comparison.of(viewer)
    comparison.flip(True)
    yield
    comparison.flip(False)


def _next_layout(viewer: Viewer) -> None:
    """Change to the next layout."""
    Comparison.of(viewer).next_layout()


def _show_changes(viewer: Viewer) -> None:
    """Show what a method changed, or stop showing it."""
    auditing = Auditing.of(viewer)
    auditing.show(not auditing.on)


def _count_mitoses(viewer: Viewer) -> None:
    """Show the counting frame, or take it away."""
    counting = Counting.of(viewer)
    counting.show(not counting.on)
