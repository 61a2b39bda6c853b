"""Mitoses from the terminal: found and classified in one pass, or classified where a file has them."""

import json
from pathlib import Path

import numpy as np
import pytest
from drawn_patches import draw_set, usual_rows
from PIL import Image

from cytoshift.study.formats import geojson


@pytest.fixture(scope="module")
def mitosis_models(tmp_path_factory) -> tuple[Path, Path]:
    """Return the folders of a small detector of mitoses and of a small classifier, both with random weights."""
    import torch

    from cytoshift.detection import Architecture, build_network
    from cytoshift.mitosis import networks
    from cytoshift.models import Card, save_model

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("mitosis")
    plan = Architecture(channels=32, tile=128, halo=32, levels=(2,), anchors=((12.5, 25.0),), merge_um=6.25)
    detector = Card(
        id="untaught-detector",
        title="Untaught",
        task="detector",
        classes=("mitosis", "look-alike"),
        mpp=0.5,
        architecture=plan.model_dump(mode="json"),
        threshold=0.005,
    )
    looks = networks.Architecture(view=64, side=32, phases=("metaphase", "other"))
    classifier = Card(
        id="untaught-classifier",
        title="Untaught",
        task="mitosis",
        mpp=0.25,
        architecture=looks.model_dump(mode="json"),
    )
    made = save_model(folder / "d", detector, build_network(plan, 2).state_dict())
    return made.folder, save_model(folder / "c", classifier, networks.build_network(looks).state_dict()).folder


@pytest.fixture(scope="module")
def slide(tmp_path_factory) -> Path:
    """Return a field of noise that both models work on."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    file = tmp_path_factory.mktemp("slide") / "field.png"
    Image.fromarray(pixels).resize((400, 400), Image.Resampling.BILINEAR).save(file)
    return file


def test_one_pass_and_a_file_give_the_same_probabilities(slide, mitosis_models, tmp_path, cytoshift):
    detector, classifier = mitosis_models
    found, again = tmp_path / "found.geojson", tmp_path / "again.geojson"
    options = ("--model", detector, "--classifier", classifier, "--mpp", "0.25", "--region", "150,150,250,250")
    said = cytoshift("detect", slide, *options, "--out", found)
    one = geojson.read(found)
    assert f"Wrote {len(one)} cells" in said
    assert len(one) > 3
    assert set(one.classes) <= {"normal mitosis", "atypical mitosis", "look-alike"}
    assert {"mitosis", "atypical", "phase: metaphase", "phase: other"} >= set(one.measures) > {"atypical"}
    cytoshift("classify", slide, "--findings", found, "--model", classifier, "--mpp", "0.25", "--out", again)
    two = geojson.read(again)
    assert two.ids == one.ids
    np.testing.assert_array_equal(two.scores, one.scores)
    for name in ("atypical", "phase: metaphase", "phase: other"):
        np.testing.assert_array_equal(two.measures[name], one.measures[name])
    assert [two.classes[k] for k in two.labels] == [one.classes[k] for k in one.labels]


def test_other_classes_ids_and_measurements_stay(slide, mitosis_models, tmp_path, cytoshift):
    def feature(x, name, **more):
        ring = [[x, 100], [x + 50, 100], [x + 50, 150], [x, 150], [x, 100]]
        classification = {"classification": {"name": name, "color": [1, 2, 3]}} if name else {}
        properties = {"objectType": "detection", "measurements": {"Area": x, "score": 0.5}} | classification
        return {
            "type": "Feature",
            "id": f"00000000-0000-0000-0000-{x:012d}",
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "properties": properties | more,
        }

    before, after = tmp_path / "before.geojson", tmp_path / "after.geojson"
    names = ("Mitotic figure", "Immune cell", "", "look-alike")
    before.write_text(json.dumps([feature(100 + 60 * k, name) for k, name in enumerate(names)]))
    options = ("--findings", before, "--model", mitosis_models[1], "--mpp", "0.25")
    cytoshift("classify", slide, *options, "--threshold", "0", "--out", after)
    read, given = geojson.read(after), geojson.read(before)
    named = ["atypical mitosis", "Immune cell", "atypical mitosis", "look-alike"]
    assert [read.classes[k] for k in read.labels] == named
    assert read.ids == given.ids
    np.testing.assert_array_equal(read.boxes, given.boxes)
    assert read.measures["Area"].tolist() == [100, 160, 220, 280]
    assert np.isfinite(read.measures["atypical"]).all()
    cytoshift("classify", slide, *options, "--threshold", "1", "--out", after)
    assert geojson.read(after).classes[geojson.read(after).labels[0]] == "normal mitosis"


def test_a_detector_is_measured_on_a_table_of_patches_by_distance(mitosis_models, tmp_path, cytoshift):
    folder, out = draw_set(tmp_path / "set", usual_rows(2, 2), side=64), tmp_path / "score.json"
    said = cytoshift("evaluate", "detector", mitosis_models[0], "--data", folder, "--resamples", "10", "--json", out)
    assert "mitosis, found within 7.5 µm:" in said
    assert "0.005 (its own)" in said
    f1 = json.loads(out.read_text())["f1_by_distance"]
    assert list(f1) == ["mitosis"]
    assert 0 <= f1["mitosis"]["recall"] <= 1
    assert len(f1["mitosis"]["sweep"]) == 19


def test_what_cannot_be_classified_is_one_sentence(slide, mitosis_models, detector, tmp_path, complaint):
    finds, tells = mitosis_models
    out, empty = tmp_path / "out.geojson", tmp_path / "empty.geojson"
    empty.write_text('{"type": "FeatureCollection", "features": []}')
    assert "no cells to classify" in complaint("classify", slide, "--findings", empty, "--model", tells, "--out", out)
    assert "detector model" in complaint("classify", slide, "--findings", empty, "--model", finds, "--out", out)
    wrong = ("--model", detector, "--classifier", tells, "--out", out, "--mpp", "0.25")
    assert "choose a detector of mitoses" in complaint("detect", slide, *wrong)
    assert "--mpp" in complaint("detect", slide, "--model", finds, "--classifier", tells, "--out", out)
    assert not out.exists()
