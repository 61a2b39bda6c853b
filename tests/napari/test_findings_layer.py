"""Cells as layers: views of the study that are where the boxes are, and show what the filter says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.engine.outlines import Outlines
from cytoshift.study.change import State
from cytoshift.study.formats.annotations import Annotations
from cytoshift.study.palette import BETHESDA, color_of
from cytoshift.study.places import overlapping
from napari_cytoshift.layers.findings import know
from napari_cytoshift.layers.findings_boxes import box_of, rectangles
from napari_cytoshift.layers.findings_look import Look
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
    layer = points(workspace)
    return np.asarray((layer.border_color[:, 3] > 0) & layer.visible)


def seen_centers(workspace: Workspace) -> set[tuple[float, ...]]:
    """Return where points can be seen, in world y, x."""
    return {tuple(at) for at in np.asarray(points(workspace).data)[drawn(workspace)].round(2).tolist()}


def centers(slide: Any, boxes: np.ndarray) -> set[tuple[float, ...]]:
    middle = slide.frame.world_from_level0((boxes[:, :2] + boxes[:, 2:]) / 2)
    return {tuple(at) for at in middle.round(2).tolist()}


def boxes(workspace: Workspace) -> Any:
    return workspace.cell_layers.boxes.layer(workspace.viewer)


def test_squares_lie_on_the_boxes_in_the_colours_of_their_classes(workspace: Workspace) -> None:
    slide, viewer = workspace.active, workspace.viewer
    assert slide is not None
    assert viewer is not None
    viewer.scene.camera.zoom = 0.5
    findings = random_findings(slide, 50)
    store(workspace, slide, findings)
    workspace.cells.set_threshold(0.0)
    workspace.cell_layers.draw()
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
    assert seen_centers(workspace) == centers(slide, findings.boxes[sure])
    assert workspace.cells.counts()["HSIL"] == (sure & (findings.labels == 4)).sum()
    workspace.cells.hide("HSIL", True)
    workspace.cell_layers.draw()
    assert seen_centers(workspace) == centers(slide, findings.boxes[sure & (findings.labels != 4)])
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


def test_very_many_cells_are_a_map_of_their_density_until_the_view_is_closer(workspace: Workspace, qtbot: Any) -> None:
    slide, viewer = workspace.active, workspace.viewer
    assert slide is not None
    assert viewer is not None
    store(workspace, slide, random_findings(slide, 3 * MOST))
    viewer.scene.camera.zoom = 0.2
    workspace.cells.set_threshold(0.0)
    layers = workspace.cell_layers
    layers.draw()
    density = layers.density.layer(viewer)
    assert density.visible
    assert points(workspace) is None or not points(workspace).visible
    assert layers.note == viewer.status == "Density of 15 000 cells; zoom in to see each of them."
    assert sum(workspace.cells.counts().values()) == 3 * MOST
    corner = np.array(density.extent.world)[:, -2:] / slide.frame.scale_yx
    assert np.allclose(corner[1] - corner[0], (1500, 2100), rtol=0.02)
    full = density.data[..., 3].astype(int)
    workspace.cells.set_threshold(0.9)
    workspace.cells.hide("NILM", True)
    layers.draw()
    assert layers.note == ""
    assert not density.visible
    assert drawn(workspace).sum() == len(workspace.cells.inside(workspace.view_box(slide)))
    workspace.cells.set_threshold(0.3)
    layers.draw()
    assert density.visible
    assert density.data[..., 3].astype(int).astype(bool).sum() < full.astype(bool).sum()
    look_at(viewer, slide.frame, 500, 400, magnification=160)
    layers.draw()
    assert not density.visible
    assert boxes(workspace).nshapes > 0
    qtbot.waitUntil(lambda: workspace.cells.sorted_by_place)
    view = workspace.view_box(slide)
    assert view is not None
    everywhere = workspace.cells.mask() & np.isin(np.arange(3 * MOST), overlapping(workspace.cells.cells.boxes, view))
    assert np.array_equal(workspace.cells.inside(view), np.flatnonzero(everywhere))


def test_what_a_pan_leaves_behind_stays_and_what_is_corrected_changes_alone(workspace: Workspace) -> None:
    slide, viewer = workspace.active, workspace.viewer
    assert slide is not None
    assert viewer is not None
    run = store(workspace, slide, random_findings(slide, 200))
    workspace.cells.set_threshold(0.0)
    look_at(viewer, slide.frame, 600, 600, magnification=40)
    layers = workspace.cell_layers
    layers.draw()
    first = boxes(workspace).nshapes
    look_at(viewer, slide.frame, 900, 600, magnification=40)
    layers.draw()
    both = set(map(str, workspace.cells.cells.ids[:])) & {name for name, _ in layers.boxes._held}
    assert len(both) == boxes(workspace).nshapes > first
    before = {name: boxes(workspace).data[at].tolist() for at, (name, _) in enumerate(layers.boxes._held)}
    target = next(iter(both))
    workspace.cells.correct(lambda study, identity: study.relabel(identity, target, "SCC"))
    layers.draw()
    after = {name: boxes(workspace).data[at].tolist() for at, (name, _) in enumerate(layers.boxes._held)}
    assert {name: before[name] for name in after} == after
    if target in after:
        at = [name for name, _ in layers.boxes._held].index(target)
        assert np.allclose(boxes(workspace).edge_color[at, :3], np.array(color_of("SCC")) / 255, atol=1e-3)
    assert target.startswith(run)


def test_fill_outline_names_and_opacity_are_a_persons_choice_and_are_kept(workspace: Workspace) -> None:
    slide, viewer = workspace.active, workspace.viewer
    assert slide is not None
    assert viewer is not None
    store(workspace, slide, random_findings(slide, 40))
    workspace.cells.set_threshold(0.0)
    layers = workspace.cell_layers
    look_at(viewer, slide.frame, 600, 600, magnification=20)
    layers.draw()
    assert (boxes(workspace).face_color[:, 3] == 0).all()
    layers.set_look(layers.look.toggled("fill").toggled("names").stronger(-1))
    assert (boxes(workspace).face_color[:, 3] > 0.3).all()
    assert boxes(workspace).text.visible
    assert set(boxes(workspace).text.values) <= set(BETHESDA)
    assert boxes(workspace).opacity == 0.8
    layers.set_look(layers.look.toggled("outline").toggled("names"))
    assert (boxes(workspace).edge_color[:, 3] == 0).all()
    assert not boxes(workspace).text.visible
    viewer.scene.camera.zoom = 0.2
    layers.draw()
    assert (points(workspace).face_color[drawn(workspace) | (points(workspace).face_color[:, 3] > 0), 3] > 0.3).all()
    assert (
        Look.from_json(workspace.state.get("cell_look")) == layers.look == Look(fill=True, outline=False, opacity=0.8)
    )
    assert Look().toggled("outline").fill


def test_an_imported_outline_is_drawn_and_follows_its_cell(workspace: Workspace, qtbot: Any) -> None:
    slide, viewer = workspace.active, workspace.viewer
    assert slide is not None
    assert viewer is not None
    triangle = [[600.0, 600.0], [640.0, 600.0], [620.0, 630.0]]
    box, one = np.array([[600, 600, 640, 630]], np.float32), np.ones(1, np.float32)
    found = Findings(box, one, np.zeros(1, np.int16), ("HSIL",), Provenance(slide.info.identity, "by hand"))
    cells = replace(Annotations.of(found), outlines=Outlines.of([triangle]))
    know(workspace.study, slide)
    workspace.cells.correct(lambda study, identity: study.bring_in(identity, cells, "by hand"))
    look_at(viewer, slide.frame, 620, 615, magnification=40)
    layers = workspace.cell_layers
    layers.draw()

    def shape() -> Any:
        layers.draw()
        drawn_now = boxes(workspace)
        corners = () if drawn_now is None else drawn_now.data[:1]
        return [point for ring in corners for point in slide.frame.level0_from_world(ring).round(3).tolist()]

    qtbot.waitUntil(lambda: shape() == triangle)
    identifier = workspace.cells.cells.ids[0]
    workspace.cells.correct(lambda study, identity: study.move(identity, identifier, (700, 600, 740, 630)))
    assert shape() == [[x + 100, y] for x, y in triangle]


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
    names = [name for name, _ in workspace.cell_layers.boxes._held]
    assert len(set(names)) == len(names)
    corners_drawn = np.array([box_of(corners, slide.frame) for corners in boxes(workspace).data])
    x0, y0, x1, y1 = workspace.view_box(slide) or (0, 0, 0, 0)
    b = findings.boxes
    inside = (b[:, 2] > x0) & (b[:, 0] < x1) & (b[:, 3] > y0) & (b[:, 1] < y1)
    assert 0 < inside.sum() < 60
    assert np.allclose(corners_drawn, b[inside], atol=1e-3)
    assert points(workspace) is None or not points(workspace).visible
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
    seen = np.maximum(points(workspace).size * viewer.scene.camera.zoom, 3)
    assert np.allclose((points(workspace).border_width * seen)[drawn(workspace)], 4)
    assert drawn(workspace).sum() == 3
    cells.set_show_rejected(True)
    workspace.cell_layers.draw()
    assert sorted(points(workspace).border_color[drawn(workspace), 3].round(2).tolist()) == [0.35, 1, 1, 1]


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
    workspace.cells.set_threshold(0.0)
    store(workspace, slide, findings)
    workspace.cells.set_threshold(0.0)
    workspace.cell_layers.draw()
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
