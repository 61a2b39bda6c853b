"""``cytoshift study import`` and ``cytoshift study export``: cells from other programs, and for them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.cli.opening import Mpp, open_calibrated
from cytoshift.cli.progress import bar
from cytoshift.errors import StudyError

if TYPE_CHECKING:
    from cytoshift.slides import Slide
    from cytoshift.study import SlideRecord, Study
    from cytoshift.study.formats.picture import Picture
    from cytoshift.study.formats.registry import Format

StudyPath = Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of the study.")]
FORMATS = "geojson, midog, coco, voc, crops, csv or slide-runner"


def import_(
    study: StudyPath,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="GeoJSON, COCO, MIDOG++, VOC, CSV, SQLite or crops.")],
    slide: Annotated[str, typer.Option(help="The slide they are of.")],
    preview: Annotated[bool, typer.Option("--preview", help="Say what would be added, and add nothing.")] = False,
    truth: Annotated[bool, typer.Option("--truth", help="A person drew them: they need no review.")] = False,
    name: Annotated[str, typer.Option("--format", help=f"{FORMATS}; by the file itself without.")] = "",
    image: Annotated[str, typer.Option(help="What the file calls the slide, where it is not the slide's name.")] = "",
    mpp: Mpp = None,
) -> None:
    """Add the cells and regions of a file to a study, and correct those it has, as one step that can be undone."""
    from cytoshift.study import Study, exchange
    from cytoshift.study.formats import registry
    from cytoshift.study.formats.picture import Picture

    opened = open_calibrated(slide, mpp)
    read = registry.read(file, Picture.of(opened), image=image, name=name)
    with Study.open(study, read_only=preview) as store:
        if store.reason:
            raise StudyError(store.reason)
        seen = exchange.preview(store, opened.info.identity, Picture.of(opened), read, file.name, truth=truth)
        if not preview:
            store.add_slide(opened)
            exchange.add(store, seen)
    typer.echo(seen.sentences(done=not preview))


def export(
    study: StudyPath,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A file for one slide, or a folder for all of them.")],
    slide: Annotated[str, typer.Option(help="One slide: its file, name or identity; all of them without.")] = "",
    name: Annotated[str, typer.Option("--format", help=f"{FORMATS}; by how OUT ends, else geojson, without.")] = "",
) -> None:
    """Write the cells of slides, corrections included, for another program."""
    from cytoshift.study import Study, exchange
    from cytoshift.study.formats import registry

    with Study.open(study, read_only=True) as store:
        records = [record_of(store, slide)] if slide else store.slides()
        chosen = _format(out, name)
        paths = _paths(out, chosen, records, one=bool(slide))
        for record, path in zip(records, paths, strict=True):
            cells = exchange.outgoing(store, record.identity)
            path.parent.mkdir(parents=True, exist_ok=True)
            with bar(f"Writing {path.name}") as line:
                registry.write(path, cells, _subject(store, record, chosen), name=chosen.name, report=line.report)
            lost = f" There is no room in it for {chosen.loses}." if chosen.loses else ""
            typer.echo(f"Wrote {path}.{lost}")


def _format(out: Path, name: str) -> Format:
    from cytoshift.study.formats import registry

    if name:
        return registry.named(name)
    is_file = any(out.name.lower().endswith(one.suffixes) for one in registry.FORMATS if one.suffixes)
    return registry.suffix_format(out) if is_file and not out.is_dir() else registry.named("geojson")


def _paths(out: Path, chosen: Format, records: list[SlideRecord], *, one: bool) -> list[Path]:
    """Return where each slide's cells go: into the file that is named, or into a folder under the slides' names."""
    if one and chosen.name == "crops":
        return [out]
    if chosen.suffixes and out.name.lower().endswith(chosen.suffixes) and not out.is_dir():
        if len(records) != 1:
            raise StudyError(f"{out} is one file, and the study has {len(records)} slides; name one (--slide).")
        return [out]
    return [out / name for name in names_of(records, chosen.suffix or "-crops")]


def names_of(records: list[SlideRecord], suffix: str) -> list[str]:
    """Return how a file about each slide is called; scanners number theirs, so that two slides may have one name."""
    names = Counter(record.name for record in records)
    return [
        f"{record.name}{'' if names[record.name] == 1 else f'-{record.identity[:8]}'}{suffix}" for record in records
    ]


def record_of(store: Study, slide: str) -> SlideRecord:
    """Return the slide of a study that a person means by a file, a name, or how its identity begins; StudyError."""
    records = store.slides()
    path = str(Path(slide).absolute())
    for fits in (
        [record for record in records if path in record.paths],
        [record for record in records if slide in (record.name, record.identity)],
        [record for record in records if len(slide) >= 8 and record.identity.startswith(slide)],
    ):
        if len(fits) == 1:
            return fits[0]
    if Path(slide).exists():
        identity = open_calibrated(slide, None).info.identity
        return store.slide(identity)
    raise StudyError(f"The study {store.folder} has no slide {slide}, or several; its slides are listed by status.")


def _subject(store: Study, record: SlideRecord, chosen: Format) -> Slide | Picture:
    """Return the slide, where its size or pixels are needed; else its name."""
    from cytoshift.study import relocate as places
    from cytoshift.study.formats.picture import Picture

    if not chosen.sized:
        return Picture(record.name)
    path = places.lies_at(record) or places.relocate(store).get(record.identity)
    if path is not None:
        return open_calibrated(str(path), None)
    raise StudyError(
        f"{chosen.title} needs {record.name}, which is not where it was; tell the study where it lies now "
        "(cytoshift study add STUDY SLIDE)."
    )
