"""The one object that knows what is open."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.errors import SlideError
from napari_cytoshift.state import State
from napari_cytoshift.view import magnification
from napari_cytoshift.workspace import Workspace

Make = Callable[..., Any]


def test_there_is_one_workspace_per_viewer(make_napari_viewer: Make) -> None:
    one, other = make_napari_viewer(), make_napari_viewer()
    assert Workspace.of(one) is Workspace.of(one)
    assert Workspace.of(one) is not Workspace.of(other)


def test_it_does_not_keep_the_viewer_alive() -> None:
    from napari.components import ViewerModel

    class Model(ViewerModel):
        pass

    viewer = Model()
    workspace = Workspace.of(viewer)
    gone = weakref.ref(viewer)
    del viewer
    gc.collect()
    assert gone() is None
    assert workspace.viewer is None


def test_a_shown_slide_is_one_calibrated_multiscale_layer(make_napari_viewer: Make, make_slide: Make) -> None:
    viewer = make_napari_viewer()
    workspace = Workspace.of(viewer)
    slide = make_slide()
    layer = workspace.show(slide)
    assert layer.multiscale
    assert layer.rgb
    assert tuple(layer.scale) == (0.25, 0.25)
    assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]
    assert layer.metadata["cytoshift"]["identity"] == slide.info.identity
    assert viewer.canvas.overlays.scale_bar.visible
    assert workspace.active is slide
    assert workspace.show(slide) is layer
    assert len(viewer.layers) == 1
    exact = slide.read(0, 40, 30, 20, 25)
    assert np.array_equal(np.asarray(layer.data[0][40:60, 30:55]), exact)


def test_the_slide_of_the_selected_layer_is_active_and_alone_visible(
    make_napari_viewer: Make, make_slide: Make, qtbot: Any
) -> None:
    viewer = make_napari_viewer()
    workspace = Workspace.of(viewer)
    first, second = make_slide("one.svs"), make_slide("other.svs")
    one, other = workspace.show(first), workspace.show(second)
    assert workspace.slides == (first, second)
    assert workspace.active is second
    assert (one.visible, other.visible) == (False, True)
    heard: list[object] = []
    workspace.active_changed.connect(heard.append)
    viewer.layers.selection.active = one
    qtbot.waitUntil(lambda: workspace.active is first)
    assert (one.visible, other.visible) == (True, False)
    viewer.layers.remove(one)
    qtbot.waitUntil(lambda: workspace.active is second)
    viewer.layers.remove(other)
    qtbot.waitUntil(lambda: len(heard) == 3)
    assert heard == [first, second, None]


def test_every_slide_keeps_its_own_view(make_napari_viewer: Make, make_slide: Make, qtbot: Any) -> None:
    viewer = make_napari_viewer()
    workspace = Workspace.of(viewer)
    first, second = make_slide("one.svs"), make_slide("other.svs")
    workspace.show(first)
    workspace.look_at(first, (100.0, 200.0, 300.0, 350.0))
    before = workspace.view_box(first)
    workspace.show(second)
    assert workspace.view_box(second) != pytest.approx(before)
    workspace.show(first)
    assert workspace.view_box(first) == pytest.approx(before)


def test_looking_at_a_box_shows_just_that_box(make_napari_viewer: Make, make_slide: Make) -> None:
    viewer = make_napari_viewer()
    workspace = Workspace.of(viewer)
    slide = make_slide()
    workspace.show(slide)
    box = (100.0, 200.0, 500.0, 350.0)
    workspace.look_at(slide, box)
    x0, y0, x1, y1 = workspace.view_box(slide)
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((300, 275))
    assert x0 <= 100.001
    assert y0 <= 200.001
    assert min((x1 - x0) / 400, (y1 - y0) / 150) == pytest.approx(1)


def test_magnification_is_ten_per_micrometre_of_a_screen_pixel(make_napari_viewer: Make, make_slide: Make) -> None:
    viewer = make_napari_viewer()
    workspace = Workspace.of(viewer)
    slide = make_slide()
    workspace.show(slide)
    workspace.magnify(40)
    height, width = viewer.canvas.size
    x0, y0, x1, y1 = workspace.view_box(slide)
    assert (x1 - x0, y1 - y0) == pytest.approx((width, height))  # 0.25 µm/px: one to one
    assert magnification(viewer, slide.frame) == pytest.approx(40)


def test_calibration_rescales_the_layer_keeps_the_view_and_is_remembered(
    make_napari_viewer: Make, make_slide: Make
) -> None:
    viewer = make_napari_viewer()
    workspace = Workspace.of(viewer)
    slide = make_slide(mpp=None)
    layer = workspace.show(slide)
    assert str(layer.units[0]) == "pixel"
    workspace.look_at(slide, (100.0, 200.0, 300.0, 350.0))
    before = workspace.view_box(slide)
    known = workspace.calibrate(slide, (0.5, 0.5), 20.0)
    assert tuple(layer.scale) == (0.5, 0.5)
    assert str(layer.units[0]) == "micrometer"
    assert workspace.active is known
    assert workspace.view_box(known) == pytest.approx(before)
    assert State().calibration(slide.info.identity) == ((0.5, 0.5), 20.0)


def test_findings_belong_to_a_slide(make_napari_viewer: Make, make_slide: Make) -> None:
    workspace = Workspace.of(make_napari_viewer())
    slide = make_slide()
    workspace.show(slide)
    heard: list[str] = []
    workspace.findings_changed.connect(heard.append)
    found = Findings.empty(("HSIL",), Provenance(slide=slide.info.identity, model="m"))
    workspace.set_findings(slide, found, "run-1")
    assert workspace.findings(slide) is found
    assert workspace.run(slide) == "run-1"
    workspace.set_findings(slide, None)
    assert workspace.findings(slide) is None
    assert workspace.run(slide) == ""
    assert heard == [slide.info.identity] * 2


def test_the_study_is_made_when_it_is_first_asked_for_and_comes_back(make_napari_viewer: Make, home: Any) -> None:
    workspace = Workspace.of(make_napari_viewer())
    assert not (home / "study").exists()
    heard: list[object] = []
    workspace.study_changed.connect(heard.append)
    study = workspace.study
    assert workspace.study is study
    assert heard == [study]
    assert (home / "study").is_dir()
    other = workspace.open_study(home / "other")
    assert workspace.study is other
    assert State().get("study") == str(home / "other")


def test_work_delivers_in_the_qt_thread_and_errors_become_one_sentence(
    make_napari_viewer: Make, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from cytoshift.engine.progress import Progress

    said: list[str] = []
    monkeypatch.setattr("napari_cytoshift.notices.show_error", said.append)
    workspace = Workspace.of(make_napari_viewer())
    got: list[tuple[object, bool]] = []
    here = threading.current_thread()

    def work(task: Any) -> int:
        task.report(Progress(1, 2, 0.1, 0.1))
        task.send("part")
        assert threading.current_thread() is not here
        return 7

    def note(value: object) -> None:
        got.append((value, threading.current_thread() is here))

    running = workspace.start("Counting", work, done=note, sent=note, progressed=note)
    qtbot.waitUntil(lambda: not running.running)
    assert [value for value, _ in got][1:] == ["part", 7]
    assert all(in_qt for _, in_qt in got)

    def fail(task: Any) -> None:
        raise SlideError("x.svs is empty; copy it again.")

    failing = workspace.start("Failing", fail)
    qtbot.waitUntil(lambda: not failing.running)
    assert said == ["x.svs is empty; copy it again."]
    stopped = workspace.start("Stopping", lambda task: task.cancel.cancel() or task.cancel.check())
    qtbot.waitUntil(lambda: not stopped.running)
    assert len(said) == 1


def test_work_that_is_done_is_freed(make_napari_viewer: Make, qtbot: Any) -> None:
    workspace = Workspace.of(make_napari_viewer())
    results: list[int] = []
    works = [weakref.ref(workspace.start("Counting", lambda work: 1, done=results.append)) for _ in range(20)]
    qtbot.waitUntil(lambda: len(results) == 20)
    qtbot.waitUntil(lambda: gc.collect() >= 0 and all(work() is None for work in works))
