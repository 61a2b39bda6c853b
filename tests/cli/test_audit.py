"""``cytoshift audit``: a stain method invents nothing, and what it says is in the JSON too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from cytoshift.slides.samples import Scene, render_tile


def drawn(tmp_path: Path) -> Path:
    path = tmp_path / "smear.png"
    Image.fromarray(render_tile(Scene(3), 0, 0, 800, 800)).save(path)
    return path


def test_a_stain_method_invents_nothing(cytoshift: Callable[..., str], tmp_path: Path) -> None:
    out = tmp_path / "audit.json"
    said = cytoshift("audit", drawn(tmp_path), "--through", "reinhard", "--mpp", 0.25, "--json", out)
    told = json.loads(out.read_text("utf-8"))
    assert said.splitlines()[0].casefold() == told["verdict"].casefold()
    assert told["through"] == "reinhard"
    assert told["counts"]["invented"] == told["counts"]["lost"] == 0
    assert told["nuclei"]["before"] > 10
    assert told["region"] == [0, 0, 800, 800]
    part = cytoshift("audit", drawn(tmp_path), "--through", "white", "--mpp", 0.25, "--region", "100,100,600,600")
    assert "invented" in part
    assert np.isfinite(told["outline_um"]["p95"])


def test_bad_input_gets_one_sentence(complaint: Callable[..., str], tmp_path: Path) -> None:
    slide = drawn(tmp_path)
    assert "--mpp" in complaint("audit", slide, "--through", "reinhard")
    assert "no stain method and no model" in complaint("audit", slide, "--through", "nothing", "--mpp", 0.25)
    assert "too coarse" in complaint("audit", slide, "--through", "white", "--mpp", 3)
    assert "no box" in complaint("audit", slide, "--through", "white", "--mpp", 0.25, "--region", "5,5,1,1")
    assert "make it first" in complaint(
        "audit", slide, "--through", "white", "--mpp", 0.25, "--json", tmp_path / "no" / "a.json"
    )
