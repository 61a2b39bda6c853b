"""Table 1 of the two-stage paper, its rows of image quality, on real data: translators, and what each is worth.

Pairs: CRIC to a second scanner and back, where the true rendering of every field is known; CRIC to liquid-based
cytology; mitoses of one scanner to another. Translators learn from split ``train`` (of CRIC and its second scanner from
different halves, so that no scene is in both; of the liquid-based fields from two of three), and are measured on fields
that no training saw. Rows: the images as they are, CycleGAN, CUT, optimal transport, UNSB tile by tile, and SC-UNSB,
the same weights with dense normalization; CUT with it, too. All in the size of the ``-small`` recipes, one seed.
Features of FID and KID are those of the starter detector's trunk unless ``--inception`` names Inception's weights.

``python -m experiments translation-table --run FOLDER`` goes on where the folder was left; ``--pairs`` does some pairs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from cytoshift.engine import DerivedSlide, ImageOperator, Needs, View
from cytoshift.models import Registry, build_operator
from cytoshift.training import DomainFields, load_recipe
from cytoshift.training.checkpoint import read_tensors, write_tensors
from cytoshift.training.coco import data_folder
from cytoshift.training.domain_files import DomainFile, list_files
from cytoshift.translation import PlainTiles, TranslationRecipe, Translator
from cytoshift.translation.evaluate import TranslationScore, evaluate
from cytoshift.translation.features import FeatureNetwork, TileDescriber, inception_features, trunk_features
from cytoshift.translation.likeness import CROP, Likeness, TargetLook
from cytoshift.translation.train import train_translator
from experiments._trainings import GoOn, let_pass

RGB = npt.NDArray[np.uint8]

HOME, AWAY, LIQUID, MITOSES = "cervical/cric", "cervical/cric-scanner-b", "cervical/lbc", "mitosis/ami-br"

RECIPES = {"CycleGAN": "cyclegan-small", "CUT": "cut-small", "NOT": "not-small", "UNSB": "sc-unsb-small"}

SHORTER = {"CycleGAN": (500, 250), "CUT": (800, 500), "NOT": (600, 300), "UNSB": (1200, 700)}
"""Steps and rehearsal of the pairs without a known truth."""


@dataclass(frozen=True)
class Pair:
    """Two domains: what is learnt from, and what is measured.

    ``opposite`` is the pair the other way round, whose CycleGAN has learnt both ways.
    """

    source: DomainFields
    target: DomainFields
    source_unseen: DomainFields
    target_unseen: DomainFields
    truth: DomainFields | None = None
    mpp: float = 0.5
    opposite: str = ""


def pairs() -> dict[str, Pair]:
    """Return the pairs by name."""
    home, away = (DomainFields(path=path, split="val") for path in (HOME, AWAY))
    home_a, away_b = DomainFields(path=HOME, split="train", half="a"), DomainFields(path=AWAY, split="train", half="b")
    mitoses = {scanner: {"scanner": scanner} for scanner in ("Aperio CS2", "Hamamatsu XR")}
    here, there = (
        {split: DomainFields(path=MITOSES, split=split, where=where) for split in ("train", "val")}
        for where in mitoses.values()
    )
    return {
        "cric-to-scanner-b": Pair(home_a, away_b, home, away, truth=away),
        "scanner-b-to-cric": Pair(away_b, home_a, away, home, truth=home, opposite="cric-to-scanner-b"),
        "cric-to-liquid": Pair(DomainFields(path=HOME, split="train"), _liquid(seen=True), home, _liquid(seen=False)),
        "cs2-to-xr": Pair(here["train"], there["train"], here["val"], there["val"], mpp=0.25),
    }


def _liquid(*, seen: bool) -> DomainFields:
    """Return the liquid-based fields that are learnt from, or every third, which is not."""
    files = sorted(str(file) for file in (data_folder() / LIQUID).glob("*.jpg"))
    chosen = tuple(file for place, file in enumerate(files) if (place % 3 != 2) == seen)
    return DomainFields(slides=chosen, calibrated=dict.fromkeys(chosen, (0.25, 0.25)))


def main(arguments: list[str]) -> None:
    """Train what is not trained yet, measure, and print one JSON line per pair and row."""
    parser = argparse.ArgumentParser(prog="python -m experiments translation-table", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--pairs", nargs="+", default=list(pairs()), choices=list(pairs()))
    parser.add_argument("--steps", type=int, default=1, help="network evaluations of the bridge (NFE)")
    parser.add_argument("--inception", type=Path, help="file of Inception's weights for FID and KID")
    options = parser.parse_args(arguments)
    describer = describer_of(options.inception)
    for name in options.pairs:
        pair = pairs()[name]
        unseen = Unseen.read(pair, describer)
        untouched = True
        for row, operator in _rows(name, pair, options.run, options.steps):
            score = unseen.through(operator)
            if untouched and score.original is not None:
                _say(name, "Ds", score.original, score, structure=1.0)
                untouched = False
            _say(name, row, score.seen, score, structure=score.structure and score.structure.gradient_correlation)


def describer_of(inception: Path | None) -> FeatureNetwork:
    """Return Inception, of a file of weights, or the starter detector's trunk."""
    if inception is not None:
        return inception_features(inception)
    detector = build_operator(Registry().find("starter", "detector"))
    assert isinstance(detector, TileDescriber)
    return trunk_features(detector)


