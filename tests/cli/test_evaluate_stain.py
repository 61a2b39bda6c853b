"""``cytoshift evaluate stain``, and a training domain measured for it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cytoshift.models import load_model


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
def scanners(tmp_path) -> tuple[Path, Path]:
    """Return folders of the same three fields as two scanners show them."""
    home, away = tmp_path / "home", tmp_path / "away"
    (home / "images").mkdir(parents=True)
    away.mkdir()
    for number in range(3):
        pixels = paint(number)
        Image.fromarray(pixels).save(home / "images" / f"{number}.png")
        Image.fromarray((pixels * (0.6, 0.65, 0.8)).astype(np.uint8)).save(away / f"{number}.png")
    images = [{"id": k, "file_name": f"images/{k}.png", "width": 220, "height": 200, "mpp": 0.5} for k in range(3)]
    document = {"images": images, "annotations": [], "categories": [{"id": 1, "name": "HSIL"}]}
    (home / "annotations.json").write_text(json.dumps(document))
    return home, away


def test_a_method_is_measured_against_truth_and_reference(scanners, tmp_path, cytoshift) -> None:
    home, away = scanners
    out = tmp_path / "score.json"
    said = cytoshift(
        "evaluate",
        "stain",
        "reinhard",
        "--data",
        away,
        "--truth",
        home,
        "--reference",
        home / "images" / "0.png",
        "--json",
        out,
    )
    score = json.loads(out.read_text())
    mean = score["mean"]
    assert set(score["fields"]) == {"0.png", "1.png", "2.png"}
    assert f"{mean['delta_e']:.3f}" in said
    assert mean["delta_e"] < mean["original_delta_e"] / 2
    assert mean["bhattacharyya"] < mean["original_bhattacharyya"]
    assert mean["gradient_correlation"] > 0.9
    assert (score["method"], score["data"], score["refused"]) == ("reinhard", "away", {})


def test_the_domain_of_a_model_is_measured_and_serves_as_reference(scanners, detector, registry, cytoshift) -> None:
    home, away = scanners
    cytoshift("models", "import", detector)
    said = cytoshift("models", "measure", "untaught", "--data", home, "--name", "drawn")
    assert "drawn, 3 fields; usual distance: colours" in said
    domain = load_model(registry / "detector" / "untaught").card.domain
    assert domain.name == "drawn"
    assert domain.look is not None
    assert "training domain: drawn, 3 fields" in cytoshift("models", "show", "untaught")
    said = cytoshift("evaluate", "stain", "reinhard", "--data", away, "--reference", "untaught")
    rows = {line.split()[0]: line.split()[1] for line in said.splitlines()}
    assert rows["fields"] == "3"
    assert float(rows["bhattacharyya"]) < float(rows["original_bhattacharyya"])
    assert "delta_e" not in rows


def test_what_cannot_be_measured_is_one_sentence(scanners, detector, tmp_path, complaint) -> None:
    home, away = scanners
    few = tmp_path / "few"
    few.mkdir()
    assert "no stain method" in complaint("evaluate", "stain", "nothing", "--data", away)
    assert "no image" in complaint("evaluate", "stain", "reinhard", "--data", few)
    assert "split" in complaint("evaluate", "stain", "reinhard", "--data", away, "--split", "val")
    assert "no image" in complaint("evaluate", "stain", "reinhard", "--data", home, "--truth", few)
    Image.fromarray(paint(0)).save(few / "0.png")
    assert "no 1.png (2 are" in complaint("evaluate", "stain", "reinhard", "--data", home, "--truth", few)
    assert "no COCO" in complaint("evaluate", "stain", "reinhard", "--data", home, "--truth", tmp_path / "gone")
    assert "no model of this id" in complaint("evaluate", "stain", "reinhard", "--data", home, "--reference", "gone")
    assert "is not there" in complaint("evaluate", "stain", "reinhard", "--data", home, "--json", few / "a" / "b")


def test_fields_without_tissue_are_named_and_none_left_is_said(tmp_path, cytoshift, capfd) -> None:
    from cytoshift.cli import main

    Image.fromarray(np.full((200, 200, 3), 235, np.uint8)).save(tmp_path / "glass.png")
    with pytest.raises(SystemExit) as end:
        main(["evaluate", "stain", "reinhard", "--data", str(tmp_path)])
    said = capfd.readouterr().err.splitlines()
    assert end.value.code == 2
    assert said[0].startswith("glass.png was left out: ")
    assert "choose another method" in said[1]


def test_a_model_without_a_domain_is_no_reference(scanners, detector, cytoshift, complaint) -> None:
    home, _ = scanners
    cytoshift("models", "import", detector)
    assert "training slides" in complaint("evaluate", "stain", "reinhard", "--data", home, "--reference", "untaught")


def test_a_saved_reference_is_aimed_at_but_not_compared_with(scanners, tmp_path, cytoshift) -> None:
    from cytoshift.stain import open_reference

    home, away = scanners
    saved = open_reference(home / "images" / "0.png").save(tmp_path / "wanted.json")
    said = cytoshift("evaluate", "stain", "reinhard", "--data", away, "--reference", saved)
    assert [line.split()[0] for line in said.splitlines()] == ["fields", "gradient_correlation", "ssim"]
