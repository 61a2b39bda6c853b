"""The Slide dock: what am I looking at, how big is it, how much have I seen."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLabel, QPushButton

from cytoshift.errors import StudyError
from cytoshift.slides.slide import RGB, Slide
from napari_cytoshift import wording
from napari_cytoshift.keys import bind_keys
from napari_cytoshift.place import go_on, left_off, remember
from napari_cytoshift.sample_data import HOME
from napari_cytoshift.view import look_at, magnification
from napari_cytoshift.widgets.dock import Dock, button, sentence
from napari_cytoshift.widgets.gauge import Gauge
from napari_cytoshift.widgets.slide_navigator import Navigator
from napari_cytoshift.widgets.slide_overview import Overview
from napari_cytoshift.widgets.slide_scale import ScalePanel, end_line, line_length, start_line

if TYPE_CHECKING:
    from napari import Viewer

MAGNIFICATIONS = (2.5, 5, 10, 20, 40)
RESTED_MS = 400
FOLLOW_MS = 40
OVERVIEW_SIDE = 700


class SlideDock(Dock):
    """Shows the active slide's facts, an overview that moves the view, and the magnification."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.again = button("", "Open the slide you looked at last, where you left it", self.go_on)
        self.set_start(
            "Open a slide: SVS, NDPI, MRXS, DICOM, OME-TIFF, OME-Zarr, or a JPEG, PNG or TIFF field. "
            "Dropping the file on the canvas does the same.",
            self.again,
            button("Open slide…", "Choose a slide file (Ctrl+O)", self.choose_file),
            button("Open the sample slide", "A drawn Pap smear, made on this computer", self.open_sample),
        )
        self.title = QComboBox()
        self.title.setToolTip("The slide all docks speak about")
        self.title.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.facts = sentence()
        self.warning = sentence()
        self.scale = ScalePanel()
        self.overview = Overview()
        self.navigator = Navigator(napari_viewer, self.overview)
        self.magnification = QLabel()
        self._follow = _single_shot(self, FOLLOW_MS, self._show_view)
        self._rest = _single_shot(self, RESTED_MS, self._remember)
        self.gauge = Gauge(napari_viewer)
        self.study = button("", "", self.choose_study)
        bind_keys(napari_viewer)
        self._lay_out()
        self._connect()
        self.refresh()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(button("Open…", "Open another slide (Ctrl+O)", self.choose_file))
        self.zoom_buttons = [button("Fit", "Show the whole slide", self.fit)]
        for power in MAGNIFICATIONS:
            tip = f"Show the slide at {power:g}× ({10 / power:g} µm per screen pixel)"
            self.zoom_buttons.append(button(f"{power:g}×", tip, partial(self.zoom, power)))
        zooms = QHBoxLayout()
        zooms.setSpacing(2)
        for one in self.zoom_buttons:
            _narrow(one)
            zooms.addWidget(one, 1)
        zooms.addWidget(self.magnification)
        study = QHBoxLayout()
        study.addWidget(QLabel("Study"))
        study.addWidget(self.study, 1)
        self.content.addLayout(head)
        for widget in (self.facts, self.warning, self.scale):
            self.content.addWidget(widget)
        self.content.addWidget(self.overview, 1)
        self.content.addWidget(self.navigator)
        self.content.addLayout(zooms)
        self.content.addWidget(self.gauge)
        self.content.addLayout(study)

    def _connect(self) -> None:
        self.title.activated.connect(self._choose_slide)
        self.overview.moved.connect(self._move)
        self.scale.known.connect(self.set_scale)
        self.scale.line_wanted.connect(self.draw_line)
        self.listen(self.workspace.slides_changed, self.refresh)
        self.listen(self.workspace.calibrated, self._on_calibrated)
        self.listen(self.workspace.study_changed, self._show_study)
        self.listen(self.workspace.corrected, self._show_study)
        self.listen(self.navigator.screening.changed, self._show_study)
        viewer = self.workspace.viewer
        if viewer is not None:
            camera = viewer.scene.camera.events
            for event in (camera.zoom, camera.center, viewer.canvas.events.size):
                self.listen(event, self._on_camera)

    # What a person does

    def choose_file(self) -> None:
        """Ask for slide files and open them in the background."""
        folder = self.workspace.state.get("folder", str(Path.home()))
        names, _ = QFileDialog.getOpenFileNames(self, "Open slide", folder)
        for name in names:
            self.workspace.state.set("folder", str(Path(name).parent))
            self.open(name)

    def open(self, path: str | Path) -> None:
        """Open a slide in the background."""
        self.busy.follow(self.workspace.open(path))

    def go_on(self) -> None:
        """Open the slide that was looked at last, where it was left."""
        work = go_on(self.workspace)
        if work is not None:
            self.busy.follow(work)

    def open_sample(self) -> None:
        """Draw the sample slide where it is not there yet, and open it."""
        self.busy.follow(self.workspace.open_sample(HOME))

    def fit(self) -> None:
        """Show the whole slide."""
        slide = self.workspace.active
        if slide is not None:
            self.workspace.fit(slide)

    def zoom(self, power: float) -> None:
        """Show the slide at a magnification, around the centre of the view."""
        self.workspace.magnify(power)

    def set_scale(self, mpp: float, objective: float | None = None) -> None:
        """Set µm/px of the active slide."""
        slide = self.workspace.active
        if slide is not None:
            self.workspace.calibrate(slide, (mpp, mpp), objective)

    def draw_line(self) -> None:
        """Let a person draw a line of the length given; the second press takes it."""
        viewer = self.workspace.viewer
        if viewer is None:
            return
        pixels = line_length(viewer)
        if pixels:
            end_line(viewer)
            self.set_scale(self.scale.length.value() / pixels)
            return
        start_line(viewer)
        self.scale.draw.setText("Take line")
        self.message.say("Press on one end of the line, drag to the other, release, then press Take line.")

    def choose_study(self) -> None:
        """Ask for the folder of a study, and open it or make one there."""
        folder = QFileDialog.getExistingDirectory(
            self, "Open a study, or choose an empty folder for a new one", str(self.workspace.study_folder)
        )
        if folder:
            self.open_study(folder)

    def open_study(self, folder: str | Path) -> None:
        """Open the study in a folder, or make one there."""
        try:
            self.workspace.open_study(folder)
        except StudyError as error:
            self.message.say(str(error))

    # What the dock shows

    def refresh(self, *_: object) -> None:
        """Show the active slide."""
        slide = self.workspace.active
        self.show_start(slide is None)
        self._list_slides()
        if slide is None:
            place = left_off(self.workspace)
            self.again.setVisible(place is not None)
            self.again.setText("" if place is None else f"Go on with {Path(place[0]).name}")
            return
        self.facts.setText(_facts(slide))
        self.warning.setText(_warning(slide))
        self.warning.setVisible(bool(self.warning.text()))
        self.scale.setVisible(slide.mpp is None)
        self.scale.draw.setText("Draw line")
        for one in self.zoom_buttons[1:]:
            one.setEnabled(slide.mpp is not None)
        self._read_overview(slide)
        self._show_view()
        self._show_study()

    def _show_study(self, *_: object) -> None:
        folder, count = self.workspace.study_folder, self.workspace.study_size
        words = "" if count is None else f"  ·  {count} slide{'' if count == 1 else 's'}"
        self.study.setText(folder.name + words)
        self.study.setToolTip(f"Findings and corrections are kept in {folder}\nPress to open another study")

    def _list_slides(self) -> None:
        self.title.clear()
        for slide in self.workspace.slides:
            self.title.addItem(slide.name, slide.info.identity)
        active = self.workspace.active
        if active is not None:
            self.title.setCurrentIndex(self.title.findData(active.info.identity))
            self.title.setToolTip(f"{active.info.path}\nThe slide all docks speak about")

    def _read_overview(self, slide: Slide) -> None:
        self.overview.show_slide(None, slide.levels[0].width, slide.levels[0].height)

        def show(result: tuple[str, RGB]) -> None:
            active = self.workspace.active
            if active is not None and active.info.identity == result[0]:
                self.overview.show_slide(result[1], active.levels[0].width, active.levels[0].height)
                self.navigator.refresh()
                self._show_view()

        self.workspace.start(
            "Reading the overview",
            lambda work: (slide.info.identity, _overview(slide)),
            done=show,
            in_activity=False,
        )

    def _on_calibrated(self, _: object) -> None:
        self.message.say("")
        self.refresh()

    def _on_camera(self, *_: object) -> None:
        self._follow.start() if not self._follow.isActive() else None
        self._rest.start()

    def _show_view(self) -> None:
        slide, viewer = self.workspace.active, self.workspace.viewer
        if slide is None or viewer is None:
            return
        self.overview.show_view(self.workspace.view_box(slide))
        power = magnification(viewer, slide.frame)
        self.magnification.setText("µm/px unknown" if power is None else wording.times(power))
        self.magnification.setToolTip("Magnification of the view: 40× shows 0.25 µm per screen pixel")

    def _remember(self) -> None:
        remember(self.workspace)

    def _choose_slide(self, index: int) -> None:
        slide = self.workspace.slide(self.title.itemData(index))
        if slide is not None:
            self.workspace.show(slide)

    def _move(self, x: float, y: float) -> None:
        slide, viewer = self.workspace.active, self.workspace.viewer
        if slide is not None and viewer is not None:
            look_at(viewer, slide.frame, x, y)


