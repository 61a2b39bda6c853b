"""A page as HTML: one file with everything in it and no script, that can be mailed, printed on A4 and kept."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable
from importlib.resources import files

from PIL.Image import Image

from cytoshift.report.blocks import (
    Beside,
    Block,
    Crop,
    Facts,
    Figures,
    Gallery,
    Page,
    Row,
    Section,
    Steps,
    Table,
    Words,
    printable,
)
from cytoshift.report.pictures import jpeg
from cytoshift.study.palette import RGBColor

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Nothing but pictures and a style that are in the file: whatever a name holds, nothing is run or fetched."""


def as_html(page: Page) -> bytes:
    """Return a page as a file of HTML. Every text in it is text and never markup."""
    style = files("cytoshift.report").joinpath("page.css").read_text(encoding="utf-8")
    below = f'<p class="below">{_text(page.below)}</p>\n' if page.below else ""
    text = (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{_text(page.title)}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width">\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n'
        f"<h1>{_text(page.heading)}</h1>\n{below}{_blocks(page.blocks)}\n<footer>{_text(page.footer)}</footer>\n"
        "</main>\n</body>\n</html>\n"
    )
    return text.encode()


def _blocks(blocks: Iterable[Block]) -> str:
    return "\n".join(_block(block) for block in blocks)


def _block(block: Block) -> str:
    match block:
        case Words(text, tone):
            return f"<p>{_text(text)}</p>" if tone == "plain" else f'<p class="{tone}">{_text(text)}</p>'
        case Facts(rows):
            lines = "".join(f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in rows)
            return f'<table class="facts">{lines}</table>'
        case Table():
            return _table(block)
        case Figures():
            return _figures(block)
        case Gallery():
            return _gallery(block)
        case Steps(rows):
            steps = (f"<dt>{_text(text)}</dt><dd><code>{_text(line)}</code></dd>" for text, line in rows)
            return f"<dl>{''.join(steps)}</dl>"
        case Section(title, inside):
            return f"<section>\n<h2>{_text(title)}</h2>\n{_blocks(inside)}\n</section>"
        case Beside(left, right, share):
            columns = f"grid-template-columns: {100 * share:g}fr {100 - 100 * share:g}fr"
            both = f"<div>{_blocks(left)}</div>\n<div>{_blocks(right)}</div>"
            return f'<div class="beside" style="{columns}">\n{both}\n</div>'


def _table(table: Table) -> str:
    bar = "<th></th>" if table.barred else ""
    texts = len(table.head) - table.numbers
    head = "".join(f"<th{_right(at >= texts)}>{_text(text)}</th>" for at, text in enumerate(table.head))
    rows = "".join(f"<tr>{_row(row, texts)}</tr>" for row in table.rows)
    return f"<table><thead><tr>{head}{bar}</tr></thead><tbody>{rows}</tbody></table>"


def _row(row: Row, texts: int) -> str:
    first = f"<th>{_swatch(row.color)}{_text(row.cells[0])}</th>"
    rest = "".join(f"<td{_right(at >= texts)}>{_text(text)}</td>" for at, text in enumerate(row.cells[1:], start=1))
    if row.share is None:
        return first + rest
    color = f"background:{_css(row.color)}" if row.color is not None else ""
    return f'{first}{rest}<td class="bar"><div style="width:{100 * row.share:.1f}%;{color}"></div></td>'


def _right(number: bool) -> str:
    return ' class="number"' if number else ""


def _figures(block: Figures) -> str:
    figures = "".join(
        f"<figure>{_image(picture, caption)}<figcaption>{_text(caption)}</figcaption></figure>"
        for picture, caption in block.figures
    )
    return figures if block.columns == 1 else f'<div class="pairs">{figures}</div>'


def _gallery(block: Gallery) -> str:
    title = f"<h3>{_swatch(block.color)}{_text(block.title)}</h3>" if block.title else ""
    return f'{title}<div class="gallery">{"".join(map(_crop, block.crops))}</div>'


def _crop(crop: Crop) -> str:
    frame = "" if crop.color is None else f' style="border-color:{_css(crop.color)}" class="framed"'
    first, *others = map(_text, crop.lines)
    lines = "<br>".join((f"<strong>{first}</strong>", *others))
    image = _image(crop.picture, f"cell at {crop.place}", frame)
    return f'<figure title="{_text(crop.place)}">{image}<figcaption>{lines}</figcaption></figure>'


def _image(picture: Image, words: str, more: str = "") -> str:
    data = base64.b64encode(jpeg(picture)).decode()
    return f'<img src="data:image/jpeg;base64,{data}" alt="{_text(words)}"{more}>'


def _text(text: str) -> str:
    return html.escape(printable(text))


def _swatch(color: RGBColor | None) -> str:
    return "" if color is None else f'<span class="swatch" style="background:{_css(color)}"></span>'


def _css(color: RGBColor) -> str:
    return "rgb({}, {}, {})".format(*color)
