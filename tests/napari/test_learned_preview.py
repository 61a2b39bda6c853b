"""A slide seen through a network in the window: a preview at once, the network's own tiles when the view rests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_cytoshift.comparison import Comparison
from napari_cytoshift.layers.slide_layers import role_of
from napari_cytoshift.workspace import Workspace

Make = Callable[..., Any]
LONG = 60_000


@pytest.fixture
def model(tmp_path: Path, home: Path) -> str:
    """Put a very small network among the models; return its id."""
    import torch

    from cytoshift.models import Card, Registry
    from cytoshift.models.model import save_model
    from cytoshift.stain.restyling.networks import Generator
    from cytoshift.stain.restyling.recipe import RestylerArchitecture

    plan = RestylerArchitecture(widths=(4, 4, 4, 4, 4, 4), tile=512)
    torch.manual_seed(0)
    state = Generator(plan.removal.channels, plan.widths).state_dict()
    card = Card(id="small", title="Small", task="stain", mpp=0.5, architecture=plan.model_dump())
    save_model(tmp_path / "small", card, state)
    return str(Registry().add(tmp_path / "small").card.id)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """Return the list of threads in which a network was run."""
    from cytoshift.stain.restyling import Restyler

    seen: list[threading.Thread] = []
    apply = Restyler.apply

    def noted(self: Any, tiles: Any) -> Any:
        seen.append(threading.current_thread())
        return apply(self, tiles)

    monkeypatch.setattr(Restyler, "apply", noted)
    return seen


def test_the_window_shows_the_preview_and_then_the_truth_and_computes_nothing_itself(
    make_napari_viewer: Make, make_slide: Make, model: str, threads: list[threading.Thread], qtbot: Any
) -> None:
    viewer, slide = make_napari_viewer(), make_slide(height=700, width=900)
    workspace, comparison = Workspace.of(viewer), Comparison.of(viewer)
    workspace.show(slide)
    comparison.see(f"model:{model}")
    qtbot.waitUntil(lambda: comparison.sight is not None, timeout=LONG)
    sight = comparison.sight
    layer = next(layer for layer in viewer.layers if role_of(layer) == "derived")
    assert sight.preview.levels == sight.slide.levels
    thumbnail = np.asarray(layer.data[-1])
    assert np.array_equal(thumbnail, sight.preview.read(len(layer.data) - 1, 0, 0, *thumbnail.shape[:2]))
    qtbot.waitUntil(lambda: not comparison.approximate and layer.loaded, timeout=LONG)
    assert threads
    assert threading.main_thread() not in threads
    level, (top, left) = layer.data_level, layer.corner_pixels[0]
    exact = sight.slide.read(level, top, left, 200, 200)
    assert np.array_equal(layer.data[level][top : top + 200, left : left + 200], exact)
    assert not np.array_equal(exact, sight.preview.read(level, top, left, 200, 200))


def test_another_strength_keeps_the_student_and_previews_at_that_strength(
    make_napari_viewer: Make, make_slide: Make, model: str, qtbot: Any
) -> None:
    viewer, slide = make_napari_viewer(), make_slide(height=700, width=900)
    workspace, comparison = Workspace.of(viewer), Comparison.of(viewer)
    workspace.show(slide)
    comparison.see(f"model:{model}")
    qtbot.waitUntil(lambda: comparison.sight is not None, timeout=LONG)
    full = comparison.sight
    comparison.set_strength(0.5)
    qtbot.waitUntil(lambda: comparison.sight is not full, timeout=LONG)
    half = comparison.sight
    assert half.student is full.student
    size = half.preview.levels[-1].height, half.preview.levels[-1].width
    whole = full.preview.read(len(full.preview.levels) - 1, 0, 0, *size).astype(float)
    weak = half.preview.read(len(half.preview.levels) - 1, 0, 0, *size).astype(float)
    plain = full.preview._views[-1].read(0, 0, *size).astype(float)
    assert np.abs(weak - (whole + plain) / 2).max() <= 0.5


def test_a_classical_method_and_a_network_take_turns_in_one_layer(
    make_napari_viewer: Make, make_slide: Make, model: str, qtbot: Any
) -> None:
    viewer, slide = make_napari_viewer(), make_slide(height=700, width=900)
    workspace, comparison = Workspace.of(viewer), Comparison.of(viewer)
    workspace.show(slide)
    comparison.see("reinhard")
    qtbot.waitUntil(lambda: comparison.sight is not None, timeout=LONG)
    layer = next(layer for layer in viewer.layers if role_of(layer) == "derived")
    for method, scale in ((f"model:{model}", 0.5), ("reinhard", 0.25)):
        comparison.see(method)
        qtbot.waitUntil(lambda method=method: comparison.sight.method == method, timeout=LONG)
        assert [role_of(one) for one in viewer.layers] == ["original", "derived"]
        assert layer in viewer.layers
        assert tuple(layer.scale) == (scale, scale)
        assert np.allclose(layer.extent.world[1], (700 * 0.25, 900 * 0.25), atol=1)
        qtbot.waitUntil(lambda: not comparison.approximate and layer.loaded, timeout=LONG)
        level = layer.data_level
        exact = comparison.sight.slide.read(level, 0, 0, 100, 100)
        assert np.array_equal(layer.data[level][:100, :100], exact)
    assert layer.name.startswith("Reinhard")
