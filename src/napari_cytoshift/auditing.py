"""What a translation changed in the view: compared in a thread when the view has come to rest and is true."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from psygnal import Signal
from qtpy.QtCore import QTimer

from cytoshift.engine.progress import CancelToken
from cytoshift.errors import Cancelled, SlideError
from cytoshift.slides.coordinates import level_from_level0
from cytoshift.slides.slide import TILE, Slide
from napari_cytoshift import notices
from napari_cytoshift.background import Work
from napari_cytoshift.comparison import Comparison
from napari_cytoshift.layers.audit_layer import AuditLayers
from napari_cytoshift.layers.panes import BESIDE, DERIVED
from napari_cytoshift.view import Box
from napari_cytoshift.workspace import Workspace

if TYPE_CHECKING:
    from napari import Viewer

    from cytoshift.translation.audit import Audit
    from napari_cytoshift.sights import Sight

RESTED_MS = 250
"""The view rests this long before nuclei are compared."""

WAITED_MS = 1000
"""Then it is looked whether the view has become true, where nobody tells."""

PART = 512
"""Side in pixels of the parts in which a view is compared: between two of them it can be given up."""

COARSE = "Zoom in: nuclei are compared at 10× and closer."
TOO_LARGE = "Pixels are too large here to compare nuclei."
WAITING = "Nuclei are compared as soon as the view is exact."
WORKING = "Comparing the nuclei in view…"
NOTHING = "See the slide through a method first."


class Compared(NamedTuple):
    """What was compared: the parts of a view, and their sum; no sum where nothing of the slide was in view."""

    parts: tuple[Audit, ...]
    whole: Audit | None


class Seen(NamedTuple):
    """What is to be compared: two slides, a level of the second, what is there of it (y0, x0, y1, x1), the view."""

    slide: Slide
    derived: Slide
    level: int
    reach: tuple[int, int, int, int]
    view: Box


class Auditing:
    """What changed in the view of one viewer. Get it with `Auditing.of`.

    Attributes
    ----------
    changed : Signal()
        `on`, `veiled`, `words` or `audit` is another.
    on : bool
        Whether changes are shown.
    veiled : bool
        Whether the map of structure is laid over the slide, too.
    words : str
        What there is to say of the view, in one line.
    audit : Audit or None
        Of what was compared last; None while nothing was.
    """

    changed = Signal()

    _of: ClassVar[weakref.WeakKeyDictionary[Viewer, Auditing]] = weakref.WeakKeyDictionary()

    def __init__(self, viewer: Viewer) -> None:
        self.workspace = Workspace.of(viewer)
        self.comparison = Comparison.of(viewer)
        self.on = self.veiled = False
        self.words = ""
        self.audit: Audit | None = None
        self._parts: tuple[Audit, ...] = ()
        self._layers = AuditLayers()
        self._asked: CancelToken | None = None
        self._of_what = ("", "")
        self._arranging = False
        self._rest = QTimer()
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._compare)
        for signal in (
            self.workspace.active_changed,
            self.workspace.calibrated,
            self.comparison.changed,
            self.comparison.approximate_changed,
        ):
            signal.connect(self._on_changed)
        camera = viewer.scene.camera.events
        for event in (camera.zoom, camera.center, viewer.canvas.events.size):
            event.connect(self._on_changed)

    @classmethod
    def of(cls, viewer: Viewer) -> Auditing:
        """Return what changed in a viewer, the same object every time."""
        viewer = getattr(viewer, "__wrapped__", viewer)
        if viewer not in cls._of:
            cls._of[viewer] = cls(viewer)
        return cls._of[viewer]

    @property
    def busy(self) -> bool:
        """Whether the view is being compared, or about to be."""
        return self._asked is not None or self._rest.isActive()

    # What a person does

    def show(self, on: bool) -> None:
        """Show what changed, or stop showing it."""
        self.on = on
        if on:
            self._on_changed()
        else:
            self._forget("")
        self.changed.emit()

    def show_map(self, on: bool) -> None:
        """Lay the map of structure over the slide, too."""
        self.veiled = on
        self._draw()
        self.changed.emit()
        if on and not self.on:
            self.show(True)

    # Following the view

    def _on_changed(self, *_: object) -> None:
        if not self.on or self._arranging:
            return
        self._give_up()
        seen = self._sight()
        of_what = ("", "") if seen is None else (seen[0].slide.key, repr(seen[0].slide.mpp))
        if of_what != self._of_what:
            self._of_what = of_what
            self._forget("")
        self._rest.start(RESTED_MS)

    def _sight(self) -> tuple[Sight, str] | None:
        """Return what is audited: of two sights the one that can invent anything, else the first."""
        first, second = self.comparison.sight, self.comparison.beside
        if first is not None and second is not None and first.fitted.pointwise and not second.fitted.pointwise:
            return second, BESIDE
        return None if first is None else (first, DERIVED)

    def _compare(self) -> None:
        """Compare what is in view, if all of it is true."""
        seen = self._in_view()
        if isinstance(seen, str):
            if seen == WAITING:
                self._rest.start(WAITED_MS)
                self._say(seen)
            else:
                self._forget(seen)
            return
        work = self.workspace.start(
            "Comparing nuclei",
            lambda work: compare(seen, work),
            done=lambda found: self._show(found, work.cancel),
            failed=lambda error: self._on_failed(error, work.cancel),
            in_activity=False,
        )
        self._asked = work.cancel
        self._say(WORKING)

    def _in_view(self) -> Seen | str:
        """Return what is to be compared, or why nothing can be."""
        from cytoshift.translation.audit import COARSEST

        slide, found, viewer = self.workspace.active, self._sight(), self.workspace.viewer
        if slide is None or found is None or viewer is None:
            return NOTHING
        self._layers.thicken(viewer)
        sight, role = found
        layer, box = self.workspace.layer(slide, role), self.workspace.view_box(slide)
        if layer is None or box is None:
            return NOTHING
        if slide.mpp is None:
            return "Nuclei are compared in µm: set the µm/px in the Slide dock first."
        derived, level = sight.slide, int(layer.data_level)
        seen = derived.levels[level]
        if slide.mpp * derived.levels[0].downsample > COARSEST:
            return TOO_LARGE
        if slide.mpp * seen.downsample > COARSEST or self.comparison.too_wide:
            return COARSE
        x0, y0, x1, y1 = level_from_level0(box, seen.downsample_yx).tolist()
        top, left = max(int(y0 // TILE), 0), max(int(x0 // TILE), 0)
        bottom, right = int(-(-min(y1, seen.height) // TILE)), int(-(-min(x1, seen.width) // TILE))
        if top >= bottom or left >= right:
            return "Nothing of the slide is in view."
        tiles = [(level, row, column) for row in range(top, bottom) for column in range(left, right)]
        if any(derived.cached_tile(*tile) is None for tile in tiles):
            return WAITING
        reach = (top * TILE, left * TILE, min(bottom * TILE, seen.height), min(right * TILE, seen.width))
        width, height = slide.levels[0].width, slide.levels[0].height
        inside = (max(box[0], 0.0), max(box[1], 0.0), min(box[2], float(width)), min(box[3], float(height)))
        return Seen(slide, derived, level, reach, inside)

    # What came of it

    def _show(self, found: Compared, asked: CancelToken) -> None:
        if asked is not self._asked:
            return
        self._asked = None
        self._parts, self.audit = found
        self._draw()
        self._say("Nothing of the slide is in view." if self.audit is None else f"In view: {self.audit.words}.")

    def _on_failed(self, error: BaseException, asked: CancelToken) -> None:
        if asked is not self._asked:
            return
        self._asked = None
        if isinstance(error, SlideError):
            self._forget(str(error))
        elif not isinstance(error, Cancelled):
            notices.complain(error)

    def _draw(self) -> None:
        viewer, slide = self.workspace.viewer, self.workspace.active
        if viewer is None or slide is None or not self.on:
            return
        before = [layer.visible for layer in viewer.layers]
        self._layers.draw(viewer, slide, self._parts, self._panes(), veiled=self.veiled)
        if before != [layer.visible for layer in viewer.layers]:
            self._arrange()

    def _panes(self) -> int:
        """Return how many panes there are to mark."""
        if self.comparison.layout != "side":
            return 1
        return 1 + sum(sight is not None for sight in (self.comparison.sight, self.comparison.beside))

    def _arrange(self) -> None:
        """Put each layer of marks into its pane."""
        self._arranging = True
        try:
            self.comparison.set_layout(self.comparison.layout)
        finally:
            self._arranging = False

    def _forget(self, words: str) -> None:
        self._give_up()
        self._parts, self.audit = (), None
        viewer = self.workspace.viewer
        if viewer is not None:
            self._layers.hide(viewer)
        self._say(words)

    def _give_up(self) -> None:
        self._rest.stop()
        if self._asked is not None:
            self._asked.cancel()
            self._asked = None

    def _say(self, words: str) -> None:
        self.words = words
        self.changed.emit()


def compare(seen: Seen, work: Work) -> Compared:
    """Compare nuclei, part by part; for a thread. Raises `Cancelled` soon after it is asked to stop."""
    from cytoshift.engine.pace import paced_by
    from cytoshift.translation.audit import Place, join

    derived, mpp_yx = seen.derived, seen.slide.info.mpp_yx
    if mpp_yx is not None and derived.info.mpp_yx != mpp_yx:  # a person gave it meanwhile
        derived = derived.calibrated(mpp_yx, seen.slide.info.objective)
    place = Place(seen.slide, derived, seen.level, seen.reach, PART)
    parts = []
    with paced_by(work.cancel.check):
        for tile in place.tiles(seen.view):
            work.cancel.check()
            parts.append(place.audit(tile, seen.view))
    return Compared(tuple(parts), join(parts) if parts else None)
