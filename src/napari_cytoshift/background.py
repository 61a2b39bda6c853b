"""Work in threads: the one way in which the window does anything that takes time.

A function runs in a pool thread; what it reports, sends and returns arrives in the Qt thread.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, TypeVar, cast

from napari.utils import cancelable_progress
from qtpy.compat import isalive
from qtpy.QtCore import QCoreApplication, QEventLoop, QObject, Qt, Signal

from cytoshift.engine.pace import paced_by
from cytoshift.engine.progress import CancelToken, Progress
from cytoshift.hand import Hand
from napari_cytoshift import notices
from napari_cytoshift.priority import ASIDE, stand_back

REPORTS_PER_SECOND = 15
THREADS = 4

T = TypeVar("T")


class _Nowhere(io.TextIOBase):
    """Swallows the terminal half of napari's progress bars."""

    def write(self, text: str) -> int:
        return len(text)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="cytoshift")


class Work(QObject):
    """One piece of background work. Make it in the Qt thread.

    Parameters
    ----------
    title : str
        What a person reads while it runs.
    function : callable
        Called with this object in a thread. It may call `report` and `send`, and looks at `cancel` often.
    in_activity : bool
        Whether napari's activity dock shows it.
    aside : Hand, optional
        Given where it computes for long: it then stands back in a thread of its own, and waits while the view moves.

    Attributes
    ----------
    returned, sent, progressed, failed : Signal(object)
        The result, a partial result, a `Progress`, an exception; always delivered in the Qt thread.
    finished : Signal()
        Last of all, whatever happened.
    """

    returned = Signal(object)
    sent = Signal(object)
    progressed = Signal(object)
    failed = Signal(object)
    finished = Signal()
    _arrived = Signal(str, object)

    def __init__(
        self, title: str, function: Callable[[Work], Any], *, in_activity: bool = True, aside: Hand | None = None
    ) -> None:
        super().__init__()
        self.title = title
        self.cancel = CancelToken()
        self.running = False
        self._function = function
        self._last_report = 0.0
        self._bar: Any = None
        self._showing = False
        self._in_activity = in_activity
        self._aside = aside
        self._arrived.connect(self._receive, Qt.ConnectionType.QueuedConnection)

    def start(self) -> Work:
        """Hand the function to a thread."""
        self.running = True
        if self._in_activity:
            self._bar = cancelable_progress(
                total=0, desc=self.title, cancel_callback=self.cancel.cancel, file=_Nowhere()
            )
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.abandon)  # or the process waits for paused work, for ever
        if self._aside is None:
            _pool().submit(self._run, self.cancel.check)
        else:
            threading.Thread(target=self._run_aside, args=(self._aside,), name="cytoshift-aside").start()
        return self

    @property
    def paused(self) -> bool:
        """Whether it waits, or will at its next look at `cancel`."""
        return self.cancel.paused

    def pause(self) -> None:
        """Let it wait between two of its parts."""
        self.cancel.pause()

    def resume(self) -> None:
        """Let it go on."""
        self.cancel.resume()

    def report(self, progress: Progress) -> None:
        """Report progress from the thread; a flood is thinned, the last report always arrives."""
        now = time.monotonic()
        if progress.done < progress.total and now - self._last_report < 1 / REPORTS_PER_SECOND:
            return
        self._last_report = now
        self._deliver("progressed", progress)

    def send(self, value: object) -> None:
        """Send a partial result from the thread."""
        self._deliver("sent", value)

    def abandon(self) -> None:
        """Cancel and forget: nothing more is delivered. For windows that close."""
        self.cancel.cancel()
        if isalive(self):  # type: ignore[no-untyped-call]
            self.blockSignals(True)
            self._close_bar()

    def _run_aside(self, hand: Hand) -> None:
        stand_back(ASIDE)
        self._run(partial(hand.wait, self.cancel.check))

    def _run(self, look: Callable[[], None]) -> None:
        try:
            self.cancel.check()
            with paced_by(look):
                result = self._function(self)
        except BaseException as error:
            self._deliver("failed", error)
        else:
            self._deliver("returned", result)

    def _deliver(self, kind: str, value: object) -> None:
        try:
            self._arrived.emit(kind, value)
        except RuntimeError:  # the window is gone, and its objects with it
            self.cancel.cancel()

    def _receive(self, kind: str, value: object) -> None:
        getattr(self, kind).emit(value)
        if kind == "progressed":
            self._show(value)
        if kind in ("returned", "failed"):
            self.running = False
            self._close_bar()
            self.finished.emit()

    def _show(self, value: object) -> None:
        bar = self._bar  # updating it lets Qt run other events, which may close it, or bring the next report
        if bar is None or self._showing or not isinstance(value, Progress):
            return
        self._showing = True
        if bar.total != value.total:
            bar.total = value.total
        bar.update(value.done - bar.n)
        self._showing = False

    def _close_bar(self) -> None:
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.close()


class Works:
    """The pieces of work of one window that are not done yet. Used in the Qt thread."""

    def __init__(self) -> None:
        self._running: set[Work] = set()

    def start(
        self,
        title: str,
        function: Callable[[Work], Any],
        *,
        done: Callable[[Any], None] | None = None,
        failed: Callable[[BaseException], None] = notices.complain,
        progressed: Callable[[Any], None] | None = None,
        sent: Callable[[Any], None] | None = None,
        in_activity: bool = True,
        aside: Hand | None = None,
    ) -> Work:
        """Run a function in a thread; every callback runs in the Qt thread.

        Without ``failed``, an error becomes a notification.
        """
        work = Work(title, function, in_activity=in_activity, aside=aside)
        for signal, callback in (
            (work.returned, done),
            (work.failed, failed),
            (work.progressed, progressed),
            (work.sent, sent),
        ):
            if callback is not None:
                signal.connect(callback)
        running = self._running
        running.add(work)

        def forget() -> None:
            running.discard(work)
            work.deleteLater()  # frees what its connections hold, this function and so the work itself included

        work.finished.connect(forget)
        return work.start()

    def abandon(self) -> None:
        """Cancel and forget all work."""
        for work in tuple(self._running):
            work.abandon()
        self._running.clear()


def wait_for(title: str, function: Callable[[Work], T]) -> T:
    """Run a function in a thread and wait for its result, while the window keeps painting itself.

    For napari's readers, which must return what they read. Raises what the function raises.
    """
    outcome: list[Any] = []
    loop = QEventLoop()
    work = Work(title, function)
    work.returned.connect(outcome.append)
    work.failed.connect(outcome.append)
    work.finished.connect(loop.quit)
    work.start()
    loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return cast("T", outcome[0])
