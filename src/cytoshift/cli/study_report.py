"""``cytoshift study report``: what a study knows of its slides, one page for each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.cli.progress import bar
from cytoshift.cli.study_exchange import StudyPath, names_of, record_of
from cytoshift.errors import ReportError, StudyError

if TYPE_CHECKING:
    from cytoshift.study import SlideRecord, Study

HTML, PDF = ".html", ".pdf"


def report(
    study: StudyPath,
    out: Annotated[Path, typer.Option(metavar="FOLDER_OR_FILE", help="A file for one slide, or a folder for all.")],
    slide: Annotated[str, typer.Option(help="One slide: its file, name or identity; all of them without.")] = "",
    pdf: Annotated[bool, typer.Option("--pdf", help="PDF in place of HTML; so is a file that ends in .pdf.")] = False,
    reader: Annotated[str, typer.Option(help="What this blinded reader did; the common reading without.")] = "",
    cells: Annotated[int | None, typer.Option(min=0, max=1000, help="Cells in the gallery; one page without.")] = None,
) -> None:
    """Write one page about each slide: cells by class, where they come from, what was decided, the most severe ones."""
    from cytoshift.models import Registry
    from cytoshift.report import Wanted, report_of, slide_page, write_page
    from cytoshift.study import Study

    with Study.open(study, read_only=True) as store:
        _read_as(store, reader)
        records = [record_of(store, slide)] if slide else store.slides()
        if not records:
            raise StudyError(f"{study} has no slides yet; add one first (cytoshift study add {study} SLIDE).")
        wanted, registry = Wanted(crops=cells), Registry()
        for record, path in zip(records, _paths(out, records, pdf=pdf), strict=True):
            with bar(f"Writing {path.name}"):
                told = report_of(store, record.identity, registry, wanted=wanted)
                write_page(path, slide_page(told))
            typer.echo(f"Wrote {path}." + (f" {told.missing}" if told.missing else ""))


def _read_as(store: Study, reader: str) -> None:
    from cytoshift.study.agreement import blinded_readers

    known = blinded_readers(store)
    if reader and reader not in known:
        said = f"its second readers are {', '.join(known)}" if known else "it has no second reader"
        raise StudyError(f"Nobody read the study {store.folder} as {reader}; {said}.")
    store.read_as(reader)


def _paths(out: Path, records: list[SlideRecord], *, pdf: bool) -> list[Path]:
    """Return where each slide's page goes: into the file that is named, or into a folder under the slides' names."""
    suffix = out.suffix.lower()
    if suffix in (HTML, PDF) and not out.is_dir():
        if pdf and suffix == HTML:
            raise ReportError(f"{out} would be HTML and --pdf asks for PDF; name a file that ends in .pdf.")
        if len(records) != 1:
            raise StudyError(f"{out} is one file, and the study has {len(records)} slides; name one (--slide).")
        return [out]
    out.mkdir(parents=True, exist_ok=True)
    return [out / name for name in names_of(records, PDF if pdf else HTML)]
