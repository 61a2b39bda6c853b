"""Measure the references that are built in: a Papanicolaou smear, and a section in haematoxylin and eosin.

``python -m experiments references`` writes both anew.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path

import cytoshift
from cytoshift.slides import open_slide
from cytoshift.stain.classical.linear import carry
from cytoshift.stain.classical.macenko import find_stains
from cytoshift.stain.classical.separation import Stains
from cytoshift.stain.colours import Colours, slide_colours
from cytoshift.stain.reference import Reference

FOLDER = Path(cytoshift.__file__).parent / "stain" / "references"

PUBLISHED = Stains(vectors=((0.5626, 0.7201, 0.4062), (0.2159, 0.8012, 0.5581)), strongest=(1.9705, 1.0308))
"""``HERef`` and ``maxCRef`` of the reference code of Macenko et al., ISBI 2009, as published in its many ports."""


def main(arguments: list[str]) -> None:
    """Measure CRIC's training fields, and a section as Macenko's reference stains it."""
    argparse.ArgumentParser(prog="python -m experiments references", description=__doc__).parse_args(arguments)
    data = Path(os.environ.get("CYTOSHIFT_DATA", "../shared/data"))
    print("wrote", papanicolaou(data / "cervical" / "cric").save(FOLDER / "papanicolaou.json"))
    section = data / "slides" / "cmu-1-small-region.svs"
    print("wrote", haematoxylin_eosin(section).save(FOLDER / "haematoxylin-eosin.json"))


def papanicolaou(folder: Path) -> Reference:
    """Measure the training fields of CRIC, each by itself, and take their mean."""
    images = json.loads((folder / "annotations.json").read_text())["images"]
    names = [image["file_name"] for image in images if image["split"] == "train"]
    return Reference.between("Papanicolaou smear", [Reference.measure(open_slide(folder / name)) for name in names])


def haematoxylin_eosin(path: Path) -> Reference:
    """Measure a section seen in the published stains, which then stand for the methods that find their own."""
    colours = slide_colours(open_slide(path))
    fit = carry(colours, find_stains(colours), PUBLISHED)
    seen = Colours("Haematoxylin and eosin", fit.apply(colours.pixels), (255.0, 255.0, 255.0))
    return replace(Reference.of(seen), macenko=PUBLISHED, vahadane=PUBLISHED)
