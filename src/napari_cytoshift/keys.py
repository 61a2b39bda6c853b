"""Keys of the viewer that belong to no single dock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from napari import Viewer

from napari_cytoshift.auditing import Auditing
from napari_cytoshift.commands_look import (
    fainter_cells,
    fill_cells,
    fill_regions,
    name_cells,
    outline_cells,
    stronger_cells,
)
from napari_cytoshift.comparison import Comparison
from napari_cytoshift.counting import Counting
from napari_cytoshift.screening import Screening

FLIP_KEY = "Q"
LAYOUT_KEY = "Shift-Q"
CHANGES_KEY = "Shift-W"
COUNT_KEY = "Shift-M"
UNSEEN_KEY = "Shift-N"


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


def _next_unseen(viewer: Viewer) -> None:
    """Go to the next part of the slide that was not seen yet."""
    Screening.of(viewer).next_unseen()


class ViewerKey(NamedTuple):
    """A key of the viewer as napari writes it, what it does in words, and what is called."""

    key: str
    words: str
    action: Callable[[Viewer], Iterator[None] | None]


VIEWER_KEYS = (
    ViewerKey(FLIP_KEY, "Original, while held", _hold_original),
    ViewerKey(LAYOUT_KEY, "Next layout", _next_layout),
    ViewerKey(CHANGES_KEY, "Show what changed", _show_changes),
    ViewerKey(COUNT_KEY, "Frame that counts mitoses", _count_mitoses),
    ViewerKey(UNSEEN_KEY, "Next unseen field", _next_unseen),
    ViewerKey("F", "Fill cells", fill_cells),
    ViewerKey("Shift-F", "Fill complete regions", fill_regions),
    ViewerKey("Shift-O", "Outline cells", outline_cells),
    ViewerKey("N", "Name cells, outside Review", name_cells),
    ViewerKey("[", "Cells fainter", fainter_cells),
    ViewerKey("]", "Cells stronger", stronger_cells),
)


def bind_keys(viewer: Viewer) -> None:
    """Bind the keys to a viewer; binding again changes nothing."""
    for one in VIEWER_KEYS:
        viewer.bind_key(one.key, one.action, overwrite=True)
