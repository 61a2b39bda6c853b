"""The page itself: HTML with everything in it, so that it can be mailed, printed and kept."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from PIL.Image import Image

from cytoshift.durable import new_file
from cytoshift.study.palette import color_of
from napari_cytoshift.report import pictures
from napari_cytoshift.report.contents import Contents

GALLERY = 10
"""Cells shown of each class."""

SCREENSHOT = 1280


def write_report(path: Path, contents: Contents) -> Path:
    """Write a report as one HTML file that needs no other.

    Parameters
    ----------
    path : Path
        Where it is written, new and then renamed into place.
    contents : Contents
        What it tells.

    Returns
    -------
    Path
        `path`.
    """
    style = files("napari_cytoshift.report").joinpath("page.css").read_text(encoding="utf-8")
    made = escape(contents.findings.provenance.made)
    title = f"{contents.slide.name}: what was seen and found"
    parts = [
        f"<h1>{escape(contents.slide.name)}</h1>",
        '<p class="warning">Research only. Not for diagnosis. Nothing here replaces a look through the microscope.</p>',
        _facts(contents),
        _colours(contents),
        _cells(contents),
        _gallery(contents),
        _model(contents),
        _window(contents),
        _done(contents),
        f"<footer>Made by napari-cytoshift {escape(version('napari-cytoshift'))}, {made}.</footer>",
    ]
    page = (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<style>\n{style}</style>\n<main>\n'
        + "\n".join(parts)
        + "\n</main>\n</html>\n"
    )
    with new_file(path) as file:
        file.write(page.encode())
    return path


def _facts(contents: Contents) -> str:
    slide, info = contents.slide, contents.slide.info
    level = slide.levels[0]
    rows = [("Size", f"{level.width:,} × {level.height:,} pixels, {len(slide.levels)} levels")]
    if info.mpp_yx is not None:
        height, width = level.height * info.mpp_yx[0] / 1000, level.width * info.mpp_yx[1] / 1000
        rows.append(("", f"{width:.2f} × {height:.2f} mm at {slide.mpp:.4g} µm/px"))
    else:
        rows.append(("µm/px", "unknown; set them in the Slide dock, or with --mpp in a terminal"))
    rows.append(("Objective", "unknown" if info.objective is None else f"{info.objective:g}×"))
    rows += [("Scanner", info.scanner or info.vendor)] if info.vendor else []
    area = contents.tissue.area_mm2(slide.frame)
    share = f"{contents.tissue.fraction:.0%} of the slide"
    rows.append(("Tissue", share if area is None else f"{share}, {area:.2f} mm²"))
    rows.append(("Read by", info.reader))
    rows.append(("Fingerprint", info.identity[:16]))
    whole = _figure(pictures.whole(slide, pictures.DETAIL), "The whole slide")
    return _section("The slide", _side_by_side([whole, _table(rows)]))


def _colours(contents: Contents) -> str:
    part = pictures.telling_part(contents.slide, contents.findings, contents.tissue, contents.searched)
    pairs = [
        (pictures.whole(contents.slide, pictures.DETAIL), "As scanned"),
        (pictures.whole(contents.seen, pictures.DETAIL), contents.method),
        (pictures.region(contents.slide, part, pictures.DETAIL), "As scanned, nearer"),
        (pictures.region(contents.seen, part, pictures.DETAIL), f"{contents.method}, the same place"),
    ]
    doubt = f'<p class="doubt">{escape(contents.doubt)}</p>' if contents.doubt else ""
    return _section("In other colours", doubt + _side_by_side(_figure(*pair) for pair in pairs))


def _cells(contents: Contents) -> str:
    found, counts = contents.findings, contents.counts
    area = contents.searched_mm2
    where = "the whole slide" if found.provenance.region is None else "the framed part of the slide"
    words = f"{len(found)} cells with a score of at least {found.provenance.threshold:.2f} on {where}"
    words += "." if area is None else f", {area:.2f} mm² of tissue."
    words += f" The model saw it {contents.method[0].lower()}{contents.method[1:]}." if found.provenance.through else ""
    most = max((count.cells for count in counts), default=0)
    rows = "".join(
        f"<tr><th>{_swatch(count.label)}{escape(count.label)}</th><td>{count.cells}</td>"
        f"<td>{'' if count.per_mm2 is None else f'{count.per_mm2:.1f}'}</td>"
        f'<td class="bar"><div style="width:{100 * count.cells / max(most, 1):.1f}%;'
        f'background:{_css(count.label)}"></div></td></tr>'
        for count in counts
    )
    table = f"<table><tr><th>Class</th><th>Cells</th><th>per mm²</th><th></th></tr>{rows}</table>"
    part = pictures.telling_part(contents.slide, found, contents.tissue, contents.searched)
    figures = [
        _figure(pictures.overview(contents.slide, found, contents.searched), "Where they are"),
        _figure(pictures.with_boxes(contents.slide, found, part, pictures.OVERVIEW), "Nearer"),
    ]
    return _section("Cells found", f"<p>{escape(words)}</p>{table}{_side_by_side(figures)}")


def _gallery(contents: Contents) -> str:
    if not len(contents.findings):
        return _section("The surest cells of each class", "<p>No cells were found.</p>")
    size = f"{pictures.CELL_UM:g} µm" if contents.slide.mpp else "the same number of pixels"
    rows = [f"<p>Each picture is {size} wide; the number is the model's score, from 0 to 1.</p>"]
    for count in reversed(contents.counts):  # the worst class first
        if count.cells:
            cells = "".join(_cell(contents, index) for index in contents.best(count.label, GALLERY))
            shown = min(count.cells, GALLERY)
            heading = f"{_swatch(count.label)}{escape(count.label)} <small>{shown} of {count.cells}</small>"
            rows.append(f'<h3>{heading}</h3><div class="gallery">{cells}</div>')
    return _section("The surest cells of each class", "".join(rows))


def _cell(contents: Contents, index: int) -> str:
    x0, y0, x1, y1 = contents.findings.boxes[index].tolist()
    score = float(contents.findings.scores[index])
    source = pictures.embedded(pictures.cell(contents.slide, (x0, y0, x1, y1)))
    place = f"x {(x0 + x1) / 2:.0f}, y {(y0 + y1) / 2:.0f}"
    image = f'<img src="{source}" alt="cell at {place}">'
    return f'<figure title="{place}">{image}<figcaption>{score:.2f}</figcaption></figure>'


def _model(contents: Contents) -> str:
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
    warning = "<p>A model has learned from slides of one laboratory. On others it misses cells and invents some.</p>"
    return _section("The model", _table(rows) + warning)


def _window(contents: Contents) -> str:
    if not contents.screenshots:
        return ""
    figures = (
        f'<figure><img src="{pictures.embedded_file(path, SCREENSHOT)}" alt="{escape(caption)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for path, caption in contents.screenshots
    )
    return _section("In the window", "".join(figures))


def _done(contents: Contents) -> str:
    rows = "".join(f"<dt>{escape(text)}</dt><dd><code>{escape(line)}</code></dd>" for text, line in contents.commands)
    return _section("What was done, and how to do it again", f"<dl>{rows}</dl>") if rows else ""


def _section(title: str, body: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f'<table class="facts">{lines}</table>'


def _figure(picture: Image, caption: str) -> str:
    words = escape(caption)
    return f'<figure><img src="{pictures.embedded(picture)}" alt="{words}"><figcaption>{words}</figcaption></figure>'


def _side_by_side(figures: Iterable[str]) -> str:
    return f'<div class="pairs">{"".join(figures)}</div>'


def _swatch(label: str) -> str:
    return f'<span class="swatch" style="background:{_css(label)}"></span>'


def _css(label: str) -> str:
    return "rgb({}, {}, {})".format(*color_of(label))
