"""GeoJSON as QuPath writes and reads it."""

from __future__ import annotations

import gzip
import json
import uuid

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.errors import StudyError
from cytoshift.study import State, color_of
from cytoshift.study.formats import geojson, json_stream
from cytoshift.study.palette import spelled


def feature(**changes):
    ring = [[0, 0], [10, 0], [10, 20], [0, 20], [0, 0]]
    return {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {}, **changes}


def test_every_feature_keeps_qupaths_contract(study, predict, tmp_path):
    run = study.add_findings(predict())
    study.reject("a", f"{run}:0")
    study.relabel("a", f"{run}:1", 'odd "class" µ')
    added = study.add("a", (1, 2, 30, 40), "SCC")
    marked = study.mark_complete("a", (0, 0, 500, 500), run, 0.5)
    path = geojson.write(tmp_path / "cells.geojson", study.cells("a"), regions=study.regions("a"))
    collection = json.loads(path.read_text(encoding="utf-8"))
    assert collection["type"] == "FeatureCollection"
    features = collection["features"]
    assert len(features) == 11  # ten cells without the rejected one, one added, one region
    assert len({one["id"] for one in features}) == 11
    for one in features:
        assert set(one) == {"type", "id", "geometry", "properties"}
        assert str(uuid.UUID(one["id"])) == one["id"]
        (ring,) = one["geometry"]["coordinates"]
        assert one["geometry"]["type"] == "Polygon"
        assert len(ring) == 5
        assert ring[0] == ring[-1]
        properties = one["properties"]
        assert isinstance(properties["measurements"], dict)
        assert all(isinstance(value, (int, float)) for value in properties["measurements"].values())
        assert all(isinstance(value, str) for value in properties["metadata"].values())
        assert isinstance(properties["isLocked"], bool)
    region, cells = features[0], features[1:]
    assert region["properties"]["objectType"] == "annotation"
    assert region["properties"]["name"] == "complete"
    assert region["id"] == marked.id
    assert cells[-1]["id"] == added.id
    for one in cells:
        assert one["properties"]["objectType"] == "detection"
        classification = one["properties"]["classification"]
        assert classification["color"] == list(color_of(classification["name"]))
    assert cells[0]["properties"]["classification"]["name"] == 'odd "class" µ'
    assert cells[0]["properties"]["metadata"] == {"state": "accepted", "cell": f"{run}:1"}


BOXES = st.lists(
    st.tuples(
        st.floats(-1e6, 1e6, width=32),
        st.floats(-1e6, 1e6, width=32),
        st.floats(1, 1e4),
        st.floats(1, 1e4),
        st.floats(0, 1, width=32),
    ),
    max_size=8,
)


NAMES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1).filter(lambda name: spelled(name) == name)


@settings(max_examples=25, deadline=None)
@given(BOXES, st.lists(NAMES, min_size=1, max_size=3, unique=True), st.booleans())
def test_findings_come_back_exactly(tmp_path_factory, cells, classes, compressed):
    corners = np.array([cell[:2] for cell in cells], np.float32).reshape(-1, 2)
    sizes = np.array([cell[2:4] for cell in cells], np.float32).reshape(-1, 2)
    findings = Findings(
        np.concatenate([corners, corners + sizes], axis=1),
        np.array([cell[4] for cell in cells], np.float32),
        (np.arange(len(cells)) % len(classes)).astype(np.int16),
        tuple(classes),
        Provenance("slide", "model", made="now"),
    )
    folder = tmp_path_factory.mktemp("geojson")
    path = geojson.write(folder / ("x.geojson.gz" if compressed else "x.geojson"), findings)
    again = geojson.read(path)
    assert np.array_equal(again.boxes, findings.boxes)
    assert np.array_equal(again.scores, findings.scores)
    assert [again.classes[k] for k in again.labels] == [classes[k] for k in findings.labels]
    assert geojson.read(geojson.write(path, findings)).ids == again.ids
    assert not again.drawn.any()


