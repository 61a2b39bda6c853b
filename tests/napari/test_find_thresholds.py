"""From which score on cells are shown: per class, for all, remembered, and in what is marked complete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.models.card import Card
from cytoshift.study import Study
from cytoshift.study.palette import BETHESDA
from napari_cytoshift.layers.findings import know
from napari_cytoshift.layers.findings_growing import GrowingCells
from napari_cytoshift.layers.findings_thresholds import Thresholds
from napari_cytoshift.widgets.find import FindDock
from napari_cytoshift.widgets.review_order import arrange

Make = Callable[..., Any]
HSIL, LSIL = BETHESDA.index("HSIL"), BETHESDA.index("LSIL")


def findings(identity: str, number: int = 300, model: str = "by-hand", seed: int = 0) -> Findings:
    """Make boxes of 40 pixels on a slide of 2100 by 1500."""
    rng = np.random.default_rng(seed)
    corners = rng.random((number, 2)) * (2000, 1400)
    return Findings(
        np.concatenate([corners, corners + 40], axis=1).astype(np.float32),
        rng.uniform(0.05, 1, number).astype(np.float32),
        rng.integers(0, len(BETHESDA), number).astype(np.int16),
        BETHESDA,
        Provenance(identity, model),
    )


@pytest.fixture
def dock(make_napari_viewer: Make, make_slide: Make) -> FindDock:
    """Return the dock of a window with stored findings."""
    viewer = make_napari_viewer(show=True)
    made = FindDock(viewer)
    viewer.window.add_dock_widget(made, name="Find", area="right")
    workspace, slide = made.workspace, make_slide()
    workspace.show(slide)
    know(workspace.study, slide)
    found = findings(slide.info.identity)
    workspace.set_findings(slide, found, workspace.study.add_findings(found))
    return made


def numbers(dock: FindDock) -> dict[str, int]:
    return {name: int(dock.rows.text(name)) for name in BETHESDA}


def expected(found: Any, limits: dict[str, float], common: float) -> dict[str, int]:
    """Count cell by cell."""
    counts = dict.fromkeys(BETHESDA, 0)
    for score, label in zip(found.scores, found.labels, strict=True):
        name = BETHESDA[label]
        counts[name] += bool(score >= np.float32(limits.get(name, common)))
    return counts


def test_each_class_has_a_slider_and_all_have_one(dock: FindDock, qtbot: Any) -> None:
    workspace = dock.workspace
    cells, rows = workspace.cells, dock.rows
    found = workspace.study.findings(cells.run)
    assert numbers(dock) == expected(found, {}, 0.5)
    assert not rows.usual.isEnabled()
    for _ in range(3):
        QTest.keyClick(rows.sliders["HSIL"], Qt.Key.Key_PageUp)
    assert rows.sliders["HSIL"].number.text() == "0.65"
    assert cells.thresholds == Thresholds(0.5, {"HSIL": 0.65})
    assert numbers(dock) == expected(found, {"HSIL": 0.65}, 0.5)
    workspace.cell_layers.draw()
    limits = cells.thresholds.of_classes(BETHESDA)[found.labels]
    assert np.array_equal(cells.mask(), found.scores >= limits)
    qtbot.waitUntil(lambda: "by-hand" in workspace.state.get("thresholds", {}))
    assert Thresholds.from_json(workspace.state.get("thresholds")["by-hand"]) == cells.thresholds
    QTest.keyClick(rows.all, Qt.Key.Key_End)
    assert cells.thresholds == Thresholds(1.0)
    assert [slider.score for slider in rows.sliders.values()] == [1.0] * len(BETHESDA)
    assert sum(numbers(dock).values()) == 0
    QTest.mouseClick(rows.usual, Qt.MouseButton.LeftButton)
    assert numbers(dock) == expected(found, {}, 0.5)
    assert not rows.usual.isEnabled()
    QTest.mouseClick(rows.eyes["LSIL"], Qt.MouseButton.LeftButton)
    assert cells.hidden == {"LSIL"}
    assert not cells.mask()[found.labels == LSIL].any()
    assert numbers(dock) == expected(found, {}, 0.5)


def test_the_review_begins_at_the_least_sure_of_its_own_threshold(dock: FindDock, qtbot: Any) -> None:
    workspace = dock.workspace
    cells = workspace.cells
    dock.rows.sliders["HSIL"].setValue(80)
    QTest.mouseClick(dock.review, Qt.MouseButton.LeftButton)
    review = dock.go_to("Review")
    assert review.isVisible()
    assert review.filters.order.currentData() == "uncertain"
    qtbot.waitUntil(lambda: bool(cells.selected))
    found, limits = cells.cells, cells.thresholds.of_classes(BETHESDA)[cells.cells.labels]
    distances = np.where(cells.mask(), np.abs(found.scores - limits), np.inf)
    assert cells.selected == found.ids[int(distances.argmin())]
    assert np.array_equal(
        arrange(found, np.arange(len(found)), "uncertain", cells.thresholds.of_classes(BETHESDA)),
        np.argsort(np.abs(found.scores.astype(np.float64) - limits), kind="stable"),
    )


def test_a_field_marked_complete_remembers_the_thresholds_of_its_classes(tmp_path: Any, make_slide: Make) -> None:
    slide = make_slide()
    found = findings(slide.info.identity)
    study = Study.create(tmp_path / "study")
    identity = study.add_slide(slide)
    run = study.add_findings(found)
    study.mark_complete(identity, (0, 0, 2100, 1500), run, 0.5, {"HSIL": 0.9})
    study.mark_complete(identity, (0, 0, 50, 50), run, 0.5)
    region, plain = study.regions(identity)
    assert (region.threshold, region.thresholds, plain.thresholds) == (0.5, {"HSIL": 0.9}, {})
    known = study.cells(identity, run, region.threshold, region.thresholds)
    counts = {name: int((known.labels == at).sum()) for at, name in enumerate(BETHESDA)}
    assert counts == expected(found, {"HSIL": 0.9}, 0.5)
    study.accept(identity, f"{run}:{int(found.scores.argmin())}")
    assert len(study.cells(identity, run, region.threshold, region.thresholds)) == len(known) + 1
    study.close()


def test_thresholds_come_from_the_card_and_from_what_was_kept_before() -> None:
    card = Card(id="a", title="A", task="detector", classes=("x", "y"), threshold=0.3)
    assert Thresholds.of_card(card).of_classes(("x", "y")).tolist() == pytest.approx([0.3, 0.3])
    assert Thresholds.of_card(None).common == 0.5
    assert Thresholds.from_json(0.25) == Thresholds(0.25)
    limits = Thresholds(0.2).with_class("y", 0.4)
    assert Thresholds.from_json(limits.to_json()) == limits
    assert limits.of_classes(("x", "y", "z")).tolist() == pytest.approx([0.2, 0.4, 0.2])


def test_cells_that_arrive_in_parts_are_the_cells_that_arrive_at_once() -> None:
    found = findings("a", 5000)
    found = replace(found, measures={"area": np.arange(5000, dtype=np.float32)})
    growing = GrowingCells(found.provenance)
    ends = (0, 3, 900, 1024, 1025, 4000, 5000)
    seen = [growing.add(found.select(np.arange(start, end))) for start, end in zip((0, *ends[:-1]), ends, strict=True)]
    for cells, end in zip(seen, ends, strict=True):
        assert len(cells) == end
        assert np.array_equal(cells.boxes, found.boxes[:end])
        assert np.array_equal(cells.scores, found.scores[:end])
        assert np.array_equal(cells.labels, found.labels[:end])
        assert np.array_equal(cells.measures["area"], found.measures["area"][:end])
        assert not cells.states.any()
    assert seen[-1].ids[4999] == ":4999"
