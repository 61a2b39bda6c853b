"""What breaks other stain normalizers: blank tiles, blank slides, one stain, weak stain, grey glass, another dye."""

from __future__ import annotations

import numpy as np
import pytest
from mixtures import GLASS, RGB, H, mixture, one_stain, orange_and_green, stained
from same_bytes import ArraySlide

from cytoshift import stain
from cytoshift.stain import StainError
from cytoshift.stain.colours import optical_density, slide_colours

FITTED = [name for name in stain.METHODS if name != "white"]
TWO_STAINS = ["macenko", "vahadane", "ruifrok"]


@pytest.mark.parametrize("name", stain.METHODS)
def test_a_blank_tile_of_a_good_slide_becomes_white(name: str) -> None:
    fitted = stain.method(name).prepare(ArraySlide(mixture()))
    blank = np.full((1, 512, 512, 3), GLASS).astype(np.uint8)
    assert fitted.apply(blank).min() >= 254
    assert fitted.apply(np.full((1, 512, 512, 3), 255, np.uint8)).min() == 255
    assert fitted.apply(np.zeros((1, 0, 0, 3), np.uint8)).shape == (1, 0, 0, 3)


@pytest.mark.parametrize("grey", [255, 240, 128])
@pytest.mark.parametrize("name", FITTED)
def test_a_slide_without_tissue_gets_a_sentence_that_names_what_works(name: str, grey: int) -> None:
    blank = ArraySlide(np.full((600, 600, 3), grey, np.uint8), name="blank.svs")
    with pytest.raises(StainError, match=r"blank\.svs shows too little tissue .* use 'white'"):
        stain.method(name).prepare(blank)
    with pytest.raises(StainError, match="too little tissue"):
        stain.method(name, blank).prepare(ArraySlide(mixture()))


def test_a_slide_without_tissue_can_have_its_glass_made_white_and_is_told_of() -> None:
    fitted = stain.method("white").prepare(ArraySlide(np.full((600, 600, 3), 200, np.uint8), name="blank.svs"))
    assert (fitted.apply(np.full((1, 4, 4, 3), 200, np.uint8)) == 255).all()
    assert "blank.svs shows hardly any tissue" in fitted.diagnosis
    assert stain.method("white").prepare(ArraySlide(mixture())).diagnosis == ""


@pytest.mark.parametrize("name", stain.METHODS)
def test_fluorescence_is_refused(name: str) -> None:
    dark = ArraySlide(mixture(), name="dapi.ndpi", brightfield=False)
    with pytest.raises(StainError, match=r"dapi\.ndpi is not a brightfield slide.* look at the original"):
        stain.method(name).prepare(dark)


@pytest.mark.parametrize("name", FITTED)
def test_a_single_colour_is_either_fitted_or_told_of(name: str) -> None:
    image = np.full((600, 600, 3), 245, np.uint8)
    image[150:450, 150:450] = (120, 90, 160)
    slide = ArraySlide(image, name="flat.svs")
    try:
        fitted = stain.method(name).prepare(slide)
    except StainError as error:
        assert "use 'reinhard'" in str(error)  # noqa: PT017
    else:
        assert fitted.diagnosis or name in ("histogram", "ruifrok")  # which look for nothing in the slide
        assert np.isfinite(fitted.exact(image)).all()
        assert (fitted.apply(image)[:100] >= 250).all()


@pytest.mark.parametrize("name", TWO_STAINS)
def test_a_weak_stain_is_either_strengthened_or_told_of(name: str) -> None:
    image = mixture(0.12)
    try:
        fitted = stain.method(name).prepare(ArraySlide(image, name="weak.svs"))
    except StainError as error:
        assert "weak.svs is stained too weakly" in str(error)  # noqa: PT017
        return
    if fitted.diagnosis:
        assert "weak.svs" in fitted.diagnosis
        assert fitted.fallback == "reinhard"
    else:
        assert fitted.apply(image).mean() < np.minimum(image * (255 / np.array(GLASS)), 255).mean() - 3


def test_too_weak_for_macenko() -> None:
    # Stained in green alone: no pixel absorbs in all three channels, so no plane can be laid through them.
    image = one_stain((0.0, 0.8, 0.0))
    with pytest.raises(StainError, match=r"green\.svs is stained too weakly .* use 'reinhard'"):
        stain.method("macenko").prepare(ArraySlide(image, name="green.svs"))
    with pytest.raises(StainError, match="reference green"):
        stain.method("macenko", ArraySlide(image, name="green.svs")).prepare(ArraySlide(mixture()))


@pytest.mark.parametrize("name", stain.METHODS)
def test_neutral_background_stays_neutral(name: str) -> None:
    """Grey shades next to the glass, as shading and camera noise make them, get no tint."""
    fitted = stain.method(name).prepare(ArraySlide(mixture()))
    shades = np.rint(np.array(GLASS) * np.linspace(0.97, 1.05, 20)[:, None]).clip(0, 255).astype(np.uint8)
    mapped = fitted.apply(shades).astype(int)
    assert np.ptp(mapped, axis=-1).max() <= 5
    assert mapped.min() >= 240


@pytest.mark.parametrize("name", TWO_STAINS)
def test_two_stains_do_not_make_a_papanicolaou_smear(name: str) -> None:
    slide = ArraySlide(orange_and_green(), levels=2, name="smear.svs")
    fitted = stain.method(name).prepare(slide)
    assert "smear.svs looks Papanicolaou-stained" in fitted.diagnosis
    assert fitted.fallback == "reinhard"
    assert stain.method(name).prepare(ArraySlide(mixture())).diagnosis == ""


def test_other_methods_take_a_papanicolaou_smear() -> None:
    slide = ArraySlide(orange_and_green(), levels=2)
    three = stain.PAPANICOLAOU.papanicolaou.vectors
    for operator in (stain.method("reinhard"), stain.method("ruifrok", stain.PAPANICOLAOU, stains=three)):
        fitted = operator.prepare(slide)
        assert (fitted.diagnosis, fitted.fallback) == ("", "")


def test_an_unknown_method_gets_the_names_of_the_known_ones() -> None:
    with pytest.raises(StainError, match="white, reinhard, histogram, macenko, vahadane, ruifrok"):
        stain.method("vahadan")


def test_the_white_point_of_a_slide_without_glass_is_its_brightest() -> None:
    image: RGB = one_stain(H)[40:]
    found = slide_colours(ArraySlide(image))
    np.testing.assert_allclose(found.white, np.percentile(image.reshape(-1, 3), 99, axis=0), atol=1)


def test_sampling_takes_the_stained_pixels_and_no_more_than_it_needs() -> None:
    image = mixture(side=1100)
    found, wanted = slide_colours(ArraySlide(image)), stained("all", image, GLASS)
    assert 50_000 < len(found.pixels) <= 100_000 < len(wanted.pixels)
    assert (optical_density(found.pixels, found.white).max(axis=1) > 0.15).all()
    np.testing.assert_allclose(found.pixels.mean(axis=0), wanted.pixels.mean(axis=0), atol=1)


def test_few_cells_on_much_glass_are_all_looked_at() -> None:
    image = np.full((1500, 1500, 3), 240, np.uint8)
    for y, x in np.random.default_rng(0).integers(20, 1480, (30, 2)):
        image[y - 8 : y + 8, x - 8 : x + 8] = (100, 60, 140)
    found = slide_colours(ArraySlide(image, mpp=0.5))
    assert len(found.pixels) == (image[..., 1] < 100).sum()
