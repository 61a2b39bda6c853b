"""The card *Between two labs*: whose slides, whose look, by which method, and the start."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple

from qtpy.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLineEdit, QSizePolicy, QToolButton

from cytoshift.jobs import TrainSpec
from cytoshift.jobs.contents import contents_of_laboratories
from cytoshift.jobs.laboratories import recipe_of, translating_spec
from cytoshift.slides.slide import Slide
from napari_cytoshift.widgets.adapt_card import JobCard
from napari_cytoshift.widgets.adapt_contents import Look
from napari_cytoshift.widgets.adapt_lab import LabChooser
from napari_cytoshift.widgets.adapt_lab_files import Chosen, domain_of, named, unmeasured
from napari_cytoshift.widgets.dock import sentence
from napari_cytoshift.workspace import Workspace


class Way(NamedTuple):
    """A method as a person reads it."""

    title: str
    tip: str


WAYS = {
    "unsb": Way("Bridge in small steps (UNSB)", "Unpaired neural Schrödinger bridge: up to five steps, each a little"),
    "cut": Way("Contrast (CUT)", "Contrastive: what is at a place stays at that place; half the time of the bridge"),
    "fastcut": Way("Contrast, quick (FastCUT)", "As CUT, with less care for slides that need no change"),
    "cyclegan": Way("There and back (CycleGAN)", "Cycle consistency: B's look, and from there back to A's"),
    "not": Way("Least change (transport)", "Neural optimal transport: as little change as does it"),
}
SIZES = {
    True: Way("Small, without a GPU", "Half the resolution and a narrow network"),
    False: Way("Full, for a GPU", "The published network and number of steps"),
}


class LabsCard(JobCard):
    """Starts training a translator between the slides of two laboratories."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(
            workspace,
            "Between two labs",
            "Teach a translator to show one laboratory's slides as another's",
            kind="translate",
        )
        self.source = LabChooser(workspace, "A", "slides to change", "Slides that will look different")
        self.target = LabChooser(workspace, "B", "the look wanted", "Slides that those of A are to look like")
        self.source.others, self.target.others = lambda: self.target.chosen, lambda: self.source.chosen
        self.direction = sentence()
        self.swap = QToolButton()
        self.swap.setText("⇅")
        self.swap.setToolTip("The other way round")
        self.swap.clicked.connect(self.turn_round)
        self.method, self.sizes = _choice(WAYS), _choice(SIZES)
        self.title = QLineEdit()
        self.title.setToolTip("What the translator is called")
        self._lay_out()
        for chooser in (self.source, self.target):
            chooser.changed.connect(self.refresh)
            chooser.failed.connect(self.failed)
        for box in (self.method, self.sizes):
            box.currentIndexChanged.connect(self.refresh)
        self.refresh()

    def _lay_out(self) -> None:
        way = QHBoxLayout()
        way.addWidget(self.direction, 1)
        way.addWidget(self.swap)
        how = QFormLayout()
        how.setContentsMargins(0, 0, 0, 0)
        how.addRow("Method", self.method)
        how.addRow("Size", self.sizes)
        end = QHBoxLayout()
        end.addWidget(self.title, 1)
        end.addWidget(self.begin)
        self.inside.addWidget(self.source)
        self.inside.addWidget(self.target)
        self.inside.addLayout(way)
        self.inside.addLayout(how)
        self.inside.addWidget(self.contents)
        self.inside.addWidget(self.ready)
        self.inside.addLayout(end)

    # What a person does

    def turn_round(self) -> None:
        """Swap the two laboratories."""
        source, target = self.source.chosen, self.target.chosen
        first, second = self.source.scale.value(), self.target.scale.value()
        self.source.scale.setValue(second)
        self.target.scale.setValue(first)
        self.source.set_chosen(target)
        self.target.set_chosen(source)

    def specification(self) -> Callable[[], TrainSpec]:
        """Return what makes the specification of a job that trains the translator."""
        study, registry = self.workspace.study.folder, self.workspace.registry.root
        source, target = self.source.chosen, self.target.chosen
        scales = self.source.scale.value(), self.target.scale.value()
        method, small = self._way
        title, overrides = self.title.text().strip(), self.further
        return lambda: translating_spec(
            domain_of(source, scales[0]),
            domain_of(target, scales[1]),
            study=study,
            recipe=recipe_of(method, small=small),
            title=title,
            overrides=overrides,
            registry=registry,
        )

    def estimate(self) -> tuple[Hashable, Callable[[], float]]:
        """Return what the duration depends on: the method and its size."""
        way, overrides = self._way, self.further

        def seconds() -> float:
            from cytoshift.jobs.duration_translator import translating_seconds

            return translating_seconds(recipe_of(way[0], small=way[1]), overrides)

        return way, seconds

    # What the card shows

    def look(self) -> Look:
        """Return what makes the contents of what is chosen."""
        source, target = self.source.chosen, self.target.chosen
        scales = self.source.scale.value(), self.target.scale.value()
        return (source, target, scales), lambda: contents_of_laboratories(
            domain_of(source, scales[0]), domain_of(target, scales[1])
        )

    def show_state(self) -> None:
        """Show what is chosen and what is missing."""
        source, target = self.source.chosen, self.target.chosen
        self.direction.setText(
            f"Slides of A will look as B's: {named(source)} as {named(target)}."
            if source and target
            else "Slides of A will look as B's."
        )
        self.swap.setEnabled(bool(source or target))
        self.title.setPlaceholderText(f"As {named(target)}" if target else "Name of the translator")
        self.show_ready(_missing(source, target))

    def calibrated(self, slide: Slide) -> None:
        """Take over µm/px of a slide as a person set them."""
        self.source.calibrated(slide)
        self.target.calibrated(slide)
        self.refresh()

    # Inside

    @property
    def _way(self) -> tuple[str, bool]:
        return str(self.method.currentData()), bool(self.sizes.currentData())


def _missing(source: tuple[Chosen, ...], target: tuple[Chosen, ...]) -> str:
    """Say what is missing before anything can be learned; ``""`` where nothing is."""
    if not source or not target:
        sides = [letter for letter, chosen in (("A", source), ("B", target)) if not chosen]
        return f"Still missing: slides of {' and of '.join(sides)}."
    both = [one.name for one in source if one.path in {other.path for other in target}]
    if both:
        return f"{both[0]} is in A and in B; remove it from one of them."
    return unmeasured((*source, *target))


def _choice(ways: dict[str, Way] | dict[bool, Way]) -> QComboBox:
    box = QComboBox()
    for row, (value, way) in enumerate(ways.items()):
        box.addItem(way.title, value)
        box.setItemData(row, way.tip, 3)  # Qt's role of tooltips
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    box.setToolTip("\n".join(f"{way.title}: {way.tip}" for way in ways.values()))
    return box
