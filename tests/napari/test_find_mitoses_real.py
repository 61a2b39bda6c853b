"""Real mitoses on real tissue, found with one press by the models that ship: the window says what the terminal does."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from tissue_slide import write_tissue_slide

from cytoshift.cli import main
from cytoshift.models import STARTER
from cytoshift.slides import open_slide
from cytoshift.study.formats import geojson
from napari_cytoshift.widgets.find import FindDock

FOLDER = os.environ.get("CYTOSHIFT_IMAGES", "")
SCREEN, LONG = (1366, 768), 180_000
AREA = 0.05


def test_the_window_finds_and_counts_what_the_terminal_does(
    make_napari_viewer: Callable[..., Any],
    data: Path,
    tmp_path: Path,
    qtbot: Any,
    capfd: pytest.CaptureFixture[str],
) -> None:
    file = write_tissue_slide(data, tmp_path / "mitoses.tif").file
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(*SCREEN)
    dock: FindDock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Find")[1]
    workspace = dock.workspace
    workspace.show(open_slide(file))
    workspace.fit(workspace.active)
    dock.where.setCurrentIndex(dock.where.findData("slide"))
    QTest.mouseClick(dock.mitoses, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.busy.busy or workspace.cells.run is not None, timeout=LONG)
    qtbot.waitUntil(lambda: not dock.busy.busy, timeout=LONG)
    dock.counting.area.setValue(AREA)
    QTest.mouseClick(dock.counting.toggle, Qt.MouseButton.LeftButton)
    counting = dock.counting.counting
    qtbot.waitUntil(lambda: counting.counted is not None, timeout=LONG)
    assert counting.counted is not None

    cells, out = workspace.cells.cells, tmp_path / "cells.geojson"
    names = [cells.classes[label] for label in cells.labels]
    shown = cells.scores >= np.array([workspace.cells.thresholds.of(name) for name in names], np.float32)
    assert len(shown) > shown.sum() == sum(workspace.cells.counts().values()), "the less sure wait behind the slider"
    terminal(["detect", str(file), "--classifier", STARTER, "--out", str(out)])
    written = geojson.read(out)
    mine, theirs = in_order(cells.boxes[shown]), in_order(written.boxes)
    np.testing.assert_array_equal(cells.boxes[shown][mine], written.boxes[theirs])
    assert [np.array(names)[shown][k] for k in mine] == [written.classes[written.labels[k]] for k in theirs]
    capfd.readouterr()  # what napari's notifications print
    terminal(["count", str(file), "--study", str(workspace.study_folder), "--area", str(AREA)])
    lines = capfd.readouterr().out.splitlines()
    assert lines == counting.counted.lines()
    terminal(["count", str(file), "--findings", str(out), "--area", str(AREA)])
    assert numbers(capfd.readouterr().out.splitlines()) == numbers(lines)

    if FOLDER:
        qtbot.waitUntil(lambda: all(layer.loaded for layer in viewer.layers), timeout=LONG)
        qtbot.wait(700)
        viewer.screenshot(str(Path(FOLDER) / "find-mitoses.png"), canvas_only=False, flash=False)


def terminal(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 0


def in_order(boxes: np.ndarray) -> np.ndarray:
    return np.lexsort(boxes.T)


def numbers(lines: list[str]) -> list[str]:
    """Return the lines of a count that say what is there, not by which search."""
    return [line for line in lines if not line.startswith("Found by")]
