"""What may be learned from a study, and nothing else."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from cytoshift.engine import CancelToken
from cytoshift.errors import Cancelled, StudyError
from cytoshift.study import Study
from cytoshift.study.dataset import training_set


def load(made):
    """Return the images by name and, for each, its annotations."""
    coco = json.loads((made.folder / "annotations.json").read_text(encoding="utf-8"))
    names = {category["id"]: category["name"] for category in coco["categories"]}
    notes = {image["id"]: [] for image in coco["images"]}
    for one in coco["annotations"]:
        notes[one["image_id"]].append((names[one["category_id"]], one["bbox"], one["iscrowd"]))
    return coco["images"], notes


def labels(notes, ignored=0):
    return sorted(label for of_image in notes.values() for label, _, crowd in of_image if crowd == ignored)


def add_cells(study, slide, box, label, n=4):
    """Add n cells of 10 px along the diagonal of a box."""
    x0, y0, x1, y1 = box
    for t in np.linspace(0.1, 0.9, n):
        x, y = x0 + t * (x1 - x0), y0 + t * (y1 - y0)
        study.add(slide, (x - 5, y - 5, x + 5, y + 5), label)


@pytest.fixture
def slides(paint):
    return {name: paint(name) for name in "ab"}


def test_the_truth_of_a_region_is_what_a_person_left(study, predict, slides, tmp_path):
    run = study.add_findings(predict(n=10))  # boxes of 20 px from x = 10, 100, ... 820 at y = 10; scores 0.05 ... 0.95
    study.accept("a", f"{run}:0")  # below the threshold, but accepted
    study.relabel("a", f"{run}:1", "SCC")
    study.reject("a", f"{run}:8")
    study.unsure("a", f"{run}:7")
    study.move("a", f"{run}:9", (800, 60, 820, 80))
    study.add("a", (600, 60, 640, 90), "ASC-H")
    gone = study.add("a", (300, 60, 340, 90), "ASC-H")
    study.reject("a", gone.id)
    study.add("a", (300, 160, 340, 190), "HSIL")  # not in a region that is complete
    study.add("a", (300, 90, 340, 120), "HSIL")  # shows in one, its centre does not
    study.mark_complete("a", (0, 0, 1000, 100), run, 0.5)
    made = training_set(study, slides, tmp_path / "set", mpp=0.25, seed=3)
    images, notes = load(made)
    assert [(image["width"], image["height"], image["split"]) for image in images] == [
        (750, 100, "train"),
        (250, 100, "val"),
    ]
    assert all(image["mpp"] is None for image in images)
    # accepted, relabelled, two above the threshold, moved, added
    assert labels(notes) == sorted(["NILM", "SCC", "HSIL", "NILM", "NILM", "ASC-H"])
    assert labels(notes, ignored=1) == ["HSIL", "LSIL"]
    assert made.ignored == 2
    assert made.classes == ("NILM", "LSIL", "ASC-H", "HSIL", "SCC")
    train = {label: box for label, box, crowd in notes[1] if not crowd}
    assert train["ASC-H"] == [600, 60, 40, 30]
    assert train["SCC"] == [100, 10, 20, 20]
    corrected = [sorted(image["corrected"]) for image in images]
    assert corrected[0] == [
        [100, 10, 20, 20],
        [300, 90, 40, 10],
        [600, 60, 40, 30],
        [730, 10, 20, 20],
    ]
    assert corrected[1] == [[50, 60, 20, 20]]
    for image in images:
        pixels = np.asarray(Image.open(made.folder / image["file_name"]))
        x0, y0, x1, y1 = (round(value) for value in image["level0"])
        assert (pixels == slides["a"].read(0, y0, x0, y1 - y0, x1 - x0)).all()


def test_one_region_is_cut_across_its_longer_side(study, slides, tmp_path):
    study.mark_complete("a", (100, 200, 300, 600))
    for y in (250, 350, 498, 550):
        study.add("a", (150, y - 10, 180, y + 10), "HSIL")
    made = training_set(study, slides, tmp_path / "set")
    images, notes = load(made)
    assert [(image["level0"], image["split"]) for image in images] == [
        ([100, 200, 300, 500], "train"),
        ([100, 500, 300, 600], "val"),
    ]
    assert made.cells == {"train": {"HSIL": 3}, "val": {"HSIL": 1}}
    assert notes[1][2] == ("HSIL", [50, 288, 30, 12], 0)  # cut at the edge of the image, its centre is inside
    assert notes[2][0] == ("HSIL", [50, 0, 30, 8], 1)  # the other side is neither cell nor background


def test_regions_that_overlap_are_never_on_both_sides(study, slides, tmp_path):
    for k, box in enumerate(
        [(0, 0, 100, 100), (50, 50, 200, 200), (190, 0, 300, 60), (500, 500, 600, 600), (700, 0, 800, 100)]
    ):
        study.mark_complete("a", box)
        add_cells(study, "a", box, "HSIL" if k % 2 else "LSIL")
    for seed in range(5):
        made = training_set(study, slides, tmp_path / f"set{seed}", seed=seed)
        images, _ = load(made)
        split = {tuple(image["level0"]): image["split"] for image in images}
        assert len({split[0, 0, 100, 100], split[50, 50, 200, 200], split[190, 0, 300, 60]}) == 1
        assert set(split.values()) == {"train", "val"}
        assert all(sum(counts.values()) > 0 for counts in made.cells.values())


def test_slides_are_held_back_as_a_whole_and_classes_are_shared_out(tmp_path, paint):
    slides = {f"s{k}": paint(f"s{k}") for k in range(8)}
    with Study.create(tmp_path / "study") as study:
        for k, (name, slide) in enumerate(slides.items()):
            study.add_slide(slide)
            for box in ((0, 0, 100, 100), (300, 300, 400, 400)):
                study.mark_complete(name, box)
                add_cells(study, name, box, "HSIL" if k < 4 else "NILM")
        made = training_set(study, slides, tmp_path / "set", seed=1)
        images, _ = load(made)
        again = training_set(study, slides, tmp_path / "again", seed=1)
    of = {}
    for image in images:
        of.setdefault(image["slide"], set()).add(image["split"])
    assert all(len(splits) == 1 for splits in of.values())
    assert made.cells["val"] == {"HSIL": 8, "NILM": 8}
    assert (again.folder / "annotations.json").read_bytes() == (made.folder / "annotations.json").read_bytes()


def test_pixels_and_boxes_follow_the_wanted_resolution(study, paint, tmp_path):
    study.calibrate("a", (0.5, 0.5))
    study.mark_complete("a", (100, 100, 500, 300))
    for x in (150, 250, 350, 450):
        study.add("a", (x - 10, 190, x + 10, 210), "HSIL")
    made = training_set(study, {"a": paint("a")}, tmp_path / "set", mpp=1.0)
    images, notes = load(made)
    assert [(image["width"], image["height"], image["mpp"]) for image in images] == [(150, 100, 1.0), (50, 100, 1.0)]
    assert [box for _, box, _ in notes[1]] == [[20, 45, 10, 10], [70, 45, 10, 10], [120, 45, 10, 10]]
    pixels = np.asarray(Image.open(made.folder / images[0]["file_name"]))
    assert (pixels == paint("a").read(1, 50, 50, 100, 150)).all()


def test_large_regions_become_several_images(tmp_path, paint):
    with Study.create(tmp_path / "study") as study:
        slide = paint("big", side=3000)
        study.add_slide(slide)
        study.mark_complete("big", (0, 0, 3000, 2999.6))
        for x, y in ((100, 100), (1124, 1500), (1125, 1500), (2900, 100)):
            study.add("big", (x - 30, y - 30, x + 30, y + 30), "HSIL")
        made = training_set(study, {"big": slide}, tmp_path / "set")
        images, notes = load(made)
    assert max(max(image["width"], image["height"]) for image in images) <= 2048
    assert sum(image["width"] * image["height"] for image in images) == 3000 * 3000
    assert labels(notes) == ["HSIL"] * 4  # none lost, none twice
    assert all(min(box[2:]) >= 30 for of_image in notes.values() for _, box, crowd in of_image if not crowd)


def test_a_region_marked_later_replaces_what_lies_in_it(study, predict, slides, tmp_path):
    run = study.add_findings(predict(n=10))
    study.mark_complete("a", (0, 0, 900, 90), run, 0.9)
    study.mark_complete("a", (0, 0, 1000, 100), run, 0.0)
    made = training_set(study, slides, tmp_path / "set")
    assert sum(made.images.values()) == 2
    assert sum(sum(counts.values()) for counts in made.cells.values()) == 10


def test_slides_that_are_not_at_hand_are_named(study, slides, tmp_path):
    for name in "ab":
        study.mark_complete(name, (0, 0, 400, 100))
        add_cells(study, name, (0, 0, 400, 100), "HSIL")
    made = training_set(study, {"a": slides["a"]}, tmp_path / "set")
    assert made.left_out == ("b.tif",)
    with pytest.raises(StudyError, match=r"not at hand \(a\.tif, b\.tif\)"):
        training_set(study, {}, tmp_path / "other")


def test_what_is_missing_is_said(study, slides, tmp_path):
    def refused(words):
        with pytest.raises(StudyError, match=words):
            training_set(study, slides, tmp_path / "set")
        assert not (tmp_path / "set").exists()

    refused("Nothing in the study .* is marked complete")
    study.mark_complete("a", (0, 0, 400, 100))
    refused("hold no cell that is sure")
    doubtful = study.add("a", (10, 10, 30, 30), "HSIL")
    study.unsure("a", doubtful.id)
    refused("hold no cell that is sure")
    study.accept("a", doubtful.id)
    refused("none to hold back")
    study.mark_complete("a", (600, 600, 700, 700))  # empty: not enough to split by region
    refused("none to hold back")
    study.add("a", (380, 10, 396, 30), "HSIL")
    made = training_set(study, slides, tmp_path / "set")
    assert made.images == {"train": 2, "val": 1}
    with pytest.raises(StudyError, match="is there already"):
        training_set(study, slides, tmp_path / "set")
    with pytest.raises(StudyError, match="not between 0 and 1"):
        training_set(study, slides, tmp_path / "other", validation_share=1.0)


def test_a_cancelled_set_leaves_nothing(study, slides, tmp_path):
    study.mark_complete("a", (0, 0, 400, 100))
    add_cells(study, "a", (0, 0, 400, 100), "HSIL")
    cancel, seen = CancelToken(), []

    def report(progress):
        seen.append((progress.done, progress.total))
        if progress.done == 1:
            cancel.cancel()

    before = sorted(tmp_path.iterdir())
    with pytest.raises(Cancelled):
        training_set(study, slides, tmp_path / "set", report=report, cancel=cancel)
    assert seen == [(0, 2), (1, 2)]
    assert sorted(tmp_path.iterdir()) == before


def test_a_study_can_be_seen_as_it_was(study, slides, tmp_path):
    study.mark_complete("a", (0, 0, 400, 100))
    add_cells(study, "a", (0, 0, 400, 100), "HSIL")
    last = study.events()[-1].seq
    study.undo()
    study.mark_complete("b", (0, 0, 400, 100))
    with Study.open(study.folder, until=last) as then:
        assert then.read_only
        assert then.regions("b") == ()
        assert then.events()[-1].seq == last
        made = training_set(then, slides, tmp_path / "set")
    assert sum(made.cells["train"].values()) + sum(made.cells["val"].values()) == 4


def test_the_detection_room_reads_what_is_written(study, predict, slides, tmp_path):
    from cytoshift.training.coco import read_coco

    run = study.add_findings(predict(n=10))
    study.unsure("a", f"{run}:3")
    study.mark_complete("a", (0, 0, 1000, 100), run, 0.0)
    made = training_set(study, slides, tmp_path / "set")
    for split, cells in made.cells.items():
        read = read_coco(made.folder, split)
        assert sum(len(field.boxes) for field in read.fields) == sum(cells.values())
        assert read.classes == made.classes
    assert sum(len(field.ignored) for field in read_coco(made.folder).fields) == 1
