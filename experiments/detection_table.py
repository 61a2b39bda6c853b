"""The detection tables of the two-stage paper on real data: what translation and distillation are worth to a detector.

Source: half a of split ``train`` of ``cervical/cric``, with labels. Target: the second scanner, ``cervical/cric-
scanner-b``; translators have learnt its look from half b of ``train``, and no student sees a label of it. Figures:
split ``val`` of the target, on which nothing is trained or chosen; the best step and the threshold of each detector
come from held-back source fields in the student's look. Rows: the teacher (source only), the same trained as long as a
student, stain jitter, Reinhard towards a target field, and each translator of the translation experiment, without and
with LFA + CFA; on SC-UNSB's pictures KD, DKD and SPD (similarity-preserving) as well; last, a detector taught on the
target's half b with its labels. With identical pictures for teacher and student there is nothing to distil, so "source
only" with LFA + CFA is the row of stain jitter with them. All students start from their seed's teacher.

``python -m experiments detection-table --run FOLDER --translators FOLDER``, the second being the run folder of
``translation-table``, goes on where the folder was left; ``--rows`` does some rows.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cytoshift.training.coco import read_coco
from experiments._carried_detectors import LOSSES, THERE, WITH, Detectors, rows
from experiments._unseen_fields import ENDS, UnseenFields


def main(arguments: list[str]) -> None:
    """Train what is not trained yet, measure, and print a JSON line per row, fields and seed; then differences."""
    parser = argparse.ArgumentParser(prog="python -m experiments detection-table", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints and findings")
    parser.add_argument("--translators", type=Path, required=True, help="run folder of translation-table")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=300, help="of a student")
    parser.add_argument("--rows", nargs="+", default=rows(), choices=rows(), metavar="ROW")
    options = parser.parse_args(arguments)
    places = {"target": THERE.away, "source": THERE.home}
    fields = [UnseenFields(name, read_coco(path, "val")) for name, path in places.items()]
    for seed in options.seeds:
        detectors = Detectors(options.run / f"seed-{seed}", options.translators, seed, options.steps)
        drawn: dict[str, dict[str, npt.NDArray[np.float64]]] = {}
        for row in options.rows:
            for unseen in fields:
                figures, of_draws = unseen.figures(detectors.found(row, unseen))
                _say(seed, row, unseen, figures)
                if unseen is fields[0]:
                    drawn[row] = of_draws
        for row, other in _contrasts(drawn):
            gains = {name: drawn[row][name] - drawn[other][name] for name in drawn[row]}
            ends = {name: np.nanquantile(gain, ENDS).round(4).tolist() for name, gain in gains.items()}
            _say(seed, f"{row} over {other}", fields[0], ends)


def _contrasts(there: Collection[str]) -> list[tuple[str, str]]:
    """Return the pairs of rows that the paper compares: with and without distillation, and ours with the others."""
    plain = [(row, row.removesuffix(WITH)) for row in there if row.endswith(WITH)]
    others = [("SC-UNSB" + WITH, f"SC-UNSB{loss}") for loss in LOSSES if loss != WITH]
    return [pair for pair in (*plain, ("SC-UNSB", "UNSB"), *others) if set(pair) <= set(there)]


def _say(seed: int, row: str, unseen: UnseenFields, figures: Mapping[str, object]) -> None:
    print(json.dumps({"seed": seed, "row": row, "fields": unseen.name, **figures}), flush=True)
