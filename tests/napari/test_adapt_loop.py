"""From a model of one scanner to an adopted model of another, in a real window, on real fields.

A detector is taught on CRIC, fields of the second scanner are opened, the gauge says how far from home they are, a
translator is taught between the two, the detector is carried across, more than 30 of its cells are reviewed, it learns
from that, is compared, adopted, and taken back. The person at the window decides as the published annotations do.

As a test, each training takes a few steps from models that ship. ``CYTOSHIFT_ADAPT_PROOF=FILE.json`` trains in earnest,
from random weights, and leaves there what each detector is worth on split ``val`` of the second scanner;
``CYTOSHIFT_IMAGES=docs/images`` keeps the screenshots of the steps there.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from person import LONG, Hands
from qtpy.QtCore import Qt

from cytoshift.jobs import JobResult, list_jobs, new_job_folder, start
from cytoshift.models import Registry
from cytoshift.training.coco import Field, read_coco

HOME, AWAY = "cervical/cric", "cervical/cric-scanner-b"
PROOF = os.environ.get("CYTOSHIFT_ADAPT_PROOF", "")
HOURS = 4 * 3600_000

TINY = (
    "crop=32",
    "rehearsal=0",
    "training.steps=2",
    "training.validate_every=1",
    "architecture.generator={arch='timecond', width=4, blocks=1, mapping=1}",
    "critics.width=4",
    "contrast={taps=[0, 2], places=8, width=8}",
)
"""A translator that is no use, in a moment."""

FEW = ("training.batch=1", "training.warmup=0", "training.learning_rate=1e-6", "training.validate_every=2")
FEWER = ("data.remembered=2", *FEW)
"""Where a model is compared with its parent, too."""

KEYS = (Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_4, Qt.Key.Key_5, Qt.Key.Key_6)

STORY = "adapt"
"""What its screenshots are called."""


def test_from_a_model_of_one_scanner_to_an_adopted_one_of_another(hands: Hands, data: Path, tmp_path: Path) -> None:
    registry = Registry()
    labelled = _home_fields(data, tmp_path)
    source = teach_at_home(hands, labelled)
    registry.adopt(source)
    fields = _busiest(AWAY, 2)
    for field in fields:
        open_and_calibrate(hands, field)
    far = see_how_far(hands)
    translator = teach_a_translator(hands, data)
    carried = carry_across(hands, translator, labelled)
    decided = sum(review(hands, field) for field in fields)
    learnt = learn(hands)
    adopt(hands, learnt.model)
    assert registry.adopted("detector") == learnt.model
    roll_back(hands)
    assert registry.adopted("detector") == carried
    hands.look("taken-back")

    assert far > 1
    assert decided >= 30
    assert [registry.find(model, "detector").card.parent for model in (carried, learnt.model)] == [source, carried]
    if PROOF:
        worth = {name: _worth(registry, name) for name in (source, carried, learnt.model)}
        Path(PROOF).write_text(json.dumps({"decided": decided, "distance": far, "worth": worth}, indent=1) + "\n")


# The steps


def teach_at_home(hands: Hands, fields: Path) -> str:
    from cytoshift.jobs.train import training_spec

    changes = [f'data.path="{fields}"', "id=at-home", 'title="Cervical cells, one scanner"']
    changes += (
        ['data.half="a"', "views.crop=256", "training.steps=1200"]
        if PROOF
        else ["start=starter", "views.crop=96", "training.steps=2", *FEW]
    )
    hands.dock("Adapt")
    study = hands.workspace.study.folder
    places = {"study": str(study), "registry": str(hands.workspace.registry.root)}
    start(training_spec("detector-small", changes).model_copy(update=places), new_job_folder(study, "train"))
    return _ended(hands, 1).model


def open_and_calibrate(hands: Hands, field: Field) -> None:
    dock = hands.dock("Slide")
    dock.open(field.path)
    hands.qtbot.waitUntil(
        lambda: hands.workspace.active is not None and hands.workspace.active.info.path == str(field.path), timeout=LONG
    )
    dock.scale.objective.setCurrentText(dock.scale.objective.itemText(2))
    hands.press(dock.scale.use)
    assert hands.workspace.active is not None
    assert hands.workspace.active.mpp == 0.25
    hands.press(dock.zoom_buttons[0])


def see_how_far(hands: Hands) -> float:
    dock = hands.dock("Slide")
    home = dock.gauge.home
    hands.qtbot.waitUntil(lambda: home.distances is not None, timeout=LONG)
    hands.look("far-from-home")
    return float(home.distances.slide / home.distances.usual[1])


def teach_a_translator(hands: Hands, data: Path) -> str:
    dock = hands.dock("Adapt")
    dock.open_card(dock.labs)
    number = None if PROOF else 1
    for chooser, path, half in ((dock.labs.source, HOME, "a"), (dock.labs.target, AWAY, "b")):
        chooser.take_files([str(field.path) for field in read_coco(path, "train", half).fields[:number]])
        hands.qtbot.waitUntil(lambda chooser=chooser: bool(chooser.chosen), timeout=LONG)
        chooser.set_chosen(tuple(_at_forty(one) for one in chooser.chosen))
    dock.labs.title.setText("As the second scanner")
    if not PROOF:
        dock.labs.further = TINY
    hands.qtbot.waitUntil(dock.labs.begin.isEnabled, timeout=LONG)
    hands.look("translator")
    hands.press(dock.labs.begin)
    return _ended(hands, 2).model


def carry_across(hands: Hands, translator: str, labelled: Path) -> str:
    dock = hands.dock("Adapt")
    dock.open_card(dock.carry)
    if not PROOF:  # one that was taught for a moment shows nothing that a threshold could be chosen by
        translator = hands.workspace.registry.list("translation")[0].id
    dock.carry.translator.setCurrentIndex(dock.carry.translator.findData(translator))
    dock.carry.further = ("training.steps=200",) if PROOF else ("training.steps=2", "views.crop=96", *FEWER)
    if not PROOF:  # CRIC itself is found by its name
        dock.carry.take_fields(str(labelled / "annotations.json"))
    dock.carry.refresh()
    hands.qtbot.waitUntil(dock.carry.begin.isEnabled, timeout=LONG)
    hands.press(dock.carry.begin)
    result = _ended(hands, 3)
    _shown(hands)
    hands.look("carried")
    adopt(hands, result.model, "carried-adopted")
    return result.model


def review(hands: Hands, field: Field) -> int:
    """Find cells on a field, decide on each as the annotations do, add what was missed; returns the decisions."""
    identity = next(slide.info.identity for slide in hands.workspace.slides if slide.info.path == str(field.path))
    hands.viewer.layers.selection.active = hands.workspace.layer(hands.workspace.slide(identity))
    hands.qtbot.waitUntil(lambda: hands.workspace.active.info.identity == identity, timeout=LONG)
    hands.workspace.fit(hands.workspace.active)
    find = hands.dock("Find")
    find.where.setCurrentIndex(find.where.findData("slide"))
    hands.press(find.run)
    hands.qtbot.waitUntil(lambda: not find.busy.busy and bool(hands.workspace.study.runs(identity)), timeout=LONG)
    hands.look("found")
    decided = _decide(hands, field, identity)
    decided += _add_missed(hands, field, identity)
    hands.workspace.fit(hands.workspace.active)
    hands.key(Qt.Key.Key_C, Qt.KeyboardModifier.ShiftModifier)
    assert len(hands.workspace.study.regions(identity)) == 1
    hands.look("reviewed")
    return decided


def learn(hands: Hands) -> JobResult:
    dock = hands.dock("Adapt")
    dock.open_card(dock.learn)
    dock.learn.steps.setValue(120 if PROOF else 2)
    if not PROOF:
        dock.learn.further = ("views.crop=96", "data.repeated=4", *FEWER)
    hands.qtbot.waitUntil(dock.learn.begin.isEnabled, timeout=LONG)
    hands.look("what-will-be-learnt")
    hands.press(dock.learn.begin)
    result = _ended(hands, 4)
    _shown(hands)
    hands.look("before-and-after")
    return result


def adopt(hands: Hands, model: str, picture: str = "adopted") -> None:
    dock = hands.dock("Adapt")
    hands.qtbot.waitUntil(dock.panel.adopt.isVisible, timeout=LONG)
    hands.press(dock.panel.adopt)
    hands.qtbot.waitUntil(lambda: hands.workspace.registry.adopted("detector") == model, timeout=LONG)
    hands.look(picture)


def roll_back(hands: Hands) -> None:
    hands.press(hands.dock("Adapt").panel.back)


# What the person knows, and what they wait for


def _home_fields(data: Path, folder: Path) -> Path:
    """Return the labelled fields: CRIC's, or as a test only a few of them."""
    if PROOF:
        return data / HOME
    few = folder / "one-scanner"
    (few / "images").mkdir(parents=True)
    whole = json.loads((data / HOME / "annotations.json").read_text())
    images = [image for image in whole["images"] if image["split"] == "train" and image["half"] == "a"][:3]
    for image in images:
        (few / image["file_name"]).symlink_to(data / HOME / image["file_name"])
    names = {image["id"] for image in images}
    cells = [cell for cell in whole["annotations"] if cell["image_id"] in names]
    (few / "annotations.json").write_text(json.dumps({**whole, "images": images, "annotations": cells}))
    return few


