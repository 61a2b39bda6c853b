"""The detectors of the detection experiment, for one seed: a teacher, a ceiling, and students by what they see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from cytoshift import stain
from cytoshift.detection import DetectorOperator, DetectorRecipe, Parent, TrainedDetector, train_detector
from cytoshift.detection.seen import seen_through
from cytoshift.detection.train import read_data
from cytoshift.engine import ImageOperator
from cytoshift.engine.operator import TileBoxes
from cytoshift.training import load_recipe
from cytoshift.training.checkpoint import read_tensors, write_tensors
from cytoshift.training.coco import CocoSet, read_coco
from cytoshift.translation import PlainTiles, Translator
from experiments._trainings import GoOn, let_pass
from experiments._unseen_fields import UnseenFields
from experiments.translation_table import pairs, trained


class Direction(NamedTuple):
    """Whose labelled fields a detector comes from, whose look it is carried to, and the translators' pair.

    Of either only one half of split ``train`` is used, and not the same, so that no scene is in both.
    """

    home: str
    home_half: str
    away: str
    away_half: str
    pair: str


THERE = Direction("cervical/cric", "a", "cervical/cric-scanner-b", "b", "cric-to-scanner-b")
BACK = Direction("cervical/cric-scanner-b", "b", "cervical/cric", "a", "scanner-b-to-cric")

TEACHER, CEILING = "source only", "in domain"

VIEWS = ("stain jitter", "Reinhard", "CycleGAN", "CUT", "NOT", "UNSB", "SC-UNSB")
"""What students see: the source in strongly varied stains, or as a method or translator shows it."""

WITH = " + LFA + CFA"

LOSSES = {WITH: {"lfa": 1.0, "cfa": 1.0}, " + KD": {"kd": 1.0}, " + DKD": {"dkd": 1.0}, " + SPD": {"sp": 1.0}}

STRONG_JITTER = 0.6

FIRST = ["views.crop=256", "views.stain_jitter=0.1", "training.steps=1200", "training.validate_every=200"]
"""How a detector learns from random weights: `detector-small` in less time, in nearly constant colours."""


def rows() -> list[str]:
    """Return the rows of the table, in its order."""
    plain = [TEACHER, "source only, longer"]
    students = [name for view in VIEWS for name in (view, view + WITH)]
    return [*plain, *students, *(f"SC-UNSB{loss}" for loss in LOSSES if loss != WITH), CEILING]


DETECTOR = "detector.safetensors"


@dataclass(frozen=True)
class Detectors:
    """Trains the detectors of one seed when they are asked for, and keeps them in a folder.

    Parameters
    ----------
    folder : Path
        Of this seed.
    translators : Path
        The run folder of the translation experiment, whose translators from the source's look to the target's are used.
    seed : int
    steps : int
        Of a student.
    direction : Direction
    """

    folder: Path
    translators: Path
    seed: int
    steps: int
    direction: Direction = THERE

    def place(self, row: str) -> Path:
        """Return the folder of a row."""
        return self.folder / _slug(row)

    def detector(self, row: str) -> DetectorOperator:
        """Return the detector of a row, trained if it is not there yet."""
        self.parent(row)
        return kept_detector(self.place(row), _slug(row), self.seed)

    def found(self, row: str, unseen: UnseenFields) -> list[TileBoxes]:
        """Return what the detector of a row finds in fields."""
        return unseen.found_by(self.detector(row), self.place(row) / f"found-{unseen.name}.npz")

    def parent(self, row: str) -> Parent:
        """Return the detector of a row as one to start from, trained if it is not there yet."""
        if not (self.place(row) / DETECTOR).exists():
            self._train(row)
        state, header = read_tensors(self.place(row) / DETECTOR)
        return Parent(header["architecture"], state, tuple(header["classes"]))

    def known(self, row: str) -> CocoSet:
        """Return the labelled fields that a row's detector learnt from, as it saw them."""
        recipe, view = self._recipe(row)
        data = read_data(recipe)
        data = replace(data, fields=tuple(replace(field, mpp=field.mpp or recipe.data.mpp) for field in data.fields))
        if not recipe.data.through:
            return data
        folder = self.folder / "seen" / f"{_slug(view)}-whole"
        how: dict[str, Any] = {"mpp": recipe.mpp, "presumed": recipe.data.mpp, "emit": let_pass, "control": GoOn()}
        return seen_through(data, look(view, self.translators, self.direction), folder, **how)

    def _train(self, row: str) -> None:
        folder = self.place(row)
        recipe, view = self._recipe(row)
        parent = None if row in (TEACHER, CEILING) else self.parent(TEACHER)
        through = look(view, self.translators, self.direction) if recipe.data.through else None
        if through is not None:
            self._share_views(view, folder)
        made = train_detector(recipe, folder, emit=let_pass, control=GoOn(), parent=parent, through=through)
        keep_detector(made, folder)

    def _recipe(self, row: str) -> tuple[DetectorRecipe, str]:
        """Return the recipe of a row, and what its student sees."""
        changes = [f"training.seed={self.seed}"]
        if row in (TEACHER, CEILING):
            one = self.direction
            path, half = (one.home, one.home_half) if row == TEACHER else (one.away, one.away_half)
            place = [f'data.path="{path}"', f'data.half="{half}"']
            return load_recipe("detector-small", DetectorRecipe, [*FIRST, *place, *changes]), ""
        view, plus, loss = row.partition(" + ")
        recipe = load_recipe("lfa-cfa-small", DetectorRecipe, [f"training.steps={self.steps}", *changes])
        written = recipe.model_dump()
        written["data"] |= {"path": self.direction.home, "half": self.direction.home_half}
        if view in ("stain jitter", "source only, longer"):
            written["data"]["through"] = ""
            written["distillation"] |= {"view": "stain_aug", "jitter": STRONG_JITTER}
            written["views"]["stain_jitter"] = STRONG_JITTER if view == "stain jitter" else 0.1
        else:
            written["data"]["through"] = view
        if plus:
            written["distillation"] |= {"lfa": 0.0, "cfa": 0.0} | LOSSES[plus + loss]
        else:
            written["distillation"] = None
        return DetectorRecipe.model_validate(written), view

    def _share_views(self, view: str, folder: Path) -> None:
        """Let all students of a view look at the same pictures: which fields are held back is a matter of the seed."""
        shared = (self.folder / "seen" / _slug(view)).resolve()
        shared.mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / "seen"
        if not link.exists():
            link.symlink_to(shared, target_is_directory=True)


