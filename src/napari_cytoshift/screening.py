"""Screening a slide: what was looked at is recorded from the camera, and the next unseen field is one key away.

The Qt thread only notes which view has rested; marking it, storing it and looking for what is left is done in a thread.
"""

from __future__ import annotations

import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from psygnal import Signal
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QGuiApplication

from cytoshift.errors import CytoshiftError, StudyError
from cytoshift.study.coverage import SCREENED, Coverage
from cytoshift.study.screening import next_unseen
from napari_cytoshift import notices
from napari_cytoshift.coverage_kept import Glance, KeptCoverage
from napari_cytoshift.layers import slide_layers
from napari_cytoshift.view import nominal_magnification
from napari_cytoshift.workspace import Workspace

if TYPE_CHECKING:
    from napari import Viewer

    from cytoshift.slides.slide import Slide
    from napari_cytoshift.background import Work
    from napari_cytoshift.view import Box

DWELL_MS = 500
"""A view that rests this long was looked at; one that is passed on the way was not."""

STORE_MS = 3000
"""What was looked at is stored at most this often, and on leaving."""

POWERS = (5.0, 10.0, 20.0, 40.0)
"""Magnifications at which one may screen."""


class Screened(NamedTuple):
    """What is known of a slide.

    Parameters
    ----------
    identity : str
    at : float
        The magnification from which a field counts as screened.
    looks : ndarray of uint8, shape (rows, columns)
        How closely each field was looked at, by `Look`.
    reach : tuple of float
        How far the fields go across and down, in sides of the slide.
    share : float or None
        Of the tissue, that was seen at the magnification; None without tissue.
    kept : bool
        Whether the study keeps what is looked at.
    """

    identity: str
    at: float
    looks: npt.NDArray[np.uint8]
    reach: tuple[float, float]
    share: float | None
    kept: bool


class _Found(NamedTuple):
    """What a thread found: what is known, and, where that was asked, where to go or why there is nowhere to go."""

    screened: Screened
    to: Box | None = None
    why_not: str = ""


