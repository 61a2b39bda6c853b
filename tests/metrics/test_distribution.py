"""FID and KID against closed forms, definitions and what must not change them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg

from cytoshift.metrics import Gaussian, frechet_distance, kernel_distance


def spread(rng: np.random.Generator, d: int) -> np.ndarray:
    root = rng.normal(size=(d, d))
    return root @ root.T + 0.1 * np.eye(d)


def test_two_known_gaussians_in_closed_form() -> None:
    mean1, mean2 = np.array([1.0, -2, 0.5]), np.array([0.0, 1, 0.5])
    variance1, variance2 = np.array([4.0, 1, 0.25]), np.array([1.0, 9, 0.25])
    one, other = (Gaussian.from_moments(mean, np.diag(v)) for mean, v in ((mean1, variance1), (mean2, variance2)))
    wanted = ((mean1 - mean2) ** 2).sum() + ((np.sqrt(variance1) - np.sqrt(variance2)) ** 2).sum()
    assert frechet_distance(one, other) == pytest.approx(wanted, rel=1e-12)


def test_full_covariances_are_those_of_the_matrix_root() -> None:
    rng = np.random.default_rng(0)
    means, covariances = rng.normal(size=(2, 7)), [spread(rng, 7) for _ in range(2)]
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    wanted = ((means[0] - means[1]) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    one, other = (Gaussian.from_moments(m, c) for m, c in zip(means, covariances, strict=True))
    assert frechet_distance(one, other) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("n", [5, 300])
def test_samples_are_their_moments_also_where_the_covariance_is_singular(n: int) -> None:
    rng = np.random.default_rng(1)
    samples = [rng.normal(size=(n, 40)) @ spread(rng, 40) for _ in range(2)]
    direct = [Gaussian.of(each) for each in samples]
    moments = [Gaussian.from_moments(each.mean(axis=0), np.cov(each.T)) for each in samples]
    assert frechet_distance(*direct) == pytest.approx(frechet_distance(*moments), rel=1e-6)
    assert direct[0].factor.shape == (min(n, 40), 40)


def test_many_samples_come_near_the_gaussians_they_are_of() -> None:
    rng = np.random.default_rng(2)
    covariances = [spread(rng, 4) for _ in range(2)]
    true = frechet_distance(*(Gaussian.from_moments(np.full(4, k), c) for k, c in enumerate(covariances)))
    drawn = [rng.multivariate_normal(np.full(4, k), c, 50_000) for k, c in enumerate(covariances)]
    assert frechet_distance(*map(Gaussian.of, drawn)) == pytest.approx(true, rel=0.03)
    few = [Gaussian.of(rng.multivariate_normal(np.zeros(4), covariances[0], 8)) for _ in range(2)]
    assert frechet_distance(*few) > 0.1  # the same distribution: the bias of few samples


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(1, 6), st.integers(0, 99))
def test_distance_is_symmetric_zero_to_itself_and_does_not_mind_a_rotation(n: int, m: int, d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(n, d)), rng.normal(1, 2, size=(m, d))
    turn, _ = np.linalg.qr(rng.normal(size=(d, d)))
    value = frechet_distance(Gaussian.of(one), Gaussian.of(other))
    assert frechet_distance(Gaussian.of(other), Gaussian.of(one)) == pytest.approx(value, rel=1e-9, abs=1e-9)
    assert frechet_distance(Gaussian.of(one @ turn + 3), Gaussian.of(other @ turn + 3)) == pytest.approx(
        value, abs=1e-8
    )
    assert frechet_distance(Gaussian.of(one), Gaussian.of(one)) == pytest.approx(0, abs=1e-9)
    kid = kernel_distance(one, other).value
    assert kernel_distance(other, one).value == pytest.approx(kid, rel=1e-9, abs=1e-9)
    assert kernel_distance(one @ turn, other @ turn).value == pytest.approx(kid, rel=1e-6, abs=1e-6)


def test_kernel_distance_is_the_definition_pair_by_pair() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(6, 5)), rng.normal(0.5, 1, size=(4, 5))

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / 5 + 1) ** 3)

    xx = sum(kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j) / (6 * 5)
    yy = sum(kernel(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j) / (4 * 3)
    xy = sum(kernel(a, b) for a in x for b in y) / 24
    found = kernel_distance(x, y)
    assert found.value == pytest.approx(xx + yy - 2 * xy, rel=1e-12)
    assert (found.subsets, found.size, found.spread) == (1, 4, 0)


def test_the_same_distribution_is_zero_in_expectation_and_another_is_not() -> None:
    rng = np.random.default_rng(4)
    same = np.array([kernel_distance(*rng.normal(size=(2, 20, 8))).value for _ in range(400)])
    assert abs(same.mean()) < 4 * same.std() / 20
    assert (same < 0).mean() > 0.3
    apart = [kernel_distance(rng.normal(size=(20, 8)), rng.normal(1, 1, size=(20, 8))).value for _ in range(50)]
    assert np.mean(apart) > 10 * same.std() / 20


def test_subsets_agree_with_the_whole_and_repeat() -> None:
    rng = np.random.default_rng(5)
    one, other = rng.normal(size=(300, 6)), rng.normal(0.4, 1, size=(250, 6))
    whole, parts = kernel_distance(one, other), kernel_distance(one, other, subsets=200, size=60)
    assert (parts.subsets, parts.size) == (200, 60)
    assert parts.value == pytest.approx(whole.value, abs=4 * parts.spread / np.sqrt(200) + 0.2 * whole.value)
    assert kernel_distance(one, other, size=60) == kernel_distance(one, other, size=60)
    assert kernel_distance(one, other, size=60, seed=1) != kernel_distance(one, other, size=60)


def test_one_image_is_no_set() -> None:
    with pytest.raises(ValueError, match="two features"):
        Gaussian.of(np.zeros((1, 4)))
    with pytest.raises(ValueError, match="two features"):
        kernel_distance(np.zeros((1, 4)), np.zeros((3, 4)))
    with pytest.raises(ValueError, match="4 and 5 dimensions"):
        kernel_distance(np.zeros((3, 4)), np.zeros((3, 5)))
