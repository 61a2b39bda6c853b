"""The classical methods ranked by how near to a model's home they bring a slide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from laboratories import PINK, draw_smear, write_fields
from same_bytes import ArraySlide

from cytoshift.errors import ModelError
from cytoshift.models import Card
from cytoshift.models.gauge import coco_slides, measure_domain
from cytoshift.models.nearest import rank_methods
from cytoshift.stain import METHODS
from cytoshift.training.coco import read_fields


@pytest.fixture
def card(tmp_path: Path) -> Card:
    """Return a model that learnt from drawn pink fields."""
    fields = read_fields(write_fields(tmp_path / "ours", 8, 256, PINK, 0.7))
    return Card(id="home", title="Home", task="detector", domain=measure_domain(coco_slides(fields, 0.5), name="ours"))


def test_a_dimmed_slide_is_brought_home_and_the_nearest_comes_first(card: Card) -> None:
    dim = (draw_smear(3, 512, 512, PINK, 0.7) * np.array([0.8, 0.7, 0.75])).astype(np.uint8)
    ranking = rank_methods(card, ArraySlide(dim, mpp=0.5))
    distances = [far for _, far in ranking.methods]
    assert distances == sorted(distances)
    assert {name for name, _ in ranking.methods} <= set(METHODS)
    assert ranking.best == ranking.methods[0][0]
    assert distances[0] < ranking.before
    assert ranking.usual == card.domain.colour.usual[1]  # type: ignore[union-attr]


def test_a_model_without_a_home_ranks_nothing() -> None:
    with pytest.raises(ModelError, match="does not say what it was taught on"):
        rank_methods(Card(id="x", title="X", task="detector"), ArraySlide(draw_smear(0, 64, 64), mpp=0.5))
