"""Opening slides through napari."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from napari.settings import get_settings
from PIL import Image

from napari_cytoshift.reader import NO_LAYERS, get_reader, read, read_in_background
from napari_cytoshift.state import State
from napari_cytoshift.workspace import Workspace

Make = Callable[..., Any]


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """Return the path of a small coloured picture."""
    path = tmp_path / "field.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)).save(path)
    return path


def test_folders_are_slides_only_when_they_look_like_one(tmp_path: Path) -> None:
    assert get_reader(str(tmp_path)) is None
    (tmp_path / "notes.txt").write_text("nothing")
    assert get_reader(str(tmp_path)) is None
    (tmp_path / "zarr.json").write_text("{}")
    assert get_reader(str(tmp_path)) is read
    other = tmp_path / "dicom"
    other.mkdir()
    (other / "1").write_bytes(b"\0" * 128 + b"DICM")
    assert get_reader(str(other)) is read
    assert get_reader([]) is None


def test_a_tiff_without_colour_is_left_to_napari(tmp_path: Path) -> None:
    grey, coloured, damaged = (tmp_path / name for name in ("grey.tif", "coloured.tif", "damaged.tif"))
    tifffile.imwrite(grey, np.zeros((20, 20), np.uint16))
    tifffile.imwrite(coloured, np.zeros((20, 20, 3), np.uint8), photometric="rgb")
    damaged.write_bytes(b"II*\0 and no more")
    assert get_reader(str(grey)) is None
    assert get_reader(str(coloured)) is read
    assert get_reader(str(damaged)) is read


def test_viewer_open_makes_a_slide_layer(make_napari_viewer: Make, field: Path) -> None:
    viewer = make_napari_viewer()
    workspace = Workspace.of(viewer)
    (layer,) = viewer.open(str(field), plugin="napari-cytoshift")
    assert layer.name == "field.png"
    assert layer.metadata["cytoshift"]["role"] == "original"
    assert workspace.active.info.path == str(field)


def test_slides_opened_before_the_workspace_are_adopted(make_napari_viewer: Make, field: Path) -> None:
    viewer = make_napari_viewer()
    viewer.open(str(field), plugin="napari-cytoshift")
    assert Workspace.of(viewer).active.name == "field.png"


def test_a_remembered_calibration_is_used(make_napari_viewer: Make, field: Path) -> None:
    viewer = make_napari_viewer()
    workspace = Workspace.of(viewer)
    viewer.open(str(field), plugin="napari-cytoshift")
    workspace.calibrate(workspace.active, (0.3, 0.3))
    viewer.layers.clear()
    (layer,) = viewer.open(str(field), plugin="napari-cytoshift")
    assert tuple(layer.scale) == (0.3, 0.3)
    assert State().calibration(workspace.active.info.identity) == ((0.3, 0.3), None)


@pytest.mark.parametrize(
    ("name", "content"),
    [("empty.svs", b""), ("truncated.tif", b"II*\0\x08\0\0\0"), ("noise.svs", b"no slide at all" * 9)],
)
def test_bad_input_is_one_sentence_and_no_layer(
    make_napari_viewer: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes
) -> None:
    said: list[str] = []
    monkeypatch.setattr("napari_cytoshift.notices.show_error", said.append)
    path = tmp_path / name
    path.write_bytes(content)
    viewer = make_napari_viewer()
    assert read(str(path)) == NO_LAYERS
    viewer.open(str(path), plugin="napari-cytoshift")
    assert len(viewer.layers) == 0
    assert len(said) == 2
    assert name in said[0]
    assert said[0].count("\n") == 0


def test_async_slicing_is_switched_on_and_not_saved(tmp_path: Path, qapp: object) -> None:
    settings = get_settings()
    settings.experimental.async_ = False
    read_in_background()
    assert settings.experimental.async_ is True
    saved = tmp_path / "settings.yaml"
    settings.save(saved)
    assert "async_" not in saved.read_text()
    settings.env_settings.pop("experimental", None)
    settings.experimental.async_ = False
