"""A detector measured from the terminal: numbers, JSON, figure and what cannot be."""

import json

import pytest
from fields import write_set
from PIL import Image


@pytest.fixture
def data(tmp_path):
    """Return fields with cells named as the detector of these tests names them."""
    folder = write_set(tmp_path / "set", train=1, val=2, mpp=0.5)
    text = (folder / "annotations.json").read_text()
    (folder / "annotations.json").write_text(text.replace('"disc"', '"NILM"').replace('"square"', '"HSIL"'))
    return folder


def test_a_detector_is_measured_with_intervals_and_drawn(data, detector, tmp_path, cytoshift):
    out, plot = tmp_path / "score.json", tmp_path / "score.png"
    command = ["evaluate", "detector", detector, "--data", data, "--split", "val", "--classes", "abnormal"]
    said = cytoshift(*command, "--through", "reinhard", "--resamples", 20, "--seed", 3, "--json", out, "--plot", plot)
    assert "95 % intervals over 2 images: 20 draws, seed 3." in said
    assert "there / called  normal  abnormal  missed" in said
    score = json.loads(out.read_text())
    assert (score["images"], score["classes"], score["through"]) == (2, "abnormal", "reinhard")
    low, high = score["intervals"]["ends"]["AP50_any"]
    assert 0 <= low <= score["AP50_any"] <= high <= 1
    assert score["confusion"]["classes"] == ["normal", "abnormal", "nothing"]
    with Image.open(plot) as image:
        assert image.width > 1200
        assert len(set(image.convert("L").resize((64, 64)).getdata())) > 10


def test_what_cannot_be_measured_is_one_sentence(data, detector, stainer, tmp_path, complaint):
    command = ["evaluate", "detector", detector, "--data", data]
    assert "no figure" in complaint(*command, "--plot", tmp_path / "score.txt")
    assert "make it first" in complaint(*command, "--plot", tmp_path / "none" / "score.png")
    assert "no stain method" in complaint(*command, "--through", "sepia")
    assert "classes" in complaint(*command, "--classes", "kind")
    assert "restain" in complaint("evaluate", "detector", stainer, "--data", data)
