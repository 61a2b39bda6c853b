"""What an import would do is said first; what goes in comes out, and is known when it comes back."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from cytoshift.errors import StudyError
from cytoshift.study import State, exchange
from cytoshift.study.cells import Region
from cytoshift.study.formats import registry
from cytoshift.study.formats.annotations import Annotations, stable
from cytoshift.study.formats.picture import Picture

PICTURE = Picture("a.tif", 1000, 1000)


def annotations(*boxes, label="HSIL", **changes) -> Annotations:
    n = len(boxes)
    findings = Annotations(
        tuple(stable(f"{label} {box}") for box in boxes),
        np.array(boxes, np.float32).reshape(n, 4),
        np.full(n, 0.5, np.float32),
        np.zeros(n, np.int16),
        np.zeros(n, np.uint8),
        np.zeros(n, np.bool_),
        (label,),
        ((1, 2, 3),),
        exchange.Outlines.none(n),
    )
    return replace(findings, **changes)


BOXES = ((10, 10, 30, 30), (60, 10, 80, 30), (990, 10, 1010, 30), (2000, 10, 2020, 30))


def test_a_preview_says_everything_and_stores_nothing(study):
    region = Region(stable("field"), (0, 0, 100, 100), "of another study", 0.25)
    read = annotations(*BOXES, label="Koilocyte", regions=(region,), notes=("Open rings closed: 2.",))
    seen = exchange.preview(study, "a", PICTURE, read, "cells.geojson")
    assert seen.sentences() == (
        "cells.geojson adds 3 cells (Koilocyte 3) and 1 complete field. 1 beside the slide, left out. "
        "New class: Koilocyte. Open rings closed: 2."
    )
    assert study.events() == []
    exchange.add(study, seen)
    assert len(study.cells("a")) == 3
    assert study.regions("a")[0].run == ""
    again = exchange.preview(study, "a", PICTURE, read, "cells.geojson")
    assert again.sentences().startswith("cells.geojson adds nothing. 4 here already, left as they are. 1 beside")
    assert again.new_classes == ()
    with pytest.raises(StudyError, match=r"There is nothing to add: cells\.geojson adds nothing"):
        exchange.add(study, again)
    study.undo("a")
    assert exchange.preview(study, "a", PICTURE, read, "cells.geojson").sentences() == seen.sentences()


def test_cells_of_another_slide_are_refused(study):
    with pytest.raises(StudyError, match=r"No cell of x\.csv lies on a\.tif .*choose the slide"):
        exchange.preview(study, "a", PICTURE, annotations(BOXES[3]), "x.csv")


def test_shapes_without_a_class_stay_out(study):
    seen = exchange.preview(study, "a", PICTURE, annotations(*BOXES[:2], label=""), "x.csv")
    assert seen.sentences() == "x.csv adds nothing. 2 without a class, left out."


def test_what_a_person_drew_needs_no_review(study):
    read = annotations(*BOXES[:3], states=np.uint8([State.PREDICTED, State.UNSURE, State.PREDICTED]))
    exchange.add(study, exchange.preview(study, "a", PICTURE, read, "x.csv", truth=True))
    assert study.cells("a").states.tolist() == [State.ADDED, State.UNSURE, State.ADDED]


@pytest.mark.parametrize("name", ["geojson", "coco", "midog", "voc", "csv", "slide-runner"])
def test_what_comes_back_is_known(study, predict, tmp_path, name):
    run = study.add_findings(predict())
    study.reject("a", f"{run}:9")
    study.add("a", (1, 2, 30, 40), "SCC")
    exchange.add(study, exchange.preview(study, "a", PICTURE, annotations(*BOXES[:3], label="Odd"), "x.csv"))
    file = tmp_path / f"a{registry.named(name).suffix}"
    registry.write(file, exchange.outgoing(study, "a"), PICTURE, name=name)
    seen = exchange.preview(study, "a", PICTURE, registry.read(file, PICTURE), file.name)
    assert seen.known == 13
    assert not seen.anything


def test_predictions_are_known_to_programs_that_keep_no_metadata(study, predict, tmp_path):
    study.add_findings(predict())
    file = registry.write(tmp_path / "a.geojson", exchange.outgoing(study, "a"), PICTURE)
    features = json.loads(file.read_text())
    for feature in features["features"]:
        del feature["properties"]["metadata"]
    file.write_text(json.dumps(features))
    assert exchange.preview(study, "a", PICTURE, registry.read(file), "a.geojson").known == 10


def test_imported_cells_leave_as_they_came(study):
    outlines = exchange.Outlines.of([[[10, 10], [30, 10], [10, 30]], [[60, 10], [80, 10], [80, 30]], []])
    read = annotations(*BOXES[:3], outlines=outlines, given=("7", "8", "9"))
    event = exchange.add(study, exchange.preview(study, "a", PICTURE, read, "x.csv"))
    study.move("a", f"{event.id}:0", (11, 11, 31, 31))
    study.relabel("a", f"{event.id}:1", "LSIL")
    study.reject("a", f"{event.id}:2")
    out = exchange.outgoing(study, "a")
    assert out.ids == read.ids[:2]
    assert out.given == ("7", "8")
    assert [len(outline) for outline in out.outlines] == [0, 3]  # the moved one is where its outline is not
    assert dict(zip(out.classes, out.colors, strict=True))["HSIL"] == (1, 2, 3)
    with pytest.raises(StudyError, match="has no slide z"):
        exchange.outgoing(study, "z")
