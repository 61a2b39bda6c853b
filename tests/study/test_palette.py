"""The palette keeps the Bethesda classes apart for readers with any colour vision."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from cytoshift.mitosis.classes import ATYPICAL, LOOK_ALIKE, MITOSIS, NORMAL
from cytoshift.study.palette import _FURTHER, BETHESDA, MITOSES, color_of, in_order, severity, spelled

# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency" (2009),
# severity 1.0, on linear RGB.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def lab(color, vision):
    """Return CIE L*a*b* (D65) of an sRGB colour as a reader sees it."""
    srgb = np.asarray(color) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(vision @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ seen
    f = np.cbrt(xyz / [0.9505, 1.0, 1.089])
    f = np.where(f > 6 / 29, f, xyz / [0.9505, 1.0, 1.089] / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("names", [BETHESDA, MITOSES], ids=["bethesda", "mitoses"])
@pytest.mark.parametrize("vision", VISIONS)
def test_colours_differ_for_every_vision(vision, names):
    distances = {
        pair: np.linalg.norm(lab(color_of(pair[0]), VISIONS[vision]) - lab(color_of(pair[1]), VISIONS[vision]))
        for pair in combinations(names, 2)
    }
    assert min(distances.values()) > 10, min(distances, key=distances.get)


def test_other_names_have_colours_of_their_own_that_stay():
    assert color_of("koilocyte") == color_of("koilocyte")
    assert len({color_of(f"class {k}") for k in range(200)}) == len(_FURTHER)
    assert not {color_of(name) for name in BETHESDA} & set(_FURTHER)


def test_classes_come_in_bethesda_order():
    assert in_order({"zebra", "SCC", "NILM", "ant", "LSIL"}) == ("NILM", "LSIL", "SCC", "ant", "zebra")
    assert in_order({"ant", "look-alike", "atypical mitosis", "normal mitosis"}) == (
        "normal mitosis",
        "atypical mitosis",
        "look-alike",
        "ant",
    )


def test_bethesda_classes_are_spelled_one_way():
    assert [spelled(name) for name in ("ascus", "Asc-H", " hsil", "mitosis")] == ["ASC-US", "ASC-H", "HSIL", "mitosis"]
    assert [spelled(name) for name in ("Mitosis", "Mitotic figure", "hard negative")] == ["mitosis"] * 2 + [
        "look-alike"
    ]
    assert spelled("Negative for intraepithelial lesion") == "NILM"


def test_severity_follows_bethesda_and_puts_atypical_mitoses_above_all_others():
    assert sorted(BETHESDA, key=severity) == list(BETHESDA)
    assert sorted(MITOSES, key=severity) == [LOOK_ALIKE, NORMAL, MITOSIS, ATYPICAL]
    assert severity("Koilocyte") < min(map(severity, (*BETHESDA, *MITOSES)))
