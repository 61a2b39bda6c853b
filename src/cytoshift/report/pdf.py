"""A page as PDF on sheets of A4: the same blocks in the same order as in HTML, laid out without a browser."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape

from PIL.Image import Image as Picture
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_CENTER, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Image, Paragraph, SimpleDocTemplate, Spacer
from reportlab.platypus import Table as Grid

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
from cytoshift.report.fonts import BOLD, PLAIN, font_file
from cytoshift.report.pictures import jpeg
from cytoshift.study.palette import RGBColor

MARGIN, GUTTER = 12 * mm, 5 * mm
FOOT = 6 * mm
"""What the footer takes at the lower end of each sheet."""

TALLEST = 84 * mm
"""Height of a figure at most: tall slides leave room for the rest."""

CROP, CROP_GAP = 20.9 * mm, 2.0 * mm
"""Side of the picture of a cell, and what is between two of them."""

_SIZE = 7.4
_PAD = 2.0
_INK, _FAINT, _LINE = HexColor("#1c1f22"), HexColor("#5a6168"), HexColor("#dde0e3")
_BOXES = {"warning": (HexColor("#fff4d6"), HexColor("#d98e00")), "doubt": (HexColor("#eef3f8"), HexColor("#4a7fb0"))}

_TEXT = ParagraphStyle("text", fontName=PLAIN, fontSize=_SIZE, leading=_SIZE * 1.28, textColor=_INK)
_STYLES = {
    "text": _TEXT,
    "number": ParagraphStyle("number", _TEXT, alignment=TA_RIGHT),
    "h1": ParagraphStyle("h1", _TEXT, fontName=BOLD, fontSize=14, leading=17),
    "h2": ParagraphStyle(
        "h2", _TEXT, fontName=BOLD, fontSize=9.2, leading=11, spaceBefore=6, spaceAfter=2, keepWithNext=1
    ),
    "h3": ParagraphStyle("h3", _TEXT, fontName=BOLD, leading=11, spaceBefore=4, keepWithNext=1),
    "faint": ParagraphStyle("faint", _TEXT, textColor=_FAINT),
    "small": ParagraphStyle("small", _TEXT, fontSize=6.2, leading=7.6, alignment=TA_CENTER),
    "code": ParagraphStyle("code", _TEXT, backColor=HexColor("#f0f2f4"), borderPadding=2, spaceAfter=5, spaceBefore=2),
}


def as_pdf(page: Page) -> bytes:
    """Return a page as a file of PDF, with the faces that it needs in it."""
    _register()
    buffer = io.BytesIO()
    document = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN + FOOT,
        title=printable(page.title),
        creator="napari-cytoshift",
    )
    width = A4[0] - 2 * MARGIN - 12  # a frame keeps 6 points free on each side
    story = [_paragraph(page.heading, "h1")]
    story += [_paragraph(page.below, "faint"), Spacer(0, 4)] if page.below else []
    story += _flow(page.blocks, width)

    def foot(canvas: Canvas, _: object) -> None:
        canvas.setFont(PLAIN, 6.2)
        canvas.setFillColor(_FAINT)
        canvas.drawString(MARGIN + 6, MARGIN, _fitted(printable(page.footer), width - 20 * mm))
        canvas.drawRightString(MARGIN + 6 + width, MARGIN, f"page {canvas.getPageNumber()}")

    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return buffer.getvalue()


@cache
def _register() -> None:
    for name in (PLAIN, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(font_file(name))))
    pdfmetrics.registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD, italic=PLAIN, boldItalic=BOLD)


def _flow(blocks: Iterable[Block], width: float) -> list[Flowable]:
    return [flowable for block in blocks for flowable in _block(block, width)]


def _block(block: Block, width: float) -> list[Flowable]:
    match block:
        case Words(text, tone):
            return [_paragraph(text), Spacer(0, 3)] if tone == "plain" else [_boxed(text, tone, width), Spacer(0, 4)]
        case Facts(rows):
            return [_facts(rows, width)]
        case Table():
            return [_table(block, width), Spacer(0, 3)]
        case Figures():
            return _figures(block, width)
        case Gallery():
            return _gallery(block, width)
        case Steps(rows):
            return [_paragraph(text, style) for row in rows for text, style in zip(row, ("text", "code"), strict=True)]
        case Section(title, inside):
            return [_paragraph(title, "h2"), *_flow(inside, width)]
        case Beside(left, right, share):
            widths = [(width - GUTTER) * share, GUTTER, (width - GUTTER) * (1 - share)]
            columns = [_flow(left, widths[0]), "", _flow(right, widths[2])]
            return [Grid([columns], colWidths=widths, style=[*_NO_PADDING, ("VALIGN", (0, 0), (-1, -1), "TOP")])]


_NO_PADDING = [(f"{side}PADDING", (0, 0), (-1, -1), 0) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")]
_CLOSE = [
    *((f"{side}PADDING", (0, 0), (-1, -1), _PAD) for side in ("LEFT", "RIGHT")),
    *((f"{side}PADDING", (0, 0), (-1, -1), 1.2) for side in ("TOP", "BOTTOM")),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
]


def _paragraph(text: str, style: str = "text", *, bold: bool = False, color: RGBColor | None = None) -> Paragraph:
    words = escape(printable(text), quote=False)
    words = f"<b>{words}</b>" if bold else words
    swatch = "" if color is None else f'<font color="{_hex(color)}">■</font>&nbsp;'
    return Paragraph(swatch + words, _STYLES[style])


def _boxed(text: str, tone: str, width: float) -> Grid:
    back, edge = _BOXES[tone]
    style = [("BACKGROUND", (0, 0), (-1, -1), back), ("LINEBEFORE", (0, 0), (0, -1), 3, edge)]
    return Grid([[_paragraph(text, bold=tone == "warning")]], colWidths=[width], style=style)


def _facts(rows: Sequence[tuple[str, str]], width: float) -> Grid:
    first = min(max(_length(name, bold=True) for name, _ in rows) + 3 * _PAD, width / 2)
    cells = [[_paragraph(name, bold=True), _paragraph(value)] for name, value in rows]
    return Grid(cells, colWidths=[first, width - first], style=_CLOSE)


def _table(table: Table, width: float) -> Grid:
    texts = len(table.head) - table.numbers
    bar = [""] if table.barred else []
    cells: list[list[object]] = [
        [*(_paragraph(text, _side(at, texts), bold=True) for at, text in enumerate(table.head)), *bar],
        *(_row(row, texts) for row in table.rows),
    ]
    return Grid(cells, colWidths=_widths(table, width), style=_CLOSE, repeatRows=1)


def _row(row: Row, texts: int) -> list[object]:
    cells = [
        _paragraph(text, _side(at, texts), bold=at == 0, color=row.color if at == 0 else None)
        for at, text in enumerate(row.cells)
    ]
    return cells if row.share is None else [*cells, _Bar(row.share, row.color)]


def _side(at: int, texts: int) -> str:
    return "number" if at >= texts else "text"


def _widths(table: Table, width: float) -> list[float]:
    """Return the widths of columns: numbers as they need, texts in proportion to theirs, bars what half of all is."""
    bar = [width / 2] if table.barred else []
    swatch = 12.0 if any(row.color is not None for row in table.rows) else 0.0
    rows = (table.head, *(row.cells for row in table.rows))
    needed = [max(_length(text, bold=True) for text in column) + 3 * _PAD for column in zip(*rows, strict=True)]
    needed[0] += swatch
    texts = len(needed) - table.numbers
    left = width - sum(bar) - sum(needed[texts:])
    scale = left / sum(needed[:texts])
    return [*(value * scale for value in needed[:texts]), *needed[texts:], *bar]


def _figures(block: Figures, width: float) -> list[Flowable]:
    column = (width - GUTTER * (block.columns - 1)) / block.columns
    cells = [[_image(one.picture, column), _paragraph(one.caption, "faint")] for one in block.figures]
    if block.columns == 1:
        return [flowable for cell in cells for flowable in cell]
    rows: list[list[object]] = [list(cells[at : at + block.columns]) for at in range(0, len(cells), block.columns)]
    for row in rows:
        row += [""] * (block.columns - len(row))
    style = [*_NO_PADDING, ("VALIGN", (0, 0), (-1, -1), "TOP"), ("RIGHTPADDING", (0, 0), (-2, -1), GUTTER)]
    widths = [column + GUTTER] * (block.columns - 1) + [column]
    return [Grid(rows, colWidths=widths, style=style)]


def _image(picture: Picture, width: float) -> Image:
    scale = min(width / picture.width, TALLEST / picture.height)
    return Image(io.BytesIO(jpeg(picture)), picture.width * scale, picture.height * scale, hAlign="LEFT")


def _gallery(block: Gallery, width: float) -> list[Flowable]:
    number = max(1, int((width + CROP_GAP) // (CROP + CROP_GAP)))
    rows: list[list[object]] = [
        [_crop(crop) for crop in block.crops[at : at + number]] for at in range(0, len(block.crops), number)
    ]
    rows[-1] += [""] * (number - len(rows[-1]))
    style = [*_NO_PADDING, ("VALIGN", (0, 0), (-1, -1), "TOP"), ("BOTTOMPADDING", (0, 0), (-1, -1), 3)]
    title = [_paragraph(block.title, "h3", color=block.color)] if block.title else []
    return [*title, Grid(rows, colWidths=[CROP + CROP_GAP] * number, style=style, hAlign="LEFT")]


def _crop(crop: Crop) -> Grid:
    lines = [_paragraph(line, "small", bold=at == 0) for at, line in enumerate(crop.lines)]
    style = [*_NO_PADDING, ("TOPPADDING", (0, 1), (-1, -1), 1)]
    return Grid([[_Framed(crop)], *([line] for line in lines)], colWidths=[CROP], style=style, hAlign="LEFT")


class _Framed(Flowable):  # type: ignore[misc]
    """The picture of a cell with a frame in its colour."""

    def __init__(self, crop: Crop) -> None:
        super().__init__()
        self._image, self._color = _image(crop.picture, CROP), crop.color
        self.width = self.height = CROP

    def draw(self) -> None:
        self._image.drawOn(self.canv, 0, 0)
        if self._color is not None:
            self.canv.setStrokeColor(HexColor(_hex(self._color)))
            self.canv.setLineWidth(1.6)
            self.canv.rect(0.8, 0.8, CROP - 1.6, CROP - 1.6)


class _Bar(Flowable):  # type: ignore[misc]
    """How much of the room it has a row fills."""

    def __init__(self, share: float, color: RGBColor | None) -> None:
        super().__init__()
        self._share, self._color = share, color

    def wrap(self, width: float, _: float) -> tuple[float, float]:
        self.width, self.height = width, _SIZE
        return self.width, self.height

    def draw(self) -> None:
        self.canv.setFillColor(_FAINT if self._color is None else HexColor(_hex(self._color)))
        self.canv.rect(0, 0, max(self.width * self._share, 0.5), self.height, stroke=0, fill=1)


def _length(text: str, *, bold: bool = False) -> float:
    return float(pdfmetrics.stringWidth(printable(text), BOLD if bold else PLAIN, _SIZE))


def _fitted(text: str, width: float) -> str:
    """Return a line cut so that it fits."""
    while len(text) > 1 and pdfmetrics.stringWidth(text, PLAIN, 6.2) > width:
        text = text[:-2] + "…"
    return text


def _hex(color: RGBColor) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
