"""``cytoshift evaluate translation``."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def paint(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(230, 240, (200, 220, 3))
    yy, xx = np.mgrid[:200, :220]
    for k in range(25):
        x, y = rng.integers(10, 190, 2)
        disc = (xx - x) ** 2 + (yy - y) ** 2 < rng.integers(8, 14) ** 2
        pixels[disc] = rng.normal((110, 60, 140) if k % 2 else (200, 120, 150), 10, (int(disc.sum()), 3))
    return np.clip(pixels, 0, 255).astype(np.uint8)


@pytest.fixture
def laboratories(tmp_path: Path) -> tuple[Path, Path]:
    """Return COCO fields, two of them of split val, and a folder of the same fields as another scanner shows them."""
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "images").mkdir(parents=True)
    there.mkdir()
    for k in range(3):
        pixels = paint(k)
        Image.fromarray(pixels).save(here / "images" / f"{k}.png")
        Image.fromarray((pixels * (0.6, 0.65, 0.8)).astype(np.uint8)).save(there / f"{k}.png")
    images = [
        {"id": k, "file_name": f"images/{k}.png", "width": 220, "height": 200, "split": "val" if k else "train"}
        for k in range(3)
    ]
    document = {"images": images, "annotations": [], "categories": [{"id": 1, "name": "HSIL"}]}
    (here / "annotations.json").write_text(json.dumps(document))
    return here, there


def test_a_translator_is_measured_on_a_split(laboratories, translator, detector, tmp_path, cytoshift) -> None:
    here, there = laboratories
    out = tmp_path / "score.json"
    said = cytoshift(
        *("evaluate", "translation", translator, "--data", here, "--target", there, "--truth", there),
        *("--split", "val", "--features", detector, "--steps", 2, "--crop", 100, "--json", out),
    )
    score = json.loads(out.read_text())
    assert (score["data"], score["target"], score["split"], score["steps"]) == ("here", "there", "val", 2)
    assert (score["images"], score["crops"], score["target_images"], score["target_crops"]) == (2, 8, 3, 12)
    assert (score["features"], score["dimensions"], score["mpp"]) == ("trunk of untaught", 192, 0.25)
    assert score["seen"]["fid"] > 0
    assert score["original"]["delta_e"] > 5
    lines = said.splitlines()
    assert lines[2] == "features  trunk of untaught, 192"
    rows = {line[:22].strip(): line[22:].split() for line in lines[4:]}
    for name, key in (("FID", "fid"), ("KID x 100", "kid100"), ("HIST", "hist"), ("CIEDE2000", "delta_e")):
        assert rows[name] == [f"{score['seen'][key]:.3f}", f"{score['original'][key]:.3f}"]
    assert rows["SSIM"] == [f"{score['structure']['ssim']:.3f}"]
    assert any("FID of 8 crops with 192 features" in note for note in score["notes"])


def test_what_cannot_be_measured_is_one_sentence(laboratories, translator, detector, tmp_path, complaint) -> None:
    here, there = laboratories
    few = tmp_path / "few"
    few.mkdir()
    call = ("evaluate", "translation", translator, "--data", here, "--target")
    assert "no image" in complaint(*call, few)
    assert "a translation model is needed" in complaint("evaluate", "translation", detector, *call[3:], there)
    missing = "no Inception weights" if find_spec("torch_fidelity") else "install napari-cytoshift[metrics]"
    assert missing in complaint(*call, there, "--features", few / "inception.pth")
    assert "a detector model is needed" in complaint(*call, there, "--features", translator)
    assert "is not there" in complaint(*call, there, "--json", few / "a" / "b")
    assert "split" in complaint(*call, there, "--split", "test")
    Image.fromarray(paint(1)).save(few / "1.png")
    assert "The target has 1 image" in complaint(*call, few, "--features", detector)
    assert "has no 0.png (2 are missing)" in complaint(*call, there, "--truth", few)
