"""Cells that another program edited come back as corrections of the same cells, seen before they are stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.engine.findings import Findings
from cytoshift.study import State, Study, exchange
from cytoshift.study.formats import registry
from cytoshift.study.formats.annotations import Annotations, stable
from cytoshift.study.formats.picture import Picture

PICTURE = Picture("a.tif", 1000, 1000)
FORMATS = ["geojson", "coco", "midog", "voc", "csv", "slide-runner"]


def seen_of(study: Study, read: Annotations) -> exchange.Preview:
    return exchange.preview(study, "a", PICTURE, read, "a.geojson")


def by_id(study: Study) -> dict[str, tuple[str, tuple[float, ...]]]:
    out = exchange.outgoing(study, "a")
    return {
        name: (out.classes[label], tuple(box))
        for name, label, box in zip(out.ids, out.labels.tolist(), out.boxes.tolist(), strict=True)
    }


def fill(study: Study, predict: Callable[..., Findings]) -> Study:
    """Give a study ten predictions, two imported cells and an added one, which come in this order."""
    study.add_findings(predict())
    study.add("a", (500, 500, 530, 530), "SCC")
    others = Annotations.of(predict(n=2)).select(np.array([0, 1]))
    others = replace(others, ids=(stable("one"), stable("two")), boxes=others.boxes + np.float32(300))
    exchange.add(study, seen_of(study, others))
    return study


@pytest.fixture
def full(study, predict) -> Study:
    return fill(study, predict)


def relabelled(cells: Annotations, at: int, name: str) -> Annotations:
    classes = tuple(dict.fromkeys((*cells.classes, name)))
    labels = cells.labels.copy()
    labels[at] = classes.index(name)
    colors = (*cells.colors, (1, 2, 3))[: len(classes)]
    return replace(cells, labels=labels, classes=classes, colors=colors)


def placed(cells: Annotations, at: int, by: tuple[float, float, float, float]) -> Annotations:
    boxes = cells.boxes.copy()
    boxes[at] += np.float32(by)
    return replace(cells, boxes=boxes)


def test_what_was_edited_is_said_stored_as_one_event_and_taken_back(full):
    before = by_id(full)
    file = relabelled(exchange.outgoing(full, "a"), 0, "Koilocyte")
    file = relabelled(file, 12, "HSIL")  # which was added
    file = placed(file, 10, (5, 7, 5, 7))  # which was imported
    file = placed(file, 0, (0, 0, 9, 0))
    new = file.select(np.array([3]))
    new = replace(new, ids=(stable("new"),), boxes=new.boxes + np.float32(400))
    file = joined(file, new)
    full.author = "Dr B"
    seen = seen_of(full, file)
    assert seen.sentences() == (
        "a.geojson adds 1 cell (NILM 1) and corrects 3 cells (2 relabelled, 1 moved, 1 resized). "
        "10 here already, left as they are. New class: Koilocyte."
    )
    event = exchange.add(full, seen)
    assert (event.kind, event.author) == ("import", "Dr B")
    assert seen.sentences(done=True).startswith("a.geojson added 1 cell (NILM 1) and corrected 3 cells")
    after = by_id(full)
    assert after[file.ids[0]] == ("Koilocyte", (10, 10, 39, 30))
    assert after[file.ids[12]][0] == "HSIL"
    assert after[file.ids[10]] == ("NILM", (315, 317, 335, 337))
    assert len(after) == len(before) + 1
    cells = full.cells("a")
    here = [cells.ids.position(edited) for edited in event.targets]
    assert cells.states[here].tolist() == [State.ACCEPTED, State.ACCEPTED, State.ADDED]
    assert "Koilocyte" in full.classes()
    assert event in full.decisions("a", cells.ids[0])
    assert not seen_of(full, file).anything
    full.undo("a")
    assert by_id(full) == before
    assert seen_of(full, file).sentences() == seen.sentences()
    full.redo("a")
    assert by_id(full) == after
    with Study.open(full.folder, read_only=True) as again:
        assert by_id(again) == after


def joined(cells: Annotations, more: Annotations) -> Annotations:
    """Return the cells of both, which have the same classes."""
    return replace(
        cells,
        ids=cells.ids + more.ids,
        given=(),
        outlines=exchange.Outlines.joined([cells.outlines, more.outlines]),
        measures={},
        **{
            name: np.concatenate([getattr(cells, name), getattr(more, name)])
            for name in ("boxes", "scores", "labels", "states", "drawn")
        },
    )


def test_what_is_not_in_the_file_stays(full):
    seen = seen_of(full, relabelled(exchange.outgoing(full, "a"), 4, "SCC").select(np.array([4, 5])))
    assert seen.sentences() == (
        "a.geojson corrects 1 cell (1 relabelled). 1 here already, left as they are. Cells that are not in it stay."
    )
    exchange.add(full, seen)
    assert len(by_id(full)) == 13


def test_what_was_corrected_here_since_is_not_set_back(full):
    file = exchange.outgoing(full, "a")
    cells = full.cells("a")
    full.relabel("a", cells.ids[0], "SCC")
    full.move("a", cells.ids[1], (150, 150, 170, 170))
    full.relabel("a", cells.ids[12], "NILM")  # which was added
    full.reject("a", cells.ids[2])
    seen = seen_of(full, file)
    assert not seen.anything
    assert seen.edited.older == 3
    assert "3 of them corrected here since the file was written." in seen.sentences()
    elsewhere = seen_of(full, relabelled(file, 0, "HSIL"))  # edited at both places: this is the last word
    assert elsewhere.edited.changes == {cells.ids[0]: {"label": "HSIL"}}


def test_whole_pixels_are_no_edit(full):
    file = exchange.outgoing(full, "a")
    rounded = replace(file, boxes=np.floor(file.boxes + np.float32(0.4)))
    assert not seen_of(full, rounded).anything


def test_shapes_that_lost_their_class_stay_as_they_are(full):
    seen = seen_of(full, relabelled(exchange.outgoing(full, "a"), 0, ""))
    assert "12 here already, left as they are." in seen.sentences()
    assert seen.sentences().endswith("1 without a class, left out.")
    assert not seen.anything


def test_a_blinded_reader_edits_his_own_reading(full):
    full.read_as("Dr B")
    seen = seen_of(full, relabelled(exchange.outgoing(full, "a"), 0, "HSIL"))
    exchange.add(full, seen)
    assert full.cells("a").label(0) == "HSIL"
    full.read_as("")
    assert full.cells("a").label(0) == "NILM"


def test_cells_edited_in_qupath_come_back(full, tmp_path):
    """QuPath keeps the ids of features, and with some versions not their metadata."""
    file = registry.write(tmp_path / "a.geojson", exchange.outgoing(full, "a"), PICTURE)
    features = json.loads(file.read_text())
    one, other = features["features"][0], features["features"][12]
    one["properties"]["classification"] = {"name": "HSIL", "color": [200, 0, 0]}
    other["geometry"]["coordinates"] = [[[600, 600], [640, 600], [640, 650], [600, 650], [600, 600]]]
    for feature in features["features"]:
        del feature["properties"]["metadata"]
    file.write_text(json.dumps(features))
    seen = seen_of(full, registry.read(file))
    assert "corrects 2 cells (1 relabelled, 1 resized)" in seen.sentences()
    exchange.add(full, seen)
    assert full.cells("a").label(0) == "HSIL"
    assert full.cells("a").boxes[12].tolist() == [600, 600, 640, 650]


EDITS = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.sampled_from(["NILM", "HSIL", "SCC", "Odd one"]),
        st.tuples(*[st.integers(-8, 8).map(float)] * 4),
    ),
    max_size=6,
    unique_by=lambda edit: edit[0],
)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=6, deadline=None)
@given(edits=EDITS)
def test_edits_come_back_in_every_format(name, tmp_path_factory, predict, paint, edits):
    folder = tmp_path_factory.mktemp("edits")
    with Study.create(folder / "study") as study:
        study.add_slide(paint("a"))
        fill(study, predict)
        wished, before = exchange.outgoing(study, "a"), by_id(study)
        expected = dict(before)
        for at, label, by in edits:
            wished = placed(relabelled(wished, at, label), at, by)
            was = before[wished.ids[at]][1]
            moved = max(map(abs, by)) > 1
            expected[wished.ids[at]] = (label, tuple(wished.boxes[at].tolist()) if moved else was)
        path = registry.write(folder / f"a{registry.named(name).suffix}", wished, PICTURE, name=name)
        seen = seen_of(study, registry.read(path, PICTURE))
        assert len(seen.edited) == sum(expected[one] != before[one] for one in before)
        assert seen.known == 13 - len(seen.edited)
        if seen.anything:
            exchange.add(study, seen)
            assert by_id(study) == expected
            study.undo("a")
        assert by_id(study) == before
