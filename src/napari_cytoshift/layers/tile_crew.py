"""Threads that compute tiles of the newest view, the most wanted first, out of the window's way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import NamedTuple

from cytoshift.engine.pace import paced_by
from cytoshift.errors import Cancelled
from cytoshift.slides.slide import Slide
from napari_cytoshift.priority import stand_back


class Tile(NamedTuple):
    """A tile of a level."""

    level: int
    row: int
    column: int


class Wish(NamedTuple):
    """A tile of a slide that is to be in the cache."""

    slide: Slide
    tile: Tile

    @property
    def granted(self) -> bool:
        """Whether it is there."""
        return self.slide.cached_tile(*self.tile) is not None


Told = Callable[[Wish, Exception | None, bool], None]
"""Takes a wish that was worked on, what went wrong, and whether it was the last one of its view.

It is not told of what was begun and dropped.
"""


class Crew:
    """A few threads that work on the wishes of the newest view.

    Work on a tile that breathes (see `cytoshift.engine.pace`) waits while the view moves, and ends when it is dropped.

    Parameters
    ----------
    workers : int
        Number of threads.
    told : callable
        Called in a thread after each wish, granted or not.
    niceness : int
        How far the threads stand back where processors are scarce; the threads that they start stand back too.
    rest : float
        Seconds for which the view must have been the same before anything is begun, or goes on.
    """

    def __init__(self, workers: int, told: Told, *, niceness: int = 0, rest: float = 0.0) -> None:
        self._workers = workers
        self._told = told
        self._niceness = niceness
        self._rest = rest
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._idle = threading.Condition(self._lock)
        self._wishes: list[Wish] = []
        self._begun: list[Wish] = []
        self._dropped: set[Wish] = set()
        self._view: Hashable = None
        self._since = 0.0
        self._telling = 0
        self._stopped = False
        self._threads: list[threading.Thread] = []

    def want(self, wishes: Sequence[Wish], view: Hashable) -> None:
        """Work on the wishes of a view, the most wanted first; those of before are dropped."""
        with self._wake:
            wanted, begun = set(wishes), set(self._begun)
            self._wishes = [wish for wish in reversed(wishes) if wish not in begun]
            self._dropped = begun - wanted
            if view != self._view:
                self._view, self._since = view, time.monotonic()
            if self._wishes and not self._stopped:
                self._start()
            self._wake.notify_all()

    def finish(self, seconds: float) -> None:
        """Wait until all wishes have been worked on and told of, or some seconds have passed."""
        with self._lock:
            self._idle.wait_for(lambda: self._stopped or self._done, seconds)

    @property
    def _done(self) -> bool:
        return not (self._wishes or self._begun or self._telling)

    def stop(self) -> None:
        """End the threads, after the tile each works on where that does not breathe."""
        with self._wake:
            self._stopped = True
            self._wishes.clear()
            self._wake.notify_all()
            self._idle.notify_all()

    def _start(self) -> None:
        while len(self._threads) < self._workers:
            thread = threading.Thread(target=self._work, daemon=True, name="cytoshift-sharpener")
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        stand_back(self._niceness)
        while (wish := self._next()) is not None:
            error, dropped = None, False
            try:
                with paced_by(partial(self._breathe, wish)):
                    wish.slide.tile(*wish.tile)
            except Cancelled:
                dropped = True
            except Exception as problem:  # one bad tile must not end the thread
                error = problem
            with self._lock:
                self._begun.remove(wish)
                if dropped and not self._stopped and wish not in self._dropped:
                    self._wishes.append(wish)  # wanted again in the meantime
                self._telling += 1
                last = not self._begun and not self._wishes
            if not dropped:
                self._told(wish, error, last)
            with self._lock:
                self._telling -= 1
                if self._done:
                    self._idle.notify_all()

    def _breathe(self, wish: Wish) -> None:
        """Wait until the view has rested; raise `Cancelled` when nobody wants the tile any more."""
        with self._wake:
            while not (self._stopped or wish in self._dropped) and (wait := self._unrested) > 0:
                self._wake.wait(wait)
            if self._stopped or wish in self._dropped:
                raise Cancelled("The view is elsewhere; look there again to have this tile.")

    @property
    def _unrested(self) -> float:
        """Seconds until the view has rested."""
        return self._since + self._rest - time.monotonic()

    def _next(self) -> Wish | None:
        """Wait for a wish that nobody has granted yet; None when all is over."""
        with self._wake:
            while not self._stopped:
                if not self._wishes:
                    if self._done:
                        self._idle.notify_all()
                    self._wake.wait()
                elif (wait := self._unrested) > 0:
                    self._wake.wait(wait)
                else:
                    wish = self._wishes.pop()
                    if not wish.granted:
                        self._begun.append(wish)
                        self._dropped.discard(wish)
                        return wish
        return None
