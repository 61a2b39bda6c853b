"""Which detector of mitoses is in use, and the models that ship beside the starters."""

import pytest

from cytoshift.errors import ModelError
from cytoshift.models import Registry, find_mitosis_detector, save_model


def test_the_detector_of_mitoses_is_the_adopted_one_or_one_that_ships(make_model, state, tmp_path):
    starters = tmp_path / "starters"
    registry = Registry(tmp_path / "models", starters=starters)

    def ship(folder, identifier, classes):
        card = make_model(identifier, identifier=identifier).card.model_copy(update={"classes": classes})
        save_model(starters / folder, card, state)

    ship("detector", "cells", ("NILM", "HSIL"))
    with pytest.raises(ModelError, match="no detector of mitoses here"):
        find_mitosis_detector(registry)
    ship("detector-mitosis", "mitoses", ("mitosis", "look-alike"))
    assert [card.id for card in registry.list("detector")] == ["cells", "mitoses"]
    assert registry.find("starter", "detector").card.id == "cells", "the starter of a task stays the starter"
    assert registry.find("mitoses", "detector").folder == starters / "detector-mitosis"
    assert find_mitosis_detector(registry).card.id == "mitoses"
    own = make_model("own", identifier="own").card.model_copy(update={"classes": ("mitosis",)})
    save_model(registry.root / "detector" / "own", own, state)
    assert find_mitosis_detector(registry).card.id == "mitoses"
    registry.adopt("own")
    assert find_mitosis_detector(registry).card.id == "own"
