"""A detector learns drawn cells, is resumed, is fine-tuned, and is measured through the engine."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

from cytoshift.detection import (
    Architecture,
    DetectorOperator,
    DetectorRecipe,
    Parent,
    TrainedDetector,
    evaluate_detector,
    train_detector,
)
from cytoshift.detection.learning import DetectorLearning
from cytoshift.detection.recipe import DetectorData, DetectorViews
from cytoshift.detection.train import _Chosen, _chosen
from cytoshift.engine.operator import TileBoxes
from cytoshift.errors import ModelError
from cytoshift.metrics import DetectionTruth, Platt
from cytoshift.training import TrainingSettings
from cytoshift.training.coco import read_coco


class Go:
    """Never stops."""

    def state(self) -> Literal["run", "stop_early", "cancel"]:
        return "run"


def recipe(data: Path, **training: Any) -> DetectorRecipe:
    return DetectorRecipe(
        mpp=0.5,
        data=DetectorData(path=str(data), mpp=0.5, holdout=0.3),
        architecture=Architecture(channels=32, tile=128, halo=32),
        views=DetectorViews(crop=128, scale_jitter=0.1),
        training=TrainingSettings(
            **{"steps": 60, "batch": 4, "warmup": 10, "learning_rate": 1e-3, "ema_decay": 0.9, "device": "cpu"}
            | {"validate_every": 60, "checkpoint_every": 60}
            | training
        ),
    )


@pytest.fixture(scope="module")
def trained(field_set: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedDetector:
    return train_detector(recipe(field_set), tmp_path_factory.mktemp("run"), emit=lambda _: None, control=Go())


def as_operator(model: TrainedDetector, threshold: float = 0.01) -> DetectorOperator:
    return DetectorOperator.from_model(
        architecture=model.architecture.model_dump(),
        state=model.state,
        classes=model.classes,
        mpp=model.mpp,
        model_id="drawn",
        version="1",
        threshold=threshold,
        device="cpu",
    )


def test_it_finds_drawn_cells_it_has_never_seen(trained: TrainedDetector, field_set: Path) -> None:
    score = evaluate_detector(as_operator(trained), read_coco(field_set, "val"), mpp=0.5, threshold=trained.threshold)
    assert score.AP50_any > 0.8
    assert score.mAP50 > 0.3
    assert set(score.AP50_by_class) <= {"disc", "square"}
    assert 0 < trained.threshold < 1
    assert (score.images, score.flat()["images"]) == (2, 2)


def test_a_fine_tuning_starts_where_its_parent_stands(
    trained: TrainedDetector, field_set: Path, tmp_path: Path
) -> None:
    parent = Parent(trained.architecture.model_dump(), trained.state, ("square", "disc"))  # other order of names
    events: list[dict[str, Any]] = []
    settings = recipe(field_set, steps=2, learning_rate=1e-6, validate_every=1, ema_decay=0.0)
    settings.frozen_norm = True
    tuned = train_detector(settings, tmp_path, emit=events.append, control=Go(), parent=parent)
    assert tuned.classes == ("square", "disc")
    assert all(torch.allclose(tuned.state[name], tensor, atol=1e-4) for name, tensor in trained.state.items())


def test_views_depend_on_seed_and_step_alone(field_set: Path) -> None:
    data = read_coco(field_set, "train")
    one, two = (DetectorLearning(recipe(field_set), data, data) for _ in range(2))
    one.batch(0)
    first, second = one.batch(5), two.batch(5)
    assert torch.equal(first.images, second.images)
    assert all(torch.equal(a["boxes"], b["boxes"]) for a, b in zip(first.targets, second.targets, strict=True))
    assert not torch.equal(first.images, one.batch(6).images)
    for target in first.targets:
        assert ((target["boxes"][:, 2:] - target["boxes"][:, :2]) > 2).all()
        assert len(target["boxes"]) == len(target["labels"])


def test_one_image_is_said_to_be_too_few_to_choose_by(field_set: Path, tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    settings = recipe(field_set, steps=1)
    settings = settings.model_copy(update={"data": settings.data.model_copy(update={"split": "one"})})
    folder = tmp_path / "set"
    folder.mkdir()
    text = (field_set / "annotations.json").read_text().replace('"val"', '"rest"').replace('"train"', '"one"', 1)
    (folder / "annotations.json").write_text(text)
    for image in field_set.glob("*.png"):
        (folder / image.name).write_bytes(image.read_bytes())
    settings = settings.model_copy(update={"data": settings.data.model_copy(update={"path": str(folder)})})
    train_detector(settings, tmp_path / "run", emit=events.append, control=Go())
    assert any("one image only" in event.get("text", "") for event in events)


def test_boxes_of_a_tile_do_not_depend_on_its_neighbours_in_the_batch(trained: TrainedDetector) -> None:
    operator = as_operator(trained, 0.1)
    rng = np.random.default_rng(0)
    tiles = rng.integers(0, 256, (3, 192, 192, 3), dtype=np.uint8)
    together = operator.find(tiles)
    for tile, boxes in zip(tiles, together, strict=True):
        alone = operator.find(tile[None])[0]
        assert len(alone.boxes) == len(boxes.boxes)
        np.testing.assert_allclose(alone.scores, boxes.scores, atol=1e-4)


def test_scores_are_calibrated_and_each_class_has_its_threshold(trained: TrainedDetector, field_set: Path) -> None:
    tiles = read_coco(field_set, "val").fields[0].read()[None].copy()
    plain = as_operator(trained, 0.0)
    given: dict[str, Any] = {
        "architecture": trained.architecture.model_dump(),
        "state": trained.state,
        "classes": trained.classes,
        "mpp": 0.5,
        "model_id": "drawn",
        "version": "1",
        "device": "cpu",
    }
    scaled = DetectorOperator.from_model(**given, threshold=0.0, calibration={"a": 0.5, "b": -1.0})
    before, after = plain.find(tiles)[0], scaled.find(tiles)[0]
    np.testing.assert_array_equal(before.boxes, after.boxes)
    np.testing.assert_allclose(after.scores, Platt(0.5, -1.0).apply(before.scores), atol=1e-6)
    asked = np.median(after.scores[np.array(trained.classes)[after.labels] == "disc"])
    chosen = DetectorOperator.from_model(
        **given, threshold=0.9, thresholds={"disc": float(asked)}, calibration={"a": 0.5, "b": -1.0}
    )
    kept = chosen.find(tiles)[0]
    limits = np.where(np.array(trained.classes)[after.labels] == "disc", asked, np.float32(0.9))
    np.testing.assert_array_equal(kept.scores, after.scores[after.scores >= limits])
    assert 0 < len(kept.scores) < len(after.scores)
    assert chosen.threshold == pytest.approx(min(asked, 0.9))
    assert len({plain.key, scaled.key, chosen.key}) == 3


def test_a_calibration_that_turns_scores_round_is_refused(trained: TrainedDetector) -> None:
    with pytest.raises(ModelError, match="do not fit its card"):
        DetectorOperator.from_model(
            architecture=trained.architecture.model_dump(),
            state=trained.state,
            classes=trained.classes,
            mpp=0.5,
            model_id="drawn",
            version="1",
            calibration={"a": -1.0, "b": 0.0},
        )


def test_thresholds_are_chosen_for_every_class_and_few_boxes_calibrate_nothing(trained: TrainedDetector) -> None:
    assert set(trained.thresholds) == {"disc", "square"}
    assert set(trained.calibration) <= {"a", "b"}
    truth = [DetectionTruth(np.array([[0, 0, 9, 9]], np.float32), np.zeros(1, np.int64), np.zeros((0, 4), np.float32))]
    found = [TileBoxes(truth[0].boxes, np.array([0.4], np.float32), np.zeros(1, np.int16))]
    assert _chosen(truth, found, ("disc",), unseen=True) == _Chosen(0.4, {"disc": 0.4}, {})
    assert _chosen(truth, found, ("disc",), unseen=False) == _Chosen(0.4, {}, {})
