"""Stain normalization on real slides, against the reference code's own outputs and a slide's known twin."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from same_bytes import assert_same_image

from cytoshift import stain
from cytoshift.engine import DerivedSlide
from cytoshift.slides import Slide, open_slide
from cytoshift.stain.classical.macenko import fit_macenko, fit_stains
from cytoshift.stain.classical.reinhard import lab_statistics
from cytoshift.stain.colours import Colours, optical_density, slide_colours
from cytoshift.stain.reference import HAEMATOXYLIN_EOSIN

RGB = npt.NDArray[np.uint8]
WHITE = (255.0, 255.0, 255.0)


def image(path: Path) -> RGB:
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.parametrize("number", [1, 2])
def test_macenko_fits_as_the_reference_code_does(data: Path, number: int) -> None:
    folder = data / "stain" / "macenko-golden"
    source, golden = image(folder / f"example{number}.png"), image(folder / f"norm{number}.png")
    colours = Colours("example", source.reshape(-1, 3), (239.0, 239.0, 239.0))  # its Io is 240
    found = fit_stains(colours)
    own, wanted = (np.array([stains.haematoxylin, stains.eosin]) for stains in (found, HAEMATOXYLIN_EOSIN))
    scale = np.divide(HAEMATOXYLIN_EOSIN.strongest, found.strongest)
    density = np.log(240 / (source.reshape(-1, 3) + 1.0))
    two_stains = np.minimum(240 * np.exp(-(density @ np.linalg.pinv(own) * scale) @ wanted), 255)
    difference = np.abs(two_stains.astype(np.uint8).reshape(golden.shape).astype(int) - golden)
    assert difference.max() <= 1

    # The operator keeps what two stains do not explain, and makes glass white, where that code makes it 240.
    mapped = (fit_macenko(colours, HAEMATOXYLIN_EOSIN).apply(source) + 1.0) * 240 / 256 - 1
    assert np.abs(mapped - golden).mean() < 5


def test_macenko_brings_one_image_to_the_stains_of_another(data: Path) -> None:
    folder = data / "stain" / "torchstain-pair"
    source, target = open_slide(folder / "source.png"), open_slide(folder / "target.png")
    operator = stain.method("macenko", target).prepare(source)
    assert operator.diagnosis == ""
    wanted = fit_stains(slide_colours(target))
    before = fit_stains(slide_colours(source))
    seen = DerivedSlide(source, operator).read(0, 0, 0, *source.levels[0].shape[:2])
    after = fit_stains(Colours("after", seen[stained(source)], WHITE))
    # Eosin hardly absorbs blue here, so which pixels count as stained changes and its refit is loose.
    assert angle(after.haematoxylin, wanted.haematoxylin) < 1 < angle(before.haematoxylin, wanted.haematoxylin)
    assert angle(after.eosin, wanted.eosin) < 6
    distance = [np.abs(np.subtract(stains.strongest, wanted.strongest)) for stains in (after, before)]
    assert (distance[0] < 0.75 * distance[1]).all()


def angle(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Degrees between two directions of optical density."""
    cosine = np.dot(one, other) / np.linalg.norm(one) / np.linalg.norm(other)
    return float(np.degrees(np.arccos(min(cosine, 1.0))))


def stained(slide: Slide) -> npt.NDArray[np.bool_]:
    """Where the original is stained: normalizing must not choose the pixels it is measured on."""
    original = slide.read(0, 0, 0, *slide.levels[0].shape[:2])
    return optical_density(original, slide_colours(slide).white).max(axis=-1) > 0.15


def test_reinhard_brings_the_second_scanner_to_the_first(data: Path) -> None:
    names = [entry["file_name"] for entry in json.loads(annotations(data).read_text())["images"]]
    before, after = [], []
    for name in names[:120:40]:
        there = open_slide(data / "cervical" / "cric-scanner-b" / name)
        here = open_slide(data / "cervical" / "cric" / name)
        operator = stain.method("reinhard", here).prepare(there)
        wanted = lab_statistics(slide_colours(here))
        seen = DerivedSlide(there, operator)
        mapped = seen.read(0, 0, 0, *seen.levels[0].shape[:2])
        original = there.read(0, 0, 0, *there.levels[0].shape[:2])
        unmapped = lab_statistics(Colours("before", original[stained(there)], WHITE))
        moved = lab_statistics(Colours("after", mapped[stained(there)], WHITE))
        before.append(np.abs(np.subtract(unmapped.mean, wanted.mean)).sum())
        after.append(np.abs(np.subtract(moved.mean, wanted.mean)).sum())
    assert np.mean(after) < 0.25 * np.mean(before)
    assert max(after) < 12


def annotations(data: Path) -> Path:
    return data / "cervical" / "cric" / "annotations.json"


@pytest.mark.parametrize("name", stain.METHODS)
def test_same_bytes_on_a_real_slide(data: Path, tmp_path: Path, name: str) -> None:
    slide = open_slide(data / "slides" / "cmu-1-small-region.svs")
    assert_same_image(slide, stain.method(name), tmp_path)


def test_stains_are_told_from_the_slide(data: Path) -> None:
    section = open_slide(data / "slides" / "cmu-1-small-region.svs")
    smear = open_slide(data / "cervical" / "lbc" / "1.jpg")
    dapi = open_slide(data / "slides" / "fluorescence-dapi.ndpi")
    assert stain.method("macenko").prepare(section).diagnosis == ""
    assert "Papanicolaou" in stain.method("macenko").prepare(smear).diagnosis
    assert stain.method("reinhard").prepare(smear).diagnosis == ""
    with pytest.raises(stain.StainError, match="not a brightfield slide"):
        stain.method("reinhard").prepare(dapi)
