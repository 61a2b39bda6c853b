"""The card *Make my slides look like the model's*: which slides, and the start; or a classical method at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout

from cytoshift.jobs import TrainSpec
from cytoshift.jobs.contents import Contents, contents_of_restyling
from cytoshift.jobs.laboratories import laboratory
from cytoshift.jobs.restyling import recipe_for, restyling_spec
from cytoshift.models.registry import STARTER
from cytoshift.slides.slide import Slide
from napari_cytoshift.widgets.adapt_card import JobCard
from napari_cytoshift.widgets.adapt_contents import Look
from napari_cytoshift.widgets.adapt_lab import LabChooser
from napari_cytoshift.widgets.adapt_lab_files import Chosen, domain_of, unmeasured
from napari_cytoshift.widgets.adapt_nearest import NearestMethod
from napari_cytoshift.widgets.dock import button, sentence
from napari_cytoshift.workspace import Workspace


class LookCard(JobCard):
    """Starts teaching the restyler in use other slides, or ranks the classical methods on the slide that is open.

    Attributes
    ----------
    method_asked : Signal(str, str)
        A classical method, and a model's id whose colours are its reference, are to be seen in Compare.
    """

    method_asked = Signal(str, str)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            "Make my slides look like the model's",
            "Teach the restyler in use the colours of your scanner; no slide needs a label",
            kind="restyle",
        )
        self.about = sentence("Only colours change; no slide needs a label.")
        self.about.setToolTip(
            "Teaches the restyler in use your slides, by the second stage of restyling: discriminators compare what it"
            " makes of them with the fields that it learnt from"
        )
        self.slides = LabChooser(workspace, "", "slides to change", "Slides that are to look like the model's")
        self.slides.changed.connect(self._on_chosen)
        self.slides.failed.connect(self.failed)
        self.fields = ""
        self.choose = button(
            "Other fields…",
            "A folder of images that look as your slides should; what the restyler learnt from otherwise",
            self.choose_fields,
        )
        self.nearest = NearestMethod(workspace)
        self.nearest.asked.connect(self.method_asked)
        self.nearest.failed.connect(self.failed)
        self._untouched, self._offered = True, tuple[Chosen, ...]()
        self._lay_out()
        self.refresh()

    def _lay_out(self) -> None:
        for widget in (self.about, self.slides, self.contents, self.ready):
            self.inside.addWidget(widget)
        end = QHBoxLayout()
        end.addWidget(self.choose)
        end.addWidget(self.begin, 1)
        self.inside.addLayout(end)
        self.inside.addWidget(self.nearest)

    # What a person does

    def choose_fields(self) -> None:
        """Ask for a folder of images that look as the slides should."""
        folder = str(self.workspace.state.get("folder", str(Path.home())))
        self.take_fields(QFileDialog.getExistingDirectory(self, "Images that look as they should", folder))

    def take_fields(self, path: str) -> None:
        """Let the slides look like these images; ``""`` for those that the restyler learnt from."""
        self.fields = path
        self.refresh()

    def specification(self) -> Callable[[], TrainSpec]:
        """Return what makes the specification of a job that teaches the restyler."""
        study, registry, parent = self.workspace.study.folder, self.workspace.registry.root, self._parent
        slides, mpp, fields, overrides = self.slides.chosen, self.slides.scale.value(), self.fields, self.further
        return lambda: restyling_spec(
            domain_of(slides, mpp),
            study=study,
            parent=parent,
            fields=laboratory([fields]) if fields else None,
            overrides=overrides,
            registry=registry,
        )

    def estimate(self) -> tuple[Hashable, Callable[[], float]]:
        """Return what the duration depends on: the restyler in use and the settings."""
        registry, parent, overrides = self.workspace.registry, self._parent, self.further

        def seconds() -> float:
            from cytoshift.jobs.duration_restyler import restyling_seconds

            card = registry.find(parent, "stain").card
            return restyling_seconds(card, recipe_for(card), overrides)

        return (parent, overrides), seconds

    # What the card shows

    def refresh(self, *_: object) -> None:
        """Offer the slide that is open and those of the study, until a person chooses."""
        if self._untouched and self.open:
            offered = tuple({one.path: one for one in (*self.slides.from_window(), *self.slides.from_study())}.values())
            if offered != self._offered:
                self._offered = offered
                self.slides.set_chosen(offered)
        super().refresh()

    def look(self) -> Look:
        """Return what makes the contents of what is chosen."""
        registry, parent, fields = self.workspace.registry, self._parent, self.fields
        slides, mpp = self.slides.chosen, self.slides.scale.value()

        def contents() -> Contents:
            card = registry.find(parent, "stain").card
            return contents_of_restyling(domain_of(slides, mpp), card, laboratory([fields]) if fields else None)

        return (parent, slides, mpp, fields), contents

    def show_state(self) -> None:
        """Show what is chosen and what is missing."""
        self.nearest.refresh()
        if not self.workspace.registry.list("stain"):
            self.show_ready("Still missing: a restyler; import one with: cytoshift models import FOLDER")
        elif not self.slides.chosen:
            self.show_ready("Still missing: slides to change; open one, or add some.")
        else:
            self.show_ready(unmeasured(self.slides.chosen))

    def calibrated(self, slide: Slide) -> None:
        """Take over µm/px of a slide as a person set them."""
        self.slides.calibrated(slide)
        self.refresh()

    # Inside

    def _on_chosen(self) -> None:
        self._untouched = self.slides.chosen == self._offered
        self.refresh()

    def _on_turned(self, on: bool) -> None:
        self.refresh()

    @property
    def _parent(self) -> str:
        """The restyler in use."""
        return self.workspace.registry.adopted("stain") or STARTER
