"""A small slide in memory and a place of its own for what the plugin remembers."""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytoshift.slides.slide import RGB, TILE, Level, Slide, SlideInfo


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the window's tests where there is no display and none could be started."""
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        here = Path(__file__).parent
        for item in items:
            if item.path.is_relative_to(here):
                item.add_marker(pytest.mark.skip(reason="no display, and no Xvfb to start one"))


class MemorySlide(Slide):
    """Levels held in memory; counts the tiles it computes."""

    def __init__(self, info: SlideInfo, pixels: list[RGB]) -> None:
        full = pixels[0].shape
        levels = tuple(Level(p.shape[0], p.shape[1], (full[0] / p.shape[0], full[1] / p.shape[1])) for p in pixels)
        super().__init__(info, levels)
        self.pixels = pixels
        self.computed: list[tuple[int, int, int]] = []

    @property
    def key(self) -> str:
        return self.info.identity

    def compute_tile(self, level: int, row: int, column: int) -> RGB:
        self.computed.append((level, row, column))
        y, x = row * TILE, column * TILE
        return self.pixels[level][y : y + TILE, x : x + TILE].copy()

    def calibrated(self, mpp_yx: tuple[float, float], objective: float | None = None) -> MemorySlide:
        from dataclasses import replace

        return MemorySlide(replace(self.info, mpp_yx=mpp_yx, objective=objective), self.pixels)


LONG = 60_000
"""Milliseconds that a busy computer may take for what takes a moment."""

MakeSlide = Callable[..., MemorySlide]


@cache
def stained(height: int, width: int) -> RGB:
    """Return pink noise with dark nuclei."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(-15, 16, (height, width, 3), np.int16) + np.array((225, 190, 205), np.int16)
    for y, x in rng.integers(30, (height - 30, width - 30), (300, 2)):
        pixels[y - 9 : y + 9, x - 9 : x + 9] = (90, 60, 120)
    return pixels.clip(0, 255).astype(np.uint8)


@pytest.fixture
def make_slide(request: pytest.FixtureRequest) -> MakeSlide:
    """Return a function that makes a slide of pink noise with dark nuclei."""

    def make(
        name: str = "smear.svs",
        height: int = 1500,
        width: int = 2100,
        mpp: float | None = 0.25,
        **info: object,
    ) -> MemorySlide:
        full = stained(height, width).copy()
        pixels = [full, full[::2, ::2], full[::4, ::4]]
        known = SlideInfo(
            name=name,
            identity=f"{request.node.name}-{name}",
            reader="memory",
            vendor="Aperio",
            mpp_yx=None if mpp is None else (mpp, mpp),
            objective=None if mpp is None else 10 / mpp,
            path=f"/slides/{name}",
        )
        from dataclasses import replace

        return MemorySlide(replace(known, **info), pixels)

    return make


@pytest.fixture
def make_review(make_napari_viewer: Callable[..., Any], make_slide: MakeSlide, qtbot: Any) -> Callable[..., Any]:
    """Return a function that shows a Review dock with findings on a grid over a slide, all of them in order."""

    def make(number: int = 60, *, slide: MemorySlide | None = None, runs: int = 1, **findings: Any) -> Any:
        from cytoshift.engine.findings import Findings, Provenance
        from cytoshift.study.palette import BETHESDA
        from napari_cytoshift.layers.findings import know
        from napari_cytoshift.widgets.review import ReviewDock

        viewer = make_napari_viewer(show=True)
        viewer.window.resize(1366, 768)
        dock = ReviewDock(viewer)
        viewer.window.add_dock_widget(dock, name="Review", area="right")
        slide = make_slide() if slide is None else slide
        dock.workspace.show(slide)
        know(dock.workspace.study, slide)
        at = np.arange(number)
        corners = np.stack([at % 40 * 50 + 10, at // 40 % 28 * 50 + 10], axis=1)
        given = {
            "boxes": np.concatenate([corners, corners + 40], axis=1).astype(np.float32),
            "scores": np.linspace(0.99, 0.51, number).astype(np.float32),
            "labels": np.full(number, 2, np.int16),
            "classes": BETHESDA,
            "provenance": Provenance(slide.info.identity, "by-hand"),
            **findings,
        }
        if not dock.workspace.study.runs(slide.info.identity):
            for _ in range(runs):
                dock.workspace.study.add_findings(Findings(**given))
        run = dock.workspace.study.runs(slide.info.identity)[-1]
        dock.workspace.set_findings(slide, dock.workspace.study.findings(run), run)
        window = viewer.window._qt_window
        window.activateWindow()
        dock.gallery.setFocus()
        qtbot.waitUntil(lambda: window.isActiveWindow() and dock.keys.on, timeout=LONG)
        qtbot.waitUntil(lambda: len(dock.work.queue) > 0 and dock.settled, timeout=LONG)
        return dock

    return make


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test its own study, models and remembered state."""
    monkeypatch.setenv("CYTOSHIFT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CYTOSHIFT_MODELS", str(tmp_path / "models"))
    return tmp_path / "home"


@pytest.fixture
def make_napari_viewer(make_napari_viewer: Callable[..., Any], qapp: Any) -> Iterator[Callable[..., Any]]:
    """Let napari's slicing threads finish before its own fixture looks for viewers that are still held."""
    made: list[Any] = []

    def make(*args: Any, **options: Any) -> Any:
        viewer = make_napari_viewer(*args, **options)
        made.append(weakref.ref(viewer))
        return viewer

    yield make
    for known in made:
        viewer = known()
        if viewer is not None:
            viewer._layer_slicer.wait_until_idle(timeout=20)
    qapp.processEvents()


@pytest.fixture
def hands(request: pytest.FixtureRequest, make_napari_viewer: Callable[..., Any], qtbot: Any, tmp_path: Path) -> Any:
    """Return a person at an empty window with the five docks, whose pictures are called by the module's ``STORY``."""
    from person import SCREEN, Hands

    from napari_cytoshift.commands import open_docks

    images = Path(os.environ.get("CYTOSHIFT_IMAGES", tmp_path / "images"))
    images.mkdir(parents=True, exist_ok=True)
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(*SCREEN)
    open_docks(viewer)
    return Hands(viewer, qtbot, images, request.module.STORY)
