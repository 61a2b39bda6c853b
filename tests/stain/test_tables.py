"""The tables are the formulas, over all the colours there are."""

from __future__ import annotations

import numpy as np
import pytest
from mixtures import COLOURS, GLASS, PLAIN, mixture
from same_bytes import ArraySlide

from cytoshift import stain
from cytoshift.stain.classical.histogram import fit_histogram
from cytoshift.stain.classical.linear import LinearFit
from cytoshift.stain.classical.reinhard import ReinhardFit
from cytoshift.stain.classical.white import WhiteFit
from cytoshift.stain.colours import slide_colours

EASY = LinearFit(GLASS, ((1.1, 0.2, -0.1), (0.05, 0.9, 0.1), (-0.2, 0.1, 1.3)))
HARD = LinearFit((100.0, 95.0, 90.0), ((2.0, -1.5, 0.3), (-0.4, 1.8, 0.1), (0.6, -0.7, 1.1)))
WILD = LinearFit(PLAIN, ((40.0, -38.0, 1.0), (-25.0, 30.0, -4.0), (0.5, -60.0, 59.0)))
STRETCHED = ReinhardFit((110.0, 104.0, 99.0), (0.8, 2.5, 4.0), (10.0, -8.0, 12.0))
STEEP = fit_histogram(slide_colours(ArraySlide(mixture())), stain.PAPANICOLAOU.histogram)


def worst(fit, step: int) -> float:
    """Largest distance in grey levels between the bytes and the formula, over every colour with a red in steps."""
    green_blue = np.stack(np.meshgrid(np.arange(256), np.arange(256), indexing="ij"), axis=-1).reshape(-1, 2)
    far = 0.0
    for red in range(0, 256, step):
        colours = np.insert(green_blue, 0, red, axis=1).astype(np.uint8)
        far = max(far, float(np.abs(fit.apply(colours) - fit.exact(colours)).max()))
    return far


@pytest.mark.parametrize("fit", [EASY, STRETCHED, STEEP], ids=["products", "full table", "curves"])
def test_every_colour_is_within_a_grey_level_of_the_formula(fit) -> None:
    assert worst(fit, 1) < 0.6  # rounding alone makes 0.5


@pytest.mark.parametrize(
    "fit",
    [
        HARD,
        WILD,
        ReinhardFit(GLASS, (1.3, 1.7, 0.5), (-20.0, 3.0, -4.0)),
        ReinhardFit(PLAIN, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)),
        WhiteFit((100.0, 230.5, 255.0)),
    ],
    ids=["hard products", "wild products", "full table", "identity", "white"],
)
def test_many_colours_are_within_a_grey_level_of_the_formula(fit) -> None:
    assert worst(fit, 51) < 0.6


@pytest.mark.parametrize("name", stain.METHODS)
def test_what_a_method_fits_is_what_it_applies(name: str) -> None:
    fitted = stain.method(name).prepare(ArraySlide(mixture()))
    assert np.abs(fitted.apply(COLOURS) - fitted.exact(COLOURS)).max() < 0.6
    with pytest.raises(ValueError, match="prepare"):
        stain.method(name).apply(COLOURS)
