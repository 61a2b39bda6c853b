"""Pausing: work waits between its batches, and can still be cancelled."""

from __future__ import annotations

import threading

import pytest

from cytoshift.engine import CancelToken
from cytoshift.errors import Cancelled

LONG = 20.0


class Worker:
    """Looks at a token again and again in a thread, as a pipeline does between batches."""

    def __init__(self, token: CancelToken) -> None:
        self.looks = 0
        self.ended: BaseException | None = None
        self.stepped = threading.Event()
        self.token = token
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self) -> None:
        try:
            while True:
                self.token.check()
                self.looks += 1
                self.stepped.set()
        except Cancelled as error:
            self.ended = error

    def step(self) -> bool:
        """Wait for one more look."""
        self.stepped.clear()
        return self.stepped.wait(LONG)


def test_paused_work_waits_and_goes_on_where_it_was() -> None:
    token = CancelToken()
    worker = Worker(token)
    assert worker.step()
    token.pause()
    assert token.paused
    worker.thread.join(0.05)
    before = worker.looks
    worker.stepped.clear()
    assert not worker.stepped.wait(0.2)
    assert worker.looks == before
    assert token.waited == 0.0
    token.resume()
    assert token.waited > 0
    assert worker.step()
    token.cancel()
    worker.thread.join(LONG)
    assert isinstance(worker.ended, Cancelled)


def test_paused_work_can_be_cancelled_and_cancelled_work_is_not_paused() -> None:
    token = CancelToken()
    token.pause()
    worker = Worker(token)
    token.cancel()
    worker.thread.join(LONG)
    assert isinstance(worker.ended, Cancelled)
    assert worker.looks == 0
    token.pause()
    assert not token.paused
    with pytest.raises(Cancelled):
        token.check()
