"""A page written to a file that takes an older one's place only when it is whole."""

from __future__ import annotations

from pathlib import Path

from cytoshift.durable import new_file
from cytoshift.errors import ReportError
from cytoshift.report.blocks import Page

HTML, PDF = ".html", ".pdf"


def write_page(path: Path, page: Page) -> Path:
    """Write a page as HTML or, under a name that ends in ``.pdf``, as PDF, and return the path.

    Raises
    ------
    ReportError
        It cannot be written; an older file stays as it was.
    """
    if path.suffix.lower() == PDF:
        from cytoshift.report.pdf import as_pdf

        data = as_pdf(page)
    else:
        from cytoshift.report.html import as_html

        data = as_html(page)
    try:
        with new_file(path) as file:
            file.write(data)
    except OSError as error:
        raise ReportError(
            f"{path} cannot be written ({error.strerror or error}); check the folder and the room on the disk."
        ) from error
    return path
