"""The Compare dock: the same tissue in other colours, sharpening in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_cytoshift.comparison import Comparison
from napari_cytoshift.keys import FLIP_KEY
from napari_cytoshift.layers.slide_layers import role_of
from napari_cytoshift.widgets.compare import CompareDock

Make = Callable[..., Any]

LONG = 90_000


@pytest.fixture
def dock(make_napari_viewer: Make) -> CompareDock:
    """Return the dock in a viewer, as napari makes it."""
    viewer = make_napari_viewer()
    return viewer.window.add_plugin_dock_widget("napari-cytoshift", "Compare")[1]


@pytest.fixture
def viewer(dock: CompareDock) -> Any:
    """Return the viewer of the dock."""
    return dock.workspace.viewer


def derived(viewer: Any) -> Any:
    """Return the derived layer."""
    return next(layer for layer in viewer.layers if role_of(layer) == "derived")


def test_a_method_shows_the_slide_beside_itself(dock: CompareDock, viewer: Any, make_slide: Make, qtbot: Any) -> None:
    slide = make_slide()
    dock.workspace.show(slide)
    dock.methods["reinhard"].click()
    qtbot.waitUntil(lambda: dock.comparison.sight is not None, timeout=LONG)
    layer = derived(viewer)
    assert [role_of(one) for one in viewer.layers] == ["original", "derived"]
    assert tuple(layer.scale) == (0.25, 0.25)
    assert viewer.canvas.grid.enabled
    assert viewer.canvas.grid.actual_shape(viewer.layers) == (1, 2)
    assert [viewer.canvas.grid.position(k, viewer.layers) for k in (0, 1)] == [(0, 0), (0, 1)]
    assert dock.workspace.active is slide
    exact = dock.comparison.sight.slide.read(0, 0, 0, 600, 600)
    qtbot.waitUntil(lambda: not dock.comparison.approximate, timeout=LONG)
    assert layer.name == "Reinhard · smear.svs"
    assert np.array_equal(layer.data[0][:600, :600], exact)
    assert not np.array_equal(exact, slide.read(0, 0, 0, 600, 600))
    assert dock.state.text()
    dock.methods[""].click()
    assert [role_of(one) for one in viewer.layers] == ["original"]
    assert not viewer.canvas.grid.enabled
    assert dock.comparison.sight is None


def test_a_held_key_flips_to_the_original(dock: CompareDock, viewer: Any, make_slide: Make, qtbot: Any) -> None:
    dock.workspace.show(make_slide())
    dock.layouts.buttons["over"].click()
    dock.methods["reinhard"].click()
    qtbot.waitUntil(lambda: dock.comparison.sight is not None, timeout=LONG)
    assert not viewer.canvas.grid.enabled
    layer = derived(viewer)
    canvas = viewer.window._qt_viewer.canvas.native
    key = getattr(Qt.Key, f"Key_{FLIP_KEY}")
    qtbot.keyPress(canvas, key)
    assert layer.opacity == 0
    qtbot.keyRelease(canvas, key)
    assert layer.opacity == 1
    dock.layouts.buttons["side"].click()
    assert viewer.canvas.grid.enabled


def test_a_slide_that_is_not_brightfield_cannot_be_normalized(dock: CompareDock, make_slide: Make) -> None:
    dock.workspace.show(make_slide(brightfield=False))
    assert not dock.methods["macenko"].isEnabled()
    assert "not a brightfield slide" in dock.state.text()


def test_what_goes_wrong_is_one_sentence_in_the_dock(
    dock: CompareDock, viewer: Any, make_slide: Make, qtbot: Any
) -> None:
    slide = make_slide()
    for level in slide.pixels:
        level[...] = 255  # empty glass: nothing to fit to
    dock.workspace.show(slide)
    dock.methods["macenko"].click()
    qtbot.waitUntil(lambda: bool(dock.message.text), timeout=LONG)
    assert dock.message.text.endswith(".")
    assert dock.methods[""].isChecked()
    assert len(viewer.layers) == 1


def test_what_is_seen_can_be_used_for_finding(dock: CompareDock, make_slide: Make, qtbot: Any) -> None:
    dock.workspace.show(make_slide())
    assert not dock.use.isEnabled()
    dock.methods["reinhard"].click()
    qtbot.waitUntil(lambda: dock.comparison.sight is not None, timeout=LONG)
    heard: list[Any] = []
    dock.workspace.through_changed.connect(heard.append)
    dock.use.click()
    assert dock.workspace.through is dock.comparison.sight.operator
    assert dock.use.text() == "Used for finding · take back"
    dock.use.click()
    assert dock.workspace.through is None
    assert [one is None for one in heard] == [False, True]


def test_removing_the_layer_in_napari_ends_the_comparison(
    dock: CompareDock, viewer: Any, make_slide: Make, qtbot: Any
) -> None:
    dock.workspace.show(make_slide())
    dock.methods["reinhard"].click()
    qtbot.waitUntil(lambda: dock.comparison.sight is not None, timeout=LONG)
    viewer.layers.remove(derived(viewer))
    qtbot.waitUntil(lambda: dock.methods[""].isChecked())
    assert Comparison.of(viewer).sight is None
    assert not viewer.canvas.grid.enabled


def test_calibration_moves_both_layers(dock: CompareDock, viewer: Any, make_slide: Make, qtbot: Any) -> None:
    slide = make_slide(mpp=None)
    dock.workspace.show(slide)
    dock.methods["reinhard"].click()
    qtbot.waitUntil(lambda: dock.comparison.sight is not None, timeout=LONG)
    dock.workspace.calibrate(slide, (0.5, 0.5))
    assert [tuple(layer.scale) for layer in viewer.layers] == [(0.5, 0.5), (0.5, 0.5)]


def test_each_pane_shows_the_cells(dock: CompareDock, viewer: Any, make_slide: Make, qtbot: Any) -> None:
    dock.workspace.show(make_slide("another.svs"))
    slide = make_slide()
    dock.workspace.show(slide)
    dock.layouts.buttons["side"].click()
    dock.methods["reinhard"].click()
    qtbot.waitUntil(lambda: dock.comparison.sight is not None, timeout=LONG)

    def panes() -> dict[str, tuple[int, int]]:
        grid = viewer.canvas.grid
        return {layer.name: grid.position(k, viewer.layers) for k, layer in enumerate(viewer.layers) if layer.visible}

    left, right = (0, 0), (0, 1)
    mine = {"cytoshift": {"identity": slide.info.identity}}
    viewer.add_points([[1, 1]], name="cells", metadata={"cytoshift": {**mine["cytoshift"], "role": "cells"}})
    pair = {"smear.svs": left, "Reinhard · smear.svs": right}
    qtbot.waitUntil(lambda: panes() == {**pair, "cells": left})
    viewer.add_shapes(name="boxes", metadata={"cytoshift": {**mine["cytoshift"], "role": "boxes"}}, ndim=2)
    qtbot.waitUntil(lambda: panes() == {**pair, "cells": right, "boxes": left})
    viewer.add_points([[1, 1]], name="of a person")
    qtbot.waitUntil(lambda: panes() == {**pair, "cells": right, "boxes": left, "of a person": left})
    dock.layouts.buttons["over"].click()
    names = [layer.name for layer in viewer.layers]
    assert names[1:3] == ["smear.svs", "Reinhard · smear.svs"]
    assert set(names[3:]) == {"cells", "boxes", "of a person"}
    assert not viewer.canvas.grid.enabled


def test_a_grid_of_somebody_else_is_left_alone(dock: CompareDock, viewer: Any, make_slide: Make) -> None:
    viewer.canvas.grid.enabled = True
    dock.workspace.show(make_slide())
    dock.methods[""].click()
    assert viewer.canvas.grid.enabled


def test_a_doubtful_fit_offers_the_method_to_use_instead(dock: CompareDock, make_slide: Make, qtbot: Any) -> None:
    dock.workspace.show(make_slide())
    dock.methods["macenko"].click()
    qtbot.waitUntil(lambda: dock.comparison.sight is not None, timeout=LONG)
    sight = dock.comparison.sight
    assert sight.fallback == "reinhard"
    assert "use Reinhard" in dock.state.text()  # as it is called on its button
    assert dock.fallback.text() == "Use Reinhard instead"
    dock.fallback.click()
    qtbot.waitUntil(lambda: dock.comparison.sight.method == "reinhard", timeout=LONG)
    assert dock.methods["reinhard"].isChecked()


def test_stain_vectors_are_seen_and_changed(dock: CompareDock, make_slide: Make, qtbot: Any) -> None:
    dock.workspace.show(make_slide())
    assert not dock.edit.isVisibleTo(dock)
    dock.methods["macenko"].click()
    qtbot.waitUntil(lambda: dock.comparison.sight is not None, timeout=LONG)
    found = dock.comparison.sight
    dock.edit.click()
    assert dock.vectors.isVisibleTo(dock)
    assert not dock.gauge.isVisibleTo(dock)
    assert np.allclose(dock.vectors.vectors, found.stains, atol=1e-3)
    given = ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11))
    dock.vectors.changed.emit(given)
    qtbot.waitUntil(lambda: dock.comparison.sight.choice.stains == given, timeout=LONG)
    assert np.allclose(dock.comparison.sight.stains, given, atol=0.01)
    assert dock.comparison.sight.slide.key != found.slide.key
    dock.vectors.reset.emit()
    qtbot.waitUntil(lambda: dock.comparison.sight.choice.stains == (), timeout=LONG)
    assert dock.comparison.sight.slide.key == found.slide.key
    dock.methods["white"].click()
    qtbot.waitUntil(lambda: dock.comparison.sight.method == "white", timeout=LONG)
    assert not dock.vectors.isVisibleTo(dock)
    assert dock.gauge.isVisibleTo(dock)


def test_a_small_screen_holds_the_dock(dock: CompareDock, make_slide: Make, qtbot: Any) -> None:
    dock.workspace.show(make_slide())
    dock.methods["macenko"].click()
    qtbot.waitUntil(lambda: dock.comparison.sight is not None, timeout=LONG)
    for pressed in (True, False):
        dock.edit.setChecked(pressed)
        dock.layout().activate()
        assert dock.whole.height() <= 690
        assert dock.whole.width() <= 340


def test_learned_models_are_offered_and_none_is_said(
    dock: CompareDock, make_slide: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cytoshift.models import Card

    cards: list[Card] = []
    monkeypatch.setattr(type(dock.workspace.registry), "list", lambda self, task=None: cards)
    dock.workspace.show(make_slide())
    dock.fill_models()
    assert not dock.chooser.restyled.isEnabled()
    assert "no learned stain model" in dock.chooser.restyled.toolTip()
    cards += [Card(id=f"clinic-{k}", title=f"Clinic {k}", task="stain") for k in (1, 2)]
    dock.fill_models()
    assert dock.chooser.restyled.isEnabled()
    menu = dock.chooser._menus["stain"]
    assert [action.text() for action in menu.actions()] == ["Restyled: Clinic 1", "Restyled: Clinic 2"]
    asked: list[str] = []
    dock.chooser.chosen.connect(asked.append)
    monkeypatch.setattr(dock, "see", asked.append)
    menu.actions()[1].trigger()
    assert "model:clinic-2" in asked
    assert dock.layouts.second.findData("model:clinic-1") > 0
