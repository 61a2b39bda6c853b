"""The Find dock: a real detector, small and untaught, over a real image."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import LocalCluster
from PIL import Image
from qtpy.QtTest import QTest

from cytoshift.models.card import Card
from cytoshift.slides import open_slide
from cytoshift.study.palette import BETHESDA
from napari_cytoshift.layers.findings_boxes import rectangles
from napari_cytoshift.layers.findings_thresholds import Thresholds
from napari_cytoshift.widgets.find import FindDock
from napari_cytoshift.widgets.find_region import drawn
from napari_cytoshift.widgets.find_run import tiles
from napari_cytoshift.widgets.find_workers import WORKERS
from napari_cytoshift.workspace import Workspace

Make = Callable[..., Any]


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """Write a field with dark spots as JPEG."""
    rng = np.random.default_rng(0)
    pixels = rng.normal((225, 190, 205), 6, (700, 900, 3)).clip(0, 255).astype(np.uint8)
    for y, x in rng.integers(40, (660, 860), (40, 2)):
        pixels[y - 15 : y + 15, x - 15 : x + 15] = (90, 60, 120)
    path = tmp_path / "field.jpg"
    Image.fromarray(pixels).save(path, quality=95)
    return path


@pytest.fixture
def detector(tmp_path: Path) -> str:
    """Put an untaught detector into the registry; it finds much, at random."""
    import torch

    from cytoshift.detection import Architecture, build_network
    from cytoshift.models import Registry, save_model

    torch.manual_seed(0)
    plan = Architecture(channels=32, tile=256, halo=32)
    state = build_network(plan, len(BETHESDA)).state_dict()
    state["head.classification_head.cls_logits.bias"].fill_(-1.5)
    card = Card(
        id="untaught",
        title="Untaught",
        task="detector",
        classes=BETHESDA,
        mpp=0.5,
        architecture=plan.model_dump(mode="json"),
        threshold=0.2,
    )
    save_model(tmp_path / "model", card, state)
    return str(Registry().add(tmp_path / "model").card.id)


@pytest.fixture
def dock(make_napari_viewer: Make, field: Path, detector: str) -> FindDock:
    """Return the dock of a window that shows the calibrated field."""
    viewer = make_napari_viewer()
    made = FindDock(viewer)
    viewer.window.add_dock_widget(made, name="Find", area="right")
    workspace = Workspace.of(viewer)
    workspace.show(open_slide(field).calibrated((0.25, 0.25), 40))
    made.models.model.setCurrentIndex(made.models.model.findData(detector))
    return made


def choose(dock: FindDock, place: str) -> None:
    dock.where.setCurrentIndex(dock.where.findData(place))


def run(dock: FindDock, qtbot: Any) -> None:
    dock.run.click()
    assert dock.busy.busy
    qtbot.waitUntil(lambda: not dock.busy.busy, timeout=120_000)


def test_a_run_over_the_tissue_is_stored_whole_and_shown_from_the_cards_threshold(dock: FindDock, qtbot: Any) -> None:
    choose(dock, "tissue")
    run(dock, qtbot)
    workspace = dock.workspace
    slide = workspace.active
    assert slide is not None
    (identifier,) = workspace.study.runs(slide.info.identity)
    stored = workspace.study.findings(identifier)
    assert len(stored) > 0
    assert stored.provenance.model == "untaught"
    assert stored.provenance.threshold == 0.05
    assert stored.provenance.region is None
    assert workspace.cells.run == identifier
    assert workspace.cells.thresholds == Thresholds(0.2)
    assert dock.rows.all.score == 0.2
    expected = (stored.scores >= 0.2).sum()
    assert sum(workspace.cells.counts().values()) == expected
    assert dock.found.text().startswith(f"{expected:,} cells in ".replace(",", " "))
    dock.rows.all.setValue(50)
    assert sum(workspace.cells.counts().values()) == (stored.scores >= 0.5).sum()
    assert dock.rows.text("HSIL") == str(((stored.scores >= 0.5) & (stored.labels == 4)).sum())


def test_a_run_over_the_view_stays_within_it(dock: FindDock, qtbot: Any) -> None:
    workspace = dock.workspace
    slide = workspace.active
    assert slide is not None
    workspace.look_at(slide, (300.0, 200.0, 500.0, 320.0))
    choose(dock, "view")
    region = dock.region(slide)
    assert region is not None
    run(dock, qtbot)
    stored = workspace.study.findings(workspace.cells.run)
    assert stored.provenance.region == pytest.approx(region)
    centers = (stored.boxes[:, :2] + stored.boxes[:, 2:]) / 2
    assert len(stored) > 0
    assert (centers >= region[:2]).all()
    assert (centers <= region[2:]).all()


def test_a_region_is_drawn_before_it_is_searched(dock: FindDock) -> None:
    workspace = dock.workspace
    slide, viewer = workspace.active, workspace.viewer
    assert slide is not None
    assert viewer is not None
    choose(dock, "drawn")
    assert not dock.draw.isHidden()
    dock.run.click()
    assert "Draw" in dock.message.text
    assert not dock.busy.busy
    dock.draw.click()
    layer = viewer.layers.selection.active
    assert layer.mode == "add_rectangle"
    layer.add_rectangles(rectangles([-50, 100, 400, 300], slide.frame)[0])
    assert drawn(viewer, slide) == pytest.approx((0, 100, 400, 300))
    assert dock.region(slide) == pytest.approx((0, 100, 400, 300))


def test_a_cancelled_run_stores_nothing_and_brings_the_cells_before_back(dock: FindDock, qtbot: Any) -> None:
    choose(dock, "tissue")
    dock.run.click()
    dock.busy.cancel()
    qtbot.waitUntil(lambda: not dock.busy.busy, timeout=120_000)
    workspace = dock.workspace
    assert workspace.active is not None
    assert workspace.study.runs(workspace.active.info.identity) == []
    qtbot.waitUntil(lambda: not workspace.cells.previewing)
    assert dock.message.text.startswith("Stopped")
    assert dock.run.isEnabled()


def test_without_microns_it_says_so_and_does_not_run(make_napari_viewer: Make, field: Path, detector: str) -> None:
    viewer = make_napari_viewer()
    dock = FindDock(viewer)
    viewer.window.add_dock_widget(dock, name="Find", area="right")
    slide = open_slide(field)
    dock.workspace.show(slide)
    assert not dock.set_scale.isHidden()
    assert not dock.run.isEnabled()
    dock.workspace.calibrate(slide, (0.25, 0.25))
    assert dock.set_scale.isHidden()
    assert dock.run.isEnabled()


def test_the_model_in_use_comes_first(dock: FindDock, tmp_path: Path) -> None:
    from cytoshift.models import load_model, save_model

    registry = dock.workspace.registry
    known = load_model(tmp_path / "model")
    save_model(
        tmp_path / "other", known.card.model_copy(update={"id": "zz-later", "title": "Later"}), known.load_state()
    )
    registry.add(tmp_path / "other")
    registry.adopt("zz-later")
    dock.workspace.models_changed.emit()
    assert dock.models.model.itemData(0) == "zz-later"
    assert dock.models.model.currentData() == "zz-later"
    assert "in use" in dock.models.model.itemText(0)


def test_more_area_takes_more_tiles(dock: FindDock) -> None:
    slide, card = dock.workspace.active, dock.models.detector().card
    assert slide is not None
    assert tiles(slide, card, None, None) == 4  # 256 px at 0.5 µm/px are 512 px of this field of 900 × 700
    assert tiles(slide, card, (0, 0, 500, 500), None) == 1
    assert tiles(slide, card, None, 0.1) == 1


def test_the_docks_load_no_torch() -> None:
    code = (
        "import sys\n"
        "import napari_cytoshift.widgets.find, napari_cytoshift.widgets.review, napari_cytoshift.widgets.adapt\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_workers_elsewhere_find_the_same_cells_through_other_colours(dock: FindDock, qtbot: Any) -> None:
    from cytoshift import stain

    workspace = dock.workspace
    workspace.see_through(stain.method("reinhard"))
    choose(dock, "slide")
    run(dock, qtbot)
    here = workspace.study.findings(workspace.cells.run)
    with LocalCluster(n_workers=1, processes=False, dashboard_address=":0", protocol="tcp://") as cluster:
        dock.workers.head.click()
        QTest.keyClicks(dock.workers.address, cluster.scheduler_address)
        run(dock, qtbot)
    there = workspace.study.findings(workspace.cells.run)
    assert len(here) > 0
    np.testing.assert_array_equal(there.boxes, here.boxes)
    np.testing.assert_array_equal(there.scores, here.scores)
    assert there.provenance.through == here.provenance.through != ""


def test_workers_that_cannot_be_reached_are_one_sentence_and_the_address_is_remembered(
    dock: FindDock, qtbot: Any
) -> None:
    choose(dock, "slide")
    dock.workers.ask()
    assert dock.workers.open
    dock.workers.set_where("nonsense://nowhere:1")
    run(dock, qtbot)
    assert dock.message.text.startswith("No scheduler answers at nonsense://nowhere:1;")
    assert dock.workspace.study.runs(dock.workspace.active.info.identity) == []
    assert dock.workspace.state.get(WORKERS) == "nonsense://nowhere:1"
    assert FindDock(dock.workspace.viewer).workers.where == "nonsense://nowhere:1"
    dock.workers.address.clear()
    run(dock, qtbot)
    assert dock.workspace.study.runs(dock.workspace.active.info.identity) != []
