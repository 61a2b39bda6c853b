"""Counting mitoses in a frame on the slide: where it stands, how large it is, and what is in it."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from psygnal import Signal
from qtpy.QtCore import QTimer

from cytoshift.errors import CytoshiftError
from cytoshift.mitosis.classes import finds_mitoses
from cytoshift.mitosis.counting import Figures, Window, count, place, searched
from cytoshift.mitosis.hotspot import densest
from cytoshift.mitosis.report import Counted
from napari_cytoshift import notices
from napari_cytoshift.layers.counting_frame import CountingFrame, Point
from napari_cytoshift.view import Box
from napari_cytoshift.workspace import Workspace

if TYPE_CHECKING:
    from napari import Viewer

    from cytoshift.slides.slide import Slide
    from cytoshift.study import Cells, Study
    from napari_cytoshift.background import Work
    from napari_cytoshift.layers.findings_filter import CellFilter

RESTED_MS = 80
"""Thresholds rest this long before mitoses are looked up again."""

AIR = 0.08
"""What is shown around the frame, as a share of its sides."""

NOTHING = "There are no mitoses here to count: find some first."
UNKNOWN = "Nobody knows how large a pixel of this slide is; set its µm/px in the Slide dock, then count."


@dataclass(frozen=True, slots=True)
class Ready:
    """What can be counted on a slide: figures, where they come from, what was searched, and the densest spot."""

    wish: int
    slide: Slide
    figures: Figures
    extent: Box
    spot: Box
    counted: Counted


class Counting:
    """The counting frame of one viewer. Get it with `Counting.of`.

    Attributes
    ----------
    changed : Signal()
        Another count, another window, or the frame was shown or taken away.
    said : Signal(str)
        Why nothing can be counted.
    on : bool
        Whether a person wants the frame.
    window : Window
        Its size.
    counted : Counted or None
        What is in the frame; None while there is none.
    """

    changed = Signal()
    said = Signal(str)

    _of: ClassVar[weakref.WeakKeyDictionary[Viewer, Counting]] = weakref.WeakKeyDictionary()

    def __init__(self, viewer: Viewer) -> None:
        self.workspace = Workspace.of(viewer)
        self.cells = self.workspace.cells
        self.on = False
        self.counted: Counted | None = None
        self.window = _remembered(self.workspace.state.get("counting", {}))
        self._frame = CountingFrame(viewer, self.move, lambda: self.show(False))
        self._ready: Ready | None = None
        self._by_hand: dict[str, Point] = {}
        self._wish = 0
        self._rest = QTimer()
        self._rest.setSingleShot(True)
        self._rest.setInterval(RESTED_MS)
        self._rest.timeout.connect(self._look_up)
        for signal in (self.cells.changed, self.cells.filtered, self.workspace.calibrated):
            signal.connect(self._on_cells)

    @classmethod
    def of(cls, viewer: Viewer) -> Counting:
        """Return the counting of a viewer, the same object every time."""
        viewer = getattr(viewer, "__wrapped__", viewer)
        if viewer not in cls._of:
            cls._of[viewer] = cls(viewer)
        return cls._of[viewer]

    @property
    def possible(self) -> bool:
        """Whether the cells that are shown have mitoses among them, of a search that is done."""
        cells = self.cells
        return bool(len(cells.cells)) and not cells.previewing and finds_mitoses(cells.cells.classes)

    @property
    def busy(self) -> bool:
        """Whether mitoses are being looked up, or about to be."""
        return self._rest.isActive() or (self.on and self.possible and self._ready is None)

    # What a person does

    def show(self, on: bool) -> None:
        """Show the frame on the densest spot, or where it was left on this slide; or take it away."""
        slide = self.cells.slide
        if on and not self.possible:
            self.said.emit(NOTHING)
        elif on and slide is not None and slide.mpp is None:
            self.said.emit(UNKNOWN)
        elif on != self.on:
            self.on = on
            self._ready, self.counted = None, None
            if on:
                self._look_up()
            self._draw()
        self.changed.emit()

    def to_densest(self) -> None:
        """Bring the frame back to the densest spot, and into view."""
        if not self.on:
            self.show(True)
            return
        self._by_hand.pop(self.cells.identity, None)
        self._count()
        self._bring_into_view()

    def move(self, middle: Point) -> None:
        """Put the middle of the frame at a level-0 point x, y, as near as what was searched allows."""
        if self._ready is not None:
            self._by_hand[self.cells.identity] = middle
            self._count()

    def set_window(self, window: Window, *, by_fields: bool) -> None:
        """Take a window of another size; ``by_fields`` is how it is to be asked for next time."""
        self.window = window
        kept = {"field_number": window.field_number, "objective": window.objective, "by_fields": by_fields}
        self.workspace.state.set("counting", {"area_mm2": window.area_mm2, **kept})
        if self.on:
            self._look_up()
        self.changed.emit()

    @property
    def by_fields(self) -> bool:
        """Whether the window was asked for as a number of fields."""
        return bool(self.workspace.state.get("counting", {}).get("by_fields"))

    # Looking up and counting

    def _on_cells(self, *_: object) -> None:
        if self.on and self.possible:
            if self._ready is not None and self._ready.slide.info.identity != self.cells.identity:
                self._ready, self.counted = None, None
                self._draw()
            self._rest.start()
        elif self.on:
            self._wish += 1
            self._ready, self.counted = None, None
            self._draw()
        self.changed.emit()

    def _look_up(self) -> None:
        """Sort the mitoses that are shown and find the densest spot, in a thread; the newest wish wins."""
        self._wish += 1
        slide, shown, wish = self.cells.slide, self.cells, self._wish
        if slide is None or slide.mpp is None or not self.possible:
            return
        cells, filtered, run, study, window = shown.cells, shown.filter, shown.run, self.workspace.study, self.window

        def look(work: Work) -> Ready:
            return _made_ready(wish, slide, cells, filtered, study, run, window)

        self.workspace.start("Counting mitoses", look, done=self._take, failed=self._on_failed, in_activity=False)

    def _take(self, ready: Ready) -> None:
        if ready.wish != self._wish or not self.on:
            return
        first, self._ready = self._ready is None, ready
        self._count()
        if first:
            self._bring_into_view()

    def _on_failed(self, error: BaseException) -> None:
        self.show(False)
        if isinstance(error, CytoshiftError):
            self.said.emit(str(error))
        else:
            notices.complain(error)

    def _count(self) -> None:
        ready = self._ready
        if ready is None:
            return
        frame, middle = ready.slide.frame, self._by_hand.get(ready.slide.info.identity)
        box = ready.spot if middle is None else place(self.window.size(frame), ready.extent, middle)
        said = count(ready.figures, self.window, box, frame)
        self.counted = replace(ready.counted, count=said, densest=middle is None)
        self._draw()
        self.changed.emit()

    def _draw(self) -> None:
        if self.counted is not None and self._ready is not None:
            self._frame.draw(self._ready.slide, self.counted.count.box)
        else:
            self._frame.hide()

    def _bring_into_view(self) -> None:
        """Look at the frame where not all of it is in view."""
        slide, counted = self.cells.slide, self.counted
        view = None if slide is None else self.workspace.view_box(slide)
        if slide is None or counted is None or view is None:
            return
        x0, y0, x1, y1 = counted.count.box
        if view[0] > x0 or view[1] > y0 or view[2] < x1 or view[3] < y1:
            air_x, air_y = AIR * (x1 - x0), AIR * (y1 - y0)
            self.workspace.look_at(slide, (x0 - air_x, y0 - air_y, x1 + air_x, y1 + air_y))


def _made_ready(
    wish: int, slide: Slide, cells: Cells, filtered: CellFilter, study: Study, run: str, window: Window
) -> Ready:
    """Sort the mitoses among cells and find the densest spot; takes a moment."""
    from cytoshift.study.mitoses import figures_of_cells

    figures = figures_of_cells(cells.select(filtered.passing(cells)))
    found = study.findings(run) if run else None
    extent = searched(slide, None if found is None else found.provenance.region)
    spot = densest(figures, window.size(slide.frame), extent)
    limits = {} if found is None else {name: filtered.thresholds.of(name) for name in found.classes}
    model = "hand" if found is None else found.provenance.model
    said = count(figures, window, spot, slide.frame)
    return Ready(wish, slide, figures, extent, spot, Counted(said, slide.name, slide.frame, True, model, limits))


def _remembered(kept: dict[str, float]) -> Window:
    """Return the window that was used last; the usual one where nothing is remembered, or nothing of use."""
    try:
        return Window(kept["area_mm2"], field_number=kept["field_number"], objective=kept["objective"])
    except (KeyError, TypeError, CytoshiftError):
        return Window()
