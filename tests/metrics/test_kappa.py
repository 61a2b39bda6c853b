"""Cohen's kappa against the published example, a count by hand, and the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest

from cytoshift.metrics.kappa import cohen_kappa, one_class

# Fleiss, Levin and Paik, "Statistical Methods for Rates and Proportions" (2003), table 18.1: 100 patients, two raters.
DIAGNOSES = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]])


def test_the_published_example():
    kappa = cohen_kappa(DIAGNOSES)
    assert kappa.observed == pytest.approx(0.89)
    assert kappa.value == pytest.approx((0.89 - 0.66) / (1 - 0.66))  # chance: .8 × .8 + .1 × .05 + .1 × .15
    by_class = [cohen_kappa(one_class(DIAGNOSES, k)).value for k in range(3)]
    assert by_class == pytest.approx([0.22 / 0.32, 0.07 / 0.14, 0.17 / 0.22])


def test_a_count_by_hand():
    kappa = cohen_kappa(np.array([[20, 5], [10, 15]]))
    assert kappa.value == pytest.approx(0.4)  # observed 0.7, chance 0.5
    # p11 (0.5 - (0.5 + 0.6) 0.3)² + p22 (0.5 - (0.5 + 0.4) 0.3)², 0.09 (0.1 × 1.1² + 0.2 × 0.9²), (0.35 - 1 + 0.7)²
    variance = (0.4 * 0.17**2 + 0.3 * 0.23**2 + 0.09 * (0.1 * 1.1**2 + 0.2 * 0.9**2) - 0.05**2) / 0.5**4 / 50
    assert kappa.high - kappa.value == pytest.approx(1.959964 * variance**0.5)


def test_the_interval_is_that_of_drawing_cells_again():
    table = np.array([[60, 8, 2], [12, 70, 9], [3, 6, 30]])
    drawn = np.random.default_rng(0).multinomial(table.sum(), (table / table.sum()).ravel(), size=4000)
    values = [cohen_kappa(one.reshape(3, 3)).value for one in drawn]
    kappa = cohen_kappa(table)
    assert (kappa.high - kappa.low) / 2 / 1.959964 == pytest.approx(np.std(values), rel=0.05)


def test_where_chance_says_it_all_there_is_no_kappa():
    assert np.isnan(cohen_kappa(np.array([[7, 0], [0, 0]])).value)
    assert cohen_kappa(np.array([[7, 0], [0, 0]])).observed == 1
    empty = cohen_kappa(np.zeros((3, 3), np.int64))
    assert np.isnan(empty.value)
    assert empty.cells == 0
    assert cohen_kappa(np.array([[5, 0], [0, 5]])).low == pytest.approx(1)
    assert cohen_kappa(np.array([[0, 5], [5, 0]])).value == pytest.approx(-1)
