"""Stain normalization on real slides, against the reference code's own outputs and a slide's known twin."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from mixtures import angle
from PIL import Image
from same_bytes import assert_same_image

from cytoshift import stain
from cytoshift.engine import DerivedSlide
from cytoshift.slides import Slide, open_slide
from cytoshift.stain.classical import macenko
from cytoshift.stain.classical.linear import carry
from cytoshift.stain.classical.reinhard import lab_statistics
from cytoshift.stain.classical.separation import basis, measured
from cytoshift.stain.colours import Colours, optical_density, slide_colours

RGB = npt.NDArray[np.uint8]
WHITE = (255.0, 255.0, 255.0)


def image(path: Path) -> RGB:
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.parametrize("number", [1, 2])
def test_macenko_is_the_reference_codes_own(data: Path, number: int) -> None:
    """The whole method, put together of its parts as that code does: white 240, the residual dropped, cut to bytes."""
    folder = data / "stain" / "macenko-golden"
    source = image(folder / f"example{number}.png")
    colours = Colours("example", source.reshape(-1, 3), (239.0, 239.0, 239.0))
    reference = stain.HAEMATOXYLIN_EOSIN.macenko
    concentrations = stain.separate(source, macenko.find_stains(colours), colours.white)
    concentrations *= reference.strongest / np.percentile(concentrations, 99, axis=(0, 1))
    for name, stains in (("norm", slice(0, 2)), ("_H", slice(0, 1)), ("_E", slice(1, 2))):
        seen = stain.restain(concentrations[..., stains], reference.vectors[stains], colours.white)
        file = f"norm{number}.png" if name == "norm" else f"norm{number}{name}.png"
        # That code has no -1 after the exponential, cuts what is above 255 to 254 and the fractions to nothing.
        bytes_ = np.where(seen + 1 > 255, 254, seen + 1).astype(np.uint8)
        difference = np.abs(bytes_.astype(int) - image(folder / file))
        assert difference.max() <= 1
        assert difference.mean() <= 0.05


@pytest.mark.parametrize("number", [1, 2])
def test_the_operator_differs_from_the_reference_code_by_the_residual_alone(data: Path, number: int) -> None:
    folder = data / "stain" / "macenko-golden"
    source, golden = image(folder / f"example{number}.png"), image(folder / f"norm{number}.png")
    colours = Colours("example", source.reshape(-1, 3), (239.0, 239.0, 239.0))
    fit = carry(colours, macenko.find_stains(colours), stain.HAEMATOXYLIN_EOSIN.macenko)
    assert fit.diagnosis == ""
    before, after = (basis(stains)[:, 2] for stains in (fit.stains, stain.HAEMATOXYLIN_EOSIN.macenko.vectors))
    matrix = fit.matrix - np.outer(after, before)
    density = optical_density(source, colours.white) @ matrix.T
    inside = (source < 239).all(axis=-1)  # what is brighter than the glass is glass here
    difference = np.abs(np.minimum(240 * np.exp(-density), 254.5) - 0.5 - golden)[inside]
    assert difference.max() < 2


def test_macenko_brings_one_image_to_the_stains_of_another(data: Path) -> None:
    folder = data / "stain" / "torchstain-pair"
    source, target = open_slide(folder / "source.png"), open_slide(folder / "target.png")
    operator = stain.method("macenko", target).prepare(source)
    assert operator.diagnosis == ""
    wanted = stain.Reference.measure(target).macenko
    before = stain.Reference.measure(source).macenko
    seen = DerivedSlide(source, operator).read(0, 0, 0, *source.levels[0].shape[:2])
    colours = Colours("after", seen[stained(source)], WHITE)
    after = measured(macenko.find_stains(colours), colours)
    # Eosin hardly absorbs blue here, so which pixels count as stained changes and its refit is loose.
    assert angle(after.vectors[0], wanted.vectors[0]) < 1 < angle(before.vectors[0], wanted.vectors[0])
    assert angle(after.vectors[1], wanted.vectors[1]) < 6
    distance = [np.abs(np.subtract(stains.strongest, wanted.strongest)) for stains in (after, before)]
    assert distance[0].sum() < 0.5 * distance[1].sum()


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


@pytest.mark.parametrize("name", ["macenko", "vahadane", "ruifrok"])
def test_smears_are_told_from_sections(data: Path, name: str) -> None:
    images = json.loads(annotations(data).read_text())["images"]
    smears = [data / "cervical" / "cric" / each["file_name"] for each in images[::34]]
    for path in (*smears, data / "cervical" / "lbc" / "1.jpg"):
        fitted = stain.method(name).prepare(open_slide(path))
        assert "Papanicolaou" in fitted.diagnosis
        assert fitted.fallback == "reinhard"
        for other in ("white", "reinhard", "histogram"):
            assert stain.method(other).prepare(open_slide(path)).diagnosis == ""
    for section in ("slides/cmu-1-small-region.svs", "slides/tcga-cr-7395.svs", "stain/torchstain-pair/target.png"):
        assert "Papanicolaou" not in stain.method(name).prepare(open_slide(data / section)).diagnosis


def test_most_smears_are_told_from_sections(data: Path) -> None:
    images = json.loads(annotations(data).read_text())["images"]
    fields = [open_slide(data / "cervical" / "cric" / each["file_name"]) for each in images[::7]]
    warned = ["Papanicolaou" in stain.method("ruifrok").prepare(field).diagnosis for field in fields]
    assert np.mean(warned) >= 0.9


@pytest.mark.parametrize("name", stain.METHODS)
def test_fluorescence_has_no_stain(data: Path, name: str) -> None:
    with pytest.raises(stain.StainError, match="not a brightfield slide"):
        stain.method(name).prepare(open_slide(data / "slides" / "fluorescence-dapi.ndpi"))
