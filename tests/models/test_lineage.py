"""Which model comes from which, and which found some cells."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytoshift.models import Card, TrainingData
from cytoshift.models.found_by import traced
from cytoshift.models.lineage import trees, worth


def card(name: str, parent: str = "", **more: Any) -> Card:
    return Card(id=name, title=name.title(), task=more.pop("task", "detector"), parent=parent, **more)


def test_models_stand_below_those_they_come_from() -> None:
    cards = [card("first"), card("b", "first"), card("c", "b"), card("d", "first"), card("lone"), card("e", "removed")]
    lines = [(depth, kin.id) for root in trees(cards) for depth, kin in root.line()]
    assert lines == [(0, "first"), (1, "b"), (2, "c"), (1, "d"), (0, "lone"), (0, "removed"), (1, "e")]
    removed = trees(cards)[-1]
    assert removed.card is None
    told = removed.to_json({"detector": "e"})
    assert (told["gone"], told["children"][0]["in_use"]) == (True, True)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 12)), unique_by=lambda pair: pair[0]))
def test_every_model_is_drawn_once_whatever_their_cards_say(pairs: list[tuple[int, int]]) -> None:
    cards = [card(str(name), str(parent) if parent < 11 else "") for name, parent in pairs]
    drawn = [kin.id for root in trees(cards) for _, kin in root.line() if kin.card is not None]
    assert sorted(drawn) == sorted(each.id for each in cards)


def test_the_json_holds_all_that_a_model_was_made_of() -> None:
    made = card(
        "taught",
        trained_on=[TrainingData(name="corrections of ward 7")],
        recipe={"id": "detector-learnt"},
        seed=3,
        code_version="1.2",
        metrics={"mAP50": 0.4},
    )
    told = trees([made])[0].to_json({})
    assert told["data"] == ["corrections of ward 7"]
    assert (told["recipe"], told["seed"], told["code_version"]) == ("detector-learnt", 3, "1.2")
    assert told["metrics"] == {"mAP50": 0.4}


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ({}, ""),
        ({"mAP50": 0.42}, "mAP50 0.42"),
        ({"mAP50": 0.42, "parent mAP50": 0.5}, "mAP50 0.42 (-0.08)"),
        ({"balanced accuracy": 0.7, "gain balanced accuracy": 0.1}, "balanced accuracy 0.70 (+0.10)"),
        (
            {"mAP50": 0.42, "gain mAP50": 0.11, "gain mAP50 low": 0.03, "gain mAP50 high": 0.19},
            "mAP50 0.42 (+0.11, 95 %: +0.03 to +0.19)",
        ),
    ],
)
def test_what_a_model_is_worth_is_said_in_a_few_words(metrics: dict[str, float], words: str) -> None:
    assert worth(card("any", metrics=metrics)) == words


def test_cells_are_traced_to_the_models_that_found_them() -> None:
    cards = [card("finds", sha256="a"), card("tells", task="mitosis", sha256="b")]
    both = traced("finds+tells", "a+b", cards)
    assert [each.words for each in both] == ["Finds", "Tells"]
    assert traced("finds", "", cards)[0].same
    (anew,) = traced("finds", "other", cards)
    assert anew.words == "Finds (another version than is here)"
    (gone,) = traced("removed", "a", cards)
    assert (gone.card, gone.words) == (None, "removed (no longer here)")