def _facts(slide: Slide) -> str:
    level, parts = slide.levels[0], []
    made_by = slide.info.scanner or slide.info.vendor
    if made_by:
        parts.append(made_by)
    if slide.info.mpp_yx is not None:
        my, mx = slide.info.mpp_yx
        parts.append(wording.size(level.height * my, level.width * mx))
        parts.append(f"{(my + mx) / 2:.3g} µm/px")
    else:
        parts.append("µm/px unknown")
    if slide.info.objective:
        parts.append(f"{slide.info.objective:g}× objective")
    parts.append(f"{level.width:,} × {level.height:,} px".replace(",", " "))
    return "  ·  ".join(part.replace(" ", "\u00a0") for part in parts)


def _warning(slide: Slide) -> str:
    if slide.info.brightfield:
        return ""
    return "This is not a brightfield slide: stain methods and the cell detector do not apply to it."


def _overview(slide: Slide) -> RGB:
    """Read the coarsest level, thinned to what the dock can show."""
    level = slide.levels[-1]
    pixels = slide.read(len(slide.levels) - 1, 0, 0, level.height, level.width)
    step = max(1, max(level.height, level.width) // OVERVIEW_SIDE)
    return pixels[::step, ::step].copy()


def _single_shot(parent: Any, interval: int, slot: Any) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(interval)
    timer.timeout.connect(slot)
    return timer


def _narrow(one: QPushButton) -> None:
    one.setMinimumWidth(36)
