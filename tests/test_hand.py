"""Processes that work on one study know one hand, and wait while it moves."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from cytoshift import hand as hands
from cytoshift.hand import Hand

WAITS = """
import sys
from cytoshift.hand import Hand
hand, asked = Hand(), []
hand.share(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
def check():
    asked.append(1)
    if len(asked) == 2:
        print("waits", flush=True)
hand.wait(check)
print("goes on", flush=True)
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the hands of a test in a folder of its own."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def waiting(hand: Hand) -> bool:
    class Asked(Exception): ...

    times = iter((None, Asked()))

    def check() -> None:
        if (error := next(times)) is not None:
            raise error

    try:
        hand.wait(check)
    except Asked:
        return True
    return False


@pytest.mark.parametrize("moves", [True, False])
def test_another_process_waits_while_it_moves(tmp_path: Path, moves: bool) -> None:
    hand, rests = Hand(), threading.Event()
    hand.share(tmp_path / "study")

    def move() -> None:
        while not rests.wait(0.01):
            hand.move()

    with subprocess.Popen(
        [sys.executable, "-c", WAITS, str(tmp_path / "study")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        mover = threading.Thread(target=move)
        if moves:
            hand.move()
            mover.start()
        other.stdin.write("\n")
        other.stdin.flush()
        first = other.stdout.readline()
        rests.set()
        assert first == ("waits\n" if moves else "goes on\n")
        assert not moves or other.stdout.readline() == "goes on\n"


def test_another_study_has_another_hand(tmp_path: Path) -> None:
    one, other, same = Hand(), Hand(), Hand()
    one.share(tmp_path / "study")
    other.share(tmp_path / "another")
    same.share(tmp_path / "nowhere" / ".." / "study")
    one.move()
    assert not waiting(other)
    assert waiting(same)


def test_a_moment_of_before_the_computer_started_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand = Hand()
    hand.share(tmp_path / "study")
    hand.move()
    monkeypatch.setattr(hands.time, "monotonic", lambda: 1e-3)
    assert not waiting(hand)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_that_somebody_laid_there_is_not_followed(tmp_path: Path, own_folder: Path) -> None:
    victim = tmp_path / "precious"
    victim.write_bytes(b"as it was")
    Hand().share(tmp_path / "study")
    (laid,) = own_folder.glob("*.hand")
    laid.unlink()
    laid.symlink_to(victim)
    hand = Hand()
    hand.share(tmp_path / "study")
    hand.move()
    assert waiting(hand)
    assert victim.read_bytes() == b"as it was"
