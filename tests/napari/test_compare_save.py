"""Saving what is seen: the same bytes as in the window, again after a stop, and never over anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytoshift.slides import open_slide
from napari_cytoshift.saving import suggested, with_suffix
from napari_cytoshift.widgets.compare import CompareDock

Make = Callable[..., Any]

LONG = 90_000


@pytest.fixture
def dock(make_napari_viewer: Make, make_slide: Make, tmp_path: Path, qtbot: Any) -> CompareDock:
    """Return the dock with a slide that is seen through Reinhard."""
    viewer = make_napari_viewer()
    dock: CompareDock = viewer.window.add_plugin_dock_widget("napari-cytoshift", "Compare")[1]
    slide = make_slide()
    slide.info = replace(slide.info, path=str(tmp_path / "smear.svs"))
    dock.workspace.show(slide)
    assert not dock.saving.save.isEnabled()
    dock.methods["reinhard"].click()
    qtbot.waitUntil(lambda: dock.comparison.sight is not None, timeout=LONG)
    return dock


def test_what_is_seen_is_written_beside_the_slide_and_opened(
    dock: CompareDock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    asked: list[str] = []

    def choose(parent: object, title: str, name: str, *_: object, **__: object) -> tuple[str, str]:
        asked.append(name)
        return name, ""

    monkeypatch.setattr("napari_cytoshift.widgets.compare_save.QFileDialog.getSaveFileName", choose)
    dock.saving.save.click()
    out = tmp_path / "smear-reinhard.ome.zarr"
    assert asked == [str(out)]
    assert not dock.saving.save.isEnabled()
    qtbot.waitUntil(lambda: bool(dock.saving.said), timeout=LONG)
    assert dock.saving.said == f"Saved as {out.name} in {tmp_path}."
    written, seen = open_slide(out), dock.comparison.sight.slide
    level = seen.levels[0]
    assert np.array_equal(
        written.read(0, 0, 0, level.height, level.width), seen.read(0, 0, 0, level.height, level.width)
    )
    assert written.info.mpp_yx == seen.info.mpp_yx
    dock.saving.open.click()
    qtbot.waitUntil(lambda: dock.workspace.active.info.name != "smear.svs", timeout=LONG)
    assert len(dock.workspace.slides) == 2


def test_a_taken_name_is_one_sentence(dock: CompareDock, tmp_path: Path, qtbot: Any) -> None:
    (tmp_path / "taken.ome.zarr").mkdir()
    dock.saving.write(tmp_path / "taken.ome.zarr")
    qtbot.waitUntil(lambda: bool(dock.message.text), timeout=LONG)
    assert "taken.ome.zarr" in dock.message.text
    assert dock.saving.save.isEnabled()


def test_a_stop_keeps_what_is_finished_and_the_next_goes_on(dock: CompareDock, tmp_path: Path, qtbot: Any) -> None:
    out = tmp_path / "part.ome.zarr"
    work = dock.saving.write(out)
    work.cancel.cancel()
    qtbot.waitUntil(lambda: "go on" in dock.saving.said, timeout=LONG)
    assert not out.exists()
    assert not dock.saving.open.isVisibleTo(dock)
    dock.saving.write(out)
    qtbot.waitUntil(lambda: dock.saving.said.startswith("Saved"), timeout=LONG)
    assert open_slide(out).levels[0] == dock.comparison.sight.slide.levels[0]


def test_names_say_slide_method_and_strength(dock: CompareDock, tmp_path: Path) -> None:
    sight = dock.comparison.sight
    half = replace(sight, choice=replace(sight.choice, method="model:Clinic B.2", strength=0.5))
    assert suggested(half) == tmp_path / "smear-clinic-b-2-50.ome.zarr"
    assert suggested(sight).parent == tmp_path


@pytest.mark.parametrize("given", ["a.b", "a.b.zarr", "a.b.ome.zarr"])
def test_a_name_ends_as_an_ome_zarr_does(given: str) -> None:
    assert with_suffix(Path("/x") / given) == Path("/x/a.b.ome.zarr")
