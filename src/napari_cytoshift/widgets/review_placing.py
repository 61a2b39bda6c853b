"""Adding a cell with one click: a box of the usual size around the nucleus under the pointer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cytoshift.slides.nucleus import NoNucleus, Nucleus, nucleus_at
from napari_cytoshift import notices

if TYPE_CHECKING:
    from napari_cytoshift.background import Work
    from napari_cytoshift.widgets.review_work import Review

Found = Nucleus | NoNucleus


class Placing:
    """Looks for nuclei in a thread and adds cells to a `Review`, of the class that was chosen at the click."""

    def __init__(self, work: Review) -> None:
        self._work = work
        self._running: set[Work] = set()

    @property
    def busy(self) -> bool:
        """Whether a nucleus is being looked for."""
        return bool(self._running)

    def box(self, x: float, y: float) -> None:
        """Add a box of the class's usual size, centred on the nucleus at a level-0 point, or there without one."""
        label = self._work.label_to_add

        def add(found: Found) -> None:
            if isinstance(found, NoNucleus):
                self._work.add(x, y, label)
                self._work.said.emit(f"No nucleus here ({found.reason}): the box is where you clicked.")
            else:
                x0, y0, x1, y1 = found.box
                self._work.add((x0 + x1) / 2, (y0 + y1) / 2, label)

        self._look(x, y, add)

    def outline(self, x: float, y: float) -> None:
        """Add a cell with the outline of the nucleus at a level-0 point; say so where there is none."""
        label = self._work.label_to_add

        def add(found: Found) -> None:
            if isinstance(found, NoNucleus):
                self._work.said.emit(f"No nucleus here ({found.reason}): hold the button and draw around it.")
            else:
                self._work.add_outline(found.outline.tolist(), label)

        self._look(x, y, add)

    def _look(self, x: float, y: float, then: Callable[[Found], None]) -> None:
        slide, shown = self._work.shown.slide, self._work.shown
        if slide is None:
            return

        study = self._work.workspace.study
        reader = study.reader

        def done(found: Found) -> None:
            if shown.slide is slide and self._work.workspace.study is study and study.reader == reader:
                then(found)  # else who clicked is at something else by now

        started = self._work.workspace.start(
            "Finding the nucleus",
            lambda work: nucleus_at(slide, x, y),
            done=done,
            failed=notices.complain,
            in_activity=False,
        )
        self._running.add(started)
        started.finished.connect(lambda: self._running.discard(started))
