"""``cytoshift study``: a folder of slides, findings and corrections."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cytoshift.cli.opening import Mpp, open_calibrated
from cytoshift.cli.output import print_columns, print_json
from cytoshift.cli.study_agreement import agreement
from cytoshift.cli.study_exchange import export, import_
from cytoshift.errors import StudyError

if TYPE_CHECKING:
    from cytoshift.study import Study

app = typer.Typer(help="Studies: slides, findings and corrections in a folder.", no_args_is_help=True)

app.command()(agreement)
app.command("import")(import_)
app.command()(export)

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
