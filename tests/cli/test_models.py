"""Models from the terminal: taken in, shown, used, given out."""

import json
import shutil

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


def test_the_models_are_drawn_as_a_tree(detector, cytoshift, tmp_path):
    cytoshift("models", "import", detector)
    child = tmp_path / "child"
    shutil.copytree(detector, child)
    card = json.loads((child / "card.json").read_text())
    card |= {"id": "taught", "parent": "untaught", "metrics": {"mAP50": 0.4, "gain mAP50": 0.1}}
    (child / "card.json").write_text(json.dumps(card))
    cytoshift("models", "import", child)
    cytoshift("models", "adopt", "taught")
    drawn = cytoshift("models", "tree", "--task", "detector").splitlines()
    at = next(k for k, line in enumerate(drawn) if line.startswith("untaught"))
    assert drawn[at + 1].startswith("└─ * taught")
    assert drawn[at + 1].endswith("mAP50 0.40 (+0.10)")
    told = {root["id"]: root for root in json.loads(cytoshift("models", "tree", "--json"))}
    assert [child["id"] for child in told["untaught"]["children"]] == ["taught"]
    assert told["untaught"]["children"][0]["in_use"]
