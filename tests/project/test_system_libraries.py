"""What is missing is named, and installed only where that is allowed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from napari_cytoshift import system_libraries

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems bring these libraries")

MISSING = "libnothing-of-this-name.so.7"


@pytest.fixture
def one_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_libraries, "LIBRARIES", {"libc.so.6": "libc6", MISSING: "libnothing7"})
    monkeypatch.setenv("DISPLAY", ":0")


@pytest.fixture
def apt(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that would have been run; none is."""
    ran: list[list[str]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
        ran.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(system_libraries.subprocess, "run", run)
    monkeypatch.setattr(system_libraries.shutil, "which", lambda name: f"/usr/bin/{name}")
    return ran


@pytest.mark.usefixtures("one_missing")
def test_only_what_does_not_load_is_missing() -> None:
    assert "libnothing7" in system_libraries.missing_packages()
    assert "libc6" not in system_libraries.missing_packages()


@pytest.mark.usefixtures("one_missing")
def test_others_than_root_get_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], apt: list[list[str]]
) -> None:
    monkeypatch.setattr(system_libraries.os, "geteuid", lambda: 1000)
    assert system_libraries.ensure() == 1
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 1
    assert "sudo apt-get install" in printed[0]
    assert "libnothing7" in printed[0]
    assert not apt


@pytest.mark.usefixtures("one_missing")
def test_root_installs_it(monkeypatch: pytest.MonkeyPatch, apt: list[list[str]]) -> None:
    monkeypatch.setattr(system_libraries.os, "geteuid", lambda: 0)
    assert system_libraries.ensure() == 0
    assert [command[0] for command in apt] == ["apt-get", "apt-get"]
    assert "update" in apt[0]
    assert apt[1][-1] == "libnothing7" or system_libraries.FONTS in apt[1]
    assert "--no-install-recommends" in apt[1]


def test_it_loads_nothing_that_may_be_missing() -> None:
    code = "import sys, napari_cytoshift.system_libraries as s; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"napari", "qtpy", "numpy", "torch", "rich"} & set(loaded)