def test_what_a_person_decided_and_what_found_it_come_back(study, predict, tmp_path):
    run = study.add_findings(predict())
    study.accept("a", f"{run}:0")
    study.reject("a", f"{run}:1")
    study.unsure("a", f"{run}:2")
    study.add("a", (1, 2, 30, 40), "SCC")
    read = geojson.read(geojson.write(tmp_path / "cells.geojson", study.cells("a")))
    assert [State(state).name for state in read.states.tolist()] == ["ACCEPTED", "UNSURE", *["PREDICTED"] * 7, "ADDED"]
    assert read.model == ""
    found = geojson.read(geojson.write(tmp_path / "found.geojson", predict()))
    assert found.model == predict().provenance.model


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(
        st.text("abc:/ µ²", min_size=1).map(lambda name: f"m{name}m"),
        st.lists(st.floats(-(2.0**20), 2.0**20, width=32) | st.just(np.nan), min_size=4, max_size=4),
        max_size=4,
    )
)
def test_measures_come_back_exactly(tmp_path_factory, columns):
    measures = {name: np.array(values, np.float32) for name, values in columns.items()}
    boxes = np.array([[k, 0, k + 9, 9] for k in range(4)], np.float32)
    found = Findings(boxes, np.ones(4, "f4"), np.zeros(4, np.int16), ("cell",), Provenance("s", "m"), measures)
    again = geojson.read(geojson.write(tmp_path_factory.mktemp("geojson") / "x.geojson", found)).measures
    for name, column in measures.items():
        np.testing.assert_array_equal(again.get(name, np.full(4, np.nan, np.float32)), column)
    assert again.keys() <= measures.keys(), "and no others"


def test_measurements_of_other_programs_are_read(tmp_path):
    some = {"Area": 12.5, "score": 0.5, "Circularity": None}
    older = [{"name": "Area", "value": 3}]
    whole = [feature(properties={"measurements": each}) for each in (some, older, {})]
    (tmp_path / "x.geojson").write_text(json.dumps(whole))
    shapes = geojson.read(tmp_path / "x.geojson")
    np.testing.assert_array_equal(shapes.measures["Area"], np.array([12.5, 3, np.nan], np.float32))
    assert list(shapes.measures) == ["Area"]
    assert shapes.scores.tolist() == [0.5, 1, 1]


def test_compressed_and_plain_hold_the_same(predict, tmp_path):
    plain = geojson.write(tmp_path / "a.geojson", predict())
    packed = geojson.write(tmp_path / "a.geojson.gz", predict())
    assert len(geojson.read(packed)) == len(geojson.read(plain)) == 10
    assert gzip.decompress(packed.read_bytes())[:30] == plain.read_bytes()[:30]


@pytest.mark.parametrize(
    ("properties", "label", "score"),
    [
        ({"classification": {"name": "HSIL", "color": [1, 2, 3]}}, "HSIL", 1.0),
        ({"classification": {"names": ["Cell", "HSIL"]}, "measurements": {"score": 0.5}}, "Cell: HSIL", 0.5),
        ({"classification": "HSIL", "measurements": [{"name": "score", "value": 0.25}]}, "HSIL", 0.25),
        ({"label": "HSIL", "class_id": 4}, "HSIL", 1.0),
        ({"name": "HSIL"}, "HSIL", 1.0),
        ({"label": "Negative for intraepithelial lesion"}, "NILM", 1.0),
        ({"name": "field 1", "objectType": "annotation"}, "", 1.0),
        (None, "", 1.0),
    ],
)
def test_classes_are_found_where_programs_put_them(tmp_path, properties, label, score):
    for whole in (
        {"type": "FeatureCollection", "features": [feature(properties=properties)]},
        feature(properties=properties),
    ):
        (tmp_path / "x.geojson").write_text(json.dumps(whole))
        shapes = geojson.read(tmp_path / "x.geojson")
        assert [shapes.classes[k] for k in shapes.labels] == [label]
        assert shapes.scores.tolist() == [score]
        assert shapes.boxes.tolist() == [[0, 0, 10, 20]]


