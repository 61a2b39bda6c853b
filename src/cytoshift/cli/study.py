"""``cytoshift study``: a folder of slides, findings and corrections."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cytoshift.cli.opening import Mpp, open_calibrated
from cytoshift.cli.output import print_columns, print_json
from cytoshift.cli.study_agreement import agreement
from cytoshift.cli.study_exchange import export, import_
from cytoshift.cli.study_report import report
from cytoshift.errors import StudyError

if TYPE_CHECKING:
    from cytoshift.study import Study

app = typer.Typer(help="Studies: slides, findings and corrections in a folder.", no_args_is_help=True)

app.command()(agreement)
app.command("import")(import_)
app.command()(export)
app.command()(report)

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
    """Say what is in a study: slides and where they lie, cells by state, complete regions, tissue seen at 10×."""
    from cytoshift.study import Study
    from cytoshift.study.agreement import blinded_readers
    from cytoshift.study.relocate import lies_at, relocate

    with Study.open(study, read_only=True) as store:
        store.read_as(reader)
        readers, records, moved, notice = blinded_readers(store), store.slides(), relocate(store), store.notice
        rows = [_count(store, record.identity, record.name) for record in records]
    places = {record.identity: moved.get(record.identity) or lies_at(record) for record in records}
    if as_json:
        slides = [
            {**row, "path": None if places[row["identity"]] is None else str(places[row["identity"]])} for row in rows
        ]
        print_json(
            {"study": str(study), "notice": notice, "reader": reader, "blinded_readers": readers, "slides": slides}
        )
        return
    if notice:
        typer.echo(notice)
    if not rows:
        typer.echo(f"{study} has no slides yet; add one with: cytoshift study add {study} SLIDE")
        return
    names = [name for name in rows[0] if name not in ("identity", "seen")]
    print_columns([(*names, "seen at 10×"), *((*(row[name] for name in names), _percent(row["seen"])) for row in rows)])
    for record in records:
        if record.identity in moved:
            typer.echo(
                f"{record.name} has moved to {moved[record.identity]}; store it: cytoshift study relocate {study}"
            )
        elif places[record.identity] is None:
            last = record.paths[0] if record.paths else "no file"
            typer.echo(
                f"{record.name} is missing, last seen as {last}; add it again: cytoshift study add {study} SLIDE"
            )


@app.command()
def relocate(study: StudyPath) -> None:
    """Find slides that have moved, beside the study and where others moved to, and remember where they lie now."""
    from cytoshift.study import relocate as places

    with _writable(study) as store:
        found = places.relocate(store)
        for record in store.slides():
            if record.identity in found:
                typer.echo(f"{record.name} lies at {found[record.identity]}.")
            elif places.lies_at(record) is None:
                typer.echo(f"{record.name} was not found; add it again: cytoshift study add {study} SLIDE")
        if not found:
            typer.echo("No slide was found at another place.")


@app.command()
def history(
    study: StudyPath,
    cell: Annotated[str, typer.Argument(metavar="[CELL]", help="RUN:NUMBER, or the id of an added cell.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say who changed what, and when: of one cell, or of the whole study."""
    from cytoshift.study import Study

    with Study.open(study, read_only=True) as store:
        if cell:
            events = [event for record in store.slides() for event in store.decisions(record.identity, cell)]
        else:
            events = store.events()
    if as_json:
        print_json([asdict(event) for event in events])
    elif not events:
        typer.echo(f"Nobody has corrected {cell or 'anything'} yet.")
    else:
        rows = [
            (event.time[:19], event.author, event.kind, event.payload.get("label", ""), event.target)
            for event in events
        ]
        print_columns([("time", "who", "what", "class", "cell"), *rows])


def _percent(share: float | None) -> str:
    from cytoshift.study.coverage import share_words

    return "-" if share is None else share_words(share)


def _count(store: Study, identity: str, name: str) -> dict[str, Any]:
    from cytoshift.study.change import State
    from cytoshift.study.coverage import coverage_share

    cells = store.cells(identity)
    counts = Counter(cells.states.tolist())
    by_state = {state.name.lower(): counts[state] for state in State}
    return {
        "name": name,
        "identity": identity,
        **by_state,
        "regions": len(store.regions(identity)),
        "seen": coverage_share(store, identity),
    }


def _writable(folder: Path) -> Study:
    from cytoshift.study import Study

    store = Study.open(folder)
    if store.read_only:
        store.close()
        raise StudyError(store.reason)
    return store
