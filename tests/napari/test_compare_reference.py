"""The reference of the Compare dock: an image, a saved file, a drawn region, the colours a model was taught on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import Qt

from cytoshift import stain
from cytoshift.slides import open_slide
from napari_cytoshift.layers.slide_layers import role_of
from napari_cytoshift.sights import BUILT_IN, BUILT_INS, MODEL
from napari_cytoshift.widgets.compare import CompareDock
from napari_cytoshift.widgets.compare_reference import FILE, REGION

Make = Callable[..., Any]

LONG = 90_000


@pytest.fixture
def dock(make_napari_viewer: Make, make_slide: Make) -> CompareDock:
    """Return the dock in a viewer with a slide."""
    viewer = make_napari_viewer()
    dock: CompareDock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Compare")[1]
    dock.workspace.show(make_slide())
    return dock


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Return an image of green tissue on bright glass."""
    rng = np.random.default_rng(1)
    pixels = rng.normal((230, 232, 228), 3, (600, 600, 3)).clip(0, 255).astype(np.uint8)
    pixels[100:400, 100:400] = rng.normal((90, 150, 110), (20, 12, 18), (300, 300, 3)).clip(0, 255)
    path = tmp_path / "green.png"
    Image.fromarray(pixels).save(path)
    return path


def see(dock: CompareDock, method: str, qtbot: Any) -> Any:
    dock.methods[method].click()
    qtbot.waitUntil(
        lambda: bool(dock.message.text) or (dock.comparison.sight is not None and not dock.busy.busy), timeout=LONG
    )
    assert not dock.message.text
    return dock.comparison.sight


def pick(dock: CompareDock, name: str) -> None:
    """Choose in the list as a person does."""
    combo = dock.references.combo
    at = combo.findData(name)
    assert at >= 0
    combo.setCurrentIndex(at)
    combo.activated.emit(at)


def test_an_image_is_remembered_and_used(
    dock: CompareDock, image: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    monkeypatch.setattr(
        "napari_cytoshift.widgets.compare_reference.QFileDialog.getOpenFileName", lambda *_: (str(image), "")
    )
    pick(dock, FILE)
    assert dock.references.combo.currentText() == "green.png"
    sight = see(dock, "reinhard", qtbot)
    assert sight.reference == str(image)
    assert dock.workspace.state.get("references") == [str(image)]
    assert dock.workspace.state.get("reference") == str(image)
    stained = sight.slide.read(0, 0, 0, 600, 600).reshape(-1, 3).mean(axis=0)
    assert stained[1] > stained[0]  # green now, pink before


def test_another_reference_is_seen_at_once(dock: CompareDock, image: Path, qtbot: Any) -> None:
    first = see(dock, "reinhard", qtbot)
    dock.references.add(str(image))
    qtbot.waitUntil(lambda: dock.comparison.sight.reference == str(image), timeout=LONG)
    assert dock.comparison.sight.slide.key != first.slide.key
    pick(dock, BUILT_IN + next(iter(BUILT_INS)))
    qtbot.waitUntil(lambda: dock.comparison.sight.reference.startswith(BUILT_IN), timeout=LONG)
    assert dock.comparison.sight.slide.key == first.slide.key  # the one that is built in for Reinhard


def test_a_reference_is_saved_and_read_again(
    dock: CompareDock, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    assert not dock.references.save.isEnabled()
    dock.references.add(str(image))
    monkeypatch.setattr(
        "napari_cytoshift.widgets.compare_reference.QFileDialog.getSaveFileName",
        lambda *_: (str(tmp_path / "clinic"), ""),
    )
    dock.references.save.click()
    qtbot.waitUntil(lambda: bool(dock.message.text), timeout=LONG)
    assert dock.message.text == f"The reference is saved as {tmp_path / 'clinic.json'}."
    saved = stain.open_reference(tmp_path / "clinic.json")
    assert saved == stain.open_reference(image)


def test_a_region_of_any_open_slide_becomes_a_reference(dock: CompareDock, image: Path, home: Path, qtbot: Any) -> None:
    viewer, workspace = dock.workspace.viewer, dock.workspace
    first = workspace.active
    other = open_slide(image)
    workspace.show(other)
    pick(dock, REGION)
    assert dock.references.take.isVisibleTo(dock)
    layer = next(layer for layer in viewer.layers if role_of(layer) == "reference")
    scale = other.frame.scale_yx
    layer.add_rectangles([np.array([[90, 90], [90, 410], [410, 410], [410, 90]]) * scale])
    qtbot.mouseClick(dock.references.take, Qt.MouseButton.LeftButton)
    kept = home / "references" / "green, region 1.json"
    qtbot.waitUntil(lambda: dock.references.name == str(kept), timeout=LONG)
    assert not dock.references.take.isVisibleTo(dock)
    assert not any(role_of(layer) == "reference" for layer in viewer.layers)
    assert dock.references.combo.currentText() == "green, region 1"
    workspace.show(first)
    sight = see(dock, "reinhard", qtbot)
    assert sight.reference == str(kept)


def test_no_region_is_one_sentence(dock: CompareDock) -> None:
    pick(dock, REGION)
    dock.references.take.click()
    assert dock.message.text.startswith("No region was drawn")
    assert dock.references.name == ""


def test_what_cannot_be_a_reference_is_one_sentence(dock: CompareDock, tmp_path: Path, qtbot: Any) -> None:
    path = tmp_path / "broken.json"
    path.write_text("{}")
    dock.references.add(str(path))
    dock.methods["reinhard"].click()
    qtbot.waitUntil(lambda: bool(dock.message.text), timeout=LONG)
    assert "reference" in dock.message.text
    assert dock.methods[""].isChecked()


def test_a_model_lends_the_colours_it_was_taught_on(
    dock: CompareDock, image: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    from cytoshift.models import Card
    from cytoshift.models.domain import Domain

    measured = stain.open_reference(image)
    domain = Domain.model_construct(reference=measured.to_json())
    card = Card.model_construct(id="green-1", title="Green cells", task="detector", domain=domain)
    monkeypatch.setattr(
        type(dock.workspace.registry), "list", lambda self, task=None: [] if task == "stain" else [card]
    )
    dock.fill_models()
    pick(dock, MODEL + "green-1")
    assert dock.references.combo.currentText() == "Home of Green cells"
    sight = see(dock, "reinhard", qtbot)
    assert sight.reference == MODEL + "green-1"
    dock.references.add(str(image))
    qtbot.waitUntil(lambda: dock.comparison.sight.reference == str(image), timeout=LONG)
    assert dock.comparison.sight.slide.key == sight.slide.key


def test_a_method_without_a_reference_asks_for_none(dock: CompareDock, qtbot: Any) -> None:
    assert dock.references.isVisibleTo(dock)
    see(dock, "white", qtbot)
    assert not dock.references.isVisibleTo(dock)
