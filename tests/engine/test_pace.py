"""Long work breathes: whoever asked for it makes it wait, or stop."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from cytoshift.engine.pace import breathe, paced_by
from cytoshift.errors import Cancelled
from cytoshift.slides.cache import TileCache


def test_work_breathes_to_the_innermost_who_asked_and_else_to_nobody() -> None:
    heard: list[str] = []
    breathe()
    with paced_by(lambda: heard.append("outer")):
        breathe()
        with paced_by(lambda: heard.append("inner")):
            breathe()
        breathe()
        other = threading.Thread(target=breathe)
        other.start()
        other.join()
    breathe()
    assert heard == ["outer", "inner", "outer"]


def stop() -> None:
    raise Cancelled("Nobody wants it.")


def test_a_tile_that_one_gives_up_is_computed_by_another_who_waits_for_it() -> None:
    cache, begun, go = TileCache(1 << 20), threading.Event(), threading.Event()
    ended: list[type[BaseException] | int] = []

    def given_up() -> np.ndarray:
        begun.set()
        assert go.wait(20)
        breathe()
        raise AssertionError("it goes on")

    def first() -> None:
        with pytest.raises(Cancelled), paced_by(stop):
            cache.get("tile", given_up)
        ended.append(Cancelled)

    def second() -> None:
        ended.append(int(cache.get("tile", lambda: np.full((4, 4, 3), 7, np.uint8))[0, 0, 0]))

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert begun.wait(20)
    threads[1].start()
    go.set()
    for thread in threads:
        thread.join(20)
    assert set(ended) == {Cancelled, 7}
