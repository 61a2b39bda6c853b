"""Whatever is put in gets one sentence that says what to do, and never another kind of error."""

from __future__ import annotations

import gzip
import json
import random
import sqlite3

import pytest

from cytoshift.errors import StudyError
from cytoshift.study.formats import coco, geojson, registry, slide_runner, voc
from cytoshift.study.formats.collector import MAX_MEASURES
from cytoshift.study.formats.picture import Picture

SLIDE = Picture("slide 7.svs", 1000, 800)


def feature(**changes):
    ring = [[0, 0], [10, 0], [10, 20], [0, 20], [0, 0]]
    return {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {}, **changes}


def polygon(*rings):
    return feature(geometry={"type": "Polygon", "coordinates": list(rings)})


def coco_of(**changes):
    return {
        "images": [{"id": 3, "file_name": "slide 7.png", "width": 1000, "height": 800}],
        "categories": [{"id": 5, "name": "HSIL"}],
        "annotations": [{"id": 1, "image_id": 3, "category_id": 5, "bbox": [10, 20, 30, 40]}],
        **changes,
    }


def put(tmp_path, name, data):
    file = tmp_path / name
    file.write_bytes(
        data if isinstance(data, bytes) else (data if isinstance(data, str) else json.dumps(data)).encode()
    )
    return file


# GeoJSON ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("features", "note"),
    [
        ([polygon([[0, 0], [10, 0], [10, 20], [0, 20]])], "Open rings closed: 1."),
        ([polygon([["0", 0], [10, "0"], [10, 20], [0, 20], [0, 0]])], "written as text: 1."),
        ([polygon([[0, 0], [9, 0], [9, 9], [0, 0]], [[1, 1], [2, 1], [1, 1]])], "Holes without an area left out: 1."),
        ([feature(id="8d1ce1f0-ad9e-4b2d-8d3b-2f2b53dd2f2a")] * 3, "Ids that occurred twice, replaced: 2."),
        ([feature(), feature(geometry={"type": "Point", "coordinates": [1, 2]})], "without an area left out"),
        ([feature(properties={"measurements": {str(k): k for k in range(MAX_MEASURES + 3)}})], "too many kinds: 3."),
    ],
)  # fmt: skip
def test_what_can_be_mended_is_mended_and_said(tmp_path, features, note):
    read = geojson.read(put(tmp_path, "x.geojson", features))
    assert note in " ".join(read.notes)
    assert len(set(read.ids)) == len(read)
    assert read.boxes[0].tolist() in ([0, 0, 10, 20], [0, 0, 9, 9])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([polygon([[0, 0], [10, 0], [0, 0]])], "Feature 1 .* no area"),
        ([feature(), polygon([[0, 0], [1e300, 0], [10, 20], [0, 0]])], "Feature 2 .* off every slide"),
        ([polygon([[0, 0], [10**400, 0], [10, 20], [0, 0]])], "Feature 1"),
        ("[" + "9" * 5000 + "]", "is not GeoJSON"),
        ([polygon([[0, 0], [True, 0], [10, 20], [0, 0]])], "is no number"),
        ([polygon([[0, 0], ["many", 0], [10, 20], [0, 0]])], "Feature 1"),
        ([feature(properties={"classification": {"name": "x" * 500}})], "name of 500 letters"),
        ([feature(properties={"measurements": {"score": "high"}})], "Feature 1"),
        ('{"type": "FeatureCollection", "features": ' + '[{"a":' * 50_000, "nested too deeply"),
        (
            '{"type": "FeatureCollection", "features": [' + '{"type": "Feature", "a": ' + "[" * 100_000,
            "nested too deeply",
        ),
        ('[{"type": "Feature"}] more', "cannot be read|is not GeoJSON"),
        ('{"type": "FeatureCollection", "features": [', "is not GeoJSON"),
        (b'\xff\xfe{"type"', "is not GeoJSON"),
        (b"\x00" * 40, "is not GeoJSON"),
    ],
)
def test_what_cannot_be_mended_is_refused(tmp_path, data, words):
    with pytest.raises(StudyError, match=words) as caught:
        geojson.read(put(tmp_path, "x.geojson", data))
    assert str(caught.value).count("\n") == 0


def test_a_class_that_nobody_knows_is_kept_under_its_name(tmp_path):
    read = geojson.read(put(tmp_path, "x.geojson", [feature(properties={"classification": {"name": "Koilocyte ♥"}})]))
    assert read.classes == ("Koilocyte ♥",)


def test_a_name_from_elsewhere_gets_an_id_that_stays(tmp_path):
    file = put(tmp_path, "x.geojson", [feature(id="nucleus 9"), feature(id=9), feature(id="\ud800\n")])
    read = geojson.read(file)
    assert read.given == ("nucleus 9", "9", "")
    assert geojson.read(file).ids == read.ids
    again = geojson.read(geojson.write(tmp_path / "y.geojson", read))
    assert (again.ids, again.given) == (read.ids, read.given)


