"""The demo, as a person without a display runs it: in a process of its own, on a real window nobody sees."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cytoshift.slides import open_slide, samples
from cytoshift.study.formats import geojson

SIDE = 1024


def demo(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the demo in a folder, with no display and nothing of the person's own."""
    bare = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        [sys.executable, "-m", "napari_cytoshift.demo", *arguments],
        cwd=folder,
        env={**bare, "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the demo on a slide and return its folder."""
    folder = tmp_path_factory.mktemp("demo")
    slide = samples.draw(folder / "smear.ome.zarr", width=SIDE, height=SIDE, style="away")
    ran = demo("--slide", slide, "--out", "out", folder=folder)
    assert ran.returncode == 0, ran.stderr
    assert "report.html" in ran.stdout
    return folder / "out"


def test_every_dock_has_its_screenshot(shown: Path) -> None:
    names = sorted(path.name for path in shown.glob("*.png"))
    assert names == ["1-slide.png", "2-compare.png", "3-find.png", "4-review.png", "5-adapt.png"]
    for name in names:
        with Image.open(shown / name) as picture:
            assert picture.width >= 1200
            assert np.asarray(picture.convert("RGB")).std() > 20


def test_the_view_shows_the_slide(shown: Path) -> None:
    with Image.open(shown / "1-slide.png") as picture:
        pixels = np.asarray(picture.convert("RGB"), np.float64)
    slide = open_slide(shown.parent / "smear.ome.zarr")
    glass = np.percentile(slide.read(0, 0, 0, SIDE, SIDE).reshape(-1, 3), 90, axis=0)
    height, width = pixels.shape[:2]
    middle = pixels[height // 4 : 3 * height // 4, width // 3 : 2 * width // 3]
    assert (np.abs(middle - glass).max(axis=2) < 25).mean() > 0.1


def test_cells_slide_and_report_can_be_read(shown: Path) -> None:
    found = geojson.read(shown / "findings.geojson")
    normalized = open_slide(shown / "normalized.ome.zarr")
    page = (shown / "report.html").read_text(encoding="utf-8")
    assert normalized.levels[0].shape == (SIDE, SIDE, 3)
    assert normalized.mpp == 0.25
    assert f"{len(found)} cells with a score" in page
    assert "Not for diagnosis" in page
    assert "--method reinhard" in page
    assert page.count("data:image/jpeg") >= 5 + 6


@pytest.mark.parametrize(
    ("name", "sentence"), [("nothing.svs", "nothing.svs"), ("field.png", "--mpp 0.25")], ids=["not there", "no µm/px"]
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, name: str, sentence: str) -> None:
    Image.new("RGB", (64, 64), (240, 240, 240)).save(tmp_path / "field.png")
    ran = demo("--slide", name, folder=tmp_path)
    assert ran.returncode == 2
    assert sentence in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert not (tmp_path / "demo").exists()
