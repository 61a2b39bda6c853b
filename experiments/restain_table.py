"""Tables I and II of the stain-normalization paper on CRIC: how much accuracy restyling brings back.

The task is normal against abnormal cells. Source: half a of split ``train`` of ``cervical/cric``, with labels. Target:
half b of split ``train`` of ``cervical/cric-scanner-b``, whose labels no training sees. Figures: split ``val`` of the
second scanner, which nothing is trained on; the same fields in their true colours give the colour error. Accuracy is
balanced, the mean over both kinds, since the paper's test set holds as many of each.
``python -m experiments restain-table --run FOLDER`` goes on where the folder was left.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn

from cytoshift import stain
from cytoshift.engine import DerivedSlide, ImageOperator
from cytoshift.metrics import bhattacharyya, colour_error, rgb_histograms, structure_kept
from cytoshift.slides import open_slide
from cytoshift.stain.restyling import RestainRecipe
from cytoshift.stain.restyling.patches import DomainImages, cut, domain_images
from cytoshift.stain.restyling.task_network import balanced_accuracy, judge
from cytoshift.training import load_recipe
from cytoshift.training.coco import CocoSet, read_coco
from experiments._restain_networks import Networks, train_networks

RGB = npt.NDArray[np.uint8]
Row = dict[str, float | str | int]

HOME, AWAY = "cervical/cric", "cervical/cric-scanner-b"


@dataclass(frozen=True)
class Fields:
    """The fields that figures come from: in their true colours, and as the second scanner shows them."""

    home: DomainImages
    away: DomainImages
    source: CocoSet

    @classmethod
    def read(cls, recipe: RestainRecipe, split: str, half: str | None) -> Fields:
        home, away = (read_coco(path, split, half) for path in (HOME, AWAY))
        mpp, nominal = recipe.mpp, recipe.source.mpp
        source = read_coco(recipe.source.path, recipe.source.split, recipe.source.half)
        return cls(domain_images(home, mpp, nominal), domain_images(away, mpp, nominal), source)


def main(arguments: list[str]) -> None:
    """Train what is not trained yet, measure, and print one JSON line per row and seed, then the means."""
    parser = argparse.ArgumentParser(prog="python -m experiments restain-table", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints and figures")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--split", default="val", help="where figures come from; 'train' with --half b to choose by")
    parser.add_argument("--half")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override of the recipe")
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    fields = None
    for seed in options.seeds:
        seeded = [f"training.seed={seed}", f"task_network.training.seed={seed}"]
        recipe = load_recipe("restain-small", RestainRecipe, [*options.set, *seeded])
        networks = train_networks(recipe, options.run / f"seed-{seed}")
        fields = fields or Fields.read(recipe, options.split, options.half)
        for row in _rows(recipe, networks, fields):
            rows.append({**row, "seed": seed})
            print(json.dumps(rows[-1]), flush=True)
    for line in _summary(rows):
        print(json.dumps(line), flush=True)


def _rows(recipe: RestainRecipe, networks: Networks, fields: Fields) -> list[Row]:
    """Measure one seed's networks: the paper's rows, and the classical methods beside them."""
    judges, truth = networks.judges, fields.home.images
    rows = [
        _row("Color, in domain", recipe, judges["color"], fields.home, truth),
        _row("Color", recipe, judges["color"], fields.away, fields.away.images),
        _row("Gray", recipe, judges["gray"], fields.away, fields.away.images),
        _row("PCA augmentation", recipe, judges["pca"], fields.away, fields.away.images),
        _row("HSV augmentation", recipe, judges["hsv"], fields.away, fields.away.images),
    ]
    rows[1] |= _colours(fields.away.images, fields)
    for name, operator in _classical(recipe, fields).items():
        seen = _seen(recipe, fields.away.images, operator)
        rows.append({**_row(name, recipe, judges["color"], fields.away, seen), **_colours(seen, fields)})
    return rows + [measured(recipe, networks, fields, name) for name in networks.restylers]


def measured(recipe: RestainRecipe, networks: Networks, fields: Fields, name: str) -> Row:
    """Measure one restyler: on the second scanner's fields, and on the source domain's own (Table II)."""
    operator, judge_ = networks.restylers[name], networks.judges["color"]
    seen = _seen(recipe, fields.away.images, operator)
    own = _seen(recipe, fields.home.images, operator)
    return {
        **_row(name, recipe, judge_, fields.away, seen),
        **_colours(seen, fields),
        "bhattacharyya source": round(_mean(_histogram_distance, own, fields.home.images), 4),
        "accuracy source": round(_accuracy(recipe, judge_, fields.home, own), 4),
    }


def _classical(recipe: RestainRecipe, fields: Fields) -> dict[str, ImageOperator]:
    """Return the classical methods, their reference measured on the source domain."""
    reference = stain.Reference.between(
        "source", [stain.Reference.measure(open_slide(field.path)) for field in fields.source.fields]
    )
    return {
        "White point": stain.method("white"),
        "Reinhard": stain.method("reinhard", reference),
        "Histogram matching": stain.method("histogram", reference),
    }


def _seen(recipe: RestainRecipe, images: Sequence[RGB], operator: ImageOperator) -> list[RGB]:
    """Return fields seen through an operator, each fitted as a slide of its own, by the engine."""
    seen = []
    with tempfile.TemporaryDirectory() as folder:
        for number, image in enumerate(images):
            path = Path(folder, f"{number}.png")
            Image.fromarray(image).save(path, compress_level=1)
            with closing(open_slide(path)) as slide:
                calibrated = slide.calibrated((recipe.mpp, recipe.mpp))
                seen.append(DerivedSlide(calibrated, operator).read(0, 0, 0, *image.shape[:2]))
    return seen


def _row(name: str, recipe: RestainRecipe, network: nn.Module, cells: DomainImages, images: Sequence[RGB]) -> Row:
    return {"row": name, "accuracy": round(_accuracy(recipe, network, cells, images), 4)}


def _accuracy(recipe: RestainRecipe, network: nn.Module, cells: DomainImages, images: Sequence[RGB]) -> float:
    views = np.stack([cut(images[f], y, x, recipe.task_network.patch) for f, y, x in cells.cells.tolist()])
    with torch.inference_mode():
        logits = judge(network, views)
    return balanced_accuracy(logits, cells.abnormal(recipe.task_network.normal))


def _colours(seen: Sequence[RGB], fields: Fields) -> Row:
    """Compare fields of the second scanner with their true colours, and with what the scanner showed."""
    truth = fields.home.images
    errors = [colour_error(one, other) for one, other in zip(seen, truth, strict=True)]
    kept = [structure_kept(before, after) for before, after in zip(fields.away.images, seen, strict=True)]
    return {
        "delta E": round(statistics.fmean(error.delta_e for error in errors), 2),
        "levels": round(statistics.fmean(error.levels for error in errors), 2),
        "bhattacharyya": round(_mean(_histogram_distance, seen, truth), 4),
        "gradient correlation": round(statistics.fmean(one.gradient_correlation for one in kept), 4),
    }


def _histogram_distance(one: RGB, other: RGB) -> float:
    return bhattacharyya(rgb_histograms(one), rgb_histograms(other))


def _mean(measure: Callable[[RGB, RGB], float], seen: Sequence[RGB], truth: Sequence[RGB]) -> float:
    return statistics.fmean(measure(one, other) for one, other in zip(seen, truth, strict=True))


def _summary(rows: list[Row]) -> list[Row]:
    """Return mean and standard deviation of every number over the seeds, row by row."""
    lines: list[Row] = []
    for name in dict.fromkeys(row["row"] for row in rows):
        same = [row for row in rows if row["row"] == name]
        line: Row = {"row": name, "seeds": len(same)}
        for key in same[0]:
            values = [float(row[key]) for row in same] if key not in ("row", "seed") else []
            if values:
                line[key] = round(statistics.fmean(values), 4)
                line[f"{key} ±"] = round(statistics.stdev(values), 4) if len(values) > 1 else 0.0
        lines.append(line)
    return lines
