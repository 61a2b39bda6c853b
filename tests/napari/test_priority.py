"""Long work stands back: it waits while the view moves, and still obeys."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import pytest

from cytoshift import hand as hands
from cytoshift.engine.pace import breathe
from cytoshift.errors import Cancelled
from cytoshift.hand import Hand
from napari_cytoshift import priority
from napari_cytoshift.background import Work
from napari_cytoshift.workspace import Workspace


def test_work_waits_while_the_view_moves_and_goes_on_when_it_rests(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(hands.time, "monotonic", lambda: clock[0])
    hand, passed, asked = Hand(), threading.Event(), threading.Event()
    hand.move()
    hand_wait = hand.wait
    monkeypatch.setattr(hand, "wait", lambda check: (asked.set(), hand_wait(check)))

    def function(work: Work) -> None:
        breathe()
        passed.set()

    work = Work("waits", function, in_activity=False, aside=hand)
    work.start()
    qtbot.waitUntil(asked.is_set)
    assert not passed.is_set()
    clock[0] += hands.REST
    qtbot.waitUntil(lambda: not work.running, timeout=60_000)
    assert passed.is_set()


def test_work_that_waits_for_the_view_can_be_cancelled(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hands.time, "monotonic", lambda: 100.0)
    hand, failed = Hand(), []
    hand.move()
    work = Work("waits", lambda work: breathe(), in_activity=False, aside=hand)
    work.failed.connect(failed.append)
    work.start()
    work.cancel.cancel()
    qtbot.waitUntil(lambda: bool(failed), timeout=60_000)
    assert isinstance(failed[0], Cancelled)


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a niceness of their own on Linux alone")
def test_long_work_and_what_it_starts_are_nicer_than_the_window(qtbot: Any) -> None:
    nice: list[int] = []

    def note() -> None:
        nice.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    def function(work: Work) -> None:
        note()
        started = threading.Thread(target=note)
        started.start()
        started.join()

    work = Work("stands back", function, in_activity=False, aside=Hand())
    work.start()
    qtbot.waitUntil(lambda: not work.running, timeout=60_000)
    ours = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert nice == [min(19, ours + priority.ASIDE)] * 2


def test_the_hand_moves_with_the_view(make_napari_viewer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = make_napari_viewer()
    hand, asked = Workspace.of(viewer).hand, []
    monkeypatch.setattr(hands.time, "monotonic", lambda: 100.0)
    monkeypatch.setattr(hands.time, "sleep", lambda _: monkeypatch.setattr(hands.time, "monotonic", lambda: 200.0))
    hand.wait(lambda: asked.append("rests"))
    viewer.scene.camera.center = (0.0, 5.0, 5.0)
    hand.wait(lambda: asked.append("moves"))
    assert asked == ["rests", "moves", "moves"]
