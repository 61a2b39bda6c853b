"""The cells of the active slide as the window shows them. The study is the truth; this filters it and selects."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from cytoshift.errors import StudyError
from cytoshift.models.found_by import detector_of
from cytoshift.slides.coordinates import mpp_from_objective
from cytoshift.study.cells import Cells, Region, fold_cells
from cytoshift.study.places import Places, overlapping
from napari_cytoshift.layers.findings_filter import CellFilter
from napari_cytoshift.layers.findings_growing import GrowingCells
from napari_cytoshift.layers.findings_thresholds import Thresholds

if TYPE_CHECKING:
    from cytoshift.engine.findings import Findings
    from cytoshift.slides.slide import Slide
    from cytoshift.study import Event, Study
    from cytoshift.study.events import Box
    from napari_cytoshift.background import Work
    from napari_cytoshift.workspace import Workspace

USUAL_UM = 16.0
"""Side of an added box while no box tells how large cells are: that of CRIC's boxes, at 40x."""

ENOUGH = 10_000
"""Boxes, spread evenly over all of a run, that tell how large its cells are."""

FEW = 1_000
"""Cells added since they were counted that are counted apart from the others."""

Limits = tuple[Thresholds, Thresholds]
"""Thresholds as they were used last with a model, and as its card names them."""

Loaded = tuple[int, str, str, Limits]
"""Wish, identity, run and thresholds that a thread read; the study has the cells at hand since."""


