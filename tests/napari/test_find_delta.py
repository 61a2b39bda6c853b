"""What other colours altered: the Find dock beside a slide that was searched twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget

from cytoshift.engine import Findings, Provenance
from cytoshift.models.card import Card
from cytoshift.slides import open_slide
from cytoshift.study.palette import BETHESDA
from napari_cytoshift import commands_cells
from napari_cytoshift.layers.delta_layer import marks
from napari_cytoshift.layers.findings import know
from napari_cytoshift.view import magnification
from napari_cytoshift.widgets.find import FindDock
from napari_cytoshift.widgets.find_delta import HIDE, OFFER
from napari_cytoshift.workspace import Workspace

Make = Callable[..., Any]

PLACES = [(80 + 130 * (k % 6), 80 + 120 * (k // 6)) for k in range(18)]
FOLDER = os.environ.get("CYTOSHIFT_IMAGES", "")


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """Draw a field with eighteen nuclei."""
    rng = np.random.default_rng(0)
    pixels = rng.normal((232, 205, 216), 5, (480, 860, 3))
    yy, xx = np.mgrid[:480, :860]
    for x, y in PLACES:
        pixels[np.hypot(yy - y, xx - x) < 38] = (205, 165, 190)
        pixels[np.hypot((yy - y) * 1.1, xx - x) < 14] = (95, 65, 125)
    path = tmp_path / "field.png"
    Image.fromarray((pixels + rng.normal(0, 3, pixels.shape)).clip(0, 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def detector(tmp_path: Path) -> Card:
    """Put an untaught detector into the registry."""
    import torch

    from cytoshift.detection import Architecture, build_network
    from cytoshift.models import Registry, save_model

    torch.manual_seed(0)
    plan = Architecture(channels=32, tile=256, halo=32)
    state = build_network(plan, len(BETHESDA)).state_dict()
    state["head.classification_head.cls_logits.bias"].fill_(-1.5)
    architecture = plan.model_dump(mode="json")
    card = Card(id="untaught", title="Untaught", task="detector", classes=BETHESDA, mpp=0.5, architecture=architecture)
    save_model(tmp_path / "model", card, state)
    return Registry().add(tmp_path / "model").card


@pytest.fixture
def dock(make_napari_viewer: Make, field: Path, detector: Card) -> FindDock:
    """Return the Find dock of a window that shows the calibrated field."""
    viewer = make_napari_viewer()
    made = FindDock(viewer)
    viewer.window.add_dock_widget(made, name="Find", area="right")
    made.workspace.show(open_slide(field).calibrated((0.25, 0.25), 40))
    return made


def stored(workspace: Workspace, card: Card, rows: list[tuple[int, float, int]], through: str) -> tuple[Findings, str]:
    """Store a search that found cells at places, with scores and labels."""
    slide = workspace.active
    assert slide is not None
    corners = np.array([PLACES[place] for place, _, _ in rows], np.float32)
    found = Findings(
        np.hstack([corners - 22, corners + 22]).astype(np.float32),
        np.array([score for _, score, _ in rows], np.float32),
        np.array([label for _, _, label in rows], np.int16),
        BETHESDA,
        Provenance(slide.info.identity, card.id, card.sha256, 0.05, None, through),
    )
    know(workspace.study, slide)
    return found, workspace.study.add_findings(found)


BEFORE = [*((k, 0.8, 0) for k in range(8)), (8, 0.7, 2), (9, 0.7, 1), (10, 0.9, 4), (11, 0.8, 4), (12, 0.3, 4)]
AFTER = [
    *((k, 0.9, 0) for k in range(8)),
    (8, 0.7, 4),
    (9, 0.7, 4),
    (11, 0.3, 4),
    (12, 0.7, 4),
    (13, 0.9, 4),
    (14, 0.6, 2),
]


def searched_twice(dock: FindDock, card: Card) -> tuple[str, str]:
    """Store a search of the original and one through other colours, and show the second."""
    workspace = dock.workspace
    assert workspace.active is not None
    _, original = stored(workspace, card, BEFORE, "")
    found, run = stored(workspace, card, AFTER, "reinhard")
    workspace.set_findings(workspace.active, found, run)
    return original, run


def compare(dock: FindDock, qtbot: Any) -> None:
    qtbot.mouseClick(dock.deltas.offer, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.deltas.delta is not None, timeout=120_000)


def test_a_kept_search_of_the_original_is_compared_and_the_rows_lead_to_the_cells(
    dock: FindDock, detector: Card, qtbot: Any
) -> None:
    _, run = searched_twice(dock, detector)
    workspace, deltas = dock.workspace, dock.deltas
    viewer, slide = workspace.viewer, workspace.active
    assert viewer is not None
    assert slide is not None
    assert not deltas.isHidden()
    compare(dock, qtbot)
    assert len(workspace.study.runs(slide.info.identity)) == 2
    texts = {key: made.text() for key, made in deltas.numbers.items()}
    assert [texts[change, ""] for change in ("gained", "lost", "changed")] == ["gained 3", "lost 2", "changed 2"]
    assert (texts["gained", "HSIL"], texts["lost", "HSIL"], texts["changed", "HSIL"]) == ("2", "2", "2")
    assert ("gained", "NILM") not in texts
    assert "1 of the gained was seen before and 1 of the lost is still seen" in deltas.note.text()
    assert "8 kept, on average surer by 0.10" in deltas.note.text()
    layer = marks(viewer)
    assert layer is not None
    assert layer.visible
    shown = layer.data[:7]
    gained = slide.frame.world_from_level0(np.array(PLACES[12], float))
    assert np.hypot(*(shown - gained).T).min() < 10
    symbols = [symbol.value for symbol in layer.symbol[:7]]
    assert sorted(symbols) == sorted(["triangle_up"] * 3 + ["triangle_down"] * 2 + ["diamond"] * 2)
    hollow = (layer.face_color[:7] == 1).all(axis=1)
    assert hollow.sum() == 2

    for place in (13, 12, 13):  # the surest first, and round again
        qtbot.mouseClick(deltas.numbers["gained", "HSIL"], Qt.MouseButton.LeftButton)
        center = slide.frame.level0_from_world(np.array(viewer.scene.camera.center[-2:]))
        assert center == pytest.approx(PLACES[place], abs=1)
        assert magnification(viewer, slide.frame) >= 20 * 0.99
        assert workspace.cells.selected == f"{run}:{[k for k, _, _ in AFTER].index(place)}"
    qtbot.mouseClick(deltas.numbers["lost", ""], Qt.MouseButton.LeftButton)
    center = slide.frame.level0_from_world(np.array(viewer.scene.camera.center[-2:]))
    assert center == pytest.approx(PLACES[10], abs=1)
    assert workspace.cells.selected == ""
    qtbot.mouseClick(deltas.offer, Qt.MouseButton.LeftButton)
    assert deltas.offer.text() == OFFER
    assert not layer.visible


def test_another_threshold_compares_again_and_another_run_ends_it(dock: FindDock, detector: Card, qtbot: Any) -> None:
    original, _ = searched_twice(dock, detector)
    compare(dock, qtbot)
    assert dock.deltas.offer.text() == HIDE
    thresholds = dock.workspace.cells.thresholds
    dock.workspace.cells.set_thresholds(type(thresholds)(0.2))
    qtbot.waitUntil(lambda: dock.deltas.numbers["lost", ""].text() == "lost 1", timeout=20_000)
    assert dock.deltas.numbers["gained", ""].text() == "gained 2"
    dock.show_run(original)
    qtbot.waitUntil(lambda: dock.deltas.isHidden(), timeout=20_000)
    assert dock.deltas.delta is None
    layer = marks(dock.workspace.viewer)
    assert layer is not None
    assert not layer.visible


def test_without_a_search_of_the_original_it_is_made_and_stored(dock: FindDock, detector: Card, qtbot: Any) -> None:
    workspace = dock.workspace
    assert workspace.active is not None
    found, run = stored(workspace, detector, AFTER, "reinhard")
    workspace.set_findings(workspace.active, found, run)
    compare(dock, qtbot)
    delta = dock.deltas.delta
    assert delta is not None
    runs = workspace.study.runs(workspace.active.info.identity)
    assert len(runs) == 2
    made = workspace.study.provenance(runs[-1])
    assert (made.model, made.through, made.region) == ("untaught", "", None)
    assert workspace.cells.run == run
    assert len(delta.before) == len(workspace.study.findings(runs[-1]))


def test_cells_of_the_original_offer_nothing_and_a_model_taught_anew_is_refused(
    dock: FindDock, detector: Card, qtbot: Any
) -> None:
    workspace = dock.workspace
    assert workspace.active is not None
    found, run = stored(workspace, detector, BEFORE, "")
    workspace.set_findings(workspace.active, found, run)
    assert dock.deltas.isHidden()
    dock.deltas.toggle()
    assert "other colours" in dock.message.text
    found, run = stored(workspace, detector.model_copy(update={"sha256": "another"}), AFTER, "reinhard")
    workspace.set_findings(workspace.active, found, run)
    dock.deltas.offer.click()
    qtbot.waitUntil(lambda: "find the cells again" in dock.message.text, timeout=120_000)
    assert dock.deltas.delta is None


def test_the_palette_compares_and_goes_on(dock: FindDock, detector: Card, qtbot: Any, monkeypatch: Any) -> None:
    searched_twice(dock, detector)
    monkeypatch.setattr(commands_cells, "dock", lambda viewer, name: dock)
    viewer = dock.workspace.viewer
    commands_cells.compare_cells(viewer)
    qtbot.waitUntil(lambda: dock.deltas.delta is not None, timeout=120_000)
    for go, place in (
        (commands_cells.next_gained, 13),
        (commands_cells.next_lost, 10),
        (commands_cells.next_changed, 8),
    ):
        go(viewer)
        slide = dock.workspace.active
        assert slide is not None
        center = slide.frame.level0_from_world(np.array(viewer.scene.camera.center[-2:]))
        assert center == pytest.approx(PLACES[place], abs=1)


@pytest.mark.skipif(not FOLDER, reason="pictures are taken where CYTOSHIFT_IMAGES names a folder")
def test_the_guide_shows_what_was_altered(make_napari_viewer: Make, field: Path, detector: Card, qtbot: Any) -> None:
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1366, 768)
    frame, dock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Find")
    assert isinstance(frame, QDockWidget)
    dock.workspace.show(open_slide(field).calibrated((0.25, 0.25), 40))
    searched_twice(dock, detector)
    compare(dock, qtbot)
    slide = dock.workspace.active
    dock.workspace.look_at(slide, (60.0, 200.0, 700.0, 470.0))
    dock.workspace.cell_layers.draw()
    qtbot.wait(500)
    viewer.screenshot(str(Path(FOLDER) / "find-delta.png"), canvas_only=False, flash=False)
