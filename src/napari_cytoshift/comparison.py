"""A slide beside itself in other colours: which method, how it is laid out, and the layers that show it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from napari.layers import Image
from psygnal import Signal
from qtpy.QtCore import QTimer

from cytoshift.slides.slide import Slide
from napari_cytoshift import notices
from napari_cytoshift.background import Work
from napari_cytoshift.layers import panes, slide_layers
from napari_cytoshift.layers.refresher import Refresher
from napari_cytoshift.layers.sharpening import Sharpener
from napari_cytoshift.sights import Sight, look_through
from napari_cytoshift.workspace import Workspace

if TYPE_CHECKING:
    from napari import Viewer


PANE_FONT = 9.0
PANE_GAP = 4.0
"""Screen pixels between the panes of a side-by-side view."""


class Comparison:
    """The comparison of one viewer. Get it with `Comparison.of`.

    Attributes
    ----------
    changed : Signal()
        What is seen, or the layout, has changed.
    approximate_changed : Signal(bool)
        Whether the view holds tiles that are not true yet.
    """

    changed = Signal()
    approximate_changed = Signal(bool)

    _of: ClassVar[weakref.WeakKeyDictionary[Viewer, Comparison]] = weakref.WeakKeyDictionary()

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.side_by_side = workspace.state.get("side_by_side", True)
        self._sights: dict[str, Sight] = {}
        self._refreshers: dict[str, Refresher] = {}
        self._work: Work | None = None
        self._laid_out = False
        self._settle = QTimer()
        self._settle.setSingleShot(True)
        self._settle.timeout.connect(self._on_active)
        viewer = workspace.viewer
        if viewer is not None:
            viewer.layers.events.removed.connect(self._on_removed)
            viewer.layers.events.inserted.connect(self._on_inserted)
        workspace.active_changed.connect(self._on_active)
        workspace.calibrated.connect(self._on_calibrated)

    @classmethod
    def of(cls, viewer: Viewer) -> Comparison:
        """Return the comparison of a viewer, the same one every time."""
        viewer = getattr(viewer, "__wrapped__", viewer)
        if viewer not in cls._of:
            cls._of[viewer] = cls(Workspace.of(viewer))
        return cls._of[viewer]

    @property
    def sight(self) -> Sight | None:
        """What the active slide is seen through; None for the original."""
        slide = self.workspace.active
        return None if slide is None else self._sights.get(slide.info.identity)

    @property
    def approximate(self) -> bool:
        """Whether the view holds tiles that are not true yet."""
        slide = self.workspace.active
        refresher = None if slide is None else self._refreshers.get(slide.info.identity)
        return refresher is not None and refresher.approximate

    def see(
        self, method: str, reference: str = "", *, failed: Callable[[BaseException], None] = notices.complain
    ) -> Work | None:
        """Show the active slide through a stain method; the fit is made in a thread.

        Parameters
        ----------
        method : str
            One of `cytoshift.stain.METHODS`.
        reference : str
            Path of a reference image; ``""`` for the one built in.
        failed : callable, optional
            Gets the error where the slide cannot be seen so; a notification without.
        """
        slide = self.workspace.active
        if slide is None:
            return None
        if self._work is not None:
            self._work.cancel.cancel()
        work = self.workspace.start(
            f"Fitting {method} to {slide.name}",
            lambda work: look_through(slide, method, reference, work),
            done=lambda sight: self._show(slide, sight, work),
            failed=failed,
        )
        self._work = work
        return work

    def see_original(self) -> None:
        """Show the active slide as it is."""
        slide = self.workspace.active
        if self._work is not None:
            self._work.cancel.cancel()
        if slide is not None:
            self._remove(slide)
        self._lay_out()
        self.changed.emit()

    def set_side_by_side(self, on: bool) -> None:
        """Lay the two out side by side, or one over the other."""
        self.side_by_side = on
        self.workspace.state.set("side_by_side", on)
        self._lay_out()
        self.changed.emit()

    def flip(self, to_original: bool) -> None:
        """Show the original in place of the derived slide, or the derived slide again."""
        layer = self._layer()
        if layer is not None:
            layer.opacity = 0.0 if to_original else 1.0

    @property
    def used_for_finding(self) -> bool:
        """Whether models look at slides as the active slide is seen."""
        sight, used = self.sight, self.workspace.through
        return sight is not None and used is not None and used.key == sight.operator.key

    def toggle_through(self) -> None:
        """Let models look at slides as the active slide is seen, or at the original again."""
        sight = None if self.used_for_finding else self.sight
        self.workspace.see_through(None if sight is None else sight.operator)

    # The layers

    def _layer(self) -> Image | None:
        slide = self.workspace.active
        return None if slide is None else self.workspace.layer(slide, "derived")

    def _show(self, slide: Slide, sight: Sight, work: Work) -> None:
        viewer, original = self.workspace.viewer, self.workspace.layer(slide)
        if viewer is None or original is None or work is not self._work:
            return
        self._work = None
        self._remove(slide)
        sharpener = Sharpener(sight.slide, slide)
        options = slide_layers.layer_options(sight.slide, "derived")
        slide_layers.remember(sight.slide)
        layer = Image(sharpener.levels(), **{**options, "name": f"{sight.operator.title} · {slide.name}"})
        viewer.layers.insert(viewer.layers.index(original) + 1, layer)
        layer.visible = original.visible
        refresher = Refresher(layer, sharpener)
        refresher.approximate_changed.connect(self._on_approximate)
        self._sights[slide.info.identity] = sight
        self._refreshers[slide.info.identity] = refresher
        viewer.layers.selection.active = original
        self._lay_out()
        self.changed.emit()

    def _remove(self, slide: Slide) -> None:
        viewer, layer = self.workspace.viewer, self.workspace.layer(slide, "derived")
        if viewer is not None and layer is not None:
            viewer.layers.remove(layer)

    def _on_removed(self, event: Any) -> None:
        if slide_layers.role_of(event.value) != "derived":
            return
        identity = slide_layers.identity_of(event.value)
        self._sights.pop(identity, None)
        refresher = self._refreshers.pop(identity, None)
        if refresher is not None:
            refresher.stop()
        self._settle.start()

    def _on_inserted(self, event: Any) -> None:
        if self._laid_out and slide_layers.role_of(event.value) != "derived":
            self._settle.start()

    def _on_active(self, *_: object) -> None:
        self._lay_out()
        self.changed.emit()

    def _on_approximate(self, approximate: bool) -> None:
        self.approximate_changed.emit(approximate)

    def _on_calibrated(self, slide: Slide) -> None:
        layer, sight = self.workspace.layer(slide, "derived"), self._sights.get(slide.info.identity)
        if layer is not None and sight is not None and slide.info.mpp_yx is not None:
            slide_layers.calibrate(layer, sight.slide.calibrated(slide.info.mpp_yx, slide.info.objective))

    def _lay_out(self) -> None:
        viewer, slide = self.workspace.viewer, self.workspace.active
        if viewer is None:
            return
        original = None if slide is None else self.workspace.layer(slide)
        derived, grid = self._layer(), viewer.canvas.grid
        beside = self.side_by_side and original is not None and derived is not None
        for layer in (original, derived):
            if layer is not None:
                layer.name_overlay.visible = beside
                layer.name_overlay.font_size = PANE_FONT
                layer.name_overlay.box = True
        if original is not None and derived is not None and beside:
            order, grid.stride = panes.side_by_side(viewer.layers, original, derived)
            panes.arrange(viewer, order)
            grid.shape, grid.spacing = (1, 2), PANE_GAP
        elif grid.enabled and self._laid_out:
            panes.arrange(viewer, panes.stacked(viewer.layers))
            grid.stride = 1
        if beside or self._laid_out:  # a grid that somebody else switched on is left alone
            grid.enabled = beside
        self._laid_out = beside
