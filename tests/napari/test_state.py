"""What the plugin remembers."""

from __future__ import annotations

from pathlib import Path

from napari_cytoshift.state import State, home


def test_values_come_back() -> None:
    State().set("study", "/somewhere")
    State().set_calibration("abc", (0.25, 0.26), 40.0)
    again = State()
    assert again.get("study") == "/somewhere"
    assert again.calibration("abc") == ((0.25, 0.26), 40.0)
    assert again.calibration("unknown") is None
    assert [p.name for p in home().iterdir()] == ["window.json"]


def test_a_damaged_file_is_a_fresh_start(tmp_path: Path) -> None:
    path = tmp_path / "window.json"
    for damaged in ("{ not json", "[1, 2]"):
        path.write_text(damaged)
        state = State(path)
        assert state.get("study") is None
        state.set("study", "x")
        assert State(path).get("study") == "x"


def test_an_unwritable_place_stops_nobody(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    state = State(blocked / "window.json")
    state.set("study", "x")
    assert state.get("study") == "x"
