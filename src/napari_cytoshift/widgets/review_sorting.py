"""Makes orders in threads; the newest wish wins."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from cytoshift.errors import Cancelled, CytoshiftError, StudyError
from cytoshift.study.cells import Cells
from napari_cytoshift import notices
from napari_cytoshift.widgets.review_gather import Everywhere, Shown
from napari_cytoshift.widgets.review_order import DIFFERS, SIMILAR, Narrowed, Wanted
from napari_cytoshift.widgets.review_queue import Queue
from napari_cytoshift.widgets.review_ranks import LikeThis, Ranks, ranks_of_difference
from napari_cytoshift.widgets.review_study import Part, StudyQueue

if TYPE_CHECKING:
    from napari_cytoshift.background import Work
    from napari_cytoshift.workspace import Workspace

Made = tuple[StudyQueue, str]
"""An order, and what is to be said of it."""


class Sorting:
    """The order that was wished last, on its way.

    Parameters
    ----------
    workspace : Workspace
    take : callable
        Gets the order and a sentence, ``""`` for none.
    failed : callable
        Gets an error that a person can mend.
    """

    def __init__(
        self, workspace: Workspace, take: Callable[[StudyQueue, str], None], failed: Callable[[CytoshiftError], None]
    ) -> None:
        self._workspace = workspace
        self._take, self._fail = take, failed
        self.work: Work | None = None
        """What runs; None where nothing does."""
        self._then: Callable[[], object] | None = None

    def start(self, order: str, narrowed: Narrowed, *, everywhere: bool = False) -> None:
        """Make an order of the cells that are shown, or of those of all slides; what was wished before is dropped."""
        self.drop()
        slow = order == SIMILAR and not everywhere
        make = self._of_study(order, narrowed) if everywhere else self._of_slide(order, narrowed)
        work = self._workspace.start(
            "Comparing cells" if slow else "Sorting the cells",
            make,
            done=lambda made: self._done(work, made),
            failed=lambda error: self._failed(work, error),
            in_activity=slow,
        )
        self.work = work

    def _of_slide(self, order: str, narrowed: Narrowed) -> Callable[[Work], Made]:
        shown, cells = self._workspace.cells, self._workspace.cells.cells
        wanted, slide, run = Wanted(order, shown.filter, narrowed), shown.identity, shown.run
        rank = self._ranking(order, cells)

        def make(work: Work) -> Made:
            queue, note = _make(wanted, cells, rank, work)
            return StudyQueue([Part(slide, run, cells, queue)]), note

        return make

    def _of_study(self, order: str, narrowed: Narrowed) -> Callable[[Work], Made]:
        workspace, shown = self._workspace, self._workspace.cells
        active = Shown(shown.identity, shown.run, shown.cells, shown.filter)
        opened = {slide.info.identity: workspace.run(slide) for slide in workspace.slides}
        everywhere = Everywhere(workspace.study, active, opened, lambda run: shown.limits_for(run)[0])
        return lambda work: everywhere.queue(order, narrowed, work.cancel)

    def then(self, act: Callable[[], object]) -> None:
        """Do something once, after the next order was taken."""
        self._then = act

    def drop(self) -> None:
        """Forget what is on its way."""
        if self.work is not None:
            self.work.cancel.cancel()
            self.work = None

    def _done(self, work: Work, made: Made) -> None:
        if work is self.work:
            self.work = None
            self._take(*made)
            act, self._then = self._then, None
            if act is not None:
                act()

    def _failed(self, work: Work, error: BaseException) -> None:
        if work is not self.work:
            return
        self.work = None
        if isinstance(error, CytoshiftError):
            if not isinstance(error, Cancelled):
                self._fail(error)
        else:
            notices.complain(error)

    def _ranking(self, order: str, cells: Cells) -> Callable[[Wanted, Work], Ranks] | None:
        """Return what ranks the cells in a thread, for orders that need it."""
        workspace = self._workspace
        shown, study = workspace.cells, workspace.study
        run, slide, at = shown.run, shown.slide, shown.position(shown.selected)
        if order.startswith(DIFFERS):
            other, thresholds = order.removeprefix(DIFFERS), shown.thresholds
            return lambda wanted, work: ranks_of_difference(study, run, other, thresholds)
        if order == SIMILAR and slide is not None:
            if at is None:
                return _nothing_selected
            like = LikeThis(slide, study, workspace.registry, run, cells, at)
            return lambda wanted, work: like.ranks(wanted.narrowed.select(cells, wanted.shown), work)
        return None


def _make(wanted: Wanted, cells: Cells, rank: Callable[[Wanted, Work], Ranks] | None, work: Work) -> tuple[Queue, str]:
    if rank is None:
        return wanted.queue(cells), ""
    ranks = rank(wanted, work)
    queue = Wanted(wanted.order, wanted.shown, wanted.narrowed, ranks).queue(cells)
    positions = queue.positions(cells, slice(None))
    unranked = int(np.isnan(ranks[positions[positions < len(ranks)]]).sum())
    unranked += int((positions >= len(ranks)).sum())
    return queue, f"{unranked} cells could not be compared; they come last." if unranked else ""


def _nothing_selected(wanted: Wanted, work: Work) -> Ranks:
    raise StudyError("Select the cell that the others are to be like, then choose this order again.")
