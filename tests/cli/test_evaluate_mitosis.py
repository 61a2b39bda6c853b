"""``cytoshift evaluate mitosis``: what it prints, what it writes, and what it refuses."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from drawn_patches import draw_set, usual_rows
from PIL import Image

from cytoshift.models import Card, Model, save_model


@dataclass(frozen=True)
class Said:
    atypical: npt.NDArray[np.float32]


@dataclass
class Bright:
    """Calls bright crops probably atypical; in place of a network, which has its own tests."""

    threshold: float
    mpp: float = 0.25
    side: int = 32

    def classify(self, crops: npt.NDArray[np.uint8]) -> Said:
        return Said((crops.mean(axis=(1, 2, 3)) / 255).astype(np.float32))


@pytest.fixture
def classifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a model whose network is `Bright`."""
    import torch

    def build(model: Model) -> Bright:
        return Bright(model.card.threshold)

    monkeypatch.setattr("cytoshift.models.build_classifier", build)
    card = Card(id="bright", title="Bright", task="mitosis", classes=("normal mitosis", "atypical mitosis"), mpp=0.25)
    card = card.model_copy(update={"threshold": 0.5})
    return save_model(tmp_path / "bright", card, {"weight": torch.zeros(1)}).folder


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """Return a set of 16 patches, of which one of each kind is called wrong."""
    rows = [row | {"split": "val" if row["slide"] in ("s0", "s1") else "train"} for row in usual_rows()]
    folder = draw_set(tmp_path / "lab", rows)
    wrong = ("s0-0.png", "s1-1.png")
    for row in rows:
        bright = (row["label"] == "atypical") != (row["file_name"] in wrong)
        # each patch has a value of its own, or it would be the double of another
        shade = (160 if bright else 60) + rows.index(row)
        Image.new("RGB", (32, 32), (shade, shade, shade)).save(folder / str(row["file_name"]))
    return folder


def test_numbers_domains_and_confusions_are_printed(cytoshift: Callable[..., str], classifier: Path, lab: Path) -> None:
    said = cytoshift("evaluate", "mitosis", classifier, "--data", lab, "--resamples", 50)
    lines = said.splitlines()
    assert lines[0].startswith("balanced accuracy  0.875  0.")
    assert "95 % intervals over 4 slides: 50 draws, seed 0." in lines
    assert [line.split()[:4] for line in lines if line.startswith(("A ", "B "))] == [
        ["A", "8", "4", "2"],
        ["B", "8", "4", "2"],
    ]
    assert [line.split() for line in lines if line.startswith(("normal", "atypical  "))][-2:] == [
        ["normal", "7", "1"],
        ["atypical", "1", "7"],
    ]
    assert any(line.startswith("best threshold          0.") for line in lines)


def test_json_holds_what_was_asked_and_found(
    cytoshift: Callable[..., str], classifier: Path, lab: Path, tmp_path: Path
) -> None:
    file = tmp_path / "score.json"
    asked = ("--split", "val", "--domains", "slide", "--threshold", 0.2, "--resamples", 0, "--json", file)
    cytoshift("evaluate", "mitosis", classifier, "--data", lab / "labels.csv", *asked)
    found = json.loads(file.read_text())
    assert (found["model"], found["data"], found["split"], found["threshold"]) == ("bright", "lab", "val", 0.2)
    assert (found["patches"], found["atypical"], found["slides"], found["intervals"]) == (8, 4, 2, None)
    assert list(found["by_domain"]) == ["s0", "s1"]
    assert (found["sensitivity"], found["specificity"]) == (1, 0)


def test_only_some_rows_and_columns_of_other_names(cytoshift: Callable[..., str], classifier: Path, lab: Path) -> None:
    table = lab / "labels.csv"
    table.write_text(table.read_text().replace("label", "grade", 1))
    said = cytoshift(
        *("evaluate", "mitosis", classifier, "--data", lab, "--column", "label=grade", "--where", "scanner=B")
    )
    assert "patches            8" in said
    assert "balanced accuracy  0.875" in said


def test_mitoses_of_another_table_are_left_out(
    cytoshift: Callable[..., str],
    complaint: Callable[..., str],
    classifier: Path,
    lab: Path,
    tmp_path: Path,
) -> None:
    taught = draw_set(tmp_path / "taught")
    for name in ("s0-0.png", "s1-1.png"):
        shutil.copy(lab / name, taught / name)
    said = cytoshift("evaluate", "mitosis", classifier, "--data", lab, "--without", taught)
    assert "balanced accuracy  1.000" in said
    assert "patches            14" in said
    assert "Only 0 of 16 patches are not in" in complaint(
        *("evaluate", "mitosis", classifier, "--data", lab, "--without", lab)
    )


def test_what_cannot_be_measured_is_said_in_one_sentence(
    complaint: Callable[..., str], classifier: Path, stainer: Path, lab: Path, tmp_path: Path
) -> None:
    def refused(*more: object, model: Path = classifier, data: Path = lab) -> str:
        return complaint("evaluate", "mitosis", model, "--data", data, *more)

    assert "no row with split 'test'; there are train, val" in refused("--split", "test")
    assert "no column lab; its columns are" in refused("--domains", "lab")
    assert "There is no table at" in refused(data=tmp_path / "nowhere")
    assert "--where scanner has no =; write it as NAME=VALUE." in refused("--where", "scanner")
    assert "for score.json is not there; make it first" in refused("--json", tmp_path / "no" / "score.json")
    assert "restain is a stain model" in refused(model=stainer)
