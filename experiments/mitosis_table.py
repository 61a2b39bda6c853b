"""What each part of Mix, Align, Distil is worth on AMi-Br: the ablation, on unseen slides and on unseen scanners.

Rows: a plain DenseNet-121 as one would train it without the paper; the baseline, which looks at views as varied as the
paper's and is the average over steps; that with MixStyle, with CBAM and alignment, with distillation from the averaged
network; and all of them. Columns: balanced accuracy, sensitivity, specificity and ROC AUC with intervals over slides.

``val``: learnt from split ``train``, a quarter of whose slides chooses the best step and the threshold; measured on
split ``val``, of which nothing was seen. ``without SCANNER``: learnt from split ``train`` of the four other scanners,
measured on all patches of that one. The threshold is always the one chosen on held-back slides of the training.

``python -m experiments mitosis-table --run FOLDER`` goes on where the folder was left. The recipe is
``mix-align-distil-small`` or the one that ``--recipe`` names; ``--set`` changes it for all rows.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from cytoshift.mitosis.classifier import MitosisClassifier
from cytoshift.mitosis.evaluate import evaluate_classifier
from cytoshift.mitosis.patches import PatchSet, read_patches
from cytoshift.mitosis.recipe import MitosisRecipe
from cytoshift.mitosis.train import train_classifier
from cytoshift.training import load_recipe
from cytoshift.training.checkpoint import read_tensors, write_tensors
from experiments._trainings import GoOn, let_pass

SWITCHES = {
    "MixStyle": ["mixstyle=0"],
    "CBAM and alignment": ["attention=false", "alignment=0"],
    "EMA distillation": ["distillation=0"],
}
"""What leaves a part out."""

WITHOUT = [change for changes in SWITCHES.values() for change in changes]

PLAIN = [
    *("views.perspective=0", "views.stain=0", "views.artefacts=0", "views.erased=0"),
    "training.ema_decay=0",
]
"""What is usual without the paper: crops, turns, flips and colours are varied, and the last weights are taken."""

ROWS = {
    "plain": [*WITHOUT, *PLAIN],
    "baseline": WITHOUT,
    **{
        f"+ {part}": [change for other, changes in SWITCHES.items() if other != part for change in changes]
        for part in SWITCHES
    },
    "all": [],
}
"""What each row changes in the recipe."""

VAL = "val"

DRAWS = 1000
"""Draws of slides for the intervals."""


def main(arguments: list[str]) -> None:
    """Train what is not trained yet, measure, and print a JSON line per row, unseen part and seed."""
    parser = argparse.ArgumentParser(prog="python -m experiments mitosis-table", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--data", default="mitosis/ami-br")
    parser.add_argument("--recipe", default="mix-align-distil-small")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS), metavar="ROW")
    parser.add_argument("--unseen", nargs="+", metavar="PART", help="val, and names of scanners; all of them without")
    options = parser.parse_args(arguments)
    every = read_patches(options.data)
    for seed in options.seeds:
        for part in options.unseen or [VAL, *every.domain_names]:
            for row in options.rows:
                recipe = _recipe(options.recipe, row, [*options.changes, f"training.seed={seed}"])
                training, unseen = _parts(every, part)
                folder = options.run / f"seed-{seed}" / _slug(part) / _slug(row)
                classifier = _classifier(recipe, training, folder)
                score = evaluate_classifier(classifier, unseen, resamples=DRAWS)
                print(json.dumps({"seed": seed, "row": row, "unseen": part, **score.to_json()}), flush=True)


def _parts(every: PatchSet, unseen: str) -> tuple[PatchSet, PatchSet]:
    """Return what is learnt from, and what is measured on."""
    training = np.array([split == "train" for split in every.splits])
    if unseen == VAL:
        return every.select(training), every.select(~training)
    scanner = every.domains == every.domain_names.index(unseen)
    return every.select(training & ~scanner), every.select(scanner)


def _recipe(name: str, row: str, changes: list[str]) -> MitosisRecipe:
    return load_recipe(name, MitosisRecipe, [*changes, *ROWS[row]])


def _classifier(recipe: MitosisRecipe, training: PatchSet, folder: Path) -> MitosisClassifier:
    file = folder / "classifier.safetensors"
    if not file.exists():
        made = train_classifier(recipe, training, folder, emit=let_pass, control=GoOn())
        header = {
            "architecture": made.architecture.model_dump(mode="json"),
            "threshold": made.threshold,
            "calibration": made.calibration,
            "metrics": made.metrics,
            "best_step": made.best_step,
        }
        write_tensors(file, made.state, header)
    state, header = read_tensors(file)
    return MitosisClassifier.from_model(
        architecture=header["architecture"],
        state=state,
        mpp=recipe.mpp,
        model_id=folder.name,
        version=str(recipe.training.seed),
        threshold=header["threshold"],
        calibration=header["calibration"],
    )


def _slug(name: str) -> str:
    return "-".join(name.lower().replace("+", " with ").split())
