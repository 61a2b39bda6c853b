"""Every format gives back what it has room for: ids, classes, colours, coordinates as the float32 they are."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cytoshift.engine.outlines import Outlines, in_one
from cytoshift.study.cells import Region, State
from cytoshift.study.formats import crops, registry
from cytoshift.study.formats.annotations import Annotations
from cytoshift.study.formats.picture import Picture
from cytoshift.study.palette import spelled

PICTURE = Picture("slide 7.svs", 100_000, 90_000)
NAMES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20).filter(lambda n: spelled(n) == n)
COLOR = st.tuples(*[st.integers(0, 255)] * 3)
PLACE, SIZE = st.floats(0, 8e4, width=32), st.floats(0.5, 500, width=32)
STATES = st.sampled_from([State.PREDICTED, State.ACCEPTED, State.UNSURE, State.ADDED])


@st.composite
def annotations(draw) -> Annotations:
    classes = tuple(draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)))
    n = draw(st.integers(len(classes), 6))
    ids = tuple(
        str(uuid.UUID(int=draw(st.integers(1, 2**128 - 1)))) + (f":{at}" if draw(st.booleans()) else "")
        for at in range(n)
    )
    if len(set(ids)) < n:
        ids = tuple(f"{name.partition(':')[0]}:{at}" for at, name in enumerate(ids))
    corners = np.array([[draw(PLACE), draw(PLACE)] for _ in range(n)], np.float32)
    sizes = np.array([[draw(SIZE), draw(SIZE)] for _ in range(n)], np.float32)
    boxes = np.concatenate([corners, corners + sizes], axis=1)
    shapes = [draw(st.sampled_from([no_shape, triangle, with_a_hole, in_two_parts])) for _ in boxes]
    outlines = [np.reshape(in_one(shape(box)), (-1, 2)) for shape, box in zip(shapes, boxes, strict=True)]
    known = st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6, width=32))
    return Annotations(
        ids,
        boxes,
        np.array([draw(st.floats(0, 1, width=32)) for _ in range(n)], np.float32),
        np.array([at if at < len(classes) else 0 for at in range(n)], np.int16),
        np.array([draw(STATES) for _ in range(n)], np.uint8),
        np.zeros(n, np.bool_),
        classes,
        tuple(draw(COLOR) for _ in classes),
        Outlines.of(outlines),
        {"Nucleus: Area µm²": np.array([0.5, *[draw(known) for _ in range(n - 1)]], np.float32)},
        given=draw(st.sampled_from([(), tuple(str(at + 17) for at in range(n))])),
        regions=(Region(str(uuid.uuid4()), (1, 2.5, 300, 400), "", 0.25, {"odd name": 0.5}),),
    )


Parts = list[list[list[tuple[float, float]]]]


def no_shape(_: np.ndarray) -> Parts:
    return []


def triangle(box: np.ndarray) -> Parts:
    x0, y0, x1, y1 = box.tolist()
    return [[[(x0, y0), (x1, y0), (x0, y1)]]]


def with_a_hole(box: np.ndarray) -> Parts:
    x0, y0, x1, y1 = box.tolist()
    ((around,),) = triangle(box)
    return [[around, [(x0 + (x - x0) / 8, y0 + (y - y0) / 8) for x, y in ((x0, y0), (x1, y0), (x0, y1))]]]


def in_two_parts(box: np.ndarray) -> Parts:
    x0, y0, x1, y1 = box.tolist()
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return [*with_a_hole(np.array([x0, y0, x, y])), [[(x1, y1), (x, y1), (x1, y)]]]


def room_of(name: str) -> set[str]:
    """Return what a format says it has no room for."""
    return set(registry.named(name).loses.replace(" and ", ", ").split(", "))


def check(again: Annotations, cells: Annotations, loses: set[str]) -> None:
    assert again.ids == cells.ids
    assert np.array_equal(again.boxes, cells.boxes)
    assert [again.classes[k] for k in again.labels] == [cells.classes[k] for k in cells.labels]
    assert (again.given or ("",) * len(cells)) == (cells.given or ("",) * len(cells)) or not cells.given
    if "colours" not in loses:
        colors = dict(zip(again.classes, again.colors, strict=True))
        assert colors == dict(zip(cells.classes, cells.colors, strict=True))
    if "scores" not in loses:
        assert np.array_equal(again.scores, cells.scores)
    if "states" not in loses:
        assert np.array_equal(again.states, cells.states)
    if "outlines" not in loses:
        read, written = list(again.outlines.parts()), list(cells.outlines.parts())
        if "holes" in loses:  # they are filled, and of several parts there is the box around them
            written = [[[parts[0][0]]] if len(parts) == 1 else [] for parts in written]
        assert read == written
    if "measurements" not in loses:
        assert list(again.measures) == list(cells.measures)
        assert all(np.array_equal(again.measures[n], column, equal_nan=True) for n, column in cells.measures.items())
    assert again.regions == (() if "regions" in loses else cells.regions)
    assert again.notes == ()


FILES = [one.name for one in registry.FORMATS if one.write is not None]


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cells=annotations())
def test_what_is_written_is_read_again(name, tmp_path_factory, cells):
    chosen = registry.named(name)
    path = tmp_path_factory.mktemp("cells") / f"slide 7.svs{chosen.suffix}"
    assert registry.write(path, cells, PICTURE, name=name) == path
    assert registry.format_of(path).name == name
    check(registry.read(path, PICTURE), cells, room_of(name))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=annotations())
def test_crops_say_again_what_was_said(tmp_path_factory, paint, cells):
    slide = paint("painted")
    folder = registry.write(tmp_path_factory.mktemp("crops") / "new", cells, slide, name="crops")
    assert registry.format_of(folder).name == "crops"
    assert len(list(folder.rglob("*.png"))) == len(cells)
    check(registry.read(folder, Picture.of(slide)), cells, room_of("crops"))


@pytest.mark.parametrize("name", FILES)
def test_rejected_cells_stay_behind_and_no_cells_are_fine(name, tmp_path):
    cells = annotations_of_one()
    rejected = Annotations(**{field: getattr(cells, field) for field in cells.__slots__} | {"states": np.uint8([2])})
    path = tmp_path / f"slide 7{registry.named(name).suffix}"
    read = registry.read(registry.write(path, rejected, PICTURE, name=name), PICTURE)
    assert len(read) == 0


def annotations_of_one() -> Annotations:
    return Annotations(
        (str(uuid.UUID(int=7)),),
        np.float32([[1, 2, 3, 4]]),
        np.float32([0.5]),
        np.int16([0]),
        np.uint8([0]),
        np.zeros(1, np.bool_),
        ("HSIL",),
        ((9, 8, 7),),
        Outlines.none(1),
    )


def test_crops_show_their_cells(tmp_path, paint):
    from PIL import Image

    cells, slide = annotations_of_one(), paint("painted", mpp=0.5)
    folder = crops.write(tmp_path / "crops", cells, slide)
    (file,) = folder.rglob("*.png")
    assert file.parent.name == "HSIL"
    pixels = np.asarray(Image.open(file))
    assert pixels.shape == (64, 64, 3)  # 32 µm
    assert pixels[32, 32].tolist() == [2, 3, 0]  # the middle of the cell, whose pixel says where it is
    assert pixels[0, 0].tolist() == [255, 255, 255]  # beside the slide


def test_how_a_file_is_called_says_its_format():
    said = {name: registry.suffix_format(Path(name)).name for name in ("a.json", "a.coco.json", "a.midog.json", "A.XML",
            "a.csv", "a.sqlite", "a.geojson.gz")}  # fmt: skip
    assert list(said.values()) == ["geojson", "coco", "midog", "voc", "csv", "slide-runner", "geojson"]
