"""The slides of one laboratory, chosen by hand: from those that are open, from the study, or from files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from cytoshift.slides.slide import Slide
from napari_cytoshift.widgets.adapt_lab_files import Chosen, look_into, with_scale
from napari_cytoshift.workspace import Workspace

ROWS = 3
"""Slides that are seen at once; more are scrolled."""


class LabChooser(QWidget):
    """A list of slides with a menu that adds to it.

    Attributes
    ----------
    changed : Signal()
    failed : Signal(BaseException)
    """

    changed = Signal()
    failed = Signal(object)

    def __init__(self, workspace: Workspace, letter: str, words: str, tip: str) -> None:
        super().__init__()
        self.workspace = workspace
        self.letter = letter
        self.chosen: tuple[Chosen, ...] = ()
        self.others: Callable[[], tuple[Chosen, ...]] = tuple
        self.add = QToolButton()
        self.add.setText("Add ▾")
        self.add.setToolTip("Add slides that are open, slides of the study, files or a folder")
        self.add.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.add.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self.menu = QMenu(self.add)
        self.menu.aboutToShow.connect(self.fill_menu)
        self.add.setMenu(self.menu)
        self.remove = QToolButton()
        self.remove.setText("Remove")
        self.remove.setToolTip("Take the selected slides out (Delete)")
        self.remove.clicked.connect(self.remove_selected)
        self.list = _List(self.remove_selected)
        self.list.setToolTip(tip)
        self._pixels = QWidget()
        self.scale = QDoubleSpinBox()
        self.scale.setRange(0.05, 10)
        self.scale.setDecimals(3)
        self.scale.setSingleStep(0.05)
        self.scale.setValue(0.25)
        self.scale.setSuffix(" µm/px")
        self.scale.setToolTip("How large a pixel is in images of a folder that say nothing of it")
        self.title = QLabel(f"<b>{letter}</b>  {words}" if letter else f"{words[:1].upper()}{words[1:]}")
        self.title.setToolTip(tip)
        self._lay_out()
        self._show()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.remove)
        head.addWidget(self.add)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addWidget(self.list)
        pixels = QHBoxLayout(self._pixels)
        pixels.setContentsMargins(0, 0, 0, 0)
        pixels.addWidget(QLabel("Images that do not say it:"), 1)
        pixels.addWidget(self.scale)
        layout.addWidget(self._pixels)

    # What a person does

    def fill_menu(self) -> None:
        """Offer the slides that are open and those of the study, without those that are chosen already."""
        self.menu.clear()
        taken = {one.path for one in (*self.chosen, *self.others())}
        offered = {one.path: one for one in (*self.from_study(), *self.from_window()) if one.path not in taken}
        for one in offered.values():
            self.menu.addAction(one.words, partial(self.take, (one,)))
        if offered:
            self.menu.addSeparator()
        self.menu.addAction("Files…", self.choose_files)
        self.menu.addAction("Folder of images…", self.choose_folder)

    def choose_files(self) -> None:
        """Ask for slide files."""
        names, _ = QFileDialog.getOpenFileNames(self, f"Slides of {self.letter}".removesuffix(" of "), self._folder())
        self.take_files(names)

    def choose_folder(self) -> None:
        """Ask for a folder."""
        name = QFileDialog.getExistingDirectory(self, f"Images of {self.letter}".removesuffix(" of "), self._folder())
        self.take_files([name] if name else [])

    def take_files(self, paths: list[str]) -> None:
        """Add files or folders, after a look into them in a thread."""
        new = [path for path in paths if path not in {one.path for one in self.chosen}]
        if not new:
            return
        self.workspace.state.set("folder", str(Path(new[0]).parent))
        self.workspace.start(
            "Looking at the slides",
            lambda work: tuple(map(look_into, new)),
            done=self.take,
            failed=self.failed.emit,
            in_activity=False,
        )

    def take(self, chosen: tuple[Chosen, ...]) -> None:
        """Add slides."""
        here = {one.path for one in self.chosen}
        self.set_chosen((*self.chosen, *(one for one in chosen if one.path not in here)))

    def remove_selected(self) -> None:
        """Take the selected slides out; the last one where none is selected."""
        rows = {self.list.row(item) for item in self.list.selectedItems()} or {len(self.chosen) - 1}
        self.set_chosen(tuple(one for row, one in enumerate(self.chosen) if row not in rows))

    def set_chosen(self, chosen: tuple[Chosen, ...]) -> None:
        """Choose these slides and no others."""
        self.chosen = chosen
        self._show()
        self.changed.emit()

    def calibrated(self, slide: Slide) -> None:
        """Take over µm/px of a slide as a person set them."""
        self.chosen = with_scale(self.chosen, slide.info.path, slide.info.mpp_yx)
        self._show()

    # What there is to choose from

    def from_window(self) -> list[Chosen]:
        """Return the slides that are open, the one the docks speak about first."""
        slides = (slide.info for slide in self.workspace.slides)
        active = "" if self.workspace.active is None else self.workspace.active.info.path
        chosen = [Chosen(info.path, info.name, info.mpp_yx) for info in slides if info.path]
        return sorted(chosen, key=lambda one: one.path != active)

    def from_study(self) -> list[Chosen]:
        """Return the slides of the study."""
        records = [record for record in self.workspace.study.slides() if record.paths]
        return [Chosen(record.paths[0], record.name, record.mpp_yx) for record in records]

    # Inside

    def _show(self) -> None:
        self.list.clear()
        for one in self.chosen:
            self.list.addItem(one.words)
            self.list.item(self.list.count() - 1).setToolTip(one.path)
        row = max(self.list.sizeHintForRow(0), self.list.fontMetrics().height() + 4)
        rows = min(max(len(self.chosen), 1), ROWS)
        self.list.setFixedHeight(rows * row + 2 * self.list.frameWidth() + 2)
        self._pixels.setVisible(any(one.images for one in self.chosen))
        self.remove.setVisible(bool(self.chosen))

    def _folder(self) -> str:
        return str(self.workspace.state.get("folder", str(Path.home())))


class _List(QListWidget):
    """A list whose Delete key takes out what is selected."""

    def __init__(self, remove: Callable[[], None]) -> None:
        super().__init__()
        self._remove = remove
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._remove()
        else:
            super().keyPressEvent(event)
