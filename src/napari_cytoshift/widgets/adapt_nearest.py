"""A classical method instead of a training: which one brings the slide that is open nearest to the model's home."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from cytoshift.models.nearest import Ranking, rank_methods
from cytoshift.slides.slide import Slide
from napari_cytoshift.background import Work
from napari_cytoshift.widgets.compare_methods import METHODS
from napari_cytoshift.widgets.dock import button, sentence
from napari_cytoshift.widgets.gauge_scale import one_decimal
from napari_cytoshift.workspace import Workspace

SHOWN = 3
"""Methods that are shown, the nearest first."""


class NearestMethod(QWidget):
    """Ranks the classical methods on request, and hands the nearest one to Compare.

    Attributes
    ----------
    asked : Signal(str, str)
        A method, and the model's id whose colours are its reference, are to be seen in Compare.
    failed : Signal(BaseException)
    """

    asked = Signal(str, str)
    failed = Signal(object)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.says = sentence()
        self.rank = button(
            "Rank classical methods",
            "How near to the model's fields each brings the slide that is open; nothing is trained",
            self.start,
        )
        self.use = button("Use it in Compare", "See the slide through the nearest method", self.use_best)
        self._best = self._model = ""
        self._ranked: tuple[str, ...] = ()
        self._work: Work | None = None
        buttons = QHBoxLayout()
        buttons.addWidget(self.rank, 1)
        buttons.addWidget(self.use, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.says)
        layout.addLayout(buttons)
        self.refresh()

    # What a person does

    def start(self) -> Work | None:
        """Rank the methods on the slide that is open."""
        slide = self.workspace.active
        if slide is None or self._work is not None:
            return None
        registry, asked = self.workspace.registry, self._asked(slide)

        def rank(work: Work) -> tuple[str, Ranking]:
            card = registry.current("detector").card
            return card.id, rank_methods(card, slide)

        self._work = self.workspace.start(
            "Ranking classical methods", rank, done=lambda found: self._show(asked, *found), failed=self.failed.emit
        )
        self._work.finished.connect(self._on_finished)
        self.refresh()
        return self._work

    def use_best(self) -> None:
        """See the slide through the nearest method in Compare."""
        if self._best:
            self.asked.emit(self._best, self._model)

    # What is shown

    def refresh(self) -> None:
        """Show whether there is anything to rank; what was ranked for another slide or model is forgotten."""
        slide = self.workspace.active
        if self._ranked != (() if slide is None else self._asked(slide)):
            self._ranked, self._best = (), ""
            self.says.setText("Or at once: a classical method with the model's colours.")
        self.rank.setEnabled(slide is not None and self._work is None)
        self.use.setVisible(bool(self._best))

    def _show(self, asked: tuple[str, ...], model: str, ranking: Ranking) -> None:
        self._ranked, self._model, self._best = asked, model, ranking.best
        ranked = [f"{METHODS[name].title} {one_decimal(far)}" for name, far in ranking.methods]
        bare = f"{one_decimal(ranking.before)} as it is"
        if ranking.best:
            self.says.setText(f"From home: {', '.join(ranked[:SHOWN])}; {bare}, up to {ranking.usual:.1f} is usual.")
        else:
            self.says.setText(f"No classical method brings this slide nearer to home: {bare}.")
        about = f"{ranking.slide}: distance from the model's fields by colour, where 1 is their median."
        self.says.setToolTip("\n".join((about, *ranked)))

    # Inside

    def _asked(self, slide: Slide) -> tuple[str, ...]:
        return (slide.key, str(slide.mpp), str(self.workspace.registry.adopted("detector")))

    def _on_finished(self) -> None:
        self._work = None
        self.refresh()
