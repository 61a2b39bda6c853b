"""Stains that were mixed are found, taken apart and put together again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixtures import COLOURS, GLASS, PLAIN, E, H, angle, mixture, one_stain, stained
from same_bytes import ArraySlide
from scipy import optimize

from cytoshift import stain
from cytoshift.stain.classical import macenko, vahadane
from cytoshift.stain.classical.linear import LinearFit, carry
from cytoshift.stain.classical.ruifrok import HAEMATOXYLIN_EOSIN, PAPANICOLAOU
from cytoshift.stain.classical.sampling import code_sparsely, extreme_angles, percentile, sparse_sums, strong_moments
from cytoshift.stain.classical.separation import apart, measured, unit
from cytoshift.stain.colours import Colours, density_table, optical_density

TWO = ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11))
REFERENCE = stain.Stains((unit((0.56, 0.72, 0.41)), unit((0.22, 0.80, 0.56))), (1.97, 1.03))


def colours(name: str = "mixture", strength: float = 1.0) -> Colours:
    return stained(name, mixture(strength), GLASS)


@pytest.mark.parametrize("stains", [TWO, PAPANICOLAOU], ids=["two", "three"])
def test_a_mixture_is_separated_and_stained_again_to_float_precision(stains: tuple[stain.Vector, ...]) -> None:
    mixed = np.random.default_rng(0).uniform(0, 2, (50, 40, len(stains)))
    seen = stain.restain(mixed, stains, GLASS)
    np.testing.assert_allclose(stain.separate(seen, stains, GLASS), mixed, atol=1e-12)
    other = tuple(reversed(stains))
    again = stain.restain(stain.separate(stain.restain(mixed, other, PLAIN), other, PLAIN), stains, GLASS)
    np.testing.assert_allclose(again, seen, atol=1e-10)


def test_one_stain_of_a_mixture_is_shown_alone() -> None:
    mixed = np.random.default_rng(0).uniform(0, 2, (100, 2))
    parts = [stain.restain(mixed[:, k : k + 1], TWO[k : k + 1], PLAIN) for k in range(2)]
    product = (parts[0] + 1) * (parts[1] + 1) / 256 - 1  # light passes one, then the other
    np.testing.assert_allclose(product, stain.restain(mixed, TWO, PLAIN), atol=1e-10)


def test_three_stains_explain_every_colour() -> None:
    concentrations = stain.separate(COLOURS, PAPANICOLAOU, GLASS)
    np.testing.assert_allclose(stain.restain(concentrations, PAPANICOLAOU, GLASS), COLOURS, atol=1e-9)


def test_the_matrix_separates_and_stains_again() -> None:
    own = (unit(H), unit(E))
    slide = colours()
    fit = carry(slide, own, REFERENCE)
    mixed = np.random.default_rng(0).uniform(0, 1.5, (500, 2))
    scaled = mixed * np.array(REFERENCE.strongest) / np.array(measured(own, slide).strongest)
    wanted = stain.restain(scaled, REFERENCE.vectors, PLAIN)
    np.testing.assert_allclose(fit.exact(stain.restain(mixed, own, GLASS)), wanted.clip(0, 255), atol=1e-9)


@pytest.mark.parametrize("find", [macenko.find_stains, vahadane.find_stains])
def test_the_stains_that_were_mixed_are_found(find) -> None:
    found = find(colours())
    assert angle(found[0], H) < 3
    assert angle(found[1], E) < 3


@pytest.mark.parametrize("find", [macenko.find_stains, vahadane.find_stains])
def test_stains_do_not_depend_on_the_order_of_pixels_and_point_to_where_light_is_absorbed(find) -> None:
    pixels = mixture().reshape(-1, 3)
    first = find(Colours("a", pixels, GLASS))
    second = find(Colours("b", pixels[::-1].copy(), GLASS))
    np.testing.assert_allclose(first, second, atol=2e-3)
    assert np.min(first) > 0
    assert first[0][0] > first[1][0]
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1)


@pytest.mark.parametrize("name", ["macenko", "vahadane"])
def test_one_mixture_is_carried_onto_another(name: str) -> None:
    pale, strong = mixture(0.6), mixture(1.0)
    fitted = stain.method(name, ArraySlide(strong)).prepare(ArraySlide(pale))
    assert (fitted.diagnosis, fitted.fallback) == ("", "")
    white = (np.array(GLASS) + 1) / 256
    difference = fitted.apply(pale).astype(float) + 1 - (strong.astype(float) + 1) / white
    assert np.abs(difference).mean() < 4


def test_what_two_stains_do_not_explain_is_kept() -> None:
    fit = carry(colours(), (unit(H), unit(E)), REFERENCE)
    assert np.linalg.matrix_rank(fit.matrix) == 3
    before, after = np.cross(H, E), np.cross(*REFERENCE.vectors)
    green = optical_density([90, 200, 90], GLASS)
    kept = after / np.linalg.norm(after) @ (np.array(fit.matrix) @ green)
    assert kept == pytest.approx(before / np.linalg.norm(before) @ green)


def test_the_moments_and_percentiles_are_numpys() -> None:
    slide = colours()
    density = optical_density(slide.pixels, GLASS)
    strong = density[(density >= 0.15).all(axis=1)]
    table = density_table(GLASS)
    count, covariance = strong_moments(slide.pixels, table, 0.15)
    assert count == len(strong)
    np.testing.assert_allclose(covariance, np.cov(strong.T), rtol=1e-9)
    for seed in range(8):  # planes in which the angles lie in every quarter
        plane = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 2))).Q
        x, y = (strong @ plane).T
        wanted = np.percentile(np.arctan2(y, x), [1, 99])
        np.testing.assert_allclose(extreme_angles(slide.pixels, table, 0.15, plane, (0.01, 0.99)), wanted, atol=2e-3)
    weights = np.array([0.3, -1.2, 0.5])
    assert percentile(slide.pixels, weights[:, None] * table, 0.99) == pytest.approx(
        np.percentile(density @ weights, 99), abs=2e-3
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_sparse_code_is_the_least(seed: int) -> None:
    random = np.random.default_rng(seed)
    stains = random.uniform(0.01, 1, (2, 3))
    stains /= np.linalg.norm(stains, axis=1, keepdims=True)
    x, y, z = random.uniform(0, 3, 3)
    got = code_sparsely(x, y, z, stains, float(stains[0] @ stains[1]), 0.1)
    # The same problem for another solver: the penalty is linear where concentrations are not negative.
    gram = np.linalg.cholesky(stains @ stains.T + 1e-12 * np.eye(2)).T
    best = optimize.nnls(gram, np.linalg.solve(gram.T, stains @ [x, y, z] - 0.1))[0]

    def cost(code: np.ndarray) -> float:
        return float(((np.array([x, y, z]) - code @ stains) ** 2).sum() / 2 + 0.1 * code.sum())

    assert cost(np.array(got)) <= cost(best) + 1e-9


def test_no_stains_nearby_are_sparser() -> None:
    slide = colours()
    table = density_table(GLASS)
    pixels = slide.pixels[::5].copy()

    def cost(stains: np.ndarray) -> float:
        sums = np.zeros(9)
        sparse_sums(pixels, table, stains, vahadane.PENALTY, sums)
        # With the best codes, the cost is a constant less half of the squared length of what they explain.
        return -float(sums[0] + 2 * sums[1] * (stains[0] @ stains[1]) + sums[2]) / 2

    found = np.array(vahadane.find_stains(Colours("thin", pixels, GLASS)))
    random = np.random.default_rng(0)
    for _ in range(40):
        moved = np.maximum(found + random.normal(0, 0.01, (2, 3)), 0)
        moved /= np.linalg.norm(moved, axis=1, keepdims=True)
        assert cost(moved) > cost(found) - 1e-5 * abs(cost(found))


@pytest.mark.parametrize("name", ["macenko", "vahadane", "ruifrok"])
def test_stains_given_by_hand_are_used_as_they_are(name: str) -> None:
    operator = stain.method(name, stains=[-2 * H, E])
    fitted = operator.prepare(ArraySlide(mixture()))
    np.testing.assert_allclose(fitted.stains, [H, E])
    assert fitted.stain_names == ("haematoxylin", "eosin")
    assert fitted.diagnosis == ""
    assert operator.key != stain.method(name, stains=[H, H + E]).key


def test_three_stains_by_hand_become_the_references() -> None:
    three = [(0.6, 0.7, 0.4), (0.1, 0.5, 0.85), (0.85, 0.45, 0.25)]
    fitted = stain.method("ruifrok", stain.PAPANICOLAOU, stains=three).prepare(ArraySlide(mixture()))
    assert fitted.stain_names == ("haematoxylin", "orange", "light green")
    seen = stain.restain(np.eye(3) * 0.3, fitted.stains, GLASS)
    for colour, wanted in zip(fitted.exact(seen), stain.PAPANICOLAOU.papanicolaou.vectors, strict=True):
        assert angle(np.log(256 / (colour + 1)), wanted) < 0.01


def test_fixed_stains_keep_their_colours_and_change_their_strengths() -> None:
    fitted = stain.method("ruifrok").prepare(ArraySlide(mixture()))
    np.testing.assert_allclose(fitted.stains, HAEMATOXYLIN_EOSIN)
    seen = stain.restain(np.eye(2) * 0.5, fitted.stains, GLASS)
    for colour, own in zip(fitted.exact(seen), fitted.stains, strict=True):
        assert angle(np.log(256 / (colour + 1)), own) < 0.01


@pytest.mark.parametrize(
    ("name", "stains", "said"),
    [
        ("macenko", [H, E, (0.8, 0.4, 0.3)], "takes 2 stains"),
        ("ruifrok", [H], "takes 2 or 3 stains"),
        ("ruifrok", [H, (0, 0, 0)], "pick a pixel that is stained"),
        ("ruifrok", [H, (1, 2)], "pick a pixel that is stained"),
        ("vahadane", [H, (np.nan, 1, 1)], "pick a pixel that is stained"),
        ("vahadane", [H, 2 * H], "too much alike"),
        ("ruifrok", [H, E, H + E], "too much alike"),
        ("reinhard", [H, E], "knows no stains"),
    ],
)
def test_stains_that_cannot_be_used(name: str, stains, said: str) -> None:
    with pytest.raises(stain.StainError, match=said):
        stain.method(name, stains=stains)


def test_one_stain_alone_falls_back_to_the_reference_and_says_so() -> None:
    slide = ArraySlide(one_stain(H), name="mono.svs")
    fitted = stain.method("macenko").prepare(slide)
    assert "mono.svs cannot be told apart" in fitted.diagnosis
    assert fitted.fallback == "reinhard"
    assert fitted.stains == stain.HAEMATOXYLIN_EOSIN.macenko.vectors
    for name in ("vahadane", "ruifrok"):  # these look for haematoxylin and eosin, and find the one
        fitted = stain.method(name).prepare(slide)
        assert "mono.svs holds far less or far more eosin" in fitted.diagnosis
        assert fitted.fallback == "reinhard"


def test_angles_between_stains() -> None:
    assert apart([(1, 0, 0), (np.cos(0.2), np.sin(0.2), 0)]) == pytest.approx(np.degrees(0.2))
    assert apart([(1, 0, 0), (0, 1, 0), (0, np.cos(0.1), np.sin(0.1))]) == pytest.approx(np.degrees(0.1))
    assert apart([(1, 0, 0), (0, 1, 0), (0.6, 0.8, 0)]) == pytest.approx(0, abs=1e-6)


def test_a_slide_of_the_references_own_stains_is_not_changed() -> None:
    slide = colours()
    own = measured((unit(H), unit(E)), slide)
    fit = carry(slide, own.vectors, own)
    np.testing.assert_allclose(fit.matrix, np.eye(3), atol=1e-9)
    whitened = (slide.pixels + 1.0) * 256 / (np.array(GLASS) + 1) - 1
    assert np.abs(fit.apply(slide.pixels) - whitened).max() <= 1
    assert isinstance(fit, LinearFit)
