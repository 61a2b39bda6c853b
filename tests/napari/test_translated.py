"""A slide seen through a translator: in the third pane, in steps, and as one sentence where that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from tiny_translator import add_translator

from cytoshift.translation.chain import Chain
from napari_cytoshift.comparison import Comparison
from napari_cytoshift.layers.slide_layers import role_of
from napari_cytoshift.sights import Choice
from napari_cytoshift.widgets.compare import CompareDock

Make = Callable[..., Any]
LONG = 90_000


@pytest.fixture
def model(tmp_path: Path, home: Path) -> str:
    """Put a translator that takes up to three steps among the models; return its name as a method."""
    return f"model:{add_translator(tmp_path, 'bridge')}"


@pytest.fixture
def dock(make_napari_viewer: Make, model: str) -> CompareDock:
    """Return the dock in a viewer that is shown; its chooser knows that translator alone, so that a click takes it."""
    viewer = make_napari_viewer(show=True)
    made: CompareDock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Compare")[1]
    made.chooser.set_models([card for card in made._learned if f"model:{card.id}" == model])
    made.refresh()
    return made


def shown(dock: CompareDock) -> list[str]:
    """Return the methods that are seen, the first one first."""
    seen = (dock.comparison.sight, dock.comparison.beside)
    return [sight.method for sight in seen if sight is not None]


def await_methods(dock: CompareDock, qtbot: Any, *methods: str) -> None:
    """Wait until these methods are seen, and true."""
    viewer = dock.workspace.viewer
    qtbot.waitUntil(
        lambda: (
            bool(dock.message.text)
            or (
                shown(dock) == list(methods)
                and not dock.busy.busy
                and not dock.comparison.approximate
                and all(layer.loaded for layer in viewer.layers)
            )
        ),
        timeout=LONG,
    )
    assert not dock.message.text


def layer_of(dock: CompareDock, role: str) -> Any:
    return next(layer for layer in dock.workspace.viewer.layers if role_of(layer) == role)


def test_a_translator_goes_into_the_third_pane_and_away_again(
    dock: CompareDock, make_slide: Make, model: str, qtbot: Any
) -> None:
    dock.workspace.show(make_slide(height=700, width=900))
    dock.methods["reinhard"].click()
    await_methods(dock, qtbot, "reinhard")
    dock.chooser.translated.click()
    await_methods(dock, qtbot, "reinhard", model)
    viewer = dock.workspace.viewer
    grid = viewer.canvas.grid
    assert [role_of(layer) for layer in viewer.layers] == ["original", "derived", "beside"]
    assert [grid.position(k, viewer.layers) for k in range(3)] == [(0, 0), (0, 1), (0, 2)]
    assert dock.chooser.translated.isChecked()
    assert dock.methods["reinhard"].isChecked()
    dock.layouts.swap.click()
    await_methods(dock, qtbot, model, "reinhard")
    assert layer_of(dock, "derived").name.startswith("Bridge")
    dock.chooser.translated.click()
    await_methods(dock, qtbot, "reinhard")
    assert not dock.chooser.translated.isChecked()
    dock.methods[""].click()
    dock.chooser.translated.click()
    await_methods(dock, qtbot, model)
    dock.methods["white"].click()  # which moves the translation over
    await_methods(dock, qtbot, "white", model)
    dock.chooser.translated.click()
    await_methods(dock, qtbot, "white")


def test_where_there_is_one_view_a_translator_takes_the_place_of_a_method(
    dock: CompareDock, make_slide: Make, model: str, qtbot: Any
) -> None:
    dock.workspace.show(make_slide(height=700, width=900))
    dock.layouts.buttons["over"].click()
    dock.methods["reinhard"].click()
    await_methods(dock, qtbot, "reinhard")
    dock.chooser.translated.click()
    await_methods(dock, qtbot, model)
    assert not any(made.isChecked() for made in dock.methods.values())


def test_more_steps_are_computed_in_place_and_said_until_they_are_there(
    dock: CompareDock, make_slide: Make, model: str, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    monkeypatch.setattr("napari_cytoshift.layers.derived_layer.MARK_AFTER_MS", 0)  # what is quick is said, too
    dock.workspace.show(make_slide(height=700, width=900))
    assert not dock.steps.isVisibleTo(dock)
    dock.chooser.translated.click()
    await_methods(dock, qtbot, model)
    assert [made.text() for made in dock.steps.buttons if made.isEnabled()] == ["1", "2", "3"]
    assert dock.steps.buttons[0].isChecked()
    layer, one = layer_of(dock, "derived"), dock.comparison.sight
    told, translated = Event(), Chain.translated

    def hold_back(chain: Chain, step: int, *rest: Any, **named: Any) -> Any:
        if step:  # until it was said, or nothing would have to be
            told.wait(LONG / 1000)
        return translated(chain, step, *rest, **named)

    monkeypatch.setattr(Chain, "translated", hold_back)
    layer.events.name.connect(lambda event: layer.name.startswith("Step 1 of 3 · Bridge") and told.set())
    dock.steps.buttons[2].click()
    qtbot.waitUntil(lambda: dock.comparison.sight.steps == 3, timeout=LONG)
    three = dock.comparison.sight
    assert three.student is one.student
    assert [stage.key for stage in three.stages[1:]] == [one.slide.key, three.slide.key]
    await_methods(dock, qtbot, model)
    assert layer_of(dock, "derived") is layer
    assert told.is_set()
    assert layer.name.startswith("Bridge")
    level, (top, left) = layer.data_level, layer.corner_pixels[0]
    exact = three.slide.read(level, top, left, 200, 200)
    assert np.array_equal(layer.data[level][top : top + 200, left : left + 200], exact)
    assert not np.array_equal(exact, one.slide.read(level, top, left, 200, 200))
    dock.steps.buttons[0].click()
    qtbot.waitUntil(lambda: dock.comparison.sight.steps == 1, timeout=LONG)
    assert dock.comparison.sight.slide.key == one.slide.key


def test_strength_steps_and_use_for_finding_follow_a_translator(
    dock: CompareDock, make_slide: Make, model: str, tmp_path: Path, qtbot: Any
) -> None:
    slide = make_slide(height=700, width=900)
    dock.workspace.show(slide)
    dock.comparison.choose(Choice(model, steps=2))
    qtbot.waitUntil(lambda: dock.comparison.sight is not None, timeout=LONG)
    full = dock.comparison.sight
    dock.strength.slider.setValue(50)
    qtbot.waitUntil(lambda: dock.comparison.sight.choice.strength == 0.5, timeout=LONG)
    half = dock.comparison.sight
    assert half.steps == 2
    original = half.preview._views[0].read(0, 0, 100, 100).astype(float)
    whole = full.slide.read(0, 0, 0, 100, 100).astype(float)
    assert np.abs(half.slide.read(0, 0, 0, 100, 100) - (whole + original) / 2).max() <= 0.5
    dock.use.click()
    assert dock.workspace.through is half.operator
    assert dock.workspace.through.needs.mpp == 0.5
    written: list[Path] = []
    work = dock.saving.write(tmp_path / "seen.ome.zarr")
    work.returned.connect(written.append)
    qtbot.waitUntil(lambda: bool(written), timeout=LONG)
    from cytoshift.slides import open_slide

    saved = open_slide(written[0])
    assert np.array_equal(saved.read(0, 0, 0, 150, 150), half.slide.read(0, 0, 0, 150, 150))


def test_steps_come_back_with_the_slide(
    dock: CompareDock, make_napari_viewer: Make, make_slide: Make, model: str, qtbot: Any
) -> None:
    dock.workspace.show(make_slide(height=700, width=900))
    dock.chooser.translated.click()
    await_methods(dock, qtbot, model)
    dock.steps.buttons[1].click()
    qtbot.waitUntil(lambda: dock.comparison.sight.steps == 2, timeout=LONG)
    again = Comparison.of(make_napari_viewer())
    again.workspace.show(make_slide(height=700, width=900))
    qtbot.waitUntil(lambda: again.sight is not None, timeout=LONG)
    assert again.sight.choice == Choice(model, steps=2)
    assert Choice.from_json({"method": model, "reference": "", "strength": 1.0, "stains": []}).steps == 1


def test_a_translator_of_one_step_has_nothing_to_choose(
    dock: CompareDock, make_slide: Make, tmp_path: Path, qtbot: Any
) -> None:
    name = f"model:{add_translator(tmp_path, 'straight', steps=1)}"
    dock.fill_models()
    dock.workspace.show(make_slide(height=700, width=900))
    actions = {action.text(): action for action in dock.chooser._menus["translation"].actions()}
    assert actions.keys() >= {"Not translated", "Translated: Bridge", "Translated: Straight"}
    actions["Translated: Straight"].trigger()
    await_methods(dock, qtbot, name)
    assert dock.steps.isVisibleTo(dock)
    assert not dock.steps.isEnabled()
    assert [made.text() for made in dock.steps.buttons] == ["1"]


@pytest.mark.parametrize("bad", ["no scale", "all glass", "not brightfield", "another architecture", "no mpp", "gone"])
def test_what_cannot_be_translated_is_one_sentence(
    dock: CompareDock, make_slide: Make, model: str, tmp_path: Path, qtbot: Any, bad: str
) -> None:
    slide = make_slide(
        height=700, width=900, mpp=None if bad == "no scale" else 0.25, brightfield=bad != "not brightfield"
    )
    if bad == "all glass":
        for level in slide.pixels:
            level[...] = 255
    if bad == "another architecture":
        model = f"model:{add_translator(tmp_path, 'odd', generator={'arch': 'timecond', 'width': 8, 'blocks': 1})}"
    if bad == "no mpp":
        model = f"model:{add_translator(tmp_path, 'odd', mpp=None)}"
    if bad == "gone":
        model = "model:nobody"
    dock.fill_models()
    dock.workspace.show(slide)
    dock.see(model)
    qtbot.waitUntil(lambda: bool(dock.message.text), timeout=LONG)
    said = {
        "no scale": "set its µm/px",
        "all glass": "choose another slide",
        "not brightfield": "look at the original",
        "another architecture": "get the model again",
        "no mpp": "add the µm/px",
        "gone": "choose one of",
    }[bad]
    assert said in dock.message.text or "give a folder" in dock.message.text
    assert len(dock.workspace.viewer.layers) == 1
    assert dock.methods[""].isChecked()


def test_a_slide_of_another_raster_is_said_to_be_resampled_or_too_coarse(
    dock: CompareDock, make_slide: Make, model: str, qtbot: Any
) -> None:
    dock.workspace.show(make_slide("fine.svs", height=700, width=900, mpp=0.21))
    dock.see(model)
    await_methods(dock, qtbot, model)
    assert "averaged to the 0.5 µm" in dock.state.text()
    dock.workspace.show(make_slide("coarse.svs", height=350, width=450, mpp=0.8))
    dock.see(model)
    await_methods(dock, qtbot, model)
    assert "fine detail is guessed; choose a model for coarser pixels" in dock.state.text()