def _busiest(path: str, number: int) -> list[Field]:
    """Return the training fields of the half that has no part in what the detector learnt, with most cells."""
    fields = sorted(read_coco(path, "train", "b").fields, key=lambda field: -len(field.boxes))[:number]
    return [replace(field, path=field.path.resolve()) for field in fields]  # a slide's path is absolute


def _at_forty(chosen: Any) -> Any:
    return replace(chosen, mpp_yx=(0.25, 0.25))


def _ended(hands: Hands, number: int) -> JobResult:
    """Wait for the job of a number, from 1; returns how it ended."""
    folder, dock = hands.workspace.study.folder, hands.dock("Adapt")
    hands.qtbot.waitUntil(lambda: len(list_jobs(folder)) == number or bool(dock.message.text), timeout=LONG)
    assert len(list_jobs(folder)) == number, dock.message.text
    hands.qtbot.waitUntil(lambda: list_jobs(folder)[number - 1].result is not None, timeout=HOURS)
    result = list_jobs(folder)[number - 1].result
    assert result is not None
    assert result.state == "done", result.message
    return result


def _shown(hands: Hands) -> None:
    dock = hands.dock("Adapt")
    hands.qtbot.waitUntil(lambda: dock.panel.outcome.isVisible(), timeout=LONG)