def _rows(name: str, pair: Pair, run: Path, steps: int) -> Iterator[tuple[str, ImageOperator]]:
    """Yield the rows of a pair, each trained when its turn comes; UNSB's weights serve two."""
    for method in RECIPES:
        recipe, state = trained(name, pair, method, run)
        known: dict[str, Any] = {
            "architecture": recipe.architecture,
            "state": state,
            "mpp": pair.mpp,
            "title": method,
            "model_id": f"{name}-{method}",
            "version": "experiment",
            "steps": steps if method == "UNSB" else 1,
        }
        yield method, PlainTiles.from_model(**known)
        if method == "UNSB":
            yield "SC-UNSB", Translator.from_model(**known)
        if method == "CUT":
            yield "CUT, dense", Translator.from_model(**known)


def trained(name: str, pair: Pair, method: str, run: Path) -> tuple[TranslationRecipe, Mapping[str, Tensor]]:
    """Return a pair's recipe and its generator's weights; CycleGAN's of the opposite pair go back, too."""
    if method == "CycleGAN" and pair.opposite:
        recipe, _ = trained(pair.opposite, pairs()[pair.opposite], method, run)
        return recipe, read_tensors(run / pair.opposite / method / "back.safetensors")[0]
    recipe, folder = _recipe(pair, method), run / name / method
    kept = folder / "generator.safetensors"
    if not kept.exists():
        made = train_translator(recipe, folder, emit=let_pass, control=GoOn())
        if made.back:
            write_tensors(folder / "back.safetensors", made.back, {})
        write_tensors(kept, made.state, {})
    return recipe, read_tensors(kept)[0]


def _recipe(pair: Pair, method: str) -> TranslationRecipe:
    changes = [f"mpp={pair.mpp}"]
    if pair.truth is None:
        steps, rehearsal = SHORTER[method]
        changes += [f"training.steps={steps}", f"rehearsal={rehearsal}"]
    recipe = load_recipe(RECIPES[method], TranslationRecipe, changes)
    return recipe.model_copy(update={"source": pair.source, "target": pair.target})


@dataclass(frozen=True)
class Unseen:
    """Fields of a pair that no training saw, on the raster of its translators.

    Parameters
    ----------
    files : tuple of DomainFile
        Of the source.
    source : list of ndarray of uint8
    look : TargetLook
        Of the target's fields.
    truth : list of ndarray of uint8 or None
    """

    files: tuple[DomainFile, ...]
    source: list[RGB]
    look: TargetLook
    truth: list[RGB] | None

    @classmethod
    def read(cls, pair: Pair, describer: FeatureNetwork) -> Unseen:
        """Read the fields of a pair."""
        files = tuple(list_files(pair.source_unseen).files)
        source = [_pixels(file, pair.mpp) for file in files]
        target = [_pixels(file, pair.mpp) for file in list_files(pair.target_unseen).files]
        truth = None
        if pair.truth is not None:
            true = {file.path.name: file for file in list_files(pair.truth).files}
            truth = [_pixels(true[file.path.name], pair.mpp) for file in files]
        crop = min(CROP, min(min(image.shape[:2]) for image in (*source, *target)))
        return cls(files, source, TargetLook.of(target, describer, mpp=pair.mpp, crop=crop), truth)

    def through(self, operator: ImageOperator) -> TranslationScore:
        """Measure an operator, each field seen through it as a slide of its own."""
        mpp = self.look.mpp
        seen = [_pixels(file, mpp, operator) for file in self.files]
        return evaluate(seen, self.look, source_images=self.source, truth=self.truth, tile=operator.needs.tile, mpp=mpp)


def _pixels(file: DomainFile, mpp: float, operator: ImageOperator | None = None) -> RGB:
    with closing(file.open()) as slide:
        view = View.of(slide if operator is None else DerivedSlide(slide, operator), Needs(mpp=mpp))
        return view.read(0, 0, view.level.height, view.level.width)


def _say(pair: str, row: str, look: Likeness, score: TranslationScore, *, structure: float | None) -> None:
    """Print one row."""
    figures = {
        "FID": look.fid,
        "KID x 100": look.kid100,
        "NIQE": look.niqe,
        "HIST": look.hist,
        "HIST, tissue": look.hist_tissue,
        "structure": structure,
        "seam ratio": look.seam,
        "delta E": look.delta_e,
        "levels": look.levels,
    }
    counts = {"images": score.images, "target images": score.target_images, "crops": score.crops, "crop": score.crop}
    rounded = {key: None if value is None else round(value, 4) for key, value in figures.items()}
    print(json.dumps({"pair": pair, "row": row, **rounded, **counts, "features": score.features}), flush=True)
