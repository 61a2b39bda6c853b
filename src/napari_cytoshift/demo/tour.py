"""The demo's way through the window: one step after the other, each in its dock, none of them blocking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.notifications import ErrorNotification, notification_manager
from qtpy.QtCore import QTimer

from napari_cytoshift import notices
from napari_cytoshift.commands import PLUGIN, open_docks
from napari_cytoshift.comparison import Comparison
from napari_cytoshift.demo.contents import Picture
from napari_cytoshift.demo.subject import METHOD, Subject
from napari_cytoshift.widgets.find_run import Found, Search, search
from napari_cytoshift.widgets.review import ReviewDock
from napari_cytoshift.workspace import Workspace

if TYPE_CHECKING:
    from napari import Viewer

    from cytoshift.engine.findings import Box, Findings

LOOK_MS = 100
STILL_LOOKS = 5
MOST_LOOKS = 600

Next = Callable[[], None]


@dataclass(frozen=True)
class Step:
    """One step.

    Parameters
    ----------
    dock : str
        The dock that is in front.
    caption : str
        What is seen when it is done.
    begin : callable
        Starts it, and calls what it is given when it is done.
    """

    dock: str
    caption: str
    begin: Callable[[Next], None]


class Tour:
    """Goes through the steps; with a folder, leaves a screenshot of each there.

    Parameters
    ----------
    viewer : napari.Viewer
    subject : Subject
    folder : Path or None
        Where screenshots are written; None for none.
    on_step : callable
        Called with the words of each step when it begins.
    on_progress : callable
        Called with the units done and their total while a step runs.
    on_end : callable
        Called when all is done.
    """

    def __init__(
        self,
        viewer: Viewer,
        subject: Subject,
        folder: Path | None,
        *,
        on_step: Callable[[str], None],
        on_progress: Callable[[int, int], None],
        on_end: Next,
    ) -> None:
        self.viewer = viewer
        self.subject = subject
        self.findings: Findings | None = None
        self.pictures: list[Picture] = []
        self.trouble: BaseException | None = None
        self._folder = folder
        self._on_step, self._on_progress, self._on_end = on_step, on_progress, on_end
        self._workspace = Workspace.of(viewer)
        self._comparison = Comparison.of(viewer)
        self._steps = [
            Step("Slide", "The slide: what it is, how large, where the view is", self._open),
            Step("Compare", "The slide beside itself in other colours, with linked views", self._compare),
            Step("Find", "What the model found, and how sure it is", self._find),
            Step("Review", "The cells to decide on, one after the other", self._review),
            Step("Adapt", "Where corrections become a better model", lambda after: after()),
        ]
        self._timer = QTimer()
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._still = self._looks = 0

    def start(self) -> None:
        """Open the docks and begin with the first step."""
        if self._folder is not None:  # nobody is there to read a notification and go on
            notification_manager.notification_ready.connect(self._on_notification)
        open_docks(self.viewer)
        self._begin(0)

    def _begin(self, number: int) -> None:
        self._number = number
        step = self._steps[number]
        self._on_step(step.caption)
        self._dock = self.bring(step.dock)
        step.begin(self._settle)

    def bring(self, name: str) -> object:
        """Bring a dock to the front and return what is in it."""
        frame, dock = self.viewer.window.add_plugin_dock_widget(PLUGIN, name)
        frame.show()
        frame.raise_()
        return dock

    def _settle(self) -> None:
        """Wait until the window shows what it is to show."""
        self._still = self._looks = 0
        self._timer.start()

    def _look(self) -> None:
        self._looks += 1
        loaded = all(layer.loaded for layer in self.viewer.layers) and not self._comparison.approximate
        loaded = loaded and not self._workspace.cell_layers.pending
        loaded = loaded and not (isinstance(self._dock, ReviewDock) and not self._dock.settled)
        self._still = self._still + 1 if loaded else 0
        if self._still >= STILL_LOOKS or self._looks >= MOST_LOOKS:
            self._timer.stop()
            self._done()

    def _done(self) -> None:
        if self._folder is not None:
            step = self._steps[self._number]
            path = self._folder / f"{self._number + 1}-{step.dock.lower()}.png"
            self.viewer.screenshot(str(path), canvas_only=False, flash=False)
            self.pictures.append(Picture(path, step.caption))
        if self._number + 1 < len(self._steps):
            self._begin(self._number + 1)
        else:
            self._on_end()

    def _stop(self, error: BaseException) -> None:
        """End early: nothing after this step would make sense."""
        self._timer.stop()
        self.trouble = error
        notices.complain(error)
        self._on_end()

    def _on_notification(self, notification: object) -> None:
        """End early where something broke that no step foresaw."""
        if isinstance(notification, ErrorNotification) and self.trouble is None:
            self._stop(notification.exception)

    # The steps

    def _open(self, after: Next) -> None:
        self._workspace.show(self.subject.slide)
        self._workspace.fit(self.subject.slide)
        after()

    def _compare(self, after: Next) -> None:
        def doubted(error: BaseException) -> None:
            notices.complain(error)  # a slide whose colours cannot be changed can be searched all the same
            after()

        def seen(_: object) -> None:
            if not self._comparison.used_for_finding:
                self._comparison.toggle_through()
            after()

        work = self._comparison.see(METHOD, failed=doubted)
        if work is None:
            after()
            return
        self._workspace.look_at(self.subject.slide, self._middle(0.5))
        work.returned.connect(seen)

    def _find(self, after: Next) -> None:
        about, workspace = self.subject, self._workspace
        what = Search(about.slide, about.model, workspace.study, about.region, workspace.through)

        def found(result: Found) -> None:
            self.findings = result.findings
            workspace.set_findings(about.slide, result.findings, result.run)
            after()

        workspace.start(
            f"Searching {about.slide.name}",
            lambda work: search(what, work),
            done=found,
            failed=self._stop,
            progressed=lambda progress: self._on_progress(progress.done, progress.total),
            sent=workspace.cells.preview,
        )

    def _review(self, after: Next) -> None:
        if isinstance(self._dock, ReviewDock):
            self._dock.work.step(1)
        after()

    def _middle(self, share: float) -> Box:
        """Return the middle of the searched part, as wide as a share of it."""
        level = self.subject.slide.levels[0]
        x0, y0, x1, y1 = self.subject.region or (0, 0, level.width, level.height)
        cut_x, cut_y = (x1 - x0) * (1 - share) / 2, (y1 - y0) * (1 - share) / 2
        return (x0 + cut_x, y0 + cut_y, x1 - cut_x, y1 - cut_y)
