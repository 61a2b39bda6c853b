"""Which field of a translator's statistics is laid over the slide; it follows the tables as they arrive."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QTimer

from cytoshift.engine.progress import CancelToken
from cytoshift.slides.slide import Slide
from napari_cytoshift.comparison import Comparison
from napari_cytoshift.layers.statistics_layer import FieldValues, draw_field, hide_field
from napari_cytoshift.view import Box
from napari_cytoshift.workspace import Workspace

if TYPE_CHECKING:
    from napari import Viewer

Moment = Literal["mean", "spread"]

AGAIN_MS = 700
"""So often it is looked for new tables while the view is not true yet."""

RESTED_MS = 200
MOST = 4096
"""Tiles of which a field is shown at most; further out the view must be closer."""


class Gathered(NamedTuple):
    """What is known of a field, and the generator's sites as channels."""

    field: FieldValues | None
    sites: int


class StatisticsField:
    """The field of one viewer. Get it with `StatisticsField.of`.

    Attributes
    ----------
    changed : Signal()
        Anything below is another.
    moment : {"", "mean", "spread"}
        What is shown; ``""`` for nothing.
    site : int
        Of which normalization of the generator, counted from 0.
    sites : int
        How many there are; 0 while nobody knows.
    words : str
        What the colours mean, in one line.
    """

    changed = Signal()

    _of: ClassVar[weakref.WeakKeyDictionary[Viewer, StatisticsField]] = weakref.WeakKeyDictionary()

    def __init__(self, viewer: Viewer) -> None:
        self.workspace = Workspace.of(viewer)
        self.comparison = Comparison.of(viewer)
        self.moment: Moment | Literal[""] = ""
        self.site = self.sites = 0
        self.words = ""
        self._asked: CancelToken | None = None
        self._soon = QTimer()
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._gather)
        for signal in (
            self.workspace.active_changed,
            self.workspace.calibrated,
            self.comparison.changed,
            self.comparison.approximate_changed,
        ):
            signal.connect(self._on_changed)
        camera = viewer.scene.camera.events
        for event in (camera.zoom, camera.center):
            event.connect(self._on_changed)

    @classmethod
    def of(cls, viewer: Viewer) -> StatisticsField:
        """Return the field of a viewer, the same object every time."""
        viewer = getattr(viewer, "__wrapped__", viewer)
        if viewer not in cls._of:
            cls._of[viewer] = cls(viewer)
        return cls._of[viewer]

    @property
    def operator(self) -> Any:
        """The translator whose statistics can be shown; None while nothing seen has any."""
        for sight in (self.comparison.sight, self.comparison.beside):
            if sight is not None and hasattr(sight.fitted, "known_field"):
                return sight.fitted
        return None

    def show(self, moment: Moment | Literal[""], site: int | None = None) -> None:
        """Show the mean or the spread of a site; ``""`` for nothing."""
        self.moment = moment
        self.site = self.site if site is None else site
        self._on_changed()

    def _on_changed(self, *_: object) -> None:
        viewer, slide = self.workspace.viewer, self.workspace.active
        if self._asked is not None:
            self._asked.cancel()
            self._asked = None
        if not self.moment or slide is None or self.operator is None:
            self._soon.stop()
            if viewer is not None:
                hide_field(viewer)
            self._say("")
        else:
            self._soon.start(RESTED_MS)

    def _gather(self) -> None:
        slide, operator = self.workspace.active, self.operator
        box = None if slide is None else self.workspace.view_box(slide)
        if slide is None or operator is None or box is None or not self.moment:
            return
        moment, site = self.moment, self.site
        work = self.workspace.start(
            "Gathering statistics",
            lambda work: gather(slide, operator, box, moment, site, work.cancel),
            done=lambda found: self._show(slide, found, work.cancel),
            in_activity=False,
        )
        self._asked = work.cancel

    def _show(self, slide: Slide, found: Gathered, asked: CancelToken) -> None:
        viewer = self.workspace.viewer
        if asked is not self._asked or viewer is None:
            return
        self._asked = None
        self.sites = found.sites or self.sites
        limits = None if found.field is None else found.field.limits
        if found.field is None:
            hide_field(viewer)
            self._say("Zoom in: the field is shown of the tiles in view.")
        elif limits is None:
            hide_field(viewer)
            self._say("No statistics here yet: they come with the tiles.")
        else:
            draw_field(viewer, slide, found.field)
            known = np.isfinite(found.field.values)
            self._say(f"Dark {limits[0]:.3g} to bright {limits[1]:.3g}; {known.sum()} of {known.size} tiles in view.")
        if self.comparison.approximate:
            self._soon.start(AGAIN_MS)

    def _say(self, words: str) -> None:
        self.words = words
        self.changed.emit()


def gather(slide: Slide, operator: Any, box: Box, moment: Moment, site: int, cancel: CancelToken) -> Gathered:
    """Gather what is known of a field in a view; for a thread. Nothing is computed that is not there."""
    from cytoshift.engine import TileGrid, View

    view = View.of(slide, operator.needs)
    grid = TileGrid.of(view.level.height, view.level.width, operator.needs)
    tiles = grid.within(tuple(view.raster(box).tolist()))
    if not tiles or len(tiles) > MOST:
        return Gathered(None, 0)
    first, last = divmod(tiles[0].index, grid.columns), divmod(tiles[-1].index, grid.columns)
    values = np.full((last[0] - first[0] + 1, last[1] - first[1] + 1), np.nan, np.float32)
    sites = 0
    for tile in tiles:
        cancel.check()
        row, column = divmod(tile.index, grid.columns)
        known = operator.known_field(row, column)
        if known is not None:
            sites = len(known)
            mean, scale = known[min(site, sites - 1)]
            value = np.mean(mean) if moment == "mean" else np.mean(1 / scale)
            values[row - first[0], column - first[1]] = value
    x, y = view.level0((tiles[0].x, tiles[0].y)).tolist()
    step_y, step_x = (grid.tile * factor for factor in view.level.downsample_yx)
    return Gathered(FieldValues(values, (x, y), (step_y, step_x)), sites)