def _decide(hands: Hands, field: Field, identity: str) -> int:
    """Accept, rename or reject one cell after the other."""
    dock, shown = hands.dock("Review"), hands.workspace.cells
    hands.qtbot.waitUntil(lambda: len(dock.work.queue) > 0 and dock.settled, timeout=LONG)
    classes = read_coco(AWAY, "train", "b").classes
    hands.key(Qt.Key.Key_N)
    decided = 0
    while dock.work.undecided and shown.position(shown.selected) is not None:
        place = shown.position(shown.selected)
        truth = _truth(shown.cells.boxes[place], field)
        known = _events(hands, identity)
        if truth is None:
            hands.key(Qt.Key.Key_X)
        elif classes[truth] == shown.cells.label(place):
            hands.key(Qt.Key.Key_A)
        else:
            hands.key(KEYS[dock.work.classes.index(classes[truth])])
        hands.qtbot.waitUntil(lambda known=known: _events(hands, identity) > known, timeout=LONG)
        hands.qtbot.waitUntil(lambda: dock.settled, timeout=LONG)
        decided += 1
    return decided


def _add_missed(hands: Hands, field: Field, identity: str) -> int:
    """Add the cells that were not found, each with its class."""
    dock, shown = hands.dock("Review"), hands.workspace.cells
    classes = read_coco(AWAY, "train", "b").classes
    hands.workspace.fit(hands.workspace.active)
    hands.key(Qt.Key.Key_Period)
    added = 0
    for box, label in zip(field.boxes, field.labels, strict=True):
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        if shown.at(float(x), float(y)):
            continue
        known = _events(hands, identity)
        hands.click_at(float(x), float(y))
        hands.qtbot.waitUntil(lambda: not dock.tools.placing.busy, timeout=LONG)
        hands.qtbot.waitUntil(lambda known=known: _events(hands, identity) > known, timeout=LONG)
        place = shown.position(shown.selected)
        if place is not None and shown.cells.label(place) != classes[label]:
            hands.key(KEYS[dock.work.classes.index(classes[label])])
        added += 1
    hands.key(Qt.Key.Key_Period)
    return added


def _truth(box: Any, field: Field) -> int | None:
    """Return the class of the annotated cell whose middle lies in a box, the nearest one; None where there is none."""
    middles = (field.boxes[:, :2] + field.boxes[:, 2:]) / 2
    inside = np.all((middles >= box[:2]) & (middles <= box[2:]), axis=1)
    if not inside.any():
        return None
    away = np.linalg.norm(middles - (box[:2] + box[2:]) / 2, axis=1)
    return int(field.labels[int(np.where(inside, away, np.inf).argmin())])


def _events(hands: Hands, identity: str) -> int:
    return sum(event.slide == identity for event in hands.workspace.study.events())


def _worth(registry: Registry, model: str) -> dict[str, float]:
    """Measure a detector on fields of the second scanner, and of the first, that nothing was learnt from."""
    from cytoshift.detection import evaluate_detector
    from cytoshift.models import build_operator

    operator: Any = build_operator(registry.find(model, "detector"), threshold=0.0)
    worth = {}
    for look, path in (("second scanner", AWAY), ("first scanner", HOME)):
        card = registry.find(model, "detector").card
        fields = read_coco(path, "val")
        score = evaluate_detector(operator, fields, mpp=0.25, threshold=card.threshold, thresholds=card.thresholds)
        worth |= {f"{name}, {look}": value for name, value in score.flat().items()}
    return worth
