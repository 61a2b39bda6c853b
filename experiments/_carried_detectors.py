"""The detectors of the detection experiment, for one seed: a teacher, a ceiling, and students by what they see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cytoshift import stain
from cytoshift.detection import DetectorOperator, DetectorRecipe, Parent, train_detector
from cytoshift.engine import ImageOperator
from cytoshift.training import load_recipe
from cytoshift.training.checkpoint import read_tensors, write_tensors
from cytoshift.training.coco import read_coco
from cytoshift.translation import PlainTiles, Translator
from experiments.translation_table import pairs, trained

HOME, AWAY, PAIR = "cervical/cric", "cervical/cric-scanner-b", "cric-to-scanner-b"

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


class _GoOn:
    def state(self) -> str:
        return "run"


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
    """

    folder: Path
    translators: Path
    seed: int
    steps: int

    def place(self, row: str) -> Path:
        """Return the folder of a row."""
        return self.folder / _slug(row)

    def detector(self, row: str) -> DetectorOperator:
        """Return the detector of a row, with every box that it has any faith in."""
        file = self.place(row) / "detector.safetensors"
        if not file.exists():
            self._train(row, file)
        state, header = read_tensors(file)
        return DetectorOperator.from_model(
            architecture=header["architecture"],
            state=state,
            classes=tuple(header["classes"]),
            mpp=header["mpp"],
            model_id=_slug(row),
            version=str(self.seed),
            threshold=0.01,
        )

    def _train(self, row: str, file: Path) -> None:
        recipe, view = self._recipe(row)
        parent = None
        if row not in (TEACHER, CEILING):
            teacher, header = self._teacher()
            parent = Parent(header["architecture"], teacher, tuple(header["classes"]))
        through = look(view, self.translators) if recipe.data.through else None
        if through is not None:
            self._share_views(view, file.parent)
        made = train_detector(recipe, file.parent, emit=_nothing, control=_GoOn(), parent=parent, through=through)
        header = {
            "architecture": made.architecture.model_dump(mode="json"),
            "classes": list(made.classes),
            "mpp": made.mpp,
            "threshold": made.threshold,
            "metrics": made.metrics,
            "best_step": made.best_step,
        }
        write_tensors(file, made.state, header)

    def _teacher(self) -> tuple[dict[str, Any], dict[str, Any]]:
        self.detector(TEACHER)
        return read_tensors(self.place(TEACHER) / "detector.safetensors")

    def _recipe(self, row: str) -> tuple[DetectorRecipe, str]:
        """Return the recipe of a row, and what its student sees."""
        changes = [f"training.seed={self.seed}"]
        if row in (TEACHER, CEILING):
            place = ['data.half="a"'] if row == TEACHER else [f'data.path="{AWAY}"', 'data.half="b"']
            return load_recipe("detector-small", DetectorRecipe, [*FIRST, *place, *changes]), ""
        view, plus, loss = row.partition(" + ")
        recipe = load_recipe("lfa-cfa-small", DetectorRecipe, [f"training.steps={self.steps}", *changes])
        written = recipe.model_dump()
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


def look(view: str, translators: Path) -> ImageOperator:
    """Return what shows the source as the target would, by its name in the table."""
    if view == "Reinhard":
        target = read_coco(AWAY, "train", "b").fields[0].path
        return stain.method("reinhard", stain.open_reference(target))
    method, kind = ("UNSB", Translator) if view == "SC-UNSB" else (view, PlainTiles)
    pair = pairs()[PAIR]
    recipe, state = trained(PAIR, pair, method, translators)
    make: Callable[..., ImageOperator] = kind.from_model
    return make(
        architecture=recipe.architecture,
        state=state,
        mpp=pair.mpp,
        title=view,
        model_id=f"{PAIR}-{method}",
        version="experiment",
    )


def _nothing(event: dict[str, Any]) -> None:
    """Let an event pass."""


def _slug(row: str) -> str:
    return row.lower().replace(" + ", "-").replace(", ", "-").replace(" ", "-")
