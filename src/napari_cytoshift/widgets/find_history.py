"""The searches of a slide that a study keeps: which is shown, and what the window remembers of each."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox

from cytoshift.models.found_by import traced

if TYPE_CHECKING:
    from cytoshift.engine.findings import Provenance
    from napari_cytoshift.background import Work
    from napari_cytoshift.state import State
    from napari_cytoshift.workspace import Workspace

KEY = "searches"
MOST = 500
"""Searches of which the window remembers where they were made; the oldest are forgotten first."""

PLACES = {"view": "view", "drawn": "region", "tissue": "tissue", "slide": "whole slide"}


class Searched(NamedTuple):
    """What the study does not keep of a search: how its region was chosen, and the mm² that were searched."""

    place: str
    area_mm2: float | None


def remember(state: State, run: str, searched: Searched) -> None:
    """Remember where a search was made."""
    kept = {**state.get(KEY, {}), run: list(searched)}
    state.set(KEY, dict(list(kept.items())[-MOST:]))


def recall(state: State, run: str) -> Searched | None:
    """Return where a search was made; None where nobody remembers."""
    kept = state.get(KEY, {}).get(run)
    return None if kept is None else Searched(*kept)


class RunChooser(QComboBox):
    """Chooses among the searches of the active slide, the newest first.

    Attributes
    ----------
    chosen : Signal(str)
        A person chose another run.
    filled : Signal(int)
        The searches were read; there are so many.
    """

    chosen = Signal(str)
    filled = Signal(int)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._wish = 0
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setToolTip("Searches of this slide; each is kept as it was, go back to any of them")
        self.activated.connect(lambda _: self.chosen.emit(self.currentData()))

    def fill(self, identity: str, shown: str) -> None:
        """Read a slide's searches in a thread and list them; ``shown`` is the run that is on the screen."""
        self._wish += 1
        wish, study = self._wish, self._workspace.study

        def read(work: Work) -> list[tuple[str, Provenance, int]]:
            return study.searches(identity)

        def take(searches: list[tuple[str, Provenance, int]]) -> None:
            if wish == self._wish:
                self._list(searches, shown)

        self._workspace.start("Reading the searches", read, done=take, in_activity=False)

    def _list(self, searches: list[tuple[str, Provenance, int]], shown: str) -> None:
        cards = self._workspace.registry.list("detector")
        self.clear()
        for run, made, cells in reversed(searches):
            words = [when(made.made), traced(made.model, made.version, cards)[0].words, self._place(run, made)]
            words += ["other colours"] if made.through else []
            self.addItem(" · ".join(words), run)
            number = f"{cells:,} predictions from score {made.threshold:g}".replace(",", " ")
            self.setItemData(self.count() - 1, "\n".join([*words, number]), Qt.ItemDataRole.ToolTipRole)
        self.setCurrentIndex(self.findData(shown))
        self.filled.emit(self.count())

    def _place(self, run: str, made: Provenance) -> str:
        searched = recall(self._workspace.state, run)
        if searched is not None:
            return PLACES.get(searched.place, searched.place)
        return PLACES["slide"] if made.region is None else PLACES["drawn"]


def when(made: str) -> str:
    """Say a time (ISO, with its zone) as it is on this computer's clock; the day too, but for today's."""
    moment = datetime.fromisoformat(made).astimezone()
    today = datetime.now().astimezone().date()
    return moment.strftime("%H:%M") if moment.date() == today else moment.strftime("%d %b %H:%M")
