"""The statistics of a domain: distances, what is usual, and their place in a card."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from cytoshift.errors import ModelError
from cytoshift.models import Card, load_model, save_model
from cytoshift.models.domain import Domain, Statistics


@pytest.fixture
def fields() -> np.ndarray:
    """Return descriptions of 200 fields, whose numbers differ widely in scale."""
    return np.random.default_rng(0).normal((0, 5, 100), (1, 0.1, 30), (200, 3))


def domain(statistics: Statistics) -> Domain:
    return Domain(
        name="here", mpp=0.5, fields=200, colour=statistics, rgb=((1.0,) * 256,) * 3, hue=(0.1,) * 10, reference=None
    )


def test_the_median_field_is_at_one_and_most_fields_in_the_usual_band(fields: np.ndarray) -> None:
    statistics = Statistics.measure(fields, np.zeros(3))
    distances = np.array([statistics.distance(field) for field in fields])
    assert np.median(distances) == pytest.approx(1, abs=0.05)
    low, high = statistics.usual
    assert 0.85 < ((distances >= low) & (distances <= high)).mean() < 0.95
    assert statistics.distance(np.array(statistics.centre)) == 0


def test_distance_is_the_root_mean_square_of_robust_z_scores() -> None:
    numbers = np.array([[0.0, 10], [1, 10], [2, 14], [3, 18], [4, 30]])
    statistics = Statistics.measure(numbers, np.zeros(2))
    assert statistics.centre == (2, 14)
    np.testing.assert_allclose(statistics.spread, (1.4826 * 1, 1.4826 * 4), rtol=1e-4)
    wanted = np.sqrt(((3 / statistics.spread[0]) ** 2 + (5 / statistics.spread[1]) ** 2) / 2)
    assert statistics.distance(np.array([5.0, 19.0])) * statistics.scale == pytest.approx(wanted)


def test_every_field_is_measured_against_the_others() -> None:
    far = np.array([[0.0], [0.1], [-0.1], [0.2], [50.0]])
    alone = [abs(50 - np.median(far[:4])) / np.hypot(1.4826 * np.median(abs(far[:4] - np.median(far[:4]))), 0.1)]
    statistics = Statistics.measure(far, np.array([0.1]))
    high = statistics.usual[1] * statistics.scale
    assert high == pytest.approx(np.quantile([*_held_back(far[:4], far), *alone], 0.95), rel=2e-3)


def _held_back(some: np.ndarray, of: np.ndarray) -> list[float]:
    distances = []
    for value in some:
        rest = of[(of != value).all(axis=1)]
        spread = np.hypot(1.4826 * np.median(abs(rest - np.median(rest))), 0.1)
        distances.append(float(abs(value - np.median(rest))[0] / spread))
    return distances


def test_fields_that_are_all_alike_have_the_spread_of_the_floor() -> None:
    statistics = Statistics.measure(np.ones((4, 2)), np.array([0.5, 2]))
    assert statistics.spread == (0.5, 2)
    assert np.isfinite(statistics.distance(np.array([2.0, 1.0])))


def test_a_description_of_another_length_is_refused(fields: np.ndarray) -> None:
    with pytest.raises(ModelError, match="measure it again"):
        Statistics.measure(fields, np.zeros(3)).distance(np.zeros(4))


@pytest.mark.parametrize(
    "changes",
    [
        {"centre": (1.0,)},
        {"spread": (1.0, 0.0, 1.0)},
        {"scale": 0.0},
        {"scale": float("nan")},
        {"names": ("one",)},
        {"more": 1},
    ],
)
def test_statistics_that_cannot_be_are_refused(fields: np.ndarray, changes: dict[str, object]) -> None:
    good = Statistics.measure(fields, np.zeros(3)).model_dump()
    with pytest.raises(ValidationError):
        Statistics.model_validate({**good, **changes})


def test_a_card_keeps_its_domain_and_one_without_stays_valid(fields, tmp_path, state) -> None:
    card = Card(id="it", title="It", task="detector", domain=domain(Statistics.measure(fields, np.zeros(3))))
    folder = save_model(tmp_path / "it", card, state).folder
    assert load_model(folder).card.domain == card.domain
    written = (folder / "card.json").read_text()
    assert max(written.count(name) for name in ("\n",)) < 120  # rows of numbers are one line each
    plain = json.loads(written)
    del plain["domain"]
    (folder / "card.json").write_text(json.dumps(plain))
    assert load_model(folder).card.domain is None
