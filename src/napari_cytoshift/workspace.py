"""The one object that knows what is open: slides, study, models, findings and how the slide is seen.

Docks talk to a `Workspace` and never to each other. Everything here is called in the Qt thread; what takes
time runs as `Work`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from psygnal import Signal
from qtpy.QtCore import QTimer

from cytoshift.errors import StudyError
from cytoshift.hand import Hand
from cytoshift.slides.slide import Slide
from napari_cytoshift import notices
from napari_cytoshift.background import Work, Works
from napari_cytoshift.layers import slide_layers
from napari_cytoshift.reader import open_calibrated, read_in_background
from napari_cytoshift.sample_data import Style, sample_path
from napari_cytoshift.slicing import relay_slices
from napari_cytoshift.state import State, home
from napari_cytoshift.view import Box, camera, look_at, look_at_box, view_box, whole

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Image, Layer

    from cytoshift.engine.findings import Findings
    from cytoshift.engine.operator import ImageOperator
    from cytoshift.models import Registry
    from cytoshift.study import Study
    from napari_cytoshift.layers.findings import ShownCells
    from napari_cytoshift.layers.findings_layers import CellLayers


class Workspace:
    """What one viewer has open. Get it with `Workspace.of`.

    Attributes
    ----------
    slides_changed : Signal()
        A slide was opened or closed.
    active_changed : Signal(Slide | None)
        Another slide is the one the docks speak about.
    calibrated : Signal(Slide)
        µm/px of a slide were set; the slide is the new one.
    study_changed : Signal(Study)
        Another study is open.
    corrected : Signal(str)
        The study's events of a slide (its identity) changed.
    through_changed : Signal(ImageOperator | None)
        The view through which models are to look.
    findings_changed : Signal(str)
        Current findings of a slide (its identity) changed.
    models_changed : Signal()
        A model was added, adopted or rolled back.
    """

    slides_changed = Signal()
    active_changed = Signal(object)
    calibrated = Signal(object)
    study_changed = Signal(object)
    corrected = Signal(str)
    through_changed = Signal(object)
    findings_changed = Signal(str)
    models_changed = Signal()

    _of: ClassVar[weakref.WeakKeyDictionary[Viewer, Workspace]] = weakref.WeakKeyDictionary()

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = weakref.ref(viewer)
        self._slides: dict[str, Slide] = {}
        self._active = ""
        self._findings: dict[str, tuple[Findings, str]] = {}
        self._study: Study | None = None
        self._registry: Registry | None = None
        self._through: ImageOperator | None = None
        self._works = Works()
        self.start = self._works.start
        self._cells: tuple[ShownCells, CellLayers] | None = None
        self._views: dict[str, Box] = {}
        self._opened_at: tuple[object, ...] | None = None
        self._settle = QTimer()
        self._settle.setSingleShot(True)
        self._settle.timeout.connect(self._follow_selection)
        self.state = State()
        self.hand = Hand()
        self._before_leaving: list[Callable[[], None]] = []
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.layers.selection.events.active.connect(self._on_selected)
        viewer.scene.camera.events.connect(self.hand.move)
        relay_slices(viewer)
        weakref.finalize(viewer, self.close)  # which keeps this object as long as the viewer, and no longer
        for layer in viewer.layers:
            self._adopt(layer)

    @classmethod
    def of(cls, viewer: Viewer) -> Workspace:
        """Return the workspace of a viewer, the same one every time."""
        viewer = getattr(viewer, "__wrapped__", viewer)  # plugins are handed a proxy
        if viewer not in cls._of:
            cls._of[viewer] = cls(viewer)
        return cls._of[viewer]

    def close(self) -> None:
        """Stop what runs and close the study; what is stored is stored already."""
        self._works.abandon()
        if self._study is not None:
            self._leave(self._study)
            self._study = None

    # Slides --------------------------------------------------------------------------------------------

    @property
    def viewer(self) -> Viewer | None:
        """The viewer; None once it is closed."""
        return self._viewer()

    @property
    def slides(self) -> tuple[Slide, ...]:
        """The slides that are open, in the order of opening; none of them seen through an operator."""
        return tuple(self._slides.values())

    @property
    def active(self) -> Slide | None:
        """The slide the docks speak about."""
        return self._slides.get(self._active)

    def slide(self, identity: str) -> Slide | None:
        """Return an open slide by its identity."""
        return self._slides.get(identity)

    def open(self, path: str | Path, *, done: Callable[[Any], None] | None = None) -> Work:
        """Open a slide in a thread and show it when it is there; ``done`` gets its layer."""

        def show(slide: Slide) -> None:
            layer = self.show(slide)
            if done is not None and layer is not None:
                done(layer)

        return self.start(f"Opening {Path(path).name}", lambda work: open_calibrated(path), done=show)

    def open_sample(self, style: Style) -> Work:
        """Open a sample slide in a thread, drawing it first where it is not there yet."""
        title = "Opening the sample slide"
        return self.start(title, lambda work: open_calibrated(sample_path(style, work)), done=self.show)

    def show(self, slide: Slide) -> Image | None:
        """Add a slide to the viewer, or bring the layer that shows it to the front."""
        viewer = self.viewer
        if viewer is None:
            return None
        layer = self.layer(slide)
        if layer is None:
            read_in_background()
            data, options, _ = slide_layers.layer_data(slide)
            layer = viewer.add_image(data, **options)
        viewer.layers.selection.active = layer
        self._activate(slide.info.identity)
        return layer

    def layer(self, slide: Slide, role: str = "original") -> Image | None:
        """Return the layer that shows a slide as ``"original"`` or ``"derived"``, or None."""
        viewer = self.viewer
        for layer in () if viewer is None else viewer.layers:
            if slide_layers.role_of(layer) == role and slide_layers.identity_of(layer) == slide.info.identity:
                return layer
        return None

    def calibrate(self, slide: Slide, mpp_yx: tuple[float, float], objective: float | None = None) -> Slide:
        """Set µm/px of an open slide; it is remembered for the next time the slide is opened."""
        identity = slide.info.identity
        known = self._slides[identity].calibrated(mpp_yx, objective)
        self.state.set_calibration(identity, mpp_yx, objective)
        box = self.view_box(slide)
        self._slides[identity] = known
        layer = self.layer(known)
        if layer is not None:
            slide_layers.calibrate(layer, known)
        if self.viewer is not None and box is not None:
            self.look_at(known, box)
        self.calibrated.emit(known)
        return known

    def view_box(self, slide: Slide) -> Box | None:
        """Return the visible part of a slide: x0, y0, x1, y1 in level-0 pixels, not cut at its edge."""
        viewer = self.viewer
        return None if viewer is None else view_box(viewer, slide.frame)

    def magnify(self, magnification: float) -> None:
        """Show the active slide at a magnification, around the centre of the view."""
        slide, viewer = self.active, self.viewer
        box = None if slide is None else self.view_box(slide)
        if slide is None or viewer is None or box is None:
            return
        if slide.mpp is None:
            notices.warn(f"Nobody knows the µm/px of {slide.name}; set it in the Slide dock first.")
            return
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        look_at(viewer, slide.frame, x, y, magnification=magnification)

    def fit(self, slide: Slide) -> None:
        """Show the whole slide."""
        self.look_at(slide, whole(slide))

    def look_at(self, slide: Slide, box: Box) -> None:
        """Move the view so that it just holds a box of level-0 pixels."""
        viewer = self.viewer
        if viewer is not None:
            look_at_box(viewer, slide.frame, box)

    # Study, models, findings ---------------------------------------------------------------------------

    @property
    def study(self) -> Study:
        """The open study; the last one used, or the default one, is opened when it is first asked for."""
        if self._study is None:
            try:
                self._study = _open_study(self.study_folder)
            except StudyError as error:
                notices.complain(error)
                self._study = _open_study(home() / "study")
            self._greet(self._study)
        return self._study

    @property
    def study_folder(self) -> Path:
        """Folder of the study that is open, or will be when it is first asked for."""
        return Path(self.state.get("study", str(home() / "study"))) if self._study is None else self._study.folder

    @property
    def study_size(self) -> int | None:
        """Number of slides in the study; None while it is not open."""
        return None if self._study is None else len(self._study.slides())

    def open_study(self, folder: str | Path) -> Study:
        """Open the study in a folder, or make one there, and remember it; raises StudyError."""
        opened = _open_study(Path(folder))
        if self._study is not None:
            self._leave(self._study)
        self._study = opened
        self.state.set("study", str(folder))
        self._findings.clear()
        self._greet(self._study)
        return self._study

    def before_leaving(self, call: Callable[[], None]) -> None:
        """Call a function each time just before the open study is closed: the last moment to store something."""
        self._before_leaving.append(call)

    def _leave(self, study: Study) -> None:
        for call in self._before_leaving:
            call()
        study.close()

    def read_as(self, reader: str) -> None:
        """Let a blinded reader go on in the open study, today and at the next start; ``""``: the common reading."""
        self.study.read_as(reader)
        self.state.set("readers", {**self.state.get("readers", {}), str(self.study.folder): reader})
        self.study_changed.emit(self.study)

    def _greet(self, study: Study) -> None:
        """Hand a study that was just opened to the docks, and say what a person must know of it."""
        self.hand.share(study.folder)
        study.read_as(str(self.state.get("readers", {}).get(str(study.folder), "")))
        for sentence in (study.reason, study.notice):
            if sentence:
                notices.warn(sentence)
        self.study_changed.emit(study)

    @property
    def registry(self) -> Registry:
        """The models of this computer."""
        if self._registry is None:
            from cytoshift.models import Registry

            self._registry = Registry()
        return self._registry

    def findings(self, slide: Slide) -> Findings | None:
        """Return the current findings of a slide."""
        return self._findings.get(slide.info.identity, (None, ""))[0]

    def run(self, slide: Slide) -> str:
        """Return the study's run id of the current findings of a slide; ``""`` while they are not stored."""
        return self._findings.get(slide.info.identity, (None, ""))[1]

    def set_findings(self, slide: Slide, findings: Findings | None, run: str = "") -> None:
        """Make findings the current ones of a slide; None forgets them."""
        if findings is None:
            self._findings.pop(slide.info.identity, None)
        else:
            self._findings[slide.info.identity] = (findings, run)
        self.findings_changed.emit(slide.info.identity)

    @property
    def cells(self) -> ShownCells:
        """The cells of the active slide as they are shown: filter, selection, corrections."""
        return self._shown()[0]

    @property
    def cell_layers(self) -> CellLayers:
        """The layers that show the cells."""
        return self._shown()[1]

    def _shown(self) -> tuple[ShownCells, CellLayers]:
        if self._cells is None:
            from napari_cytoshift.layers.findings import ShownCells
            from napari_cytoshift.layers.findings_layers import CellLayers

            shown = ShownCells(self)
            self._cells = (shown, CellLayers(shown))
        return self._cells

    @property
    def through(self) -> ImageOperator | None:
        """The operator through which models look at slides; None for the original."""
        return self._through

    def see_through(self, operator: ImageOperator | None) -> None:
        """Set the operator (not bound to a slide) through which models are to look."""
        self._through = operator
        self.through_changed.emit(operator)

    def _adopt(self, layer: Layer) -> None:
        slide = slide_layers.slide_of(layer)
        if slide is None or slide_layers.role_of(layer) != "original":
            return
        self._slides[slide.info.identity] = slide
        self.slides_changed.emit()
        self._activate(slide.info.identity)
        viewer = self.viewer
        if viewer is not None:
            viewer.canvas.overlays.scale_bar.visible = True
            self._opened_at = camera(viewer)
            self._settle.start()

    def _on_inserted(self, event: Any) -> None:
        self._adopt(event.value)

    def _on_removed(self, event: Any) -> None:
        if slide_layers.role_of(event.value) != "original":
            return
        identity = slide_layers.identity_of(event.value)
        if self._slides.pop(identity, None) is None:
            return
        self.slides_changed.emit()
        self._settle.start()

    def _on_selected(self, event: Any) -> None:
        self._settle.start()

    def _follow_selection(self) -> None:
        """Make the slide of the selected layer the active one; when nothing is left, there is none.

        Not done at once: while a viewer closes, its layers go one by one and must not be touched any more.
        """
        viewer = self.viewer
        if viewer is None:
            return
        if self.active is not None and self._opened_at == camera(viewer):
            self.fit(self.active)  # the canvas has shrunk since: napari's own docks grew for the new layer
        self._opened_at = None
        layer = viewer.layers.selection.active
        identity = "" if layer is None else slide_layers.identity_of(layer)
        if identity in self._slides:
            self._activate(identity)
        elif self._active not in self._slides:
            self._activate(next(reversed(self._slides), ""))

    def _activate(self, identity: str) -> None:
        """Make a slide the active one: the only one that is visible, where it was looked at last."""
        if identity == self._active:
            return
        before = self.active
        box = None if before is None else self.view_box(before)
        if before is not None and box is not None:
            self._views[before.info.identity] = box
        self._active = identity
        slide, viewer = self.active, self.viewer
        if slide is not None and viewer is not None:
            slide_layers.show_only(viewer, identity)
            if len(self._slides) > 1 or identity in self._views:
                self.look_at(slide, self._views.get(identity, whole(slide)))
        self.active_changed.emit(slide)


def _open_study(folder: Path) -> Study:
    from cytoshift.study import Study

    new = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    return Study.create(folder) if new else Study.open(folder)
