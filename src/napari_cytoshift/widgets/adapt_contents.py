"""What a job will use, in a card before it starts: rows of words, and the cells of each class in its colour."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from html import escape

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QSizePolicy

from cytoshift.errors import CytoshiftError
from cytoshift.jobs.contents import Contents, Row
from cytoshift.study.palette import color_of
from napari_cytoshift.workspace import Workspace

Look = tuple[Hashable, Callable[[], Contents]]
"""What the contents depend on, and what a thread calls for them."""

_SPACE = "\N{NO-BREAK SPACE}"
"""Keeps a class and its number on one line."""


class ContentsView(QLabel):
    """Shows `Contents`, which a thread makes while the card is open; the newest wins.

    Attributes
    ----------
    changed : Signal()
        `missing` or what is shown is another.
    failed : Signal(BaseException)
        Something unexpected happened.
    missing : str
        Why the job cannot work, in one sentence; ``""`` where nothing is known against it.
    """

    changed = Signal()
    failed = Signal(object)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.workspace = workspace
        self.missing = ""
        self.rows: tuple[Row, ...] = ()
        self._seen: Hashable = None
        self._asked: Hashable = None
        self._wanted: Look | None = None
        self.setAccessibleName("What will be used")
        self.hide()

    def look(self, wanted: Look | None) -> None:
        """Show what will be used; None where nothing is chosen yet. Called again with the same key it does nothing."""
        self._wanted = wanted
        if wanted is None:
            self._seen = None
            self._fill((), "")
        elif wanted[0] != self._seen and self._asked is None:
            self._ask(*wanted)

    def show_contents(self, contents: Contents) -> None:
        """Show contents that are known already."""
        self._fill(_rows(contents), "")

    def words(self, title: str) -> str:
        """Return what a row says, rich text; ``""`` where there is none."""
        return next((row.words for row in self.rows if row.title == title), "")

    def _ask(self, key: Hashable, make: Callable[[], Contents]) -> None:
        self._asked = key
        work = self.workspace.start(
            "Looking at what will be used",
            lambda work: make(),
            done=lambda contents: self._take(key, _rows(contents), ""),
            failed=lambda error: self._on_failed(key, error),
            in_activity=False,
        )
        work.finished.connect(self._on_finished)

    def _on_failed(self, key: Hashable, error: BaseException) -> None:
        if isinstance(error, CytoshiftError):
            self._take(key, (), str(error))
        else:
            self._take(key, (), "")
            self.failed.emit(error)

    def _take(self, key: Hashable, rows: tuple[Row, ...], missing: str) -> None:
        if self._wanted is not None and self._wanted[0] == key:
            self._seen = key
            self._fill(rows, missing)

    def _on_finished(self) -> None:
        self._asked = None
        self.changed.emit()

    def _fill(self, rows: tuple[Row, ...], missing: str) -> None:
        self.missing = missing
        if rows == self.rows:
            return
        self.rows = rows
        cells = (f"<tr><td>{row.title}{3 * _SPACE}</td><td>{row.words}</td></tr>" for row in rows)
        self.setText(f"<table cellspacing='0' cellpadding='1'>{''.join(cells)}</table>" if rows else "")
        self.setVisible(bool(rows))


def _rows(contents: Contents) -> tuple[Row, ...]:
    cells = (("Cells", contents.learnt), ("Held back", contents.held_back))
    plain = (Row(row.title, escape(row.words, quote=False)) for row in contents.rows)
    return (*plain, *(Row(title, _chips(counts)) for title, counts in cells if counts))


def _chips(counts: Mapping[str, int]) -> str:
    """Return counts as rich text, each behind a square in the colour of its class."""
    chips = []
    for name, number in counts.items():
        red, green, blue = color_of(name)
        kept = escape(name).replace(" ", _SPACE).replace("-", "\N{NON-BREAKING HYPHEN}")
        chips.append(f"<span style='color:rgb({red},{green},{blue})'>■</span>{_SPACE}{kept}{_SPACE}{number:,}")
    return "&nbsp; ".join(chips)
