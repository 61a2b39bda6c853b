"""Make the restyler that ships: seed 0 of the restyling experiment, all three stages, with its figures on the card.

``python -m experiments starter-restyler --run FOLDER``, the folder of ``restain-table``, whose networks it takes.
"""

from __future__ import annotations

import argparse
import json
import shutil
from importlib.metadata import version
from pathlib import Path

from cytoshift.models import Card, TrainingData, save_model
from cytoshift.models.gauge import coco_slides, measure_domain
from cytoshift.models.registry import STARTERS
from cytoshift.stain.restyling import RestainRecipe
from cytoshift.training import DomainFields, load_recipe
from cytoshift.training.coco import read_coco
from experiments._restain_networks import FULL, train_networks
from experiments.restain_table import Fields, Row, measured
from experiments.starter import LICENCE

SEED = 0


def main(arguments: list[str]) -> None:
    """Take the networks, measure them on ``val`` and write the starter model."""
    parser = argparse.ArgumentParser(prog="python -m experiments starter-restyler", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of restain-table")
    options = parser.parse_args(arguments)
    recipe = load_recipe(
        "restain-small", RestainRecipe, [f"training.seed={SEED}", f"task_network.training.seed={SEED}"]
    )
    networks = train_networks(recipe, options.run / f"seed-{SEED}")
    row = measured(recipe, networks, Fields.read(recipe, "val", None), FULL)
    print(json.dumps(row), flush=True)
    folder = STARTERS / "stain"
    shutil.rmtree(folder, ignore_errors=True)
    save_model(folder, _card(recipe, row), dict(networks.states[FULL]))
    shutil.copyfile(STARTERS / "detector" / "licence.txt", folder / "licence.txt")


def _card(recipe: RestainRecipe, row: Row) -> Card:
    source = read_coco(recipe.source.path, recipe.source.split, recipe.source.half)
    metrics = {name: float(value) for name, value in row.items() if name != "row"}
    return Card(
        id=recipe.id,
        title=recipe.title,
        task="stain",
        mpp=recipe.mpp,
        architecture=recipe.architecture.model_dump(mode="json"),
        metrics=metrics,
        validation="28 fields of CRIC as a second scanner shows them, split val, never seen in training; accuracy of "
        "the task network, normal against abnormal cells",
        trained_on=[_learnt(recipe.source), _learnt(recipe.target)],
        domain=measure_domain(coco_slides(source, recipe.source.mpp), name="CRIC Cervix"),
        recipe=recipe.model_dump(mode="json"),
        seed=SEED,
        code_version=version("napari-cytoshift"),
        licence=LICENCE,
        intended_use="Research only, to look at Pap smears in the colours of CRIC Cervix. Not for diagnosis.",
    )


def _learnt(fields: DomainFields) -> TrainingData:
    data = read_coco(fields.path, fields.split, fields.half)
    return TrainingData(
        name=data.name,
        source=data.source,
        licence="CC BY 4.0",
        split=f"{fields.split} half {fields.half}",
        images=len(data.fields),
        cells=sum(len(field.boxes) for field in data.fields),
    )
