"""What is exported keeps to QuPath's rules, as a schema has them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from cytoshift.study import exchange
from cytoshift.study.formats import geojson
from cytoshift.study.formats.picture import Picture

SCHEMA = json.loads(Path(__file__).with_name("qupath.schema.json").read_text())


@pytest.fixture
def exported(study, predict, tmp_path):
    """Return what a study with every kind of cell is exported as."""
    run = study.add_findings(predict())
    study.relabel("a", f"{run}:1", 'odd "class" µ')
    study.unsure("a", f"{run}:2")
    study.reject("a", f"{run}:3")
    study.add("a", (1, 2, 30, 40), "SCC")
    study.mark_complete("a", (0, 0, 500, 500), run, 0.5, {"HSIL": 0.25})
    (tmp_path / "in.geojson").write_text(
        '[{"type": "Feature", "id": "nucleus 9", "geometry": {"type": "Polygon", "coordinates": '
        "[[[600, 600], [640, 600], [620, 650], [600, 600]]]}, "
        '"properties": {"classification": {"name": "Tumor", "color": [200, 0, 0]}, '
        '"measurements": {"score": 0.5, "Nucleus: Area": 33.5, "nothing": NaN}}}]'
    )
    read = geojson.read(tmp_path / "in.geojson")
    exchange.add(study, exchange.preview(study, "a", Picture("a.tif", 1000, 1000), read, "in.geojson"))
    return json.loads(geojson.write(tmp_path / "out.geojson", exchange.outgoing(study, "a")).read_text())


def test_every_rule_is_kept(exported):
    jsonschema.validate(exported, SCHEMA)
    assert len(exported["features"]) == 12
    for feature in exported["features"]:
        for ring in feature["geometry"]["coordinates"]:
            assert ring[0] == ring[-1]
    assert len({feature["id"] for feature in exported["features"]}) == 12


def test_an_imported_cell_leaves_as_it_came(exported):
    (tumour,) = (f for f in exported["features"] if f["properties"].get("classification", {}).get("name") == "Tumor")
    assert tumour["geometry"]["coordinates"] == [[[600, 600], [640, 600], [620, 650], [600, 600]]]
    assert tumour["properties"]["classification"]["color"] == [200, 0, 0]
    assert tumour["properties"]["measurements"] == {"score": 0.5, "Nucleus: Area": 33.5}
    assert tumour["properties"]["metadata"] == {"state": "predicted", "id": "nucleus 9"}


@pytest.mark.parametrize(
    "broken",
    [
        {"id": "7"},
        {"geometry": {"type": "MultiPolygon", "coordinates": []}},
        {"properties": {"objectType": "nucleus"}},
        {"properties": {"objectType": "cell", "measurements": [{"name": "score", "value": 1}]}},
        {"properties": {"objectType": "cell", "metadata": {"threshold": 0.5}}},
    ],
)
def test_the_schema_refuses_what_broke_other_programs(exported, broken):
    exported["features"][0].update(broken)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(exported, SCHEMA)
