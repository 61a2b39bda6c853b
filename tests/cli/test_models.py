"""Models from the terminal: taken in, shown, used, given out."""

import json

from cytoshift.models import Registry


def test_a_model_goes_in_is_used_and_goes_back(detector, tmp_path, cytoshift, complaint):
    cytoshift("models", "import", detector)
    listed = json.loads(cytoshift("models", "list", "--task", "detector", "--json"))
    assert "untaught" in [card["id"] for card in listed]
    assert "NILM, HSIL" in cytoshift("models", "show", "untaught").replace("; ", ", ")
    cytoshift("models", "adopt", "untaught")
    assert Registry().adopted("detector") == "untaught"
    assert "* " in cytoshift("models", "list")
    cytoshift("models", "rollback", "detector")
    assert Registry().adopted("detector") is None
    file = tmp_path / "mine.cytoshift-model"
    cytoshift("models", "export", "untaught", file)
    assert "mine.cytoshift-model" in complaint("models", "export", "untaught", file)
    cytoshift("models", "import", file)
    assert [card.id for card in Registry().list("detector") if card.id.startswith("untaught")] == [
        "untaught",
        "untaught-2",
    ]


def test_no_such_model_is_named(complaint):
    assert "nobody" in complaint("models", "adopt", "nobody")
    assert "nobody" in complaint("models", "show", "nobody")


def test_what_is_no_model_is_not_taken_in(tmp_path, complaint, registry):
    (tmp_path / "weights.pt").write_bytes(b"PK")
    assert "weights.pt" in complaint("models", "import", tmp_path / "weights.pt")
    assert not registry.exists()


def test_a_model_is_shown_whatever_its_task(restyler, cytoshift):
    assert "task: stain" in cytoshift("models", "show", restyler)
    cytoshift("models", "import", restyler)
    assert "task: stain" in cytoshift("models", "show", "restyled")
    assert "task: detector" in cytoshift("models", "show", "starter")
