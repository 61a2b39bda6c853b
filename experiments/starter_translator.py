"""Make the translator that ships, with its figures on the card and a contact sheet of what it does, failures included.

``python -m experiments starter-translator --run FOLDER``, the folder of ``translation-table``, whose bridge from the
second scanner to CRIC it takes. The sheet shows crops of unseen fields from the best to the worst by their error: as
the scanner shows them, translated, and as they truly are.
"""

from __future__ import annotations

import argparse
import json
import shutil
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from cytoshift.engine import DerivedSlide, View
from cytoshift.metrics import colour_error
from cytoshift.models import Card, TrainingData, save_model
from cytoshift.models.gauge import coco_slides, measure_domain
from cytoshift.models.registry import STARTERS
from cytoshift.slides import Slide
from cytoshift.training import DomainFields
from cytoshift.training.coco import read_coco
from cytoshift.training.domain_files import list_files
from cytoshift.translation import TranslationRecipe, Translator
from cytoshift.translation.evaluate import TranslationScore
from experiments.starter import LICENCE
from experiments.translation_table import Unseen, describer_of, pairs, trained

RGB = npt.NDArray[np.uint8]

PAIR, METHOD = "scanner-b-to-cric", "UNSB"

SIDE, COLUMNS = 224, 8


def main(arguments: list[str]) -> None:
    """Take the weights, measure them on ``val``, write the starter model and the sheet."""
    parser = argparse.ArgumentParser(prog="python -m experiments starter-translator", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of translation-table")
    parser.add_argument("--sheet", type=Path, default=Path("docs/images/translate-sheet.png"))
    options = parser.parse_args(arguments)
    pair = pairs()[PAIR]
    recipe, state = trained(PAIR, pair, METHOD, options.run)
    operator = Translator.from_model(
        architecture=recipe.architecture,
        state=state,
        mpp=recipe.mpp,
        title=recipe.title,
        model_id=recipe.id,
        version="starter",
    )
    score = Unseen.read(pair, describer_of(None)).through(operator)
    print(json.dumps(score.to_json()), flush=True)
    _sheet(operator, pair.source_unseen, pair.target_unseen).save(options.sheet, optimize=True)
    folder = STARTERS / "translation"
    shutil.rmtree(folder, ignore_errors=True)
    save_model(folder, _card(recipe, score), dict(state))
    shutil.copyfile(STARTERS / "detector" / "licence.txt", folder / "licence.txt")


def _card(recipe: TranslationRecipe, score: TranslationScore) -> Card:
    home = read_coco(recipe.target.path, recipe.target.split, recipe.target.half)
    assert score.structure is not None
    seen, was = score.seen, score.original
    assert was is not None
    figures = {
        "FID": seen.fid,
        "FID before": was.fid,
        "KID x 100": seen.kid100,
        "KID x 100 before": was.kid100,
        "delta E": seen.delta_e,
        "delta E before": was.delta_e,
        "structure": score.structure.gradient_correlation,
        "seam ratio": seen.seam,
    }
    return Card(
        id=recipe.id,
        title=recipe.title,
        task="translation",
        mpp=recipe.mpp,
        architecture=recipe.architecture.model_dump(mode="json"),
        metrics={name: round(value, 4) for name, value in figures.items() if value is not None},
        validation=f"{score.images} fields of CRIC as a second scanner shows them, split val, never seen in training, "
        f"against the same fields' true rendering; FID and KID of {score.crops} crops, {score.features}",
        trained_on=[_learnt(recipe.source), _learnt(recipe.target)],
        domain=measure_domain(coco_slides(home, recipe.target.mpp), name="CRIC Cervix"),
        recipe=recipe.model_dump(mode="json"),
        seed=recipe.training.seed,
        code_version=version("napari-cytoshift"),
        licence=LICENCE,
        intended_use="Research only, to look at Pap smears as CRIC Cervix shows them. Not for diagnosis.",
    )


def _learnt(fields: DomainFields) -> TrainingData:
    data = read_coco(fields.path, fields.split, fields.half)
    return TrainingData(
        name=data.name,
        source=data.source,
        licence="CC BY 4.0",
        split=f"{fields.split} half {fields.half}",
        images=len(data.fields),
    )


def _sheet(operator: Translator, source: DomainFields, target: DomainFields) -> Image.Image:
    """Return crops from the best to the worst: input, output and truth, one below the other."""
    truth = {file.path.name: file for file in list_files(target).files}
    found: list[tuple[float, list[RGB]]] = []
    for file in list_files(source).files:
        with closing(file.open()) as slide, closing(truth[file.path.name].open()) as true:
            rows = [_middle(slide, operator), _middle(DerivedSlide(slide, operator), operator), _middle(true, operator)]
        found.append((colour_error(rows[1], rows[2]).delta_e, rows))
    found.sort(key=lambda one: one[0])
    chosen = [found[round(place)][1] for place in np.linspace(0, len(found) - 1, COLUMNS)]
    sheet = np.full((3 * (SIDE + 4) - 4, COLUMNS * (SIDE + 4) - 4, 3), 255, np.uint8)
    for column, rows in enumerate(chosen):
        for row, crop in enumerate(rows):
            y, x = row * (SIDE + 4), column * (SIDE + 4)
            sheet[y : y + SIDE, x : x + SIDE] = crop
    return Image.fromarray(sheet)


def _middle(slide: Slide, operator: Translator) -> RGB:
    """Read the middle of a field on the operator's raster."""
    view = View.of(slide, operator.needs)
    return view.read((view.level.height - SIDE) // 2, (view.level.width - SIDE) // 2, SIDE, SIDE)