# COCO ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": [{"id": 3, "file_name": "other.png", "width": 5, "height": 800}]}, "is of other.png .*--image"),
        ({"images": [{"id": 3, "file_name": "other.png"}]}, "choose that slide"),
        ({"images": [{"id": 3, "file_name": "slide 7.png", "width": 500, "height": 400}]}, "has another size"),
        ({"images": [{"id": 3, "file_name": "slide 7.png"}, {"id": 4, "file_name": "b/slide 7.jpg"}]}, "name one"),
        ({"images": []}, "no image"),
        ({"images": {"id": 3}}, "images are no list"),
        ({"images": [{"file_name": "x"}]}, "image of .* cannot be read"),
        ({"categories": []}, "no category '#5'"),
        ({"categories": [7]}, "category of .* cannot be read"),
        ({"annotations": [{"id": 1}]}, "Annotation 1 .* no 'bbox'"),
        ({"annotations": [{"bbox": [1, 2, 3], "image_id": 3, "category_id": 5}]}, "Annotation 1"),
        ({"annotations": [{"bbox": [1, 2, 0, 5], "image_id": 3, "category_id": 5}]}, "no area"),
        ({"annotations": [{"bbox": [1, 2, "NaN", 5], "image_id": 3, "category_id": 5}]}, "off every slide"),
        ({"annotations": [{"bbox": [1, 2, 5, 5], "image_id": [3], "category_id": 5}]}, "is no id"),
        ({"annotations": [{"bbox": [900, 700, 950, 750], "image_id": 3, "category_id": 5}]}, "--format midog"),
    ],
)
def test_coco_files_that_do_not_fit(tmp_path, changes, words):
    with pytest.raises(StudyError, match=words):
        coco.read(put(tmp_path, "x.json", coco_of(**changes)), SLIDE)


def test_coco_files_that_fit(tmp_path):
    file = put(tmp_path, "x.json", coco_of())
    read = coco.read(file, SLIDE)
    assert (read.boxes.tolist(), read.classes, read.given) == ([[10, 20, 40, 60]], ("HSIL",), ("1",))
    assert coco.read(file).ids == read.ids
    renamed = put(tmp_path, "x.json", coco_of(images=[{"id": 3, "file_name": "p.png", "width": 1000, "height": 800}]))
    assert "its size is the same" in coco.read(renamed, SLIDE).notes[0]
    images = [{"id": 3, "file_name": "p.png"}, {"id": 4, "file_name": "q.png"}]
    two = put(tmp_path, "x.json", coco_of(images=images))
    assert [len(coco.read(two, SLIDE, name)) for name in ("p.png", "q")] == [1, 0]
    last = {"annotations": coco_of()["annotations"], **{k: v for k, v in coco_of().items() if k != "annotations"}}
    assert len(coco.read(put(tmp_path, "x.json", last), SLIDE)) == 1  # in whatever order
    with pytest.raises(StudyError, match="has no annotations"):
        coco.read(put(tmp_path, "x.json", {"images": [], "categories": []}), SLIDE)


# The others ------------------------------------------------------------------------------------------------------

BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><annotation><filename>&b;</filename></annotation>'
FILE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><annotation><filename>&a;</filename></annotation>'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "document type"),
        (FILE, "document type"),
        ("<html/>", "begins with html"),
        ("<annotation><object>", "is not Pascal VOC XML"),
        ("<annotation>" + "<a>" * 1000, "nested too deeply"),
        ("<annotation><object><name>x</name></object></annotation>", "Object 1 .* no 'xmin'"),
        ("<annotation><filename>b.png</filename></annotation>", "is of b.png"),
        ("", "is not Pascal VOC XML"),
    ],
)
def test_xml_that_is_no_voc(tmp_path, text, words):
    with pytest.raises(StudyError, match=words):
        voc.read(put(tmp_path, "x.xml", text), SLIDE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no columns"),
        ("a,b\n1,2\n", "has no columns x0"),
        ("x0,y0,x1,y1\n1,2,3\n", "Row 1"),
        ("x0,y0,x1,y1\n1,2,3,4\n1,2,three,4\n", "Row 2"),
        ("x0,y0,x1,y1\n1,2,nan,4\n", "Row 1 .* off every slide"),
        (b"x0,y0,x1,y1\n\xff\xff,2,3,4\n", "UTF-8"),
    ],
)
def test_tables_that_hold_no_boxes(tmp_path, text, words):
    with pytest.raises(StudyError, match=words):
        registry.read(put(tmp_path, "x.csv", text), SLIDE)


