"""Cells as layers: views of the study that are where the boxes are, and show what the filter says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.study.change import State
from cytoshift.study.palette import BETHESDA, color_of
from napari_cytoshift.layers.findings import know
from napari_cytoshift.layers.findings_boxes import box_of, rectangles
from napari_cytoshift.layers.findings_points import MOST
from napari_cytoshift.view import look_at
from napari_cytoshift.workspace import Workspace

Make = Callable[..., Any]


def random_findings(slide: Any, number: int, seed: int = 0) -> Findings:
    """Make boxes of 40 by 30 pixels anywhere on a slide."""
    rng = np.random.default_rng(seed)
    level = slide.levels[0]
    centers = rng.random((number, 2)) * (level.width - 60, level.height - 60) + 30
    half = np.array([20, 15])
    boxes = np.concatenate([centers - half, centers + half], axis=1).astype(np.float32)
    scores = rng.uniform(0.05, 1, number).astype(np.float32)
    labels = rng.integers(0, len(BETHESDA), number).astype(np.int16)
    return Findings(boxes, scores, labels, BETHESDA, Provenance(slide.info.identity, "by-hand"))


def store(workspace: Workspace, slide: Any, findings: Findings) -> str:
    """Put findings into the study and show them."""
    layers = workspace.cell_layers
    know(workspace.study, slide)
    run = workspace.study.add_findings(findings)
    workspace.set_findings(slide, findings, run)
    layers.draw()
    return run


@pytest.fixture
def workspace(make_napari_viewer: Make, make_slide: Make) -> Workspace:
    """Return a workspace with an open slide."""
    viewer = make_napari_viewer()
    made = Workspace.of(viewer)
    made.show(make_slide())
    assert made.cells.slide is None or len(made.cells.cells) == 0
    return made


def points(workspace: Workspace) -> Any:
    return workspace.cell_layers.points.layer(workspace.viewer)


def drawn(workspace: Workspace) -> np.ndarray:
    """Return which points can be seen."""
    return np.asarray(points(workspace).border_color[:, 3] > 0)


def boxes(workspace: Workspace) -> Any:
    return workspace.cell_layers.boxes.layer(workspace.viewer)


def test_squares_lie_on_the_boxes_in_the_colours_of_their_classes(workspace: Workspace) -> None:
    slide, viewer = workspace.active, workspace.viewer
    assert slide is not None
    assert viewer is not None
    viewer.scene.camera.zoom = 0.5
    findings = random_findings(slide, 50)
    store(workspace, slide, findings)
    layer = points(workspace)
    centers = (findings.boxes[:, :2] + findings.boxes[:, 2:]) / 2
    assert np.allclose(layer.data[:50], slide.frame.world_from_level0(centers), atol=1e-3)
    assert np.allclose(layer.size[:50], 35 * 0.25, atol=1e-3)
    for index in (0, 17, 49):
        expected = np.array(color_of(BETHESDA[findings.labels[index]])) / 255
        assert np.allclose(layer.border_color[index, :3], expected, atol=1e-3)
    assert str(layer.units[0]) == "micrometer"
    assert viewer.layers.selection.active is workspace.layer(slide)


def test_the_threshold_and_hidden_classes_filter_what_is_shown_and_counted(workspace: Workspace) -> None:
    slide = workspace.active
    assert slide is not None
    workspace.viewer.scene.camera.zoom = 0.5  # type: ignore[union-attr]
    findings = random_findings(slide, 200)
    store(workspace, slide, findings)
    workspace.cells.set_threshold(0.7)
    workspace.cell_layers.draw()
    sure = findings.scores >= 0.7
    assert np.array_equal(drawn(workspace)[:200], sure)
    assert not drawn(workspace)[200:].any()
    assert workspace.cells.counts()["HSIL"] == (sure & (findings.labels == 4)).sum()
    workspace.cells.hide("HSIL", True)
    workspace.cell_layers.draw()
    assert np.array_equal(drawn(workspace)[:200], sure & (findings.labels != 4))
    assert workspace.cells.counts()["HSIL"] == (sure & (findings.labels == 4)).sum()


def test_cells_below_the_threshold_are_not_painted(make_napari_viewer: Make, make_slide: Make, qtbot: Any) -> None:
    viewer = make_napari_viewer(show=True)
    workspace = Workspace.of(viewer)
    slide = make_slide()
    workspace.show(slide)
    workspace.fit(slide)
    viewer.scene.camera.zoom = viewer.scene.camera.zoom / 2
    store(workspace, slide, random_findings(slide, 200))

    def green_pixels(threshold: float) -> int:
        workspace.cells.set_threshold(threshold)
        workspace.cell_layers.draw()
        qtbot.waitUntil(lambda: all(layer.loaded for layer in viewer.layers))
        pixels = viewer.screenshot(flash=False)[..., :3].astype(int)
        return int((np.abs(pixels - color_of("NILM")).max(axis=-1) < 12).sum())

    assert green_pixels(0.0) > green_pixels(0.7) > 0
    assert green_pixels(1.0) == 0


def test_fewer_cells_after_many_leave_nothing_behind(workspace: Workspace, qtbot: Any) -> None:
    slide, viewer = workspace.active, workspace.viewer
    assert slide is not None
    assert viewer is not None
    viewer.scene.camera.zoom = 0.5
    for number in (900, 3, 500, 1):  # napari slices in a thread meanwhile
        store(workspace, slide, random_findings(slide, number, seed=number))
        workspace.cells.set_threshold(0.0)
        workspace.cell_layers.draw()
        assert drawn(workspace).sum() == number
    qtbot.waitUntil(lambda: points(workspace).loaded)


def test_of_very_many_cells_an_even_share_around_the_view_is_drawn_and_all_are_counted(workspace: Workspace) -> None:
    slide, viewer = workspace.active, workspace.viewer
    assert slide is not None
    assert viewer is not None
    store(workspace, slide, random_findings(slide, 3 * MOST))
    viewer.scene.camera.zoom = 0.2
    workspace.cells.set_threshold(0.0)
    workspace.cell_layers.draw()
    assert workspace.cell_layers.points.share == pytest.approx(1 / 3)
    assert drawn(workspace).sum() == MOST
    assert sum(workspace.cells.counts().values()) == 3 * MOST
    look_at(viewer, slide.frame, 500, 400, magnification=160)
    workspace.cell_layers.draw()
    assert workspace.cell_layers.points.share == 1


def test_a_close_view_shows_the_exact_boxes_in_place_of_squares(workspace: Workspace) -> None:
    slide, viewer = workspace.active, workspace.viewer
    assert slide is not None
    assert viewer is not None
    findings = random_findings(slide, 60)
    store(workspace, slide, findings)
    workspace.cells.set_threshold(0.0)
    target = findings.boxes[7]
    look_at(viewer, slide.frame, float(target[[0, 2]].mean()), float(target[[1, 3]].mean()), magnification=40)
    workspace.cell_layers.draw()
    corners_drawn = np.array([box_of(corners, slide.frame) for corners in boxes(workspace).data])
    x0, y0, x1, y1 = workspace.view_box(slide) or (0, 0, 0, 0)
    b = findings.boxes
    inside = (b[:, 2] > x0) & (b[:, 0] < x1) & (b[:, 3] > y0) & (b[:, 1] < y1)
    assert 0 < inside.sum() < 60
    assert np.allclose(corners_drawn, b[inside], atol=1e-3)
    assert not drawn(workspace).any()
    viewer.scene.camera.zoom = 0.2
    workspace.cell_layers.draw()
    assert boxes(workspace).nshapes == 0
    assert drawn(workspace).sum() == 60


def test_corrections_change_how_cells_look(workspace: Workspace) -> None:
    slide, viewer = workspace.active, workspace.viewer
    assert slide is not None
    assert viewer is not None
    run = store(workspace, slide, random_findings(slide, 5))
    cells = workspace.cells
    cells.set_threshold(0.99)
    cells.correct(lambda study, identity: study.accept(identity, f"{run}:0"))
    cells.correct(lambda study, identity: study.reject(identity, f"{run}:1"))
    cells.correct(lambda study, identity: study.relabel(identity, f"{run}:2", "SCC"))
    cells.correct(lambda study, identity: study.add(identity, (10, 10, 50, 60), "LSIL"))
    assert cells.cells.states.tolist() == [State.ACCEPTED, State.REJECTED, State.ACCEPTED, 0, 0, State.ADDED]
    assert cells.cells.label(2) == "SCC"
    below = cells.cells.scores < 0.99
    assert cells.mask()[[0, 2, 5]].all()
    assert not cells.mask()[1]
    assert not cells.mask()[[3, 4]][below[[3, 4]]].any()
    viewer.scene.camera.zoom = 0.5
    workspace.cell_layers.draw()
    widths = points(workspace).border_width
    assert widths[0] > widths[3]
    cells.set_show_rejected(True)
    workspace.cell_layers.draw()
    assert points(workspace).shown[1]
    assert points(workspace).border_color[1, 3] < 0.5


def test_what_a_person_does_to_a_box_is_an_event(workspace: Workspace) -> None:
    slide, viewer = workspace.active, workspace.viewer
    assert slide is not None
    assert viewer is not None
    run = store(workspace, slide, random_findings(slide, 3))
    cells = workspace.cells
    cells.set_threshold(0.0)
    workspace.fit(slide)
    viewer.scene.camera.zoom *= 2
    x0, y0 = cells.cells.boxes[1, :2].tolist()
    look_at(viewer, slide.frame, x0, y0, magnification=40)
    workspace.cell_layers.draw()
    layer = boxes(workspace)
    at = next(
        i for i, c in enumerate(layer.data) if np.allclose(box_of(c, slide.frame), cells.cells.boxes[1], atol=0.1)
    )
    layer.selected_data = {at}
    layer.remove_selected()
    assert workspace.study.events()[-1].kind == "reject"
    assert workspace.study.events()[-1].target == f"{run}:1"
    workspace.cell_layers.draw()
    workspace.cell_layers.new_label = "HSIL"
    layer.add_rectangles(rectangles([100, 100, 180, 160], slide.frame)[0])
    event = workspace.study.events()[-1]
    assert (event.kind, event.payload["label"]) == ("add", "HSIL")
    assert np.allclose(event.payload["box"], (100, 100, 180, 160), atol=1e-3)


def test_the_cell_under_a_point_is_found(workspace: Workspace) -> None:
    slide = workspace.active
    assert slide is not None
    run = store(workspace, slide, random_findings(slide, 30))
    workspace.cells.set_threshold(0.0)
    x0, y0, x1, y1 = workspace.cells.cells.boxes[4].tolist()
    assert workspace.cells.at((x0 + x1) / 2, (y0 + y1) / 2) == f"{run}:4"
    assert workspace.cells.at(-10, -10) == ""


def test_a_calibration_moves_the_cells_with_the_slide(make_napari_viewer: Make, make_slide: Make) -> None:
    workspace = Workspace.of(make_napari_viewer())
    slide = make_slide(mpp=None)
    workspace.show(slide)
    assert workspace.viewer is not None
    workspace.viewer.scene.camera.zoom = 0.2
    findings = random_findings(slide, 4)
    store(workspace, slide, findings)
    centers = (findings.boxes[:, :2] + findings.boxes[:, 2:]) / 2
    assert np.allclose(points(workspace).data[:4], slide.frame.world_from_level0(centers), atol=1e-2)
    known = workspace.calibrate(slide, (0.5, 0.5))
    workspace.cell_layers.draw()
    assert np.allclose(points(workspace).data[:4], known.frame.world_from_level0(centers), atol=1e-2)
    assert str(points(workspace).units[0]) == "micrometer"


def test_the_cells_of_a_slide_come_back_with_it(make_napari_viewer: Make, make_slide: Make, qtbot: Any) -> None:
    workspace = Workspace.of(make_napari_viewer())
    first, other = make_slide("one.svs"), make_slide("other.svs")
    one = workspace.show(first)
    run = store(workspace, first, random_findings(first, 20))
    workspace.cells.correct(lambda study, identity: study.reject(identity, f"{run}:3"))
    workspace.show(other)
    qtbot.waitUntil(lambda: workspace.cells.identity == other.info.identity)
    assert len(workspace.cells.cells) == 0
    assert workspace.viewer is not None
    workspace.viewer.layers.selection.active = one
    qtbot.waitUntil(lambda: len(workspace.cells.cells) == 20)
    assert workspace.cells.run == run
    assert workspace.cells.cells.states[3] == State.REJECTED
