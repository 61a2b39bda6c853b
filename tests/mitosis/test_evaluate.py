"""A classifier measured on a set of patches: numbers by hand, domains, intervals over slides, and scale."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from drawn_patches import draw_set, usual_rows, write_table
from PIL import Image

from cytoshift.metrics.binary import NAMES
from cytoshift.mitosis import PatchSet, evaluate_classifier, joined, read_patches
from cytoshift.mitosis.score import score_mitoses


@dataclass(frozen=True)
class Said:
    atypical: npt.NDArray[np.float32]


@dataclass
class Grey:
    """Calls a mitosis as probably atypical as its crop is bright in the middle."""

    mpp: float = 0.25
    side: int = 16
    threshold: float = 0.5

    def classify(self, crops: npt.NDArray[np.uint8]) -> Said:
        assert crops.shape[1:] == (self.side, self.side, 3)
        assert crops.dtype == np.uint8
        middle = crops[:, self.side // 2 - 1 : self.side // 2 + 1, self.side // 2 - 1 : self.side // 2 + 1]
        return Said(middle.mean(axis=(1, 2, 3), dtype=np.float64).astype(np.float32) / 255)


@pytest.fixture(scope="module")
def grey(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., PatchSet]:
    """Return a maker of sets of uniformly grey patches, each as bright as is said of it."""

    def make(brightness: list[float], **columns: list[object]) -> PatchSet:
        folder = tmp_path_factory.mktemp("grey")
        for k, share in enumerate(brightness):
            Image.new("RGB", (32, 32), (round(255 * share),) * 3).save(folder / f"{k}.png")
        rows = [
            {"file": f"{k}.png"} | {name: values[k] for name, values in columns.items()} for k in range(len(brightness))
        ]
        return read_patches(write_table(folder / "labels.csv", rows))

    return make


def test_the_numbers_are_those_by_hand(grey: Callable[..., PatchSet]) -> None:
    patches = grey(
        [0.2, 0.8, 0.4, 0.6, 0.8],
        label=[0, 0, 0, 1, 1],
        slide=["a", "a", "b", "b", "c"],
        scanner=["A", "A", "B", "B", "B"],
    )
    reports: list[tuple[int, int]] = []
    score = evaluate_classifier(Grey(), patches, report=lambda done, of: reports.append((done, of)))
    assert reports == [(5, 5)]
    assert score.confusion.tolist() == [[2, 1], [0, 2]]
    expected = {
        "balanced accuracy": (1 + 2 / 3) / 2,
        "sensitivity": 1,
        "specificity": 2 / 3,
        "ROC AUC": (2 + 0 + 2 + 0.5) / 6,
        "calibration error": (0.2 + 0.4 + 0.4 + abs(1.6 - 1)) / 5,
    }
    assert score.numbers == pytest.approx(expected, abs=1e-6)
    assert list(score.numbers) == list(NAMES)
    assert score.flat() == score.numbers | {"threshold": 0.5, "patches": 5, "atypical": 2, "slides": 3}
    assert score.by_domain["A"] == pytest.approx(
        {"specificity": 0.5, "calibration error": 0.5, "patches": 2, "atypical": 0, "slides": 1}
    )
    assert (score.by_domain["B"]["balanced accuracy"], score.by_domain["B"]["slides"]) == (1, 2)
    assert score.best == pytest.approx({"best threshold": 0.5, "best balanced accuracy": 5 / 6}, abs=1e-6)
    stricter = evaluate_classifier(Grey(), patches, threshold=0.7)
    assert (stricter.threshold, stricter.numbers["sensitivity"]) == (0.7, 0.5)
    assert stricter.numbers["ROC AUC"] == score.numbers["ROC AUC"]


def test_json_holds_everything_and_no_nan(grey: Callable[..., PatchSet]) -> None:
    patches = grey([0.2, 0.6, 0.4], label=[0, 1, 0], slide=["a", "b", "c"], scanner=["A", "B", "B"])
    score = evaluate_classifier(Grey(), patches, resamples=50)
    written = json.loads(json.dumps(score.to_json(), allow_nan=False))
    assert written["by_domain"]["A"]["specificity"] == 1
    assert written["confusion"]["rows_there_columns_called"] == [[2, 0], [0, 1]]
    assert written["intervals"]["over"] == "slides"
    assert sum(written["reliability"]["patches"]) == 3
    assert written["best threshold"] == pytest.approx(0.5, abs=1e-6)
    assert "sensitivity A" not in written["intervals"]["ends"]  # no draw of slides gives that scanner an atypical one
    card = score.as_metrics()
    assert card["balanced accuracy low"] <= card["balanced accuracy"] <= card["balanced accuracy high"]


def test_intervals_are_over_slides(grey: Callable[..., PatchSet]) -> None:
    rng = np.random.default_rng(0)
    truth = [0, 1] * 30
    said = np.clip(np.array(truth) * 0.2 + rng.normal(0.4, 0.2, 60), 0, 1)
    slides = [f"s{k // 6}" for k in range(60)]
    patches = grey(said.tolist(), label=truth, slide=slides)
    score = evaluate_classifier(Grey(), patches, resamples=400, seed=1)
    assert score.intervals is not None
    assert (score.by_domain, score.slides) == ({}, 10)
    for name in (*NAMES[:4], "best threshold"):
        low, high = score.intervals.ends[name]
        assert low < (score.numbers | score.best)[name] < high
    assert evaluate_classifier(Grey(), patches, resamples=400, seed=1).intervals == score.intervals
    assert evaluate_classifier(Grey(), patches, resamples=400, seed=2).intervals != score.intervals
    # patches of one slide that are all alike say nothing new
    repeated = evaluate_classifier(Grey(), joined([patches] * 3), resamples=400, seed=1)
    assert repeated.intervals == score.intervals


def test_one_kind_only_has_no_balanced_accuracy(grey: Callable[..., PatchSet]) -> None:
    patches = grey([0.2, 0.6, 0.4], label=[0, 1, 0], slide=["a", "b", "c"])
    score = score_mitoses(patches.select([0, 2]), np.array([0.2, 0.4], np.float32), threshold=0.5, resamples=20)
    assert (set(score.numbers), score.best) == ({"specificity", "calibration error"}, {})
    assert "ROC AUC low" not in score.as_metrics()


def test_patches_of_another_scale_are_brought_to_the_classifiers(tmp_path: Path) -> None:
    folder = draw_set(tmp_path, usual_rows(slides=2, patches=2))
    for file in folder.glob("*.png"):
        pixels = np.zeros((32, 32, 3), np.uint8)
        pixels[12:20, 12:20] = 255
        Image.fromarray(pixels).save(file)
    patches = read_patches(folder)

    class Shares(Grey):
        """Says which share of a crop is bright."""

        def classify(self, crops: npt.NDArray[np.uint8]) -> Said:
            return Said((crops > 127).mean(axis=(1, 2, 3)).astype(np.float32))

    sides = []
    for mpp in (0.25, 0.5, 0.125):
        score = evaluate_classifier(Shares(side=32), patches, mpp=mpp)
        share = score.reliability.score.sum() / score.reliability.count.sum()
        sides.append(float(share) ** 0.5 * 32)
    assert sides[0] == pytest.approx(8)
    assert sides[1] == pytest.approx(16, abs=1)
    assert sides[2] >= 4  # and its mirror images around it
