"""A classifier of mitoses learns from what was decided in a study: patches, before and after, a new model to adopt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from drawn_patches import draw_set, usual_rows

from cytoshift.errors import ModelError, StudyError
from cytoshift.jobs import create, learning_spec, new_job_folder
from cytoshift.jobs.folder import WORK, read_json
from cytoshift.jobs.frozen import VALIDATION
from cytoshift.jobs.replay import known_patches, with_known
from cytoshift.jobs.runner import run
from cytoshift.mitosis import read_patches
from cytoshift.mitosis.classes import CLASSES
from cytoshift.mitosis.networks import Architecture, build_network
from cytoshift.models import Card, Registry, TrainingData, save_model
from cytoshift.slides import open_slide
from cytoshift.study import Study

QUICK = (
    "training.steps=2",
    "training.batch=4",
    "training.warmup=1",
    "training.validate_every=2",
    "training.checkpoint_every=1",
    'training.precision="float32"',
)


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a classifier that has learnt nothing, from patches called ``earlier``."""
    torch.manual_seed(0)
    plan = Architecture(view=32, side=32)
    card = Card(
        id="parent",
        title="Parent",
        task="mitosis",
        classes=CLASSES[:2],
        mpp=0.25,
        threshold=0.4,
        architecture=plan.model_dump(mode="json"),
        trained_on=[TrainingData(name="earlier", split="train")],
    )
    return save_model(tmp_path_factory.mktemp("models") / "parent", card, build_network(plan).state_dict()).folder


@pytest.fixture
def registry(parent: Path, tmp_path: Path) -> Registry:
    made = Registry(tmp_path / "models")
    made.add(parent)
    return made


