"""The models as a tree in the Adapt dock, and the way there from a cell that one of them found."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.models import Card, Registry
from cytoshift.models.lineage import Kin
from cytoshift.models.model import read_card, write_card
from napari_cytoshift.layers.findings import know
from napari_cytoshift.widgets.adapt import AdaptDock
from napari_cytoshift.widgets.adapt_models import NAME
from napari_cytoshift.workspace import Workspace

Make = Callable[..., Any]
LONG = 60_000


def add(name: str, parent: str, **more: Any) -> Card:
    """Add a model to the registry: a card beside weights of which nothing is asked here."""
    registry = Registry()
    folder = registry.root / "detector" / name
    shutil.copytree(registry.find("starter", "detector").folder, folder)
    card = read_card(folder / "card.json")
    made = card.model_copy(update={"id": name, "title": name.title(), "parent": parent, **more})
    write_card(folder, made)
    return made


@pytest.fixture
def dock(make_napari_viewer: Make) -> AdaptDock:
    """Return a dock where a model was taught from the starter, one from that, and one from a model that is gone."""
    starter = Registry().find("starter", "detector").card.id
    gain = {"mAP50": 0.4, "gain mAP50": 0.1, "gain mAP50 low": 0.02, "gain mAP50 high": 0.2}
    add("taught", starter, metrics=gain)
    add("again", "taught")
    add("orphan", "removed")
    viewer = make_napari_viewer()
    return viewer.window.add_plugin_dock_widget("napari-cytoshift", "Adapt")[1]


def lines(dock: AdaptDock) -> dict[str, int]:
    """Return how deep each model stands, by id, in the order of the tree."""
    found: dict[str, int] = {}

    def walk(item: Any, depth: int) -> None:
        kin = item.data(0, NAME)
        if isinstance(kin, Kin):
            found[kin.id] = depth
        for k in range(item.childCount()):
            walk(item.child(k), depth + 1)

    for k in range(dock.models.tree.topLevelItemCount()):
        walk(dock.models.tree.topLevelItem(k), 0)
    return found


def test_the_models_stand_below_those_they_come_from_and_one_is_chosen(dock: AdaptDock, qtbot: Any) -> None:
    models, registry = dock.models, dock.workspace.registry
    QTest.mouseClick(models.head, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "taught" in lines(dock), timeout=LONG)
    starter = registry.find("starter", "detector").card.id
    depths = lines(dock)
    assert (depths[starter], depths["taught"], depths["again"]) == (1, 2, 3)
    assert (depths["removed"], depths["orphan"]) == (1, 2)
    assert models.use.text() == "In use"
    assert not models.use.isEnabled()

    models.show_model("taught")
    qtbot.waitUntil(lambda: models.chosen == "taught", timeout=LONG)
    item = models.tree.currentItem()
    assert item is not None
    assert item.text(1) == "0.40 (+0.10)"
    assert "95 %: +0.02 to +0.20" in models.about.text()
    assert models.use.text() == "Adopt"
    QTest.mouseClick(models.use, Qt.MouseButton.LeftButton)
    assert registry.adopted("detector") == "taught"
    qtbot.waitUntil(lambda: models.use.text() == "In use", timeout=LONG)
    item = models.tree.currentItem()
    assert item is not None
    assert item.font(0).bold()

    registry.adopt("again")
    dock.workspace.models_changed.emit()
    models.show_model("taught")
    qtbot.waitUntil(lambda: models.use.text() == "Go back there", timeout=LONG)
    QTest.mouseClick(models.use, Qt.MouseButton.LeftButton)
    assert registry.adopted("detector") == "taught"
    assert dock.message.text == "The model that was used before is in use again."


def test_a_cell_leads_to_the_model_that_found_it(dock: AdaptDock, make_slide: Make, qtbot: Any) -> None:
    workspace: Workspace = dock.workspace
    viewer = workspace.viewer
    assert viewer is not None
    slide = make_slide()
    workspace.show(slide)
    know(workspace.study, slide)
    review = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Review")[1]

    def find(model: str, version: str) -> None:
        made = Provenance(slide.info.identity, model, version)
        boxes = np.array([[10, 10, 40, 40]], np.float32)
        found = Findings(boxes, np.ones(1, np.float32), np.zeros(1, np.int16), ("NILM",), made)
        workspace.set_findings(slide, found, workspace.study.add_findings(found))
        qtbot.waitUntil(lambda: len(workspace.cells.cells) == 1, timeout=LONG)
        workspace.cells.select(workspace.cells.cells.ids[0])

    link = review.cell.found
    taught = workspace.registry.find("taught", "detector").card
    find("taught", taught.sha256)
    qtbot.waitUntil(lambda: [trace.words for trace in link.traces] == ["Taught"], timeout=LONG)
    QTest.mouseClick(link, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.models.chosen == "taught", timeout=LONG)
    find("taught", "of other weights")
    qtbot.waitUntil(lambda: link.toolTip().startswith("Found by Taught (another version than is here)"), timeout=LONG)
    find("removed", "")
    qtbot.waitUntil(lambda: link.toolTip().startswith("Found by removed (no longer here)"), timeout=LONG)
    link.click()
    # a model that is gone still has its place where another comes from it
    qtbot.waitUntil(lambda: dock.models.tree.currentItem().text(0) == "removed (no longer here)", timeout=LONG)
    find("nobody", "")
    qtbot.waitUntil(lambda: "nobody" in link.toolTip(), timeout=LONG)
    link.click()
    qtbot.waitUntil(lambda: "nobody is not here any more" in dock.message.text, timeout=LONG)
