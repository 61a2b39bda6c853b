"""Import and export in the Review dock: a file is looked at, added as one step, taken back, and written again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog

from napari_cytoshift.widgets.review import ReviewDock
from napari_cytoshift.widgets.review_exchange import ExchangeRow

Make = Callable[..., Any]


def feature(x: float, label: str) -> dict[str, Any]:
    ring = [[x, 100], [x + 40, 100], [x + 20, 150], [x, 100]]
    properties = {"objectType": "detection", "classification": {"name": label, "color": [9, 8, 7]}}
    return {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": properties}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file with two cells on the slide and one beside it."""
    path = tmp_path / "cells.geojson"
    features = [feature(100, "HSIL"), feature(300, "Koilocyte"), feature(90_000, "HSIL")]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


@pytest.fixture
def row(make_napari_viewer: Make, make_slide: Make, qtbot: Any) -> ExchangeRow:
    """Return the row of a Review dock in a shown window with a slide."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1366, 768)
    dock = ReviewDock(viewer)
    viewer.window.add_dock_widget(dock, name="Review", area="right")
    dock.workspace.show(make_slide())
    qtbot.waitUntil(lambda: dock.exchange.isVisible())
    return dock.exchange


def dock_of(row: ExchangeRow) -> ReviewDock:
    """Return the dock that holds a row."""
    around = row.parentWidget()
    while not isinstance(around, ReviewDock):
        assert around is not None
        around = around.parentWidget()
    return around


def click(button: Any) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def look(row: ExchangeRow, file: Path, monkeypatch: Any, qtbot: Any) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(file), ""))
    click(row.bring)
    qtbot.waitUntil(lambda: row.add.isVisible() and row.add.isEnabled())


def test_a_file_is_previewed_added_and_taken_back(row: ExchangeRow, file: Path, monkeypatch: Any, qtbot: Any) -> None:
    study, cells = row.workspace.study, row.workspace.cells
    look(row, file, monkeypatch, qtbot)
    assert row.said == (
        "cells.geojson adds 2 cells (HSIL 1, Koilocyte 1). 1 beside the slide, left out. New class: Koilocyte."
    )
    if folder := os.environ.get("CYTOSHIFT_PICTURES"):
        row.workspace.viewer.screenshot(str(Path(folder) / "exchange.png"), canvas_only=False, flash=False)
    assert study.events() == []
    click(row.add)
    qtbot.waitUntil(lambda: len(cells.cells) == 2)
    qtbot.waitUntil(lambda: row.said.endswith("Undo takes that back."))
    assert [event.kind for event in study.events()] == ["import"]
    assert cells.cells.classes == ("HSIL", "Koilocyte")
    work = dock_of(row).work
    qtbot.waitUntil(lambda: len(work.queue) == 2)
    work.undo()
    assert len(cells.cells) == 0
    qtbot.waitUntil(lambda: len(work.queue) == 0 and work.sorting.work is None)


def test_leaving_adds_nothing_and_drawn_cells_need_no_review(
    row: ExchangeRow, file: Path, monkeypatch: Any, qtbot: Any
) -> None:
    look(row, file, monkeypatch, qtbot)
    click(row.leave)
    assert not row.add.isVisible()
    assert row.said == ""
    look(row, file, monkeypatch, qtbot)
    row.drawn.click()
    qtbot.waitUntil(lambda: row.add.isEnabled() and not row.busy.busy)
    click(row.add)
    qtbot.waitUntil(lambda: len(row.workspace.cells.cells) == 2)
    assert row.workspace.cells.cells.states.tolist() == [4, 4]


def test_what_is_written_is_read_as_known(
    row: ExchangeRow, file: Path, tmp_path: Path, monkeypatch: Any, qtbot: Any
) -> None:
    look(row, file, monkeypatch, qtbot)
    click(row.add)
    qtbot.waitUntil(lambda: len(row.workspace.cells.cells) == 2 and not row.busy.busy)
    out = tmp_path / "smear.coco.json"
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / "smear"), "COCO JSON (*.coco.json)")
    )
    click(row.send)
    qtbot.waitUntil(lambda: row.said.startswith("Written to smear.coco.json"))
    written = json.loads(out.read_text())
    assert [one["color"] for one in written["categories"]] == [[9, 8, 7]] * 2
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(out), ""))
    click(row.bring)
    qtbot.waitUntil(lambda: row.said == "smear.coco.json adds nothing. 2 here already, left as they are.")
    assert not row.add.isVisible()


def test_cells_edited_elsewhere_come_back_as_corrections(
    row: ExchangeRow, file: Path, monkeypatch: Any, qtbot: Any
) -> None:
    look(row, file, monkeypatch, qtbot)
    click(row.add)
    qtbot.waitUntil(lambda: len(row.workspace.cells.cells) == 2 and not row.busy.busy)
    study, cells = row.workspace.study, row.workspace.cells
    row.write(file, "geojson")
    qtbot.waitUntil(lambda: row.said.startswith("Written to"))
    edited = json.loads(file.read_text())
    edited["features"][0]["properties"]["classification"]["name"] = "LSIL"
    edited["features"][1]["geometry"]["coordinates"] = [[[x, y + 60] for x, y in corners(edited, 1)]]
    edited["features"].append(feature(500, "ASC-US"))
    file.write_text(json.dumps(edited))
    look(row, file, monkeypatch, qtbot)
    assert row.said == "cells.geojson adds 1 cell (ASC-US 1) and corrects 2 cells (1 relabelled, 1 moved)."
    if folder := os.environ.get("CYTOSHIFT_PICTURES"):
        row.workspace.viewer.screenshot(str(Path(folder) / "edits.png"), canvas_only=False, flash=False)
    click(row.add)
    qtbot.waitUntil(lambda: row.said.endswith("(1 relabelled, 1 moved). Undo takes that back."))
    assert cells.cells.label(0) == "LSIL"
    assert [event.kind for event in study.events()] == ["import", "import"]
    work = dock_of(row).work
    qtbot.waitUntil(lambda: len(work.queue) == 3)
    work.undo()
    assert [cells.cells.label(at) for at in range(len(cells.cells))] == ["HSIL", "Koilocyte"]
    assert dock_of(row).message.text == "Taken back: import of 3 cells."
    qtbot.waitUntil(lambda: len(work.queue) == 2 and work.sorting.work is None)


def test_holes_and_parts_are_drawn_and_written_as_they_came(
    row: ExchangeRow, tmp_path: Path, monkeypatch: Any, qtbot: Any
) -> None:
    square = [[100, 100], [500, 100], [500, 500], [100, 500], [100, 100]]
    hole = [[200, 200], [200, 400], [400, 400], [400, 200], [200, 200]]
    far = [[700, 100], [900, 100], [700, 300], [700, 100]]
    polygon, several = feature(0, "HSIL"), feature(0, "LSIL")
    polygon["geometry"] = {"type": "Polygon", "coordinates": [square, hole]}
    shifted = [[[x, y + 600] for x, y in ring] for ring in (square, hole)]
    several["geometry"] = {"type": "MultiPolygon", "coordinates": [shifted, [[[x, y + 600] for x, y in far]]]}
    file = tmp_path / "holes.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [polygon, several]}))
    look(row, file, monkeypatch, qtbot)
    assert row.said == "holes.geojson adds 2 cells (LSIL 1, HSIL 1)."
    click(row.add)
    qtbot.waitUntil(lambda: len(row.workspace.cells.cells) == 2 and not row.busy.busy)
    assert row.workspace.cells.cells.boxes.tolist() == [[100, 100, 500, 500], [100, 700, 900, 1100]]

    def drawn() -> list[int]:
        layers = row.workspace.viewer.layers
        return sorted(len(shape) for layer in layers if layer.name == "Cells in view" for shape in layer.data)

    qtbot.waitUntil(lambda: drawn() == [10, 15])  # there and back: 4 + 6 corners, and 4 + 6 + 5
    if folder := os.environ.get("CYTOSHIFT_PICTURES"):
        row.workspace.viewer.screenshot(str(Path(folder) / "holes.png"), canvas_only=False, flash=False)
    out = tmp_path / "again.geojson"
    row.write(out, "geojson")
    qtbot.waitUntil(lambda: row.said.startswith("Written to"))
    again = json.loads(out.read_text())["features"]
    assert [one["geometry"] for one in again] == [polygon["geometry"], several["geometry"]]


def corners(file: dict[str, Any], at: int) -> list[list[float]]:
    ring: list[list[float]] = file["features"][at]["geometry"]["coordinates"][0]
    return ring


def test_a_bad_file_gets_a_sentence_in_the_dock(row: ExchangeRow, tmp_path: Path, monkeypatch: Any, qtbot: Any) -> None:
    (tmp_path / "bad.geojson").write_text('{"type": "FeatureCollection", "features": [')
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(tmp_path / "bad.geojson"), ""))
    click(row.bring)
    qtbot.waitUntil(lambda: "is not GeoJSON" in dock_of(row).message.text)
    qtbot.waitUntil(lambda: row.bring.isEnabled())
