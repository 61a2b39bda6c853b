"""Slides from the terminal: info, convert, normalize."""

import json

import numpy as np
import pytest

from cytoshift.slides import open_slide


def test_info_says_that_the_scale_is_unknown(field, cytoshift):
    said = cytoshift("info", field)
    assert "unknown: set with --mpp" in said
    assert "300 × 260 px" in said
    assert "0.25" in cytoshift("info", field, "--mpp", "0.25")


def test_info_as_json_is_the_description(field, cytoshift):
    said = json.loads(cytoshift("info", field, "--json"))
    assert said["mpp"] is None
    assert (said["levels"][0]["height"], said["levels"][0]["width"]) == (260, 300)


def test_convert_keeps_the_pixels_and_takes_the_scale(field, tmp_path, cytoshift):
    out = tmp_path / "out.ome.zarr"
    cytoshift("convert", field, out, "--mpp", "0.25")
    written, original = open_slide(out), open_slide(field)
    np.testing.assert_array_equal(written.read(0, 0, 0, 260, 300), original.read(0, 0, 0, 260, 300))
    assert written.mpp == pytest.approx(0.25)


@pytest.mark.parametrize("method", ["reinhard", "macenko"])
def test_normalize_changes_colours_and_keeps_size(field, tmp_path, cytoshift, method):
    out = tmp_path / "out.ome.zarr"
    cytoshift("normalize", field, out, "--method", method, "--mpp", "0.25")
    written = open_slide(out)
    assert (written.levels[0].height, written.levels[0].width) == (260, 300)
    assert not np.array_equal(written.read(0, 0, 0, 260, 300), open_slide(field).read(0, 0, 0, 260, 300))


def test_nothing_is_overwritten(field, tmp_path, complaint):
    out = tmp_path / "out.ome.zarr"
    out.mkdir()
    for command in (["convert"], ["normalize", "--method", "reinhard"]):
        assert "out.ome.zarr" in complaint(*command, field, out)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [["--method", "magic"], ["--reference", "not-there.png"], ["--mpp", "0"]], ids=" ".join
)
def test_a_normalization_that_cannot_be(field, tmp_path, complaint, arguments):
    complaint("normalize", field, tmp_path / "out.ome.zarr", *arguments)
    assert not (tmp_path / "out.ome.zarr").exists()
