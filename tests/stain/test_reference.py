"""A reference is measured once for all methods, saved whole and read again as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixtures import COLOURS, E, H, angle, mixture, orange_and_green
from PIL import Image
from same_bytes import ArraySlide

from cytoshift import stain
from cytoshift.stain import Reference, StainError, open_reference
from cytoshift.stain.classical.reinhard import LabStatistics


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference.measure(ArraySlide(mixture(), name="mixture.png"))


def test_one_measurement_serves_all_methods(reference: Reference) -> None:
    assert reference.name == "mixture.png"
    for found in (reference.macenko, reference.vahadane):
        assert found is not None
        assert angle(found.vectors[0], H) < 3
        assert angle(found.vectors[1], E) < 3
    slide = ArraySlide(mixture(0.6), name="pale")
    for name in stain.METHODS:
        by_slide = stain.method(name, ArraySlide(mixture(), name="mixture.png")).prepare(slide)
        by_reference = stain.method(name, reference).prepare(slide)
        assert by_slide.key == by_reference.key
        np.testing.assert_array_equal(by_slide.apply(COLOURS), by_reference.apply(COLOURS))


def test_only_a_region_is_measured() -> None:
    both = np.concatenate([mixture(), orange_and_green()], axis=1)
    slide = ArraySlide(both, levels=2, name="both")
    region = Reference.measure(slide, (0, 0, 500, 500))
    alone = Reference.measure(ArraySlide(mixture(), levels=2))
    np.testing.assert_allclose(region.lab.mean, alone.lab.mean, atol=0.5)
    assert abs(Reference.measure(slide).lab.mean[1] - alone.lab.mean[1]) > 1
    with pytest.raises(StainError, match=r"both shows in this region too little tissue .* draw a larger one"):
        Reference.measure(slide, (0, 0, 20, 20))
    with pytest.raises(StainError, match="in this region"):
        Reference.measure(slide, (-500, 0, -10, 200))


def test_a_region_is_read_where_it_is_on_every_level() -> None:
    image = np.full((1200, 1200, 3), 240, np.uint8)
    image[:600], image[600:] = (200, 120, 160), (120, 110, 190)
    image[:40] = image[-40:] = 240
    slide = ArraySlide(image, levels=3)
    above, below = (Reference.measure(slide, box) for box in ((100, 100, 1100, 600), (100, 600, 1100, 1100)))
    assert above.lab.deviation[0] < 0.01
    assert below.lab.mean[0] < above.lab.mean[0]


def test_a_smear_is_no_reference_for_stains_that_cannot_be_told_apart(reference: Reference) -> None:
    without = replace(reference, name="grey.png", macenko=None)
    with pytest.raises(StainError, match=r"in the reference grey\.png; use 'reinhard'"):
        stain.method("macenko", without).prepare(ArraySlide(mixture()))


def test_saved_and_read_again(reference: Reference, tmp_path: Path) -> None:
    path = reference.save(tmp_path / "mine.json")
    assert open_reference(path) == reference
    assert Reference.load(path).key == reference.key
    reference.save(path)
    assert [each.name for each in tmp_path.iterdir()] == ["mine.json"]


def test_an_image_is_measured(tmp_path: Path) -> None:
    Image.fromarray(mixture()).save(tmp_path / "image.png")
    found = open_reference(tmp_path / "image.png")
    assert found.name == "image.png"
    assert found.macenko is not None


vectors = st.tuples(*[st.floats(0.05, 1)] * 3)
numbers = st.floats(-1e3, 1e3)


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=20), st.tuples(numbers, numbers, numbers), vectors, st.booleans())
def test_any_reference_survives_json(
    name: str, mean: tuple[float, float, float], white: tuple[float, float, float], whole: bool
) -> None:
    made = replace(
        stain.PAPANICOLAOU,
        name=name,
        white=white,
        lab=LabStatistics(mean, white),
        vahadane=stain.PAPANICOLAOU.vahadane if whole else None,
    )
    assert Reference.from_json(json.loads(json.dumps(made.to_json()))) == made


@pytest.mark.parametrize(
    "damage",
    [
        {"white": [1, 2]},
        {"histogram": [[1.0] * 256] * 2},
        {"histogram": None},
        {"lab": {"mean": [1, 2, "three"], "deviation": [1, 1, 1]}},
        {"lab": []},
        {"ruifrok": None},
        {"macenko": {"vectors": [[1, 0, 0], [1, 0, 0]], "strongest": [1, 1]}},
        {"papanicolaou": {"vectors": [[1, 0, 0], [0, 1, 0]], "strongest": [1, 1]}},
        {"vahadane": {"vectors": [[1, 0, 0], [0, 1, 0]], "strongest": [1, float("inf")]}},
        {"format": 99},
        {"format": "new"},
    ],
    ids=str,
)
def test_a_damaged_reference_gets_a_sentence(damage: dict, reference: Reference) -> None:
    with pytest.raises(StainError, match=r"\.$"):
        Reference.from_json({**reference.to_json(), **damage})


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"7", b"{}", b"\xff\xfe", b"[" * 100_000], ids=range(7))
def test_another_file_is_no_reference(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_bytes(text)
    with pytest.raises(StainError, match=r"other\.json"):
        open_reference(tmp_path / "other.json")


def test_a_reference_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StainError, match=r"not-there\.json cannot be read"):
        open_reference(tmp_path / "not-there.json")


def test_the_mean_of_references_lies_between_them(reference: Reference) -> None:
    other = Reference.measure(ArraySlide(mixture(0.6), name="pale"))
    mean = Reference.between("both", [reference, other])
    np.testing.assert_allclose(mean.lab.mean, np.mean([reference.lab.mean, other.lab.mean], axis=0))
    assert mean.macenko is not None
    assert angle(mean.macenko.vectors[0], H) < 3
    np.testing.assert_allclose(
        mean.ruifrok.strongest, np.mean([reference.ruifrok.strongest, other.ruifrok.strongest], axis=0)
    )
    assert Reference.between("both", [replace(reference, macenko=None)] * 2 + [other]).macenko is None
    alone = Reference.between("one", [reference])
    assert (alone.lab, alone.white) == (reference.lab, reference.white)


@pytest.mark.parametrize("built_in", [stain.PAPANICOLAOU, stain.HAEMATOXYLIN_EOSIN], ids=lambda each: each.name)
def test_what_is_built_in_is_complete(built_in: Reference) -> None:
    assert built_in.macenko is not None
    assert built_in.vahadane is not None
    np.testing.assert_allclose(np.sum(built_in.histogram, axis=1), 1, atol=1e-4)
    for stains in (built_in.macenko, built_in.vahadane, built_in.ruifrok, built_in.papanicolaou):
        assert min(stains.strongest) > 0
        np.testing.assert_allclose(np.linalg.norm(stains.vectors, axis=1), 1, atol=1e-3)
