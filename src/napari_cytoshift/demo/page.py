"""The page that the demo leaves: what a slide is, how it looks in other colours, what was found on it, and how."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from cytoshift.report import pictures
from cytoshift.report.areas import whole
from cytoshift.report.blocks import (
    Beside,
    Block,
    Crop,
    Facts,
    Figure,
    Figures,
    Gallery,
    Page,
    Row,
    Section,
    Steps,
    Table,
    Words,
)
from cytoshift.report.page import said_size
from cytoshift.study.palette import color_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from napari_cytoshift.demo.contents import Contents

GALLERY = 10
"""Cells shown of each class."""

SCREENSHOT = 1280

CELL = 96
"""Side in pixels of the picture of one cell."""

CELL_UM, CELL_PIXELS = 32.0, 128.0
"""Width of what it shows, so that cells can be compared by eye: in µm and, where µm/px are unknown, level-0 pixels."""


def demo_page(contents: Contents) -> Page:
    """Return the page about a slide, a way to see it and a search."""
    sections = (
        _facts(contents),
        _colours(contents),
        _cells(contents),
        _gallery(contents),
        _model(contents),
        *_window(contents),
        *_done(contents),
    )
    warning = "Research only. Not for diagnosis. Nothing here replaces a look through the microscope."
    return Page(
        heading=contents.slide.name,
        title=f"{contents.slide.name}: what was seen and found",
        blocks=(Words(warning, "warning"), *sections),
        footer=f"Made by napari-cytoshift {version('napari-cytoshift')}, {contents.findings.provenance.made}.",
    )


def _facts(contents: Contents) -> Section:
    slide, info = contents.slide, contents.slide.info
    unknown = "unknown; set them in the Slide dock, or with --mpp in a terminal"
    rows = [
        ("Size", f"{said_size(slide)}, {len(slide.levels)} levels"),
        ("µm/px", unknown if slide.mpp is None else f"{slide.mpp:.4g}"),
        ("Objective", "unknown" if info.objective is None else f"{info.objective:g}×"),
    ]
    rows += [("Scanner", info.scanner or info.vendor)] if info.vendor else []
    area = contents.tissue.area_mm2(slide.frame)
    share = f"{contents.tissue.fraction:.0%} of the slide"
    rows.append(("Tissue", share if area is None else f"{share}, {area:.2f} mm²"))
    rows.append(("Read by", info.reader))
    rows.append(("Fingerprint", info.identity[:16]))
    shown = Figures((Figure(pictures.overview(slide, pictures.DETAIL), "The whole slide"),))
    return Section("The slide", (Beside((shown,), (Facts(tuple(rows)),)),))


def _colours(contents: Contents) -> Section:
    part = contents.telling_part()
    pairs = (
        Figure(pictures.overview(contents.slide, pictures.DETAIL), "As scanned"),
        Figure(pictures.overview(contents.seen, pictures.DETAIL), contents.method),
        Figure(pictures.part(contents.slide, part, pictures.DETAIL), "As scanned, nearer"),
        Figure(pictures.part(contents.seen, part, pictures.DETAIL), f"{contents.method}, the same place"),
    )
    doubt = (Words(contents.doubt, "doubt"),) if contents.doubt else ()
    return Section("In other colours", (*doubt, Figures(pairs, columns=2)))


def _cells(contents: Contents) -> Section:
    found, counts = contents.findings, contents.counts
    area = contents.searched_mm2
    where = "the whole slide" if found.provenance.region is None else "the framed part of the slide"
    words = f"{len(found)} cells with a score of at least {found.provenance.threshold:.2f} on {where}"
    words += "." if area is None else f", {area:.2f} mm² of tissue."
    words += f" The model saw it {contents.method[0].lower()}{contents.method[1:]}." if found.provenance.through else ""
    most = max((count.cells for count in counts), default=0)
    rows = tuple(
        Row(
            (count.label, f"{count.cells}", "" if count.per_mm2 is None else f"{count.per_mm2:.1f}"),
            color_of(count.label),
            count.cells / max(most, 1),
        )
        for count in counts
    )
    part = contents.telling_part()
    boxes = (
        (tuple(box), color_of(found.classes[label]))
        for box, label in zip(found.boxes.tolist(), found.labels, strict=True)
    )
    nearer = pictures.with_boxes(pictures.part(contents.slide, part, pictures.OVERVIEW), part, boxes)
    figures = (Figure(_where(contents), "Where they are"), Figure(nearer, "Nearer"))
    table = Table(("Class", "Cells", "per mm²"), rows, numbers=2)
    return Section("Cells found", (Words(words), table, Figures(figures, columns=2)))


def _where(contents: Contents) -> Image:
    """Return the whole slide with a dot on every cell, and a frame around what was searched."""
    slide, found = contents.slide, contents.findings
    picture = pictures.overview(slide)
    scale = picture.width / slide.levels[0].width
    if contents.searched != whole(slide):
        x0, y0, x1, y1 = (value * scale for value in contents.searched)
        picture = pictures.with_frame(picture, (x0, y0, x1, y1), pictures.DARK, 2)
    middles = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2 * scale
    groups = [(middles[found.labels == at], color_of(label)) for at, label in enumerate(found.classes)]
    return pictures.with_dots(picture, groups)


def _gallery(contents: Contents) -> Section:
    title = "The surest cells of each class"
    if not len(contents.findings):
        return Section(title, (Words("No cells were found."),))
    size = f"{CELL_UM:g} µm" if contents.slide.mpp else "the same number of pixels"
    blocks: list[Block] = [Words(f"Each picture is {size} wide; the number is the model's score, from 0 to 1.")]
    for count in reversed(contents.counts):  # the worst class first
        if count.cells:
            crops = tuple(_crop(contents, index) for index in contents.best(count.label, GALLERY))
            heading = f"{count.label}, {min(count.cells, GALLERY)} of {count.cells}"
            blocks.append(Gallery(crops, heading, color_of(count.label)))
    return Section(title, tuple(blocks))


def _crop(contents: Contents, index: int) -> Crop:
    x0, y0, x1, y1 = contents.findings.boxes[index].tolist()
    score = float(contents.findings.scores[index])
    extent = CELL_UM / contents.slide.mpp if contents.slide.mpp else CELL_PIXELS
    picture = pictures.around(contents.slide, (x0, y0, x1, y1), extent, CELL)
    return Crop(picture, (f"{score:.2f}",), f"x {(x0 + x1) / 2:.0f}, y {(y0 + y1) / 2:.0f}")


def _model(contents: Contents) -> Section:
    card = contents.card
    rows = [("Model", f"{card.title} ({card.id})"), ("Intended use", card.intended_use)]
    for data in card.trained_on:
        amount = f"{data.images} images, {data.cells} labelled cells" if data.images else ""
        words = [data.name, f"split {data.split}" if data.split else "", amount, data.source, data.licence]
        rows.append(("Trained on", "; ".join(word for word in words if word)))
    rows.append(("Classes", ", ".join(card.classes)))
    rows += [] if card.mpp is None else [("Works at", f"{card.mpp:g} µm/px")]
    measured = "; ".join(f"{name} {value:.3g}" for name, value in card.metrics.items())
    rows += [("Measured on", card.validation or "data held back"), ("Scores", measured)] if measured else []
    rows += [("Licence", card.licence)] if card.licence else []
    rows.append(("Checksum", card.sha256[:16]))
    warning = "A model has learned from slides of one laboratory. On others it misses cells and invents some."
    return Section("The model", (Facts(tuple(rows)), Words(warning)))


def _window(contents: Contents) -> tuple[Section, ...]:
    figures = tuple(Figure(pictures.from_file(path, SCREENSHOT), caption) for path, caption in contents.screenshots)
    return (Section("In the window", (Figures(figures),)),) if figures else ()


def _done(contents: Contents) -> tuple[Section, ...]:
    rows = tuple((text, line) for text, line in contents.commands)
    return (Section("What was done, and how to do it again", (Steps(rows),)),) if rows else ()
