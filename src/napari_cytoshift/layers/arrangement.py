"""How original and derived layers are laid out: in panes side by side, with a line to swipe, or one over the other."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

from qtpy.compat import isalive

from napari_cytoshift.layers import panes
from napari_cytoshift.layers.swipe import Swipe

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Image

    from napari_cytoshift.workspace import Workspace

Layout = Literal["side", "swipe", "over"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

PANE_FONT = 9.0
PANE_GAP = 4.0
"""Screen pixels between the panes of a side-by-side view."""


class Arrangement:
    """The layout of one viewer.

    Parameters
    ----------
    workspace : Workspace

    Attributes
    ----------
    side : bool
        Whether layers are in panes now.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.side = False
        self._swipe: weakref.ref[Swipe] | None = None  # the canvas owns it

    @property
    def swipe(self) -> Swipe | None:
        """The line that is swiped; None before it was first shown, and after the window is gone."""
        swipe = None if self._swipe is None else self._swipe()
        return swipe if swipe is not None and isalive(swipe) else None  # type: ignore[no-untyped-call]

    def lay_out(self, original: Image | None, seen: Sequence[Image], layout: Layout) -> None:
        """Lay layers out.

        Parameters
        ----------
        original : Image or None
            The layer of the active slide.
        seen : sequence of Image
            What it is seen as, the second method last; a second one is shown side by side only.
        layout : {"side", "swipe", "over"}
        """
        viewer = self._workspace.viewer
        if viewer is None:
            return
        side = layout == "side" and original is not None and bool(seen)
        for second in seen[1:]:
            second.visible = side and seen[0].visible
        for layer in (original, *seen):
            if layer is not None:
                layer.name_overlay.visible = side
                layer.name_overlay.font_size = PANE_FONT
                layer.name_overlay.box = True
        if side and original is not None:
            self._in_panes(viewer, original, seen)
        else:
            self._stack(viewer)
        self._lay_line(viewer, seen[0] if seen and layout == "swipe" else None)
        self.side = side

    def _in_panes(self, viewer: Viewer, original: Image, seen: Sequence[Image]) -> None:
        grid = viewer.canvas.grid
        if len(seen) == 1:
            order, grid.stride = panes.side_by_side(viewer.layers, original, seen[0])
        else:
            order, grid.stride = panes.three_abreast(viewer.layers, [original, *seen])
        panes.arrange(viewer, order)
        grid.shape, grid.spacing = (1, 1 + len(seen)), PANE_GAP
        grid.enabled = True

    def _stack(self, viewer: Viewer) -> None:
        if self.side:  # a grid that somebody else switched on is left alone
            panes.arrange(viewer, panes.stacked(viewer.layers))
            viewer.canvas.grid.stride = 1
            viewer.canvas.grid.enabled = False

    def _lay_line(self, viewer: Viewer, layer: Image | None) -> None:
        swipe = self.swipe
        if layer is None:
            if swipe is not None:
                swipe.hide()
            return
        if swipe is None:
            state = self._workspace.state
            swipe = Swipe(viewer, state.get("swipe", 0.5))
            swipe.settled.connect(lambda share: state.set("swipe", share))
            self._swipe = weakref.ref(swipe)
        swipe.show(layer)
