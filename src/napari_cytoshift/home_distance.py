"""How far the active slide, and the view of it, are from what the detector in use was taught on.

One for each viewer, for every dock that shows it: whole slides are measured once, a view when it has rested, never
two at a time, and nothing while nobody looks.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, ClassVar

from psygnal import Signal
from qtpy.compat import isalive
from qtpy.QtCore import QTimer

from cytoshift.errors import Cancelled, CytoshiftError
from napari_cytoshift import notices
from napari_cytoshift.background import Work
from napari_cytoshift.comparison import Comparison
from napari_cytoshift.home_measure import Detector, Distances, Known, Measured, Wanted, hindrance, measure
from napari_cytoshift.workspace import Workspace

if TYPE_CHECKING:
    from napari import Viewer
    from qtpy.QtWidgets import QWidget

RESTED_MS = 500


class HomeDistance:
    """The distances of one viewer. Get it with `HomeDistance.of`.

    Attributes
    ----------
    changed : Signal()
        `distances` or `words` are others.
    distances : Distances or None
        What is known of the active slide; None while nothing is.
    words : str
        Why nothing is known and what to do, in one sentence.
    by_look : bool
        Whether by what the detector's network makes of the tissue, and not by its colours.
    """

    changed = Signal()

    _of: ClassVar[weakref.WeakKeyDictionary[Viewer, HomeDistance]] = weakref.WeakKeyDictionary()

    def __init__(self, viewer: Viewer) -> None:
        self.workspace = Workspace.of(viewer)
        self.comparison = Comparison.of(viewer)
        self.distances: Distances | None = None
        self.words = ""
        self.by_look = False  # at first, whatever was chosen before: colours are measured without loading torch
        self._known: Known = {}
        self._detector: Detector | None = None
        self._shown: weakref.WeakSet[QWidget] = weakref.WeakSet()
        self._work: Work | None = None
        self._again = False
        self._identity = ""
        self._rest = QTimer()
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._measure)
        for signal in (
            self.workspace.active_changed,
            self.workspace.calibrated,
            self.workspace.models_changed,
            self.comparison.changed,
        ):
            signal.connect(self._on_changed)
        camera = viewer.scene.camera.events
        for event in (camera.zoom, camera.center):
            event.connect(self._on_changed)

    @classmethod
    def of(cls, viewer: Viewer) -> HomeDistance:
        """Return the distances of a viewer, the same object every time."""
        viewer = getattr(viewer, "__wrapped__", viewer)
        if viewer not in cls._of:
            cls._of[viewer] = cls(viewer)
        return cls._of[viewer]

    def show_on(self, widget: QWidget) -> None:
        """Measure whenever this widget is visible; call it again when it has become so."""
        self._shown.add(widget)
        self._on_changed()

    def set_by_look(self, on: bool) -> None:
        """Measure by what the detector's network makes of the tissue, or by colours."""
        if on != self.by_look:
            self.by_look = on
            self._rest.start(0)

    def _on_changed(self, *_: object) -> None:
        slide = self.workspace.active
        identity = "" if slide is None else slide.info.identity
        if identity != self._identity:
            self._identity = identity
            self._say(None, "")
        self._rest.start(RESTED_MS)

    def _measure(self) -> None:
        """Measure what has come to rest; while something is being measured, later."""
        slide = self.workspace.active
        self._again = self._work is not None
        if slide is None or self._again or not self._watched():
            return
        words = hindrance(slide)
        if words:
            self._say(None, words)
            return
        sight = self.comparison.sight
        wanted = Wanted(
            slide,
            self.workspace.view_box(slide),
            None if sight is None else sight.slide,
            self.workspace.registry,
            self.by_look,
            dict(self._known),
            self._detector,
        )
        self._work = self.workspace.start(
            "Measuring how far from home",
            lambda work: measure(wanted, work),
            done=self._on_measured,
            failed=self._on_failed,
            in_activity=False,
        )

    def _on_measured(self, measured: Measured) -> None:
        self._known, self._detector = measured.known, measured.detector
        slide, active, found = measured.slide, self.workspace.active, measured.found
        if active is not None and (active.key, active.mpp) == (slide.key, slide.mpp):
            self._say(*((None, found) if isinstance(found, str) else (found, "")))
        self._go_on()

    def _on_failed(self, error: BaseException) -> None:
        if isinstance(error, CytoshiftError) and not isinstance(error, Cancelled):
            self._say(None, str(error))
        else:
            notices.complain(error)
        self._go_on()

    def _go_on(self) -> None:
        self._work = None
        if self._again:
            self._measure()

    def _watched(self) -> bool:
        return any(isalive(widget) and widget.isVisible() for widget in self._shown)  # type: ignore[no-untyped-call]

    def _say(self, distances: Distances | None, words: str) -> None:
        if (distances, words) != (self.distances, self.words):
            self.distances, self.words = distances, words
            self.changed.emit()
