"""The virtual display starts where there is none, and ends with its process, however that ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from napari_cytoshift import headless, system_libraries

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has X servers to start")

WITH_DISPLAY = """
import os
from napari_cytoshift.headless import ensure_display
ensure_display()
print(os.environ["DISPLAY"], flush=True)
input()
"""


@contextmanager
def process_with_display() -> Iterator[tuple[subprocess.Popen[str], str]]:
    bare = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    command = [sys.executable, "-c", WITH_DISPLAY]
    process = subprocess.Popen(command, env=bare, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def test_the_server_ends_with_a_killed_process() -> None:
    with process_with_display() as (process, display), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(f"/tmp/.X11-unix/X{display.removeprefix(':')}")
        process.kill()
        try:
            left = client.recv(1)
        except ConnectionResetError:  # it may hang up this way, too
            left = b""
        assert left == b""


def test_two_processes_get_two_displays() -> None:
    with process_with_display() as (_, first), process_with_display() as (_, second):
        assert first.startswith(":")
        assert first != second


def test_a_display_that_is_there_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":somewhere")
    headless.ensure_display()
    assert os.environ["DISPLAY"] == ":somewhere"


def test_without_a_server_one_sentence_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(headless.CytoshiftError, match="system_libraries"):
        headless.ensure_display()
    assert system_libraries.DISPLAY_SERVER in system_libraries.missing_packages()
