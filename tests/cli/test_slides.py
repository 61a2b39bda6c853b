"""Slides from the terminal: info, convert, normalize."""

import json

import numpy as np
import pytest
from PIL import Image

from cytoshift import stain
from cytoshift.cli import main
from cytoshift.engine import DerivedSlide
from cytoshift.models import build_operator, load_model
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


def pixels(path) -> np.ndarray:
    slide = open_slide(path)
    assert (slide.levels[0].height, slide.levels[0].width) == (260, 300)
    return slide.read(0, 0, 0, 260, 300)


@pytest.mark.parametrize("method", stain.METHODS)
def test_normalize_changes_colours_and_keeps_size(field, tmp_path, cytoshift, method):
    out = tmp_path / "out.ome.zarr"
    cytoshift("normalize", field, out, "--method", method, "--mpp", "0.25")
    expected = stain.method(method).prepare(open_slide(field)).apply(pixels(field))
    np.testing.assert_array_equal(pixels(out), expected)
    assert not np.array_equal(expected, pixels(field))


def test_reinhard_is_the_method_where_none_is_named(field, tmp_path, cytoshift):
    out = tmp_path / "out.ome.zarr"
    cytoshift("normalize", field, out)
    np.testing.assert_array_equal(pixels(out), stain.method("reinhard").prepare(open_slide(field)).apply(pixels(field)))


def test_references_that_are_built_in_have_names(field, tmp_path, cytoshift):
    for name, built_in in stain.BUILT_IN.items():
        out = tmp_path / f"{name}.ome.zarr"
        cytoshift("normalize", field, out, "--reference", name)
        fitted = stain.method("reinhard", built_in).prepare(open_slide(field))
        np.testing.assert_array_equal(pixels(out), fitted.apply(pixels(field)))


def test_a_reference_is_an_image_or_saved(field, tmp_path, cytoshift):
    other = tmp_path / "other.png"
    Image.fromarray((pixels(field) * (0.9, 0.7, 0.8)).astype(np.uint8)).save(other)
    saved = stain.open_reference(other).save(tmp_path / "saved.json")
    cytoshift("normalize", field, tmp_path / "a.ome.zarr", "--reference", other)
    cytoshift("normalize", field, tmp_path / "b.ome.zarr", "--reference", saved)
    cytoshift("normalize", field, tmp_path / "c.ome.zarr")
    np.testing.assert_array_equal(pixels(tmp_path / "a.ome.zarr"), pixels(tmp_path / "b.ome.zarr"))
    assert not np.array_equal(pixels(tmp_path / "a.ome.zarr"), pixels(tmp_path / "c.ome.zarr"))


def test_strength_lies_between_the_original_and_the_method(field, tmp_path, cytoshift):
    whole, half = tmp_path / "whole.ome.zarr", tmp_path / "half.ome.zarr"
    cytoshift("normalize", field, whole)
    cytoshift("normalize", field, half, "--strength", "0.5")
    middle = (pixels(field).astype(float) + pixels(whole)) / 2
    assert np.abs(pixels(half) - middle).max() <= 0.5


def test_a_doubtful_fit_is_told_of(tmp_path, capfd):
    square = np.full((300, 300, 3), 240, np.uint8)
    square[50:250, 50:250] = np.random.default_rng(0).choice([[225, 150, 110], [130, 175, 170]], (200, 200))
    Image.fromarray(square).save(tmp_path / "smear.png")
    with pytest.raises(SystemExit) as end:
        main(["normalize", str(tmp_path / "smear.png"), str(tmp_path / "out.ome.zarr"), "--method", "macenko"])
    assert end.value.code == 0
    assert "smear.png looks Papanicolaou-stained" in capfd.readouterr().err


def test_a_stain_model_is_a_method(field, restyler, tmp_path, cytoshift):
    out = tmp_path / "out.ome.zarr"
    cytoshift("normalize", field, out, "--method", restyler, "--mpp", "0.25")
    operator = build_operator(load_model(restyler))
    slide = open_slide(field).calibrated((0.25, 0.25))
    expected = DerivedSlide(slide, operator).read(0, 0, 0, 260, 300)
    np.testing.assert_array_equal(pixels(out), expected)


def test_a_model_brings_its_own_colours(field, restyler, tmp_path, complaint):
    said = complaint("normalize", field, tmp_path / "out", "--method", restyler, "--reference", field)
    assert "leave --reference out" in said


def test_nothing_is_overwritten(field, tmp_path, complaint):
    out = tmp_path / "out.ome.zarr"
    out.mkdir()
    for command in (["convert"], ["normalize", "--method", "reinhard"]):
        assert "out.ome.zarr" in complaint(*command, field, out)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [["--method", "magic"], ["--reference", "not-there.png"], ["--reference", "not-there.json"], ["--mpp", "0"]],
    ids=" ".join,
)
def test_a_normalization_that_cannot_be(field, tmp_path, complaint, arguments):
    complaint("normalize", field, tmp_path / "out.ome.zarr", *arguments)
    assert not (tmp_path / "out.ome.zarr").exists()
