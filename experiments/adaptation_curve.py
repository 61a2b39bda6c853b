"""What corrected fields of a new scanner are worth to a detector, alone and after it was carried there without labels.

From CRIC to its second scanner and back. The detector knows half of split ``train`` of one look. *Fine-tuning* teaches
it 0, 2, 5, 10 and 20 fields of the other look (of the other half: no scene is in both) with every cell corrected, by
the recipe of *Learn from my corrections*, which repeats what the detector knows. *Distillation* carries it across by
SC-UNSB's pictures with LFA and CFA, without a label of the new look, so it is one figure for any number of fields.
*Both* teaches the carried one. Fields of a smaller number are among those of a larger; of each number a fifth, at least
one, chooses the best step, as in the product.

Measured on split ``val`` of the new look (``target``), on which nothing is trained or chosen, and on ``val`` of the old
one (``source``), for what is forgotten: mAP50 of cells of any class, of normal and abnormal, of six classes, with
intervals over images.

``python -m experiments adaptation-curve --run FOLDER --translators FOLDER`` goes on where the folder was left; the
second is the run folder of ``translation-table``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cytoshift.detection import DetectorRecipe, train_detector
from cytoshift.engine.operator import TileBoxes
from cytoshift.training import load_recipe
from cytoshift.training.coco import CocoSet, read_coco
from experiments._carried_detectors import (
    BACK,
    DETECTOR,
    TEACHER,
    THERE,
    WITH,
    Detectors,
    keep_detector,
    kept_detector,
)
from experiments._trainings import GoOn, let_pass
from experiments._unseen_fields import UnseenFields

DIRECTIONS = {"there": THERE, "back": BACK}

CARRIED = "SC-UNSB" + WITH

STARTS = {"fine-tuning": TEACHER, "both": CARRIED}
"""Which detector each way of learning starts from."""

NUMBERS = (0, 2, 5, 10, 20)


@dataclass(frozen=True)
class Curve:
    """The detectors of one direction and seed."""

    detectors: Detectors
    steps: int

    def found(self, way: str, number: int, unseen: UnseenFields) -> list[TileBoxes]:
        """Return what a way of learning finds after so many corrected fields, trained if it is not there yet."""
        if way == "distillation" or not number:
            return self.detectors.found(STARTS.get(way, CARRIED), unseen)
        folder = self.detectors.folder / f"{way}-{number}"
        if not (folder / DETECTOR).exists():
            self._train(way, number, folder)
        return unseen.found_by(
            kept_detector(folder, folder.name, self.detectors.seed), folder / f"found-{unseen.name}.npz"
        )

    def _train(self, way: str, number: int, folder: Path) -> None:
        seed = self.detectors.seed
        recipe = load_recipe(
            "detector-learn", DetectorRecipe, [f"training.seed={seed}", f"training.steps={self.steps}"]
        )
        made = train_detector(
            recipe,
            folder,
            emit=let_pass,
            control=GoOn(),
            parent=self.detectors.parent(STARTS[way]),
            data=self._corrected(number),
            known=self.detectors.known(STARTS[way]),
        )
        keep_detector(made, folder)

    def _corrected(self, number: int) -> CocoSet:
        """Return the fields that were corrected: the first so many in the seed's order."""
        direction = self.detectors.direction
        data = read_coco(direction.away, "train", direction.away_half)
        order = np.random.default_rng(self.detectors.seed).permutation(len(data.fields))
        return replace(data, fields=tuple(data.fields[place] for place in order[:number]))


def main(arguments: list[str]) -> None:
    """Train what is not trained yet, measure, and print a JSON line per direction, seed, way, number and look."""
    parser = argparse.ArgumentParser(prog="python -m experiments adaptation-curve", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints and findings")
    parser.add_argument("--translators", type=Path, required=True, help="run folder of translation-table")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--carried", type=int, default=200, help="steps of a distillation")
    parser.add_argument("--steps", type=int, default=300, help="of learning from corrected fields")
    parser.add_argument("--directions", nargs="+", default=list(DIRECTIONS), choices=list(DIRECTIONS))
    parser.add_argument("--numbers", type=int, nargs="+", default=NUMBERS, metavar="FIELDS")
    options = parser.parse_args(arguments)
    for name in options.directions:
        direction = DIRECTIONS[name]
        places = {"target": direction.away, "source": direction.home}
        looks = [UnseenFields(look, read_coco(path, "val")) for look, path in places.items()]
        for seed in options.seeds:
            folder = options.run / name / f"seed-{seed}"
            curve = Curve(Detectors(folder, options.translators, seed, options.carried, direction), options.steps)
            for way, number in _points(options.numbers):
                for unseen in looks:
                    figures, _ = unseen.figures(curve.found(way, number, unseen))
                    said = {"direction": name, "seed": seed, "way": way, "corrected": number, "fields": unseen.name}
                    print(json.dumps({**said, **figures}), flush=True)


def _points(numbers: list[int]) -> Iterator[tuple[str, int]]:
    """Yield the points of the curves; distillation is one for all numbers."""
    yield "distillation", 0
    for number in numbers:
        yield "fine-tuning", number
        if number:
            yield "both", number
