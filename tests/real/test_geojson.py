"""GeoJSON annotations of real fields, as another program wrote them."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path

import numpy as np
import pytest

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.study import BETHESDA
from cytoshift.study.formats import geojson
from cytoshift.study.palette import spelled

DATA = Path(os.environ.get("CYTOSHIFT_DATA", Path(__file__).parents[3] / "shared" / "data"))
FOLDER = DATA / "cervical" / "cric-native"
FILES = sorted(FOLDER.glob("*.geojson"))


@pytest.mark.skipif(len(FILES) != 6, reason="cervical/cric-native is not there")
def test_every_annotated_field_is_read_and_written(tmp_path):
    for file in FILES:
        raw = json.loads(file.read_text())["features"]
        shapes = geojson.read(file)
        assert len(shapes) == len(raw) >= 14
        assert set(shapes.classes) <= set(BETHESDA)
        assert [shapes.classes[k] for k in shapes.labels] == [spelled(one["properties"]["label"]) for one in raw]
        corners = np.array([one["geometry"]["coordinates"][0] for one in raw], np.float32)
        assert (shapes.boxes[:, :2] == corners.min(axis=1)).all()
        assert (shapes.boxes[:, 2:] == corners.max(axis=1)).all()
        assert all(str(uuid.UUID(one)) == one for one in shapes.ids)
        assert geojson.read(file).ids == shapes.ids
        assert len(set(shapes.ids)) == len(raw)
        findings = Findings(shapes.boxes, shapes.scores, shapes.labels, shapes.classes, Provenance(file.stem, "people"))
        again = geojson.read(geojson.write(tmp_path / file.name, findings))
        assert (again.boxes == shapes.boxes).all()
        assert [again.classes[k] for k in again.labels] == [shapes.classes[k] for k in shapes.labels]
