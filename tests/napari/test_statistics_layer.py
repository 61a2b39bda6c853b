"""The statistics of a translator over the slide: what its tables say, tile by tile, as they arrive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from cytoshift.engine import CancelToken
from cytoshift.slides import open_slide, samples
from napari_cytoshift import looking
from napari_cytoshift.layers.statistics_layer import FieldValues, field_layer
from napari_cytoshift.statistics_field import StatisticsField, gather
from napari_cytoshift.widgets.compare import CompareDock

LONG = 120_000
SIDE = 400
TILE = 64


def test_the_field_follows_the_tables(
    make_napari_viewer: Callable[..., Any], tmp_path: Any, monkeypatch: Any, qtbot: Any
) -> None:
    from tiny_translator import translator

    slide = open_slide(samples.draw(tmp_path / "smear.ome.zarr", width=SIDE, height=SIDE, seed=3))
    monkeypatch.setattr(looking, "build", lambda choice, registry: translator())
    viewer = make_napari_viewer(show=True)
    dock: CompareDock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Compare")[1]
    field = StatisticsField.of(viewer)
    dock.workspace.show(slide)
    assert not dock.overlays.moment.isVisible()
    dock.see("white")
    qtbot.waitUntil(lambda: dock.comparison.sight is not None, timeout=LONG)
    assert dock.overlays.moment.isVisible()
    dock.overlays.moment.setFocus()
    QTest.keyClick(dock.overlays.moment, Qt.Key.Key_Down)
    assert field.moment == "mean"
    qtbot.waitUntil(lambda: "Dark" in field.words and not dock.comparison.approximate, timeout=LONG)
    layer = field_layer(viewer)
    assert layer is not None
    assert layer.visible
    assert viewer.canvas.grid.position(viewer.layers.index(layer), viewer.layers) == (0, 0)
    operator = field.operator
    box = (0.0, 0.0, float(SIDE), float(SIDE))
    gathered = gather(slide, operator, box, "mean", 1, CancelToken())
    values: FieldValues | None = gathered.field
    assert values is not None
    assert values.values.shape == (7, 7)
    assert values.step == (TILE, TILE)
    assert gathered.sites == len(operator.known_field(*np.argwhere(np.isfinite(values.values))[0])) > 1
    for row, column in np.argwhere(np.isfinite(values.values)):
        mean, scale = operator.known_field(row, column)[1]
        assert values.values[row, column] == np.mean(mean)
        assert (scale > 0).all()
    dock.overlays.site.setValue(2)
    assert field.site == 1
    dock.methods[""].click()
    assert not layer.visible
    assert not dock.overlays.isVisible()