class ShownCells:
    """The cells of one workspace's active slide: from the study, filtered by score, class and state.

    Attributes
    ----------
    changed : Signal()
        There are other cells, or corrections changed them.
    filtered : Signal()
        Threshold, hidden classes or hidden rejected cells changed.
    selected_changed : Signal(str)
        Another cell (its id) is the selected one; ``""`` for none.
    cells : Cells
        All cells, whatever the filter; empty where there is no slide.
    regions : tuple of Region
        The regions of the slide that are marked complete.
    identity : str
        Identity of the slide; ``""`` where there is none.
    run : str
        The study's run whose predictions are shown; ``""`` where there is none.
    previewing : bool
        Whether the cells are those of a search that is still running; they cannot be corrected yet.
    thresholds : Thresholds
        Scores from which predictions that nobody decided on are shown.
    usual : Thresholds
        Those on the card of the model that made the predictions.
    """

    changed = Signal()
    filtered = Signal()
    selected_changed = Signal(str)

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.cells = fold_cells(None, "", ())
        self.regions: tuple[Region, ...] = ()
        self.run = ""
        self.previewing = False
        self.thresholds = self.usual = Thresholds()
        self._growing = GrowingCells(None)
        self.show_rejected = False
        self.hidden: frozenset[str] = frozenset()
        self.selected = ""
        self.identity = ""
        self._wish = 0
        self._places: Places | None = None
        self._places_of = ("", "")
        self._known = ("", "")
        self._counted: tuple[tuple[object, ...], Cells, dict[str, int]] | None = None
        self._sides: dict[str, float] = {}
        workspace.active_changed.connect(self._on_slide)
        workspace.study_changed.connect(self._on_slide)
        workspace.findings_changed.connect(self._on_findings)
        workspace.corrected.connect(self._on_corrected)
        self._load()

    # What is shown -------------------------------------------------------------------------------------

    @property
    def slide(self) -> Slide | None:
        """The slide the cells lie on."""
        return self.workspace.slide(self.identity)

    def mask(self) -> npt.NDArray[np.bool_]:
        """Return which cells pass the filter; what a person decided on passes whatever its score."""
        return self.filter.mask(self.cells)

    @property
    def filter(self) -> CellFilter:
        """What passes: threshold, hidden classes and hidden rejected cells as they are now."""
        return CellFilter(self.thresholds, self.hidden, self.show_rejected)

    @property
    def sorted_by_place(self) -> bool:
        """Whether a view finds its cells without a look at all of them; so it is soon after they have come."""
        return self._places is not None

    def inside(self, view: Box) -> npt.NDArray[np.int64]:
        """Return which cells that pass the filter overlap a part of the slide, in ascending order."""
        which = overlapping(self.cells.boxes, view) if self._places is None else self._places.inside(view)
        if 2 * len(which) > len(self.cells):
            return which[self.mask()[which]]
        return which[self.filter.mask(self.cells.select(which))]

    def counts(self) -> dict[str, int]:
        """Return how many cells of each class pass threshold and state, hidden classes too; rejected never count."""
        cells = self.cells
        of = (self.identity, self.run, self.thresholds, cells.ids.sources)
        known = self._counted if self.run and not self.previewing else None
        if known is not None and known[0] == of and 0 <= len(cells) - len(known[1]) <= FEW:
            counts = self.filter.recount(known[2], known[1], cells)
        else:
            counts = self.filter.counts(cells)
        self._counted = (of, cells, counts)
        return counts

    def position(self, identifier: str) -> int | None:
        """Return where a cell is among `cells`."""
        return self.cells.ids.position(identifier) if identifier else None

    def at(self, x: float, y: float) -> str:
        """Return the shown cell whose box holds a level-0 point, the one centred nearest; ``""`` for none."""
        near = self.inside((x, y, float(np.nextafter(x, np.inf)), float(np.nextafter(y, np.inf))))
        boxes = self.cells.boxes[near]
        hits = near[(boxes[:, 0] <= x) & (x < boxes[:, 2]) & (boxes[:, 1] <= y) & (y < boxes[:, 3])]
        if not len(hits):
            return ""
        centers = (self.cells.boxes[hits, :2] + self.cells.boxes[hits, 2:]) / 2
        return self.cells.ids[int(hits[np.argmin(np.hypot(*(centers - (x, y)).T))])]

    def usual_side(self, label: str) -> float:
        """Return the median side in level-0 pixels of a class's boxes, of all where the class has none."""
        if label not in self._sides:
            self._sides[label] = self._median_side(label)
        return self._sides[label]

    def _median_side(self, label: str) -> float:
        cells = self.cells
        if not len(cells):
            slide = self.slide
            return USUAL_UM / ((slide.mpp if slide is not None else None) or mpp_from_objective(40.0))
        of_class = np.zeros(len(cells), np.bool_)
        if label in cells.classes:
            of_class = cells.labels == cells.classes.index(label)
        boxes = cells.boxes[of_class] if of_class.any() else cells.boxes
        boxes = boxes[:: -(-len(boxes) // ENOUGH)]
        return float(np.median((boxes[:, 2:] - boxes[:, :2]).mean(axis=1)))

    # Filter and selection ------------------------------------------------------------------------------

    def set_threshold(self, threshold: float) -> None:
        """Show unreviewed predictions of every class from this score on."""
        self.set_thresholds(Thresholds(threshold))

    def set_thresholds(self, thresholds: Thresholds) -> None:
        """Show unreviewed predictions from these scores on."""
        if thresholds != self.thresholds:
            self.thresholds = thresholds
            self.filtered.emit()

    def keep_thresholds(self) -> None:
        """Remember the thresholds for the model whose predictions are shown."""
        if self.run:
            model = self.workspace.study.provenance(self.run).model
            state = self.workspace.state
            state.set("thresholds", {**state.get("thresholds", {}), model: self.thresholds.to_json()})

    def limits_for(self, run: str) -> Limits:
        """Return the thresholds for a run's model, and its usual ones; may be asked in a thread."""
        return self._limits_of(self.workspace.study.provenance(run).model) if run else (self.thresholds, self.usual)

    def hide(self, name: str, hidden: bool) -> None:
        """Hide a class, or show it again."""
        self.hidden = self.hidden | {name} if hidden else self.hidden - {name}
        self.filtered.emit()

    def set_show_rejected(self, shown: bool) -> None:
        """Show rejected cells, dimmed, or hide them."""
        self.show_rejected = shown
        self.filtered.emit()

    def select(self, identifier: str) -> None:
        """Make a cell the selected one; ``""`` for none."""
        if identifier != self.selected:
            self.selected = identifier
            self.selected_changed.emit(identifier)

    def preview(self, findings: Findings) -> None:
        """Show what a search that is still running found since the last call, beside what it found before."""
        slide = self.workspace.slide(findings.provenance.slide)
        if findings.provenance is not self._growing.search:
            self._growing = GrowingCells(findings.provenance)
        cells = self._growing.add(findings)
        if slide is None or self.workspace.active is not slide:
            return
        self._wish += 1
        if not self.previewing:
            self.thresholds, self.usual = self._limits_of(findings.provenance.model)
        self.previewing = True
        self._show(slide.info.identity, "", cells)

    def reload(self) -> None:
        """Forget a preview and show what the study has."""
        self._growing = GrowingCells(None)
        self._load()

    # Corrections ---------------------------------------------------------------------------------------

    def correct(self, write: Callable[[Study, str], Event | None]) -> Event | None:
        """Store a correction of the active slide and show it.

        Parameters
        ----------
        write : callable
            Calls a method of the study it is given, with the slide's identity it is given.

        Raises
        ------
        StudyError
            The study cannot be written, or a search is still running.
        """
        slide = self.slide
        if slide is None or self.previewing:
            raise StudyError("There is nothing to correct yet; open a slide and wait until the search is done.")
        study = self.workspace.study
        if self._known != (str(study.folder), slide.key):
            know(study, slide)
            self._known = (str(study.folder), slide.key)
        event = write(study, slide.info.identity)
        if event is not None:
            self.workspace.corrected.emit(slide.info.identity)
        return event

    # Following the workspace ---------------------------------------------------------------------------

    def _on_slide(self, _: object) -> None:
        self._load()

    def _on_findings(self, identity: str) -> None:
        slide = self.workspace.active
        if slide is None or slide.info.identity != identity:
            return
        findings, run = self.workspace.findings(slide), self.workspace.run(slide)
        if run:
            self._wish += 1
            self.previewing, self._growing = False, GrowingCells(None)
            self.thresholds, self.usual = self.limits_for(run)
            self._show(identity, run, self.workspace.study.cells(identity, run))
        elif findings is not None:
            self.preview(findings)
        else:
            self._load()

    def _on_corrected(self, identity: str) -> None:
        if identity == self.identity and not self.previewing:
            self._show(identity, self.run, self.workspace.study.cells(identity, self.run))

    def _load(self) -> None:
        """Read the cells of the active slide in a thread; whatever was wished before is dropped."""
        self._wish += 1
        wish, slide = self._wish, self.workspace.active
        self.previewing = False
        if slide is None:
            self._show("", "", fold_cells(None, "", ()))
            return
        identity, chosen, study = slide.info.identity, self.workspace.run(slide), self.workspace.study
        if identity != self.identity:
            self._show(identity, "", fold_cells(None, "", ()))

        def read(work: Work) -> Loaded:
            run = chosen or next(reversed(study.runs(identity)), "")
            study.cells(identity, run)
            return wish, identity, run, self.limits_for(run)

        self.workspace.start("Reading the cells", read, done=self._take, in_activity=False)

    def _take(self, loaded: Loaded) -> None:
        wish, identity, run, limits = loaded
        if wish == self._wish:
            self.thresholds, self.usual = limits
            # Asked again, and not handed over: there may have been corrections since.
            self._show(identity, run, self.workspace.study.cells(identity, run))

    def _show(self, identity: str, run: str, cells: Cells) -> None:
        if (identity, run) != (self.identity, self.run) or not len(self.cells):
            self._sides = {}
        self.identity, self.run, self.cells = identity, run, cells
        self.regions = self.workspace.study.regions(identity) if identity else ()
        self._follow_places()
        lost = bool(self.selected) and self.position(self.selected) is None
        if lost:
            self.selected = ""
        self.changed.emit()  # first: who follows the selection must know the cells it is among
        if lost:
            self.selected_changed.emit("")

    def _follow_places(self) -> None:
        """Know where the cells lie: at once where only some moved, and soon, from a thread, where all are others."""
        of, boxes, moved = (self.identity, self.run), self.cells.boxes, np.flatnonzero(self.cells.corrected)
        if self._places is not None and self._places_of == of and self._places.holds(boxes):
            self._places.follow(boxes, moved)
            return
        self._places, self._places_of = None, of
        if len(boxes) >= ENOUGH and not self.previewing:

            def take(places: Places) -> None:
                if self._places is None and self._places_of == of and places.holds(self.cells.boxes):
                    places.follow(self.cells.boxes, np.flatnonzero(self.cells.corrected))
                    self._places = places

            self.workspace.start(
                "Sorting the cells by place", lambda work: Places(boxes, moved), done=take, in_activity=False
            )

    def _limits_of(self, model: str) -> Limits:
        usual = Thresholds.of_card(detector_of(model, self.workspace.registry.list("detector")))
        kept = self.workspace.state.get("thresholds", {}).get(model)
        return (usual if kept is None else Thresholds.from_json(kept)), usual


def know(study: Study, slide: Slide) -> None:
    """Make a study know a slide, and the µm/px a person gave it."""
    identity = slide.info.identity
    if all(record.identity != identity for record in study.slides()):
        study.add_slide(slide)
    if slide.info.mpp_yx is not None and study.slide(identity).mpp_yx != slide.info.mpp_yx:
        study.calibrate(identity, slide.info.mpp_yx, slide.info.objective)
