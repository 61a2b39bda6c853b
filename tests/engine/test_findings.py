"""Findings carry named measures beside their scores, and refuse what does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from cytoshift.engine import Findings, Provenance

BOXES = np.array([[0, 0, 9, 9], [20, 0, 29, 9], [40, 0, 49, 9]], np.float32)


def found(**measures: np.ndarray) -> Findings:
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    return Findings(BOXES.copy(), scores, np.zeros(3, np.int16), ("cell",), Provenance("s", "m"), measures)


@pytest.mark.parametrize("which", [np.array([True, False, True]), np.array([0, 2])], ids=["mask", "indices"])
def test_measures_follow_their_findings(which: np.ndarray) -> None:
    some = found(atypical=np.array([0.1, 0.2, np.nan], np.float32)).select(which)
    np.testing.assert_array_equal(some.measures["atypical"], np.array([0.1, np.nan], np.float32))
    assert not some.measures["atypical"].flags.writeable


def test_measures_have_a_number_for_every_finding() -> None:
    with pytest.raises(ValueError, match=r"atypical has the shape \(2,\)"):
        found(atypical=np.zeros(2, np.float32))


def test_no_findings_have_the_columns_too() -> None:
    assert Findings.empty(("cell",), Provenance("s", "m"), ("atypical",)).measures["atypical"].shape == (0,)
    assert Findings.empty(("cell",), Provenance("s", "m")).measures == {}
