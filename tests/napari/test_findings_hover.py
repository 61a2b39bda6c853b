"""What is said of the cell under the mouse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from qtpy.QtCore import QPoint
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QToolTip, QWidget

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.mitosis.classes import CLASSES
from napari_cytoshift.layers.findings import know
from napari_cytoshift.workspace import Workspace

Make = Callable[..., Any]
LONG = 60_000


def test_the_mouse_rests_on_a_mitosis_and_its_measures_are_said(
    make_napari_viewer: Make, make_slide: Make, qtbot: Any
) -> None:
    viewer = make_napari_viewer(show=True)
    workspace, slide = Workspace.of(viewer), make_slide()
    workspace.show(slide)
    found = Findings(
        np.array([[500, 400, 600, 500], [900, 700, 960, 760]], np.float32),
        np.array([0.91, 0.8], np.float32),
        np.array([1, 2], np.int16),
        CLASSES,
        Provenance(slide.info.identity, "finder"),
        measures={
            "atypical": np.array([0.83, np.nan], np.float32),
            "phase: prometaphase": np.array([0.1, np.nan], np.float32),
            "phase: metaphase": np.array([0.72, np.nan], np.float32),
        },
    )
    know(workspace.study, slide)
    workspace.set_findings(slide, found, workspace.study.add_findings(found))
    assert workspace.cell_layers.shown is workspace.cells
    workspace.fit(slide)
    inside = viewer.window._qt_window.centralWidget().findChildren(QWidget)
    native = next(one for one in inside if type(one).__name__ == "CanvasBackendDesktop")

    def rest_on(x: float, y: float) -> None:
        world = slide.frame.world_from_level0([x, y])
        offset = (world - np.asarray(viewer.scene.camera.center[-2:])) * viewer.scene.camera.zoom
        place = native.rect().center() + QPoint(round(offset[1]), round(offset[0]))
        QTest.mouseMove(native, place + QPoint(3, 3))  # the first move into a widget may be nothing but its entering
        QTest.mouseMove(native, place)

    rest_on(550, 450)
    qtbot.waitUntil(lambda: QToolTip.text() == "atypical mitosis  0.91\natypical 0.83\nmetaphase 0.72", timeout=LONG)
    rest_on(930, 730)
    qtbot.waitUntil(lambda: QToolTip.text() == "look-alike  0.80", timeout=LONG)
    rest_on(1500, 1000)
    qtbot.waitUntil(lambda: not QToolTip.isVisible(), timeout=LONG)