def test_ids_are_uuids_and_stay(tmp_path):
    known = str(uuid.uuid4())
    (tmp_path / "x.geojson").write_text(
        json.dumps([feature(id=known), feature(id=7), feature(), feature(), feature(id=known)])
    )
    first, second = geojson.read(tmp_path / "x.geojson"), geojson.read(tmp_path / "x.geojson")
    assert first.ids == second.ids
    assert first.ids[0] == known
    assert len(set(first.ids)) == 5
    assert all(str(uuid.UUID(one)) == one for one in first.ids)


def test_a_polygon_of_several_parts_gives_the_box_around_them(tmp_path):
    parts = [[[[0, 0], [4, 0], [4, 4], [0, 0]]], [[[9, 9, 1], [12, 9, 1], [12, 15, 1], [9, 9, 1]]]]
    whole = [feature(geometry={"type": "MultiPolygon", "coordinates": parts})]
    (tmp_path / "x.geojson").write_text(json.dumps(whole))
    assert geojson.read(tmp_path / "x.geojson").boxes.tolist() == [[0, 0, 12, 15]]


def polygon(text):
    return f'{{"type": "Feature", "geometry": {{"type": "Polygon", "coordinates": [[{text}]]}}}}'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not GeoJSON"),
        ("[" * 100_000, "is not GeoJSON"),
        ("12", "is not GeoJSON"),
        ('{"type": "FeatureCollection"}', "not GeoJSON with features"),
        ("[1]", "not GeoJSON with features"),
        ('{"type": "Topology"}', "not GeoJSON with features"),
        (json.dumps(feature(geometry=None)), "Feature 1 .* cannot be read"),
        (json.dumps(feature(geometry={"type": "Point", "coordinates": [1, 2]})), "holds no polygon"),
        (polygon(""), "cannot be read"),
        (polygon('["a", "b"]'), "cannot be read"),
        (polygon("[0, 0], [5, 0], [0, 0]"), "no area"),
        (polygon("[0, 0], [1e12, 0], [0, 1e12]"), "off every slide"),
        (polygon("[NaN, 0], [1, 1], [0, 1]"), "no list of points"),
        (json.dumps(feature(properties={"measurements": {"score": 7}})), "its score is 7"),
        (json.dumps({"type": "Feature"}), "it has no 'geometry'"),
    ],
)  # fmt: skip
def test_what_is_no_geojson_gets_one_sentence(tmp_path, text, words):
    (tmp_path / "x.geojson").write_text(text)
    with pytest.raises(StudyError, match=words) as caught:
        geojson.read(tmp_path / "x.geojson")
    assert str(tmp_path / "x.geojson") in str(caught.value)


def test_torn_large_and_missing_files(predict, tmp_path, monkeypatch):
    with pytest.raises(StudyError, match="check the path"):
        geojson.read(tmp_path / "absent.geojson")
    packed = geojson.write(tmp_path / "a.geojson.gz", predict())
    whole = packed.read_bytes()
    for length in range(0, len(whole), 7):
        packed.write_bytes(whole[:length])
        with pytest.raises(StudyError, match=r"is not GeoJSON|cannot be read"):
            geojson.read(packed)
    packed.write_bytes(b"no gzip at all")
    with pytest.raises(StudyError, match="cannot be read"):
        geojson.read(packed)
    packed.write_bytes(gzip.compress(b" " * 5000))
    monkeypatch.setattr(json_stream, "MAX_CHARACTERS", 1000)
    with pytest.raises(StudyError, match="holds more than"):
        geojson.read(packed)


def test_a_failed_write_leaves_the_old_file(predict, tmp_path):
    path = geojson.write(tmp_path / "a.geojson", predict())
    before = path.read_bytes()
    findings = predict()
    broken = Findings(findings.boxes, findings.scores, findings.labels + 90, findings.classes, findings.provenance)
    with pytest.raises(IndexError):
        geojson.write(path, broken)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(StudyError, match="cannot be written"):
        geojson.write(tmp_path / "absent" / "a.geojson", findings)