class Screening:
    """What is looked at in one viewer. Get it with `Screening.of`.

    Attributes
    ----------
    changed : Signal()
        More was looked at or stored, on another slide or by another reader, or one screens at another magnification.
    at : float
        The magnification at which slides are screened.
    known : Screened or None
        What is known of the active slide; None while it is being read.
    dwell, store_soon : QTimer
        Run while a view rests, until it counts as looked at, and until what was looked at is stored.
    """

    changed = Signal()

    _of: ClassVar[weakref.WeakKeyDictionary[Viewer, Screening]] = weakref.WeakKeyDictionary()

    def __init__(self, viewer: Viewer) -> None:
        self.workspace = Workspace.of(viewer)
        self.at = float(self.workspace.state.get("screen_at", SCREENED))
        self.known: Screened | None = None
        self._kept: KeptCoverage | None = None
        self._glances: list[Glance] = []
        self._go = False
        self._again = False
        self._work: Work | None = None
        self.dwell = _single_shot(DWELL_MS)
        self.dwell.timeout.connect(self._look)
        self.store_soon = _single_shot(STORE_MS)
        self.store_soon.timeout.connect(self._store)
        self._failed = False
        camera = viewer.scene.camera.events
        for event in (camera.zoom, camera.center, viewer.canvas.events.size):
            event.connect(self._on_view)
        for signal in (self.workspace.active_changed, self.workspace.calibrated, self.workspace.study_changed):
            signal.connect(self._on_other)
        _follow_windows(weakref.ref(self))
        self.workspace.before_leaving(self._store_now)
        self._on_other()

    @classmethod
    def of(cls, viewer: Viewer) -> Screening:
        """Return the screening of a viewer, the same object every time."""
        viewer = getattr(viewer, "__wrapped__", viewer)
        if viewer not in cls._of:
            cls._of[viewer] = cls(viewer)
        return cls._of[viewer]

    @property
    def idle(self) -> bool:
        """Whether nothing is being marked, stored or looked for, nor will be before the next view rests."""
        return self._work is None and not (self.dwell.isActive() or self.store_soon.isActive())

    # What a person does

    def next_unseen(self) -> None:
        """Go to the next part of the active slide with tissue that was not seen at the magnification."""
        if self.workspace.active is None:
            notices.inform("There is no slide to screen; open one in the Slide dock first.")
            return
        self._go = True
        self._take()

    def screen_at(self, power: float) -> None:
        """Choose the magnification at which slides are screened."""
        self.at = power
        self.workspace.state.set("screen_at", power)
        self._take()

    # What happens

    def _on_view(self, *_: object) -> None:
        if self.workspace.active is not None:
            self.dwell.start()

    def _on_other(self, *_: object) -> None:
        self.known = None
        self.changed.emit()
        self._on_view()

    def _look(self) -> None:
        """Note a view that has rested, where somebody can have looked at it."""
        slide, viewer = self.workspace.active, self.workspace.viewer
        if slide is None or viewer is None:
            return
        box = self.workspace.view_box(slide)
        if box is not None and self._attended(viewer, slide):
            power = nominal_magnification(viewer, slide)
            self._glances.append(Glance(self.workspace.study.reader, slide, box, power))
        self._take()

    def _attended(self, viewer: Viewer, slide: Slide) -> bool:
        """Whether a slide is shown in a window of a program that somebody works with."""
        if QGuiApplication.applicationState() != Qt.ApplicationState.ApplicationActive:
            return False
        window = viewer.window._qt_window  # napari has no public way to whether its window can be seen
        if window.isMinimized() or not window.isVisible():
            return False
        identity = slide.info.identity
        return any(layer.visible and slide_layers.identity_of(layer) == identity for layer in viewer.layers)

    def _take(self) -> None:
        """Let a thread take in what was noted; one after the other."""
        slide, viewer = self.workspace.active, self.workspace.viewer
        if slide is None or viewer is None:
            return
        if self._work is not None:
            self._again = True
            return
        study = self.workspace.study
        if self._kept is None or self._kept.study is not study:
            self._kept = KeptCoverage(study)
        kept, reader, at = self._kept, study.reader, self.at
        glances, go = self._glances, self._go
        self._glances, self._go, self._again = [], False, False
        if glances and not self.store_soon.isActive():
            self.store_soon.start()
        view, power = self.workspace.view_box(slide), nominal_magnification(viewer, slide)

        def take(work: Work) -> _Found:
            for glance in glances:
                kept.mark(glance)
            coverage = kept.of(reader, slide)
            screened = _screened(coverage, slide, at, not study.read_only)
            if not go or view is None:
                return _Found(screened)
            try:
                to = next_unseen(coverage, view, power, at)
            except StudyError as error:
                return _Found(screened, why_not=str(error))
            return _Found(screened, to, "" if to is not None else _nothing_left(slide, screened))

        def show(found: _Found) -> None:
            if kept is self._kept and reader == study.reader:  # or it is of another study, or another's reading
                self._show(found)

        self._work = self.workspace.start("Looking for what was seen", take, done=show, in_activity=False)
        self._work.finished.connect(self._end)

    def _show(self, found: _Found) -> None:
        slide = self.workspace.active
        if slide is None or slide.info.identity != found.screened.identity:
            return
        self.known = found.screened
        self.changed.emit()
        if found.to is not None:
            self.workspace.look_at(slide, found.to)
        elif found.why_not:
            notices.inform(found.why_not)

    def _end(self) -> None:
        self._work = None
        if self._again:
            self._take()

    # Storing

    def _store(self) -> None:
        kept = self._kept
        if kept is None:
            return
        if self._work is not None:
            self.store_soon.start()
            return
        self._work = self.workspace.start(
            "Storing what was seen",
            lambda work: kept.store(),
            done=self._on_stored,
            failed=self._on_not_stored,
            in_activity=False,
        )
        self._work.finished.connect(self._end)

    def _on_stored(self, _: object) -> None:
        self._failed = False
        self.changed.emit()

    def _on_not_stored(self, error: BaseException) -> None:
        if not self._failed:  # once, though it is tried again after every look
            self._failed = True
            notices.complain(error)

    def _store_now(self) -> None:
        """Store what waits before the study is closed; a second look is all that is lost where that cannot be."""
        kept, self._kept, self._glances = self._kept, None, []
        if kept is not None:
            with suppress(CytoshiftError):
                kept.store()


def _screened(coverage: Coverage, slide: Slide, at: float, kept: bool) -> Screened:
    rows, columns = coverage.seen.shape
    reach = columns * coverage.field / coverage.width, rows * coverage.field / coverage.height
    return Screened(slide.info.identity, at, coverage.looks(at), reach, coverage.share(at), kept)


def _nothing_left(slide: Slide, screened: Screened) -> str:
    if screened.share is None:
        return f"No tissue was found on {slide.name}, so there is nothing to screen."
    return f"All tissue of {slide.name} has been seen at {screened.at:g}× and above."


def _follow_windows(screening: weakref.ref[Screening]) -> None:
    """Let a view begin to rest when somebody comes back to the program; holds nothing of a viewer that is closed."""

    def on_state(*_: object) -> None:
        known = screening()
        if known is not None:
            known._on_view()

    application = QGuiApplication.instance()
    if isinstance(application, QGuiApplication):
        application.applicationStateChanged.connect(on_state)


def _single_shot(interval: int) -> QTimer:
    timer = QTimer()
    timer.setSingleShot(True)
    timer.setInterval(interval)
    return timer