def test_tables_of_other_programs(tmp_path):
    german = put(tmp_path, "x.csv", "xmin;ymin;xmax;ymax;label;area\n1,5;2;3;4,25;asch;7,5\n")
    read = registry.read(german)
    assert (read.boxes.tolist(), read.classes, float(read.measures["area"][0])) == (
        [[1.5, 2, 3, 4.25]],
        ("ASC-H",),
        7.5,
    )
    sized = put(tmp_path, "y.tsv", "X\tY\tWidth\tHeight\tConfidence\n1\t2\t3\t4\t0.5\n")
    assert registry.read(sized).boxes.tolist() == [[1, 2, 4, 6]]


def test_databases_that_are_none_of_slide_runner(tmp_path):
    with pytest.raises(StudyError, match="is no SQLite database"):
        slide_runner.read(put(tmp_path, "x.sqlite", b"nothing"))
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE Slides (uid, filename, width, height)")
        database.execute(
            "CREATE VIEW Classes AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i FROM n"
        )
    database.close()
    with pytest.raises(StudyError, match="has no Annotations, Annotations_coordinates, Classes"):
        slide_runner.read(other)
    whole = other.read_bytes()
    for length in (100, 4000, len(whole) - 100):
        with pytest.raises(StudyError):
            slide_runner.read(put(tmp_path, "torn.sqlite", whole[:length]))


def test_files_without_a_format(tmp_path):
    for name, data in (("x.txt", "hello"), ("x.pdf", b"%PDF-1.7")):
        with pytest.raises(StudyError, match=r"in a format that is known|has no columns"):
            registry.read(put(tmp_path, name, data))
    with pytest.raises(StudyError, match=r"folder without crops\.csv"):
        registry.read(tmp_path)
    with pytest.raises(StudyError, match="check the path"):
        registry.read(tmp_path / "absent.geojson")
    with pytest.raises(StudyError, match="no format word"):
        registry.named("word")
    with pytest.raises(StudyError, match="says no format"):
        registry.suffix_format(tmp_path / "cells.docx")
    packed = gzip.compress(json.dumps([feature()]).encode())
    assert len(registry.read(put(tmp_path, "x.geojson.gz", packed))) == 1
    for torn in (packed[:-9], packed[:20], b"none"):
        with pytest.raises(StudyError):
            registry.read(put(tmp_path, "x.geojson.gz", torn))


# Mutations -------------------------------------------------------------------------------------------------------

PIECES = [b"null", b"true", b"-1", b"1e999", b"NaN", b'"x"', b"[]", b"{}", b"[[", b"}", b",", b":", b'"', b"\\", b"0",
          b"\xff", b"9" * 400, b'"Polygon"', b'"id"', b'"\\ud800"']  # fmt: skip


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Return a file with one to four places cut out, doubled, exchanged or overwritten."""
    parts = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(len(parts)), rng.choice((1, 1, 2, 5, 40))
        match rng.randrange(5):
            case 0:
                del parts[at : at + length]
            case 1:
                parts[at:at] = parts[at : at + length]
            case 2:
                parts[at : at + length] = rng.choice(PIECES)
            case 3:
                parts[at] = rng.randrange(256)
            case 4:
                other = rng.randrange(len(parts))
                parts[at : at + length], parts[other : other + length] = (
                    parts[other : other + length],
                    parts[at : at + length],
                )
        parts = parts or bytearray(b" ")
    return bytes(parts)


@pytest.mark.parametrize("kind", ["geojson", "coco"])
def test_mutated_files_are_read_or_refused(tmp_path, kind):
    rng = random.Random(7)
    whole = (
        json.dumps({"type": "FeatureCollection", "features": [
            feature(id="8d1ce1f0-ad9e-4b2d-8d3b-2f2b53dd2f2a", properties={
                "objectType": "detection", "classification": {"name": "HSIL", "color": [1, 2, 3]},
                "measurements": {"score": 0.5, "area": 3}, "metadata": {"state": "accepted", "cell": "17"}}),
            feature(properties={"objectType": "annotation", "name": "complete", "metadata": {"threshold": "0.5"}})]})
        if kind == "geojson"
        else json.dumps(coco_of(info={}, annotations=[
            {"id": 1, "image_id": 3, "category_id": 5, "bbox": [10, 20, 30, 40], "score": 0.5, "iscrowd": 0,
             "segmentation": [[10, 20, 40, 20, 40, 60]], "measurements": {"area": 3.5}}]))
    ).encode()  # fmt: skip
    refused = []
    file = tmp_path / "x.json"
    for _ in range(2500):
        file.write_bytes(mutated(whole, rng))
        try:
            registry.read(file, SLIDE, name=kind)
        except StudyError as error:
            refused.append(str(error))
    assert 1000 < len(refused) < 2400
    assert not any("\n" in one for one in refused)
