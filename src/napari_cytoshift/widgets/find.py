"""The Find dock: what is there, and how sure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLabel

from cytoshift.errors import Cancelled, CytoshiftError
from napari_cytoshift import notices, wording
from napari_cytoshift.background import Work
from napari_cytoshift.keys import bind_keys
from napari_cytoshift.layers.findings_thresholds import Thresholds
from napari_cytoshift.sample_data import HOME
from napari_cytoshift.view import Box
from napari_cytoshift.widgets.cell_look import CellLook
from napari_cytoshift.widgets.dock import Dock, button, sentence
from napari_cytoshift.widgets.find_classes import ClassRows
from napari_cytoshift.widgets.find_count import CountRows
from napari_cytoshift.widgets.find_delta import DeltaRows
from napari_cytoshift.widgets.find_history import RunChooser, Searched, recall, remember
from napari_cytoshift.widgets.find_models import FindModels
from napari_cytoshift.widgets.find_region import cut, drawn, start_drawing
from napari_cytoshift.widgets.find_run import FIRST_GUESS, STORED_FROM, Found, Search, search, tiles
from napari_cytoshift.widgets.find_workers import FindWorkers

if TYPE_CHECKING:
    from napari import Viewer

    from cytoshift.engine.findings import Findings
    from cytoshift.slides.slide import Slide

WHERE = {
    "view": "What the canvas shows",
    "drawn": "A region I draw",
    "tissue": "The slide's tissue",
    "slide": "The whole slide, glass too",
}
ESTIMATE_MS = 250


class FindDock(Dock):
    """Runs a detector over a part of the active slide and shows what it found, by class and score."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.cells = self.workspace.cells
        self.set_start(
            "Open a slide first; then a detector finds its cells here.",
            button("Open the sample slide", "A drawn Pap smear, made on this computer", self._open_sample),
        )
        self.models = FindModels(self, self.workspace)
        self.where = QComboBox()
        self.draw = button("Draw", "Draw a rectangle on the slide: press, drag, release", self.draw_region)
        self.through = QLabel()
        self.estimate = QLabel()
        self.mitoses = button(
            "Find mitoses", "Find mitoses, and which are atypical, with the models for it", self.find_mitoses
        )
        self.run = button("Run", "Find cells (the window stays usable meanwhile)", self.start)
        self.workers = FindWorkers(self.workspace)
        self.scale = sentence("The detector needs to know how large a pixel is, and this slide does not say.")
        self.set_scale = button("Set µm/px…", "Set it in the Slide dock", lambda: self.go_to("Slide"))
        self.shown = RunChooser(self.workspace)
        self.shown_title = QLabel("Shown")
        self.rows = ClassRows(STORED_FROM)
        self.found = sentence()
        self.review = button(
            "Review the unsure first",
            "Decide on the cells next to their class's threshold first: there a decision teaches most",
            self.review_unsure,
        )
        self.deltas = DeltaRows(self.workspace)
        self.counting = CountRows(napari_viewer)
        self._listed: tuple[str, str] | None = None
        self._note = ""
        self.look = CellLook(self.workspace.cell_layers)
        self._work: Work | None = None
        self._soon = QTimer(self, singleShot=True, interval=ESTIMATE_MS)
        self._rest = QTimer(self, singleShot=True, interval=ESTIMATE_MS)
        self._lay_out()
        self._connect()
        self.models.fill()
        self.refresh()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        self.models.add_to(form)
        for name, title in WHERE.items():
            self.where.addItem(title, name)
        self.where.setToolTip("Where to search; empty glass is skipped, unless the whole slide is chosen")
        self.where.currentIndexChanged.connect(self._on_where)
        place = QHBoxLayout()
        place.addWidget(self.where, 1)
        place.addWidget(self.draw)
        form.addRow("Where", place)
        form.addRow("Through", self.through)
        self.through.setToolTip("What the model looks through; choose it in Compare with “Use for finding”")
        go = QHBoxLayout()
        go.addWidget(self.estimate, 1)
        go.addWidget(self.mitoses)
        go.addWidget(self.run)
        shown = QHBoxLayout()
        shown.addWidget(self.shown_title)
        shown.addWidget(self.shown, 1)
        self.content.addLayout(form)
        self.content.addWidget(self.workers)
        self.content.addWidget(self.scale)
        self.content.addWidget(self.set_scale)
        self.content.addLayout(go)
        self.content.addSpacing(10)
        self.content.addLayout(shown)
        self.content.addWidget(self.found)
        self.content.addWidget(self.rows)
        self.content.addWidget(self.look)
        self.content.addWidget(self.counting)
        self.content.addWidget(self.deltas)
        self.content.addWidget(self.review)
        self.content.addStretch(1)

    def _connect(self) -> None:
        self.models.changed.connect(self._estimate_soon)
        self.rows.limited.connect(self._on_thresholds)
        self.rows.reset.connect(lambda: self._on_thresholds(self.cells.usual))
        self._show_history(0)
        self.shown.chosen.connect(self.show_run)
        self.shown.filled.connect(self._show_history)
        self._rest.timeout.connect(self.cells.keep_thresholds)
        self.rows.hidden.connect(self.cells.hide)
        self.deltas.started.connect(self.busy.follow)
        self.deltas.said.connect(self.message.say)
        self.counting.said.connect(self.message.say)
        self.deltas.stored.connect(lambda: self.shown.fill(self.cells.identity, self.cells.run))
        self._soon.timeout.connect(self._show_estimate)
        for signal, slot in (
            (self.cells.changed, self._show_found),
            (self.cells.filtered, self._show_found),
            (self.workspace.cell_layers.drawn, self._show_note),
            (self.workspace.cell_layers.look_changed, self.look.refresh),
            (self.workspace.through_changed, self._show_through),
            (self.workspace.models_changed, self._on_models),
            (self.workspace.calibrated, self.refresh),
        ):
            self.listen(signal, slot)
        viewer = self.workspace.viewer
        if viewer is not None:
            bind_keys(viewer)
            self.listen(viewer.scene.camera.events.zoom, self._estimate_soon)

    @property
    def place(self) -> str:
        """Where is to be searched: ``"view"``, ``"drawn"``, ``"tissue"`` or ``"slide"``."""
        return str(self.where.currentData())

    @property
    def running(self) -> Work | None:
        """The search that runs; None when none does."""
        return self._work

    @property
    def _everywhere(self) -> bool:
        return self.place in ("tissue", "slide")

    # What a person does

    def start(self) -> None:
        """Search, in a thread."""
        slide = self.workspace.active
        if slide is None or self._work is not None:
            return
        region = self.region(slide)
        if region is None and not self._everywhere:
            self.message.say("Draw a rectangle on the slide first: press Draw, then drag over the cells you want.")
            return
        try:
            model, classifier, study = self.models.detector(), self.models.classifier(), self.workspace.study
            if study.read_only:
                raise CytoshiftError(study.reason)
        except CytoshiftError as error:
            self.message.say(str(error))
            return
        self.message.say("")
        place, elsewhere = self.place, self.workers.where
        what = Search(slide, model, study, region, self.workspace.through, place == "slide", classifier, elsewhere)
        self._work = self.workspace.start(
            f"Finding cells in {slide.name}",
            lambda work: search(what, work),
            done=lambda found: self._end(slide, found, place),
            failed=self._on_failed,
            sent=self.cells.preview,
            aside=self.workspace.hand,
        )
        self.busy.follow(self._work, pausable=True)
        self._work.finished.connect(self._on_finished)
        for widget in (self.run, self.mitoses):
            widget.setEnabled(False)
        self.shown.setEnabled(False)

    def find_mitoses(self) -> None:
        """Search for mitoses with the models for it, and say which are atypical."""
        if self._work is not None:
            return
        try:
            said = self.models.choose_mitoses()
        except CytoshiftError as error:
            self.message.say(str(error))
            return
        self.start()
        if self._work is not None and said:
            self.message.say(said)

    def draw_region(self) -> None:
        """Let a person draw the region to be searched."""
        slide, viewer = self.workspace.active, self.workspace.viewer
        if slide is not None and viewer is not None:
            self.where.setCurrentIndex(self.where.findData("drawn"))
            layer = start_drawing(viewer, slide)
            layer.events.data.connect(self._estimate_soon)
            self.message.say("Drag a rectangle over the cells you want searched.")

    def show_run(self, run: str) -> None:
        """Show the cells of an earlier search of the active slide; they are read in a thread."""
        slide, study = self.workspace.active, self.workspace.study
        if slide is None or self._work is not None or run == self.cells.run:
            return
        identity = slide.info.identity

        def read(work: Work) -> Findings:
            study.cells(identity, run)
            return study.findings(run)

        self.workspace.start(
            "Reading a search",
            read,
            done=lambda findings: self.workspace.set_findings(slide, findings, run),
            in_activity=False,
        )

    def review_unsure(self) -> None:
        """Open Review at the cell that the model is least sure of."""
        review = self.go_to("Review")
        if review is not None:
            review.begin("uncertain")

    def region(self, slide: Slide) -> Box | None:
        """Return what is to be searched in level-0 pixels; None for the whole slide, or while nothing is drawn."""
        viewer = self.workspace.viewer
        if viewer is None or self._everywhere:
            return None
        if self.place == "drawn":
            return drawn(viewer, slide)
        view = self.workspace.view_box(slide)
        return None if view is None else cut(view, slide)

    # What the dock shows

    def refresh(self, *_: object) -> None:
        """Show the active slide's search and cells."""
        slide = self.workspace.active
        self.show_start(slide is None)
        if slide is None:
            return
        unknown = slide.mpp is None
        for widget in (self.scale, self.set_scale):
            widget.setVisible(unknown)
        self.shown.setEnabled(self._work is None)
        self.mitoses.setEnabled(not unknown and self._work is None)
        self.run.setEnabled(not unknown and self._work is None and self.models.model.count() > 0)
        self._on_where()
        self._show_through()
        self._show_found()

    def _on_models(self) -> None:
        self.models.fill()
        self.refresh()

    def _on_where(self, *_: object) -> None:
        self.draw.setVisible(self.place == "drawn")
        self._estimate_soon()

    def _estimate_soon(self, *_: object) -> None:
        self._soon.start()

    def _show_estimate(self) -> None:
        slide, card = self.workspace.active, self.models.detector_card
        if slide is None or card is None or slide.mpp is None or self._work is not None:
            self.estimate.setText("")
            return
        region = self.region(slide)
        if region is None and not self._everywhere:
            self.estimate.setText("nothing drawn yet")
            return
        known = self.workspace.state.get("seconds_per_tile", {}).get(self.models.name)
        number = tiles(slide, card, region, None)
        self.estimate.setText(wording.about(number * (known or FIRST_GUESS)))
        self.estimate.setToolTip(
            f"{number} tiles at most, " + ("at the speed of the last run" if known else "at a guess: no run yet")
        )

    def _show_through(self, *_: object) -> None:
        operator = self.workspace.through
        self.through.setText("original" if operator is None else operator.title)

    def _show_found(self) -> None:
        self._list_runs()
        cells, counts = self.cells, self.cells.counts()
        any_cell = bool(len(cells.cells))
        self.rows.setVisible(any_cell)
        self.look.setVisible(any_cell)
        self.review.setVisible(any_cell and not cells.previewing)
        area = self._area()
        self.rows.show_counts(counts, cells.hidden, area)
        self.rows.show_thresholds(cells.thresholds, cells.usual)
        total = sum(counts.values())
        words = f"{total:,} cells".replace(",", " ") if any_cell else "No cells yet: choose where, then press Run."
        if cells.previewing and any_cell:
            words += " so far"
        elif any_cell and area:
            words += f" in {area:.3g} mm²"
        self.found.setText(words)

    def _show_note(self) -> None:
        note, before = self.workspace.cell_layers.note, self._note
        self._note = note
        self.found.setToolTip(note)
        if note and note != self.message.text:
            self.message.say(note)
        elif not note and before and self.message.text == before:
            self.message.say("")

    def _area(self) -> float | None:
        """Return the mm² that were searched for the cells shown; None where nobody knows."""
        slide, run = self.workspace.active, self.cells.run
        if slide is None or slide.info.mpp_yx is None or not run:
            return None
        searched = recall(self.workspace.state, run)
        region = self.workspace.study.provenance(run).region
        if searched is not None or region is None:
            return None if searched is None else searched.area_mm2
        my, mx = slide.info.mpp_yx
        return (region[2] - region[0]) * mx * (region[3] - region[1]) * my / 1e6

    def _list_runs(self) -> None:
        """List the slide's searches anew where another run, or slide, is shown."""
        now = (self.cells.identity, self.cells.run)
        if now == self._listed or self.cells.previewing:
            return
        self._listed = now
        if self.cells.identity:
            self.shown.fill(*now)
        else:
            self._show_history(0)

    def _show_history(self, number: int) -> None:
        for widget in (self.shown, self.shown_title):
            widget.setVisible(number > 0)

    # The run

    def _on_thresholds(self, thresholds: Thresholds) -> None:
        self.cells.set_thresholds(thresholds)
        self._rest.start()

    def _end(self, slide: Slide, found: Found, place: str) -> None:
        if found.seconds_per_tile is not None:
            state, model = self.workspace.state, found.findings.provenance.model
            state.set("seconds_per_tile", {**state.get("seconds_per_tile", {}), model: found.seconds_per_tile})
        remember(self.workspace.state, found.run, Searched(place, found.area_mm2))
        self.workspace.set_findings(slide, found.findings, found.run)
        shown = sum(self.cells.counts().values())
        notices.inform(f"Found {shown} cells in {slide.name}.")

    def _on_failed(self, error: BaseException) -> None:
        self.cells.reload()
        if isinstance(error, Cancelled):
            self.message.say("Stopped; the cells found before this search are shown again.")
        elif isinstance(error, CytoshiftError):
            self.message.say(str(error))
        else:
            notices.complain(error)

    def _on_finished(self) -> None:
        self._work = None
        self.refresh()

    def _open_sample(self) -> None:
        self.busy.follow(self.workspace.open_sample(HOME))
