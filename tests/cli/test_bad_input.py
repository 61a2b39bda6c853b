"""What bad input gets: status 2, one line that names the thing, no traceback, and nothing stored is touched."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile


def damaged(name: str, folder: Path) -> Path:
    """Make a bad slide in a folder, as its name says."""
    path = folder / name
    if name == "broken.svs":
        path.write_bytes(b"II*\0" + struct.pack("<I", 8) + bytes(range(256)) * 4)
    elif name == "empty.svs":
        path.touch()
    elif name == "no-slide":
        path.mkdir()
        (path / "readme.txt").write_text("nothing here")
    elif name == "lonely.mrxs":
        path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(64))
    elif name == "truncated.tif":
        whole = folder / "whole.tif"
        pixels = np.random.default_rng(0).integers(0, 255, (1024, 1024, 3), np.uint8)
        tifffile.imwrite(whole, pixels, tile=(256, 256), compression="deflate")
        path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return path


SLIDES = ["broken.svs", "empty.svs", "no-slide", "lonely.mrxs", "truncated.tif", "not-there.svs"]
COMMANDS = {
    "info": lambda slide, out: ["info", slide, "--json"],
    "convert": lambda slide, out: ["convert", slide, f"{out}/new.ome.zarr"],
    "normalize": lambda slide, out: ["normalize", slide, f"{out}/new.ome.zarr", "--method", "reinhard"],
    "detect": lambda slide, out: ["detect", slide, "--out", f"{out}/new.geojson"],
    "study add": lambda slide, out: ["study", "add", f"{out}/study", slide],
}


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder that holds something stored."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "study.lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def stored(tmp_path, registry, cytoshift) -> Path:
    """Return a folder with a study, beside an empty registry: all that is stored in these tests."""
    folder = tmp_path / "stored"
    cytoshift("study", "new", folder / "study")
    return folder


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", SLIDES)
def test_a_bad_slide(name, command, tmp_path, stored, complaint):
    slide = damaged(name, tmp_path)
    before = contents(stored)
    assert name in complaint(*COMMANDS[command](slide, stored))
    assert contents(stored) == before


def coco(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    document = {
        "images": [{"id": 1, "file_name": "gone.jpg", "width": 64, "height": 64, "split": "train"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 20, 20]}],
        "categories": [{"id": 1, "name": "NILM"}],
    }
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


def test_images_of_a_coco_file_are_missing(tmp_path, stored, complaint):
    data = coco(tmp_path / "data")
    before = contents(stored)
    out = stored / "run"
    said = complaint("train", "detector-small", "--out", out, "--set", f'data.path="{data}"')
    assert "gone.jpg" in said
    assert contents(stored) == before


@pytest.mark.parametrize("change", ["training.stepps=3", "training.steps=none", "training"])
def test_a_recipe_is_misspelt(change, tmp_path, stored, complaint):
    before = contents(stored)
    said = complaint("train", "detector-small", "--out", stored / "run", "--set", change)
    assert "training" in said
    assert contents(stored) == before


def test_a_misspelt_key_in_the_file_is_named_with_the_right_one(tmp_path, stored, complaint):
    recipe = tmp_path / "mine.toml"
    recipe.write_text('[data]\npath = "x"\n[training]\nlearning_rat = 1.0\n')
    said = complaint("train", recipe, "--out", stored / "run")
    assert "mine.toml" in said
    assert "learning_rate" in said
    assert not (stored / "run").exists()
