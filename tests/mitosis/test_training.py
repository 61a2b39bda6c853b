"""Mix, Align, Distil as it is trained: parts of the loss, switches, seeds, and a model that says what was learnt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawn_patches import draw_set, usual_rows

from cytoshift.errors import Cancelled, DataError, ModelError
from cytoshift.mitosis.classifier import MitosisClassifier
from cytoshift.mitosis.learning import MitosisLearning
from cytoshift.mitosis.patches import PatchSet, read_patches
from cytoshift.mitosis.recipe import MitosisRecipe
from cytoshift.mitosis.train import ParentClassifier, TrainedClassifier, train_classifier
from cytoshift.training.checkpoint import read_tensors
from cytoshift.training.loop import CHECKPOINT
from cytoshift.training.recipe import check_recipe

TINY: dict[str, Any] = {
    "data": {"path": "here"},
    "views": {"view": 32, "side": 32},
    "training": {"steps": 3, "batch": 4, "warmup": 1, "validate_every": 2, "checkpoint_every": 1, "device": "cpu"},
}


class Wish:
    """Cancels after so many polls."""

    def __init__(self, after: int = 10**9) -> None:
        self.left = after

    def state(self) -> str:
        self.left -= 1
        return "cancel" if self.left < 0 else "run"


def recipe(**changes: Any) -> MitosisRecipe:
    return check_recipe({**TINY, **changes}, MitosisRecipe, "tiny")


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> PatchSet:
    return read_patches(draw_set(tmp_path_factory.mktemp("patches"), usual_rows(slides=8)))


def train(patches: PatchSet, folder: Path, wish: Wish | None = None, **changes: Any) -> TrainedClassifier:
    return train_classifier(recipe(**changes), patches, folder, emit=lambda _: None, control=wish or Wish())


def parts(patches: PatchSet, **changes: Any) -> dict[str, float]:
    task = MitosisLearning(recipe(**changes), patches, patches)
    task.average = MitosisLearning(recipe(**changes), patches, patches).network.eval()
    batch = task.batch(2)
    return {name: float(value.detach()) for name, value in task.loss(batch).items()}


def test_every_component_has_a_switch(patches: PatchSet) -> None:
    assert set(parts(patches)) == {"classification", "alignment", "distillation"}
    assert set(parts(patches, alignment=0)) == {"classification", "distillation"}
    assert set(parts(patches, distillation=0)) == {"classification", "alignment"}
    plain = MitosisLearning(recipe(attention=False, mixstyle=0), patches, patches)
    assert not plain.architecture.attention
    assert "mix" in dict(plain.network.named_children())
    assert not len(plain.network.mix)


def test_the_teacher_gets_no_gradient_and_the_student_does(patches: PatchSet) -> None:
    task = MitosisLearning(recipe(), patches, patches)
    task.average = MitosisLearning(recipe(), patches, patches).network.eval()
    sum(task.loss(task.batch(0)).values()).backward()
    assert all(parameter.grad is None for parameter in task.average.parameters())
    assert all(parameter.grad is not None for parameter in task.network.parameters())


def test_a_batch_is_a_matter_of_seed_and_step_and_balanced(patches: PatchSet) -> None:
    task, again = (MitosisLearning(recipe(), patches, patches) for _ in range(2))
    first, same, other = task.batch(5), again.batch(5), task.batch(6)
    assert torch.equal(first.images, same.images)
    assert not torch.equal(first.images, other.images)
    assert first.images.shape == (4, 3, 32, 32)
    rare = patches.select(np.flatnonzero((patches.labels == 0) | (np.arange(len(patches)) < 3)))
    assert (rare.labels == 1).mean() < 0.2
    drawn = torch.cat([MitosisLearning(recipe(), rare, rare).batch(step).labels for step in range(40)])
    assert 0.35 < float(drawn.mean()) < 0.65


def test_parts_of_a_batch_are_all_of_it(patches: PatchSet) -> None:
    task = MitosisLearning(recipe(), patches, patches)
    batch = task.batch(0)
    split = list(task.parts(batch, 3))
    assert [len(part.labels) for part, _ in split] == [3, 1]
    assert sum(share for _, share in split) == pytest.approx(1)
    assert torch.equal(torch.cat([part.images for part, _ in split]), batch.images)


def test_an_interrupted_training_ends_as_the_uninterrupted_one(patches: PatchSet, tmp_path: Path) -> None:
    whole = train(patches, tmp_path / "whole")
    with pytest.raises(Cancelled):
        train(patches, tmp_path / "parts", Wish(2))
    resumed = train(patches, tmp_path / "parts")
    assert (resumed.threshold, resumed.metrics) == (whole.threshold, whole.metrics)
    ends = [read_tensors(tmp_path / part / CHECKPOINT)[0] for part in ("whole", "parts")]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_a_trained_classifier_can_be_used_and_says_what_the_network_said(patches: PatchSet, tmp_path: Path) -> None:
    made = train(patches, tmp_path)
    assert made.patches + 4 * 2 == len(patches)
    assert all(value.dtype in (torch.float16, torch.int64) for value in made.state.values())
    classifier = used(made)
    crops = np.random.default_rng(0).integers(0, 255, (5, 128, 128, 3), dtype=np.uint8)
    seen = classifier.classify(crops)
    assert (seen.atypical.shape, seen.phases.shape, seen.atypical.dtype) == ((5,), (5, 0), np.float32)
    assert ((seen.atypical > 0) & (seen.atypical < 1)).all()
    one_by_one = np.concatenate([classifier.classify(crops[k : k + 1]).atypical for k in range(5)])
    np.testing.assert_allclose(one_by_one, seen.atypical, atol=1e-5)
    assert classifier.describe(crops).shape == (5, 1024)
    assert len(classifier.classify(crops[:0]).atypical) == 0
    with pytest.raises(ModelError, match=r"do not fit its card .*; get the model again"):
        used(made, phases=("metaphase",))


def used(made: TrainedClassifier, phases: Sequence[str] = ()) -> MitosisClassifier:
    return MitosisClassifier.from_model(
        architecture={**made.architecture.model_dump(mode="json"), "phases": phases or made.architecture.phases},
        state=made.state,
        mpp=0.25,
        model_id="tiny",
        version="1",
        threshold=made.threshold,
        calibration=made.calibration,
        device="cpu",
    )


def test_one_domain_learns_without_alignment_and_says_so(patches: PatchSet, tmp_path: Path) -> None:
    said: list[dict[str, Any]] = []
    one = patches.select(patches.domains == 0)
    train_classifier(recipe(), one, tmp_path, emit=said.append, control=Wish())
    assert any("one domain only: it learns without alignment" in event.get("text", "") for event in said)
    assert not any("alignment" in event for event in said if event["kind"] == "loss")


def test_a_parent_is_gone_on_from(patches: PatchSet, tmp_path: Path) -> None:
    made = train(patches, tmp_path / "first", attention=False)
    parent = ParentClassifier(made.architecture.model_dump(mode="json"), made.state)
    child = train_classifier(
        recipe(training={**TINY["training"], "learning_rate": 1e-9, "ema_decay": 0.0}),
        patches,
        tmp_path / "second",
        emit=lambda _: None,
        control=Wish(),
        parent=parent,
    )
    assert child.architecture == made.architecture  # the parent's, whatever the recipe says of attention
    weight = "trunk.conv0.weight"
    torch.testing.assert_close(child.state[weight], made.state[weight], atol=1e-3, rtol=1e-2)


def test_a_side_without_atypical_mitoses_is_refused(patches: PatchSet, tmp_path: Path) -> None:
    normal = patches.select(patches.labels == 0)
    with pytest.raises(DataError, match=r"has no atypical mitosis to learn from when whole slides"):
        train(normal, tmp_path)
    with pytest.raises(DataError, match=r"has no atypical mitosis held back; add some"):
        train_classifier(recipe(), patches, tmp_path, emit=lambda _: None, control=Wish(), held_back=normal)
