"""The cells that a new model sees otherwise than its parent: their pictures, and the way to where they lie."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from cytoshift.jobs.changed_cells import ChangedCell, ChangedCells, read_changes
from cytoshift.jobs.folder import WORK
from napari_cytoshift.background import Work
from napari_cytoshift.widgets.dock import sentence
from napari_cytoshift.workspace import Workspace

SIDE = 40
"""Side of a picture in screen pixels."""

MARGIN = 0.5
"""Of the box's longer side, shown around it on each side."""

MOST = 200
"""Cells that are listed; those that became wrong first."""

HEIGHT = 190
"""Of the list in screen pixels; the rest is scrolled to, so that the dock never grows."""

WORDS_HEIGHT = 36
"""Of the sentence above them: two lines."""

CELL = int(Qt.ItemDataRole.UserRole)


class Shown(NamedTuple):
    """What a thread read: all changed cells, and those that are listed with their pictures."""

    changes: ChangedCells
    listed: tuple[tuple[ChangedCell, QImage], ...]


class ChangesPage(QWidget):
    """Lists the changed cells of a job.

    Attributes
    ----------
    place_asked : Signal(str, object)
        A slide, by its identity, and the box of a cell on it, in level-0 pixels, are to be looked at.
    filled : Signal(bool)
        The cells were read; whether there are any.
    """

    place_asked = Signal(str, object)
    filled = Signal(bool)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.words, self.list = sentence(), QTreeWidget()
        self.list.setHeaderLabels(["", "before", "after", "you say"])
        self.words.setFixedHeight(WORDS_HEIGHT)  # before it is laid out Qt believes it much taller
        self.list.setRootIsDecorated(False)
        self.list.setIconSize(QSize(SIDE, SIDE))
        self.list.setFixedHeight(HEIGHT)
        self.list.setUniformRowHeights(True)
        self.list.setSortingEnabled(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setToolTip(
            "Cells on the fields held back that one of the models calls otherwise; click one to go there"
        )
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.list.currentItemChanged.connect(lambda item, _: self._go(item))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.addWidget(self.words)
        layout.addWidget(self.list)
        self._folder: Path | None = None

    def show_job(self, folder: Path) -> None:
        """Read the changed cells of a job in a thread."""
        self._folder = folder
        self.list.clear()
        self.filled.emit(False)

        def take(shown: Shown) -> None:
            if folder == self._folder:
                self._fill(shown)

        self.workspace.start(
            "Reading the changed cells", lambda work: _read(folder, work), done=take, in_activity=False
        )

    def _fill(self, shown: Shown) -> None:
        self.list.setSortingEnabled(False)
        self.list.blockSignals(True)
        for cell, picture in shown.listed:
            item = QTreeWidgetItem([cell.kind, cell.before or "–", cell.after or "–", cell.truth or "no cell"])
            item.setIcon(0, QIcon(QPixmap.fromImage(picture)))
            item.setData(0, CELL, cell)
            item.setToolTip(0, "Right now" if cell.righted else "Not right now")
            self.list.addTopLevelItem(item)
        self.list.blockSignals(False)
        self.list.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.list.setSortingEnabled(True)
        more = len(shown.changes.cells) - len(shown.listed)
        self.words.setText(shown.changes.words() + (f" · {more} more" if more else ""))
        self.filled.emit(bool(shown.listed))

    def _go(self, item: QTreeWidgetItem | None) -> None:
        cell = None if item is None else item.data(0, CELL)
        if isinstance(cell, ChangedCell) and cell.box is not None:
            self.place_asked.emit(cell.slide, cell.box)


def _read(folder: Path, work: Work) -> Shown:
    changes = read_changes(folder) or ChangedCells()
    listed = sorted(changes.cells, key=lambda cell: cell.righted)[:MOST]
    images: dict[str, np.ndarray] = {}
    pictures = []
    for cell in listed:
        work.cancel.check()
        if cell.image not in images:
            images[cell.image] = _pixels(folder / WORK / "data" / cell.image)
        pictures.append((cell, _picture(images[cell.image], cell)))
    return Shown(changes, tuple(pictures))


def _pixels(path: Path) -> np.ndarray:
    """Return a field's pixels; one grey one where the job's folder was emptied."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except OSError:
        return np.full((1, 1, 3), 128, np.uint8)


def _picture(pixels: np.ndarray, cell: ChangedCell) -> QImage:
    """Return a cell with what is around it, as wide as high; white where the field ends."""
    x0, y0, x1, y1 = cell.in_image
    half = round(max(x1 - x0, y1 - y0) * (0.5 + MARGIN))
    x, y = round((x0 + x1) / 2), round((y0 + y1) / 2)
    padded = np.pad(pixels, ((half, half), (half, half), (0, 0)), constant_values=255)
    crop = np.ascontiguousarray(padded[y : y + 2 * half, x : x + 2 * half])
    height, width = crop.shape[:2]
    return QImage(crop.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
