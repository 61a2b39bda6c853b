"""What docks share: a place to start from, a line of words with folded details, a row for running work."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from cytoshift.engine.progress import Progress
from napari_cytoshift import wording
from napari_cytoshift.background import Work
from napari_cytoshift.screening import Screening
from napari_cytoshift.widgets.page import Page
from napari_cytoshift.workspace import Workspace

if TYPE_CHECKING:
    from napari import Viewer

MARGIN = 8
SPACING = 6
WIDTH, HEIGHT = 340, 560
UNPLACED_HEIGHT = 40


def aside(label: QLabel) -> QLabel:
    """Set the words of a label in italics, in the theme's own colour; that of disabled words can hardly be read."""
    font = label.font()
    font.setItalic(True)
    label.setFont(font)
    return label


def sentence(text: str = "", *, in_passing: bool = False) -> QLabel:
    """Return a label that wraps its words and lets them be copied."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return aside(label) if in_passing else label


def button(text: str, tip: str, action: Callable[[], Any]) -> QPushButton:
    """Return a push button with a tooltip."""
    made = QPushButton(text)
    made.setToolTip(tip)
    made.clicked.connect(lambda: action())
    return made


def listen(signal: Any, slot: Callable[..., Any]) -> None:
    """Call a method of a widget at every emission of a signal, for as long as the widget lives."""
    method = weakref.WeakMethod(slot)

    def call(*args: Any) -> None:
        target = method()
        owner = getattr(target, "__self__", None)
        if target is not None and isalive(owner):  # type: ignore[no-untyped-call]
            target(*args)
            return
        with suppress(ValueError, KeyError):
            signal.disconnect(call)

    signal.connect(call)


class MessageLine(QWidget):
    """One sentence, with *Details* folded behind it where there are any. Hidden while it is empty."""

    def __init__(self) -> None:
        super().__init__()
        self._label = sentence()
        self._fold = QToolButton()
        self._fold.setText("Details")
        self._fold.setCheckable(True)
        self._fold.setToolTip("Show the technical details")
        self._details = QPlainTextEdit()
        self._details.setReadOnly(True)
        self._details.setMaximumHeight(120)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._label, 1)
        row.addWidget(self._fold, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self._details)
        self._fold.toggled.connect(self._details.setVisible)
        self.say("")

    @property
    def text(self) -> str:
        """The sentence shown."""
        return self._label.text()

    def say(self, text: str, details: str = "") -> None:
        """Show a sentence; an empty one hides the line."""
        self._label.setText(text)
        self._details.setPlainText(details)
        self._fold.setChecked(False)
        self._details.setVisible(False)
        self._fold.setVisible(bool(details))
        self.setVisible(bool(text))


class BusyRow(QWidget):
    """Progress, remaining time, and buttons to pause and cancel running work. Hidden while nothing runs."""

    def __init__(self) -> None:
        super().__init__()
        self._work: Work | None = None
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._label = sentence()
        self._known = ""
        self._pause = button("Pause", "", self.pause)
        self._cancel = button("Cancel", "Stop; what is finished is kept", self.cancel)
        row = QHBoxLayout()
        row.addWidget(self._bar, 1)
        row.addWidget(self._pause)
        row.addWidget(self._cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._label)
        layout.addLayout(row)
        self.setVisible(False)

    @property
    def busy(self) -> bool:
        """Whether work runs."""
        return self._work is not None

    def follow(self, work: Work, *, pausable: bool = False) -> None:
        """Show a piece of work until it ends; ``pausable`` work looks at its token between its parts."""
        self._work, self._known = work, ""
        self._bar.setRange(0, 0)
        self._pause.setVisible(pausable)
        self._pause.setEnabled(True)
        self._say()
        self._cancel.setText("Cancel")
        self._cancel.setEnabled(True)
        work.progressed.connect(self._show)
        work.finished.connect(self._end)
        self.setVisible(True)

    def cancel(self) -> None:
        """Ask the work to stop."""
        if self._work is not None:
            self._work.cancel.cancel()
            self._pause.setEnabled(False)
            self._cancel.setText("Stopping…")
            self._cancel.setEnabled(False)

    def pause(self) -> None:
        """Let the work wait, or go on."""
        if self._work is not None:
            if self._work.paused:
                self._work.resume()
            else:
                self._work.pause()
            self._say()

    def _say(self) -> None:
        if self._work is None:
            return
        paused = self._work.paused
        self._pause.setText("Resume" if paused else "Pause")
        self._pause.setToolTip("Go on" if paused else "Wait after this batch, and leave the computer to others")
        known = " · ".join(part for part in (self._known, "paused" if paused else "") if part)
        self._label.setText(f"{self._work.title}: {known}" if known else f"{self._work.title}…")

    def _show(self, progress: Progress) -> None:
        if self.sender() is self._work:
            self._bar.setRange(0, max(progress.total, 1))
            self._bar.setValue(progress.done)
            share = progress.done / max(progress.total, 1)
            parts = (f"{share:.0%}", wording.about(progress.remaining)) if progress.total else (progress.text,)
            self._known = " · ".join(part for part in parts if part)
            self._say()

    def _end(self) -> None:
        if self.sender() is self._work:
            self._work = None
            self.setVisible(False)


class Dock(QWidget):
    """Base of the docks: a start page while there is nothing to work on, or the content; below, words, work.

    Subclasses fill `content` (a vertical layout), set the start page with `set_start`, and implement
    `refresh`, which is called when the active slide changes. Signals of the workspace are followed with
    `listen`, so that nothing reaches a dock that was closed.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.workspace = Workspace.of(napari_viewer)
        Screening.of(napari_viewer)  # from the first dock on it is recorded what was looked at
        self.message = MessageLine()
        self.busy = BusyRow()
        self.page = Page()
        self.content = self.page.content
        self.content.setContentsMargins(0, 0, 0, 0)
        self.content.setSpacing(SPACING)
        self._start = QWidget()
        self._pages = QStackedWidget()
        self._pages.addWidget(self._start)
        self._pages.addWidget(self.page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        layout.setSpacing(SPACING)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self.message)
        layout.addWidget(self.busy)
        self.setMinimumWidth(300)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._placed = False
        self.listen(self.workspace.active_changed, self._on_active)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._placed:
            self._placed = True
            self._join_siblings()
            self.updateGeometry()

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, HEIGHT if self._placed else UNPLACED_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        # napari stacks a new dock below the others before it can be tabbed; the window must not grow for that
        return super().minimumSizeHint() if self._placed else QSize(WIDTH, UNPLACED_HEIGHT)

    @property
    def whole(self) -> QSize:
        """The smallest size at which all of the content is seen without a scroll bar."""
        rest = super().minimumSizeHint() - self._pages.minimumSizeHint()
        return self.page.whole + rest

    def set_start(self, text: str, *buttons: QPushButton) -> None:
        """Set what the start page says and the buttons that help."""
        layout = QVBoxLayout(self._start)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(sentence(text))
        for one in buttons:
            layout.addWidget(one)
        layout.addStretch(1)

    def show_start(self, empty: bool) -> None:
        """Show the start page, or the content."""
        self._pages.setCurrentIndex(0 if empty else 1)

    def refresh(self) -> None:
        """Bring everything up to date with the active slide."""
        raise NotImplementedError

    def go_to(self, name: str) -> Any:
        """Bring another dock of this plugin to the front, opening it where it is not; returns what is in it."""
        if self.workspace.viewer is None:
            return None
        frame, dock = self.workspace.viewer.window.add_plugin_dock_widget("napari-cytoshift", name)
        frame.show()
        frame.raise_()
        return dock

    def listen(self, signal: Any, slot: Callable[..., Any]) -> None:
        """Call a method of this dock at every emission of a signal, for as long as the dock lives."""
        listen(signal, slot)

    def _join_siblings(self) -> None:
        """Tab this dock with the other docks of this plugin that are in the same area."""
        frame = _frame(self)
        if frame is not None:
            frame.setWindowTitle(frame.windowTitle().partition(" (")[0])  # the tab needs no name of the plugin
        window = None if frame is None else frame.parentWidget()
        if frame is None or not isinstance(window, QMainWindow):
            return
        area = window.dockWidgetArea(frame)
        for other in window.findChildren(Dock):
            beside = _frame(other)
            if beside is None or beside is frame or beside.isFloating() or window.dockWidgetArea(beside) != area:
                continue
            if frame not in window.tabifiedDockWidgets(beside):
                window.tabifyDockWidget(beside, frame)
                frame.raise_()
            return

    def _on_active(self, _: object) -> None:
        self.message.say("")
        self.refresh()


def _frame(widget: QWidget) -> QDockWidget | None:
    """Return the dock widget of the main window that holds a widget."""
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parentWidget()
    return parent