def look(view: str, translators: Path, direction: Direction = THERE) -> ImageOperator:
    """Return what shows the source as the target would, by its name in the table."""
    if view == "Reinhard":
        target = read_coco(direction.away, "train", direction.away_half).fields[0].path
        return stain.method("reinhard", stain.open_reference(target))
    method, kind = ("UNSB", Translator) if view == "SC-UNSB" else (view, PlainTiles)
    pair = pairs()[direction.pair]
    recipe, state = trained(direction.pair, pair, method, translators)
    make: Callable[..., ImageOperator] = kind.from_model
    return make(
        architecture=recipe.architecture,
        state=state,
        mpp=pair.mpp,
        title=view,
        model_id=f"{direction.pair}-{method}",
        version="experiment",
    )


def keep_detector(made: TrainedDetector, folder: Path) -> None:
    """Write a detector into the folder of its training."""
    header = {
        "architecture": made.architecture.model_dump(mode="json"),
        "classes": list(made.classes),
        "mpp": made.mpp,
        "threshold": made.threshold,
        "metrics": made.metrics,
        "best_step": made.best_step,
    }
    write_tensors(folder / DETECTOR, made.state, header)


def kept_detector(folder: Path, name: str, seed: int) -> DetectorOperator:
    """Return the detector in a folder, with every box that it has any faith in."""
    state, header = read_tensors(folder / DETECTOR)
    return DetectorOperator.from_model(
        architecture=header["architecture"],
        state=state,
        classes=tuple(header["classes"]),
        mpp=header["mpp"],
        model_id=name,
        version=str(seed),
        threshold=0.01,
    )


def _slug(row: str) -> str:
    return row.lower().replace(" + ", "-").replace(", ", "-").replace(" ", "-")
