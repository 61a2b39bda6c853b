"""``cytoshift classify``: say of mitoses whose places are known which are atypical."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.cli.detect import check_folder
from cytoshift.cli.opening import Mpp, SlidePath, open_calibrated
from cytoshift.cli.output import print_columns
from cytoshift.cli.progress import bar
from cytoshift.errors import CytoshiftError, DataError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cytoshift.study.formats.annotations import Annotations


def classify(
    slide: SlidePath,
    findings: Annotated[Path, typer.Option(metavar="FILE.geojson", help="Mitoses that were found or drawn.")],
    out: Annotated[Path, typer.Option(metavar="FILE.geojson", help="Where they are written with their classes.")],
    model: Annotated[str, typer.Option(help="A model's id, its folder, or starter.")] = "starter",
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Probability from which a mitosis is atypical; the model's own without."),
    ] = None,
    mpp: Mpp = None,
) -> None:
    """Say which mitoses of a GeoJSON file are atypical, each from its surroundings on the slide.

    Mitoses, and cells without a class, become normal or atypical; cells of other classes keep them. All get the
    probabilities as measurements, and keep their ids and what else the file says of them.
    """
    from cytoshift.mitosis import classify_places
    from cytoshift.models import Registry, build_classifier
    from cytoshift.study.formats import geojson

    check_folder(out)
    classifier = build_classifier(Registry().find(model, "mitosis"), threshold=threshold)
    read = geojson.read(findings)
    if not len(read):
        raise DataError(f"{findings} has no cells to classify; export the mitoses as detections.")
    opened = open_calibrated(slide, mpp)
    if opened.mpp is None:
        raise CytoshiftError(f"{opened.name} does not say its µm/px, which the model needs; give it with --mpp.")
    with bar(f"Classifying on {opened.name}") as line:
        said = classify_places(opened, read.boxes, classifier, report=line.count)
    from cytoshift.mitosis.crops import ATYPICAL

    written = named(read, said[ATYPICAL] >= classifier.threshold, said)
    geojson.write(out, written)
    counts = Counter(written.classes[label] for label in written.labels.tolist())
    typer.echo(f"Wrote {len(written)} cells to {out}.")
    print_columns([(name, counts[name]) for name in written.classes if counts[name]])


def named(
    cells: Annotations, atypical: npt.NDArray[np.bool_], measures: dict[str, npt.NDArray[np.float32]]
) -> Annotations:
    """Return cells with what was measured; mitoses, and cells without a class, as normal or atypical mitoses."""
    from dataclasses import replace

    import numpy as np

    from cytoshift.mitosis.classes import ATYPICAL, MITOSIS, NORMAL
    from cytoshift.study.palette import color_of

    names = np.array([cells.classes[label] for label in cells.labels.tolist()], object)
    of_mitosis = np.isin(names, ("", MITOSIS, NORMAL, ATYPICAL))
    names[of_mitosis] = np.where(atypical[of_mitosis], ATYPICAL, NORMAL)
    classes = tuple(dict.fromkeys((NORMAL, ATYPICAL, *names.tolist())))
    known = dict(zip(cells.classes, cells.colors, strict=True))
    return replace(
        cells,
        labels=np.array([classes.index(name) for name in names], np.int16),
        classes=classes,
        colors=tuple(known.get(name) or color_of(name) for name in classes),
        measures={**cells.measures, **measures},
    )
