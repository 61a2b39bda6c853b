"""Mitoses found with one press: models are chosen, what they find is classified, shown and counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from cytoshift.cli import main
from cytoshift.mitosis.classes import CLASSES, DETECTED
from cytoshift.models import Registry
from cytoshift.models.card import Card
from cytoshift.slides import open_slide
from napari_cytoshift.commands_cells import find_mitoses
from napari_cytoshift.widgets.find import FindDock
from napari_cytoshift.widgets.find_models import NO_CLASSIFIER
from napari_cytoshift.workspace import Workspace

Make = Callable[..., Any]
LONG = 180_000


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """Draw a pink field with dark figures."""
    rng = np.random.default_rng(0)
    pixels = rng.normal((225, 190, 205), 6, (700, 900, 3)).clip(0, 255).astype(np.uint8)
    for y, x in rng.integers(60, (640, 840), (12, 2)):
        pixels[y - 12 : y + 12, x - 18 : x + 18] = (70, 40, 110)
    path = tmp_path / "field.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def dock(make_napari_viewer: Make, field: Path) -> FindDock:
    """Return the dock of a shown window with the field, on a computer where no model ships."""
    viewer = make_napari_viewer(show=True)
    Workspace.of(viewer)._registry = Registry(starters=field.parent / "none")
    viewer.window.resize(1366, 768)
    made: FindDock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Find")[1]
    made.workspace.show(open_slide(field).calibrated((0.25, 0.25), 40))
    made.workspace.look_at(made.workspace.active, (200.0, 150.0, 500.0, 400.0))
    return made


def add_detector(dock: FindDock, tmp_path: Path) -> str:
    """Put an untaught detector of mitoses into the registry; it finds much, at random."""
    import torch

    from cytoshift.detection import Architecture, build_network
    from cytoshift.models import save_model

    torch.manual_seed(0)
    plan = Architecture(channels=32, tile=128, halo=32)
    state = build_network(plan, len(DETECTED)).state_dict()
    state["head.classification_head.cls_logits.bias"].fill_(-1.5)
    card = Card(
        id="figures",
        title="Figures",
        task="detector",
        classes=DETECTED,
        mpp=0.5,
        architecture=plan.model_dump(mode="json"),
        threshold=0.19,
        thresholds={"mitosis": 0.18},
        metrics={"F1 mitosis": 0.61},
    )
    save_model(tmp_path / "detector", card, state)
    return str(dock.workspace.registry.add(tmp_path / "detector").card.id)


def add_classifier(dock: FindDock, tmp_path: Path) -> str:
    """Put an untaught classifier of mitoses into the registry."""
    import torch

    from cytoshift.mitosis.networks import Architecture, build_network
    from cytoshift.models import save_model

    torch.manual_seed(0)
    plan = Architecture(view=32, side=32, attention=False)
    card = Card(
        id="atypia",
        title="Atypia",
        task="mitosis",
        mpp=0.25,
        architecture=plan.model_dump(mode="json"),
        threshold=0.5,
    )
    save_model(tmp_path / "classifier", card, build_network(plan).state_dict())
    return str(dock.workspace.registry.add(tmp_path / "classifier").card.id)


def find(dock: FindDock, qtbot: Any) -> None:
    """Press "Find mitoses" and wait for the end."""
    QTest.mouseClick(dock.mitoses, Qt.MouseButton.LeftButton)
    assert dock.busy.busy
    qtbot.waitUntil(lambda: not dock.busy.busy, timeout=LONG)


def test_one_press_finds_and_classifies_and_the_count_is_the_terminals(
    dock: FindDock, field: Path, tmp_path: Path, qtbot: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    workspace, viewer = dock.workspace, dock.workspace.viewer
    assert viewer is not None
    find_mitoses(viewer)
    assert dock.message.text.startswith("There is no detector of mitoses here")
    assert not dock.models.classify.isVisible()

    add_detector(dock, tmp_path)
    workspace.models_changed.emit()
    find(dock, qtbot)
    assert dock.message.text == NO_CLASSIFIER
    assert workspace.cells.cells.classes == DETECTED
    assert dock.models.classify.isVisible()
    assert "F1 0.61" in dock.models.card.head.text()

    add_classifier(dock, tmp_path)
    workspace.models_changed.emit()
    find(dock, qtbot)
    cells = workspace.cells
    assert cells.cells.classes == CLASSES
    assert dock.models.classify.currentText() == "Atypia"
    assert np.isfinite(cells.cells.measures["atypical"]).all()
    assert workspace.study.provenance(cells.run).model == "figures+atypia"
    assert [dock.rows.text(name) for name in CLASSES] == [str(count) for count in cells.counts().values()]
    assert (cells.usual.of("normal mitosis"), cells.usual.of("look-alike")) == pytest.approx((0.18, 0.19))
    qtbot.waitUntil(lambda: dock.shown.count() == 2 and "Figures" in dock.shown.currentText(), timeout=LONG)

    dock.counting.area.setValue(0.01)
    QTest.mouseClick(dock.counting.toggle, Qt.MouseButton.LeftButton)
    counting = dock.counting.counting
    qtbot.waitUntil(lambda: counting.counted is not None, timeout=LONG)
    assert counting.counted is not None
    assert counting.counted.count.mitoses > 0
    capfd.readouterr()  # what napari's notifications print
    with pytest.raises(SystemExit) as end:
        main(["count", str(field), "--study", str(workspace.study_folder), "--area", "0.01"])
    assert end.value.code == 0
    assert capfd.readouterr().out.splitlines() == counting.counted.lines()
