"""``cytoshift study``: a folder of slides, findings and corrections."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cytoshift.cli.opening import Mpp, open_calibrated
from cytoshift.cli.output import print_columns, print_json
from cytoshift.cli.progress import bar
from cytoshift.cli.study_agreement import agreement
from cytoshift.errors import DataError, StudyError

if TYPE_CHECKING:
    from cytoshift.engine import Findings
    from cytoshift.study import Study
    from cytoshift.study.formats.annotations import Annotations

app = typer.Typer(help="Studies: slides, findings and corrections in a folder.", no_args_is_help=True)

app.command()(agreement)

StudyPath = Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of the study.")]


@app.command()
def new(study: StudyPath) -> None:
    """Make an empty study."""
    from cytoshift.study import Study

    Study.create(study).close()
    typer.echo(f"Made {study}; add slides with: cytoshift study add {study} SLIDE")


@app.command()
def add(
    study: StudyPath,
    slides: Annotated[list[str], typer.Argument(metavar="SLIDE...", help="Slide files or folders.")],
    mpp: Mpp = None,
) -> None:
    """Add slides, or tell the study where they lie now."""
    opened = [open_calibrated(path, mpp) for path in slides]
    with _writable(study) as store:
        for slide in opened:
            identity = store.add_slide(slide)
            if mpp is not None:
                store.calibrate(identity, (mpp, mpp))
            typer.echo(f"Added {slide.name} as {identity}.")


@app.command("import")
def import_(
    study: StudyPath,
    file: Annotated[Path, typer.Argument(metavar="FILE.geojson", help="Cells of one slide, as QuPath writes them.")],
    slide: Annotated[str, typer.Option(help="The slide they are of.")],
    truth: Annotated[bool, typer.Option("--truth", help="A person drew them: they need no review.")] = False,
    mpp: Mpp = None,
) -> None:
    """Take the cells of a GeoJSON file into a study, as predictions to review or as added cells."""
    from cytoshift.study.formats import geojson

    shapes = geojson.read(file)
    named = [position for position, label in enumerate(shapes.labels.tolist()) if shapes.classes[label]]
    if not named:
        raise DataError(f"{file} has no cell with a class; give the cells classes and export them again.")
    opened = open_calibrated(slide, mpp)
    with _writable(study) as store:
        identity = store.add_slide(opened)
        if truth:
            with bar(f"Adding cells of {file.name}") as line:
                for done, position in enumerate(named, start=1):
                    x0, y0, x1, y1 = shapes.boxes[position].tolist()
                    store.add(identity, (x0, y0, x1, y1), shapes.classes[shapes.labels[position]])
                    line.count(done, len(named))
        else:
            store.add_findings(_findings(shapes, named, identity, file.name))
    typer.echo(f"Imported {len(named)} cells of {opened.name}.")


@app.command()
def export(
    study: StudyPath,
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="One GeoJSON per slide is written there.")],
) -> None:
    """Write the cells of every slide, corrections included, as GeoJSON that QuPath opens."""
    from cytoshift.study import Study
    from cytoshift.study.formats import geojson

    with Study.open(study, read_only=True) as store:
        records = store.slides()
        out.mkdir(parents=True, exist_ok=True)
        names = Counter(record.name for record in records)
        for record in records:
            # Scanners number their files: two slides of a study can have one name.
            name = record.name if names[record.name] == 1 else f"{record.name}-{record.identity[:8]}"
            cells, regions = store.cells(record.identity), store.regions(record.identity)
            typer.echo(f"Wrote {geojson.write(out / f'{name}.geojson', cells, regions=regions)}.")


@app.command()
def status(
    study: StudyPath,
    reader: Annotated[str, typer.Option(help="Count what this blinded reader did; the common reading without.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what is in a study: slides, cells by state, regions marked complete."""
    from cytoshift.study import Study
    from cytoshift.study.agreement import blinded_readers

    with Study.open(study, read_only=True) as store:
        store.read_as(reader)
        readers = blinded_readers(store)
        rows = [_count(store, record.identity, record.name) for record in store.slides()]
    if as_json:
        print_json({"study": str(study), "reader": reader, "blinded_readers": readers, "slides": rows})
    elif not rows:
        typer.echo(f"{study} has no slides yet; add one with: cytoshift study add {study} SLIDE")
    else:
        names = [name for name in rows[0] if name != "identity"]
        print_columns([names, *([row[name] for name in names] for row in rows)])


def _findings(shapes: Annotations, which: list[int], identity: str, name: str) -> Findings:
    import numpy as np

    from cytoshift.engine import Findings, Provenance
    from cytoshift.engine.measures import select_measures

    made_of = Provenance(slide=identity, model=f"import {name}")
    boxes, scores, labels = shapes.boxes[which], shapes.scores[which], shapes.labels[which]
    return Findings(boxes, scores, labels, shapes.classes, made_of, select_measures(shapes.measures, np.array(which)))


def _count(store: Study, identity: str, name: str) -> dict[str, Any]:
    from cytoshift.study.change import State

    cells = store.cells(identity)
    counts = Counter(cells.states.tolist())
    by_state = {state.name.lower(): counts[state] for state in State}
    return {"name": name, "identity": identity, **by_state, "regions": len(store.regions(identity))}


def _writable(folder: Path) -> Study:
    from cytoshift.study import Study

    store = Study.open(folder)
    if store.read_only:
        store.close()
        raise StudyError(store.reason)
    return store