@pytest.fixture(autouse=True)
def nothing_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYTOSHIFT_DATA", str(tmp_path / "data"))


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of studies of two drawn slides with mitoses that were decided on."""

    def make(per_kind: int = 12) -> Path:
        with Study.create(tmp_path / "ward 7") as store:
            for seed in range(2):
                file = tmp_path / f"slide-{seed}.tif"
                pixels = np.random.default_rng(seed).integers(0, 256, (660, 660, 3), np.uint8)
                tags = [(271, 2, 0, "Hamamatsu", True), (272, 2, 0, "C9600-12", True)]
                options = {"tile": (256, 256), "resolution": (40000, 40000), "resolutionunit": "CENTIMETER"}
                tifffile.imwrite(file, pixels, photometric="rgb", extratags=tags, metadata=None, **options)
                identity = store.add_slide(open_slide(file))
                for number in range(seed, 2 * per_kind, 2):
                    x, y = 40 + number // 2 % 4 * 150, 40 + number // 8 * 150
                    store.add(identity, (x, y, x + 30, y + 30), CLASSES[number // 2 % 2])
        return tmp_path / "ward 7"

    return make


def test_decisions_become_a_model_with_before_and_after(
    study: Callable[..., Path], registry: Registry, tmp_path: Path
) -> None:
    rows = [{**row, "split": "train" if row["slide"] < "s8" else "val"} for row in usual_rows(slides=10)]
    draw_set(tmp_path / "data" / "mitosis" / "earlier", rows)
    folder = study()
    spec = learning_spec(folder, task="mitosis", parent="parent", overrides=QUICK, registry=registry.root, device="cpu")
    job = create(spec, new_job_folder(folder, spec.kind))
    said: list[str] = []
    result = run(job.folder, lambda event: said.append(str(event.get("text", ""))))
    assert result.state == "done", result.message
    assert "repeats 32 mitoses of earlier from 2 scanners" in said
    losses = [event for event in job.events()[0] if event["kind"] == "loss"]
    assert [event["step"] for event in losses] == [1, 2]
    assert "alignment" in losses[0]
    numbers = {"balanced accuracy", "sensitivity", "specificity", "ROC AUC", "patches", "atypical", "slides"}
    assert numbers <= result.before.keys() & result.after.keys()

    patches = read_patches(job.folder / WORK / "patches")
    assert patches.domain_names == ("Hamamatsu C9600-12",)
    held_back = patches.select(np.array(patches.splits) == "val")
    assert (result.after["patches"], result.after["atypical"]) == (len(held_back), held_back.labels.sum())
    card = registry.find(result.model, "mitosis").card
    assert (card.parent, card.title, card.mpp) == ("parent", "Parent, taught in ward 7", 0.25)
    assert [data.name for data in card.trained_on] == ["earlier", "corrections of ward 7"]
    assert card.architecture["view"] == 32
    assert card.threshold == 0.4  # of 24 patches that are chosen by, too few are atypical
    assert card.metrics["parent balanced accuracy"] == result.before["balanced accuracy"]
    assert result.trust is not None
    gain, home = result.trust.gain, result.trust.home
    assert (gain.main, gain.over, gain.units) == ("balanced accuracy", "mitoses", len(held_back))
    assert gain.numbers["ROC AUC"].after == pytest.approx(result.after["ROC AUC"])
    assert home is not None
    assert home.on == "8 mitoses of 2 slides, 4 of them atypical of earlier"
    assert card.metrics["home balanced accuracy"] == home.numbers["balanced accuracy"].after
    frozen = read_json(job.folder / VALIDATION)
    assert frozen is not None
    assert sum(frozen["held_back"].values()) == len(held_back) == len(frozen["files"]) - 1
    assert frozen["split_by"] == "patch"
    assert registry.adopted("mitosis") is None
    registry.adopt(result.model)
    assert registry.current("mitosis").card.id == result.model


def test_a_parent_that_is_gone_fails_the_job_in_a_sentence(study: Callable[..., Path], registry: Registry) -> None:
    folder = study()
    spec = learning_spec(folder, task="mitosis", parent="parent", registry=registry.root, device="cpu")
    job = create(spec.model_copy(update={"parent": "gone"}), new_job_folder(folder, spec.kind))
    result = run(job.folder)
    assert (result.state, result.model) == ("failed", "")
    assert "There is no model 'gone'" in result.message
    assert read_json(job.folder / VALIDATION) is None


def test_what_cannot_be_learnt_is_said_before_anything_starts(
    study: Callable[..., Path], registry: Registry, tmp_path: Path
) -> None:
    root = registry.root
    few = study(per_kind=5)
    with pytest.raises(StudyError, match="6 normal mitoses and 4 atypical mitoses are too few"):
        learning_spec(few, task="mitosis", parent="parent", registry=root)
    with pytest.raises(ModelError, match="nobody"):
        learning_spec(few, task="mitosis", parent="nobody", registry=root)
    Study.create(tmp_path / "empty").close()
    with pytest.raises(StudyError, match="Nobody decided on normal and atypical mitoses yet"):
        learning_spec(tmp_path / "empty", task="mitosis", parent="parent", registry=root)


def test_a_moved_slide_is_named(study: Callable[..., Path], registry: Registry, tmp_path: Path) -> None:
    folder = study()
    (tmp_path / "slide-1.tif").unlink()
    with pytest.raises(StudyError, match=r"slide-1\.tif"):
        learning_spec(folder, task="mitosis", parent="parent", registry=registry.root)


def test_what_is_known_is_repeated_beside_ones_own_and_not_twice(tmp_path: Path, parent: Path) -> None:
    card = Registry().find(parent, "mitosis").card
    own = read_patches(draw_set(tmp_path / "own", [{**row, "scanner": "New"} for row in usual_rows(1)]))
    notes: list[str] = []
    assert known_patches(card, own, lambda event: notes.append(event["text"])) is None
    assert notes == ["what the model learnt from is not at hand: it learns from your mitoses alone"]
    rows = [{**row, "split": "train" if row["slide"] != "s7" else "val"} for row in usual_rows(8)]
    draw_set(tmp_path / "data" / "mitosis" / "earlier", rows)  # whose first four are the same pixels
    known = known_patches(card, own, lambda event: notes.append(event["text"]))
    assert known is not None
    assert (len(known), set(known.splits)) == (24, {"train"})
    training, tuning = with_known(own, own, known, 0.25, seed=0)
    mine = np.array(training.domain_names)[training.domains] == "New"
    assert mine.sum() == (~mine).sum()
    assert set(training.slides).isdisjoint(set(tuning.slides) - {"s0"})
    assert (np.array(tuning.domain_names)[tuning.domains] == "New").sum() == len(own)


def test_a_table_that_is_damaged_is_passed_over_with_a_note(tmp_path: Path, parent: Path) -> None:
    own = read_patches(draw_set(tmp_path / "own"))
    folder = draw_set(tmp_path / "data" / "mitosis" / "earlier", [{**row, "split": "train"} for row in usual_rows()])
    (folder / "s0-0.png").unlink()
    notes: list[str] = []
    card = Registry().find(parent, "mitosis").card
    assert known_patches(card, own, lambda event: notes.append(event["text"])) is None
    assert notes[0].startswith("goes on without earlier: ")
