"""The keys of the review: live over the canvas and in the dock while the review is on, and only then."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from qtpy.compat import isalive
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QAbstractButton, QMainWindow, QWidget

from napari_cytoshift import commands_cells
from napari_cytoshift.widgets.review_bindings import Bindings

if TYPE_CHECKING:
    from napari_cytoshift.state import State

HELP = "?"


class Key(NamedTuple):
    """An action that has a key.

    Parameters
    ----------
    name : str
        Of the command in `commands_cells` that does the same.
    default : str
        The key, as Qt writes it.
    group : str
        Under which it stands on the sheet of keys.
    words : str
        What it does.
    action : callable
    """

    name: str
    default: str
    group: str
    words: str
    action: Callable[[], object]


class ReviewKeys:
    """Shortcuts of the canvas and of a dock, which a person can change in napari's preferences.

    They act before napari's own keys and take nothing from them: a shortcut that is off is as if it were not there.
    Text fields keep their keys, for Qt asks the field first.
    """

    def __init__(self, dock: QWidget, keys: tuple[Key, ...], state: State) -> None:
        self.table = keys
        self._dock = dock
        self._shortcuts: list[QShortcut] = []
        self._labels: list[tuple[QAbstractButton, str, str, str]] = []
        self._window: weakref.ref[QMainWindow] | None = None  # a strong one would keep the closed viewer
        self._ready = False
        reference = weakref.ref(self)

        def changed() -> None:
            keys = reference()
            if keys is not None:
                keys._on_changed()

        self._bindings = Bindings(state, changed)
        for key in keys:
            if key.default != HELP:
                self._bindings.register(key.name, key.words, key.default, getattr(commands_cells, key.name))
        self._ready = True
        dock.destroyed.connect(self._bindings.close)

    @property
    def on(self) -> bool:
        """Whether the keys are live."""
        return any(shortcut.isEnabled() for shortcut in self._shortcuts)

    def of(self, name: str) -> str:
        """Return the keys of an action as people read them; ``""`` where it has none."""
        native = QKeySequence.SequenceFormat.NativeText
        return ", ".join(QKeySequence(key).toString(native) for key in self._sequences(name))

    def label(self, button: QAbstractButton, text: str, tip: str, name: str) -> None:
        """Write the key of an action behind a button's tip, and (with ``text``) its text, now and when it changes."""
        self._labels.append((button, text, tip, name))
        self._write(button, text, tip, name)

    def set_on(self, on: bool) -> None:
        """Make the keys live, or let napari have them back."""
        window = main_window(self._dock)
        known = None if self._window is None else self._window()
        if on and window is not None and window is not known:
            self._window = weakref.ref(window)
            self._make(window)
        for shortcut in self._shortcuts:
            shortcut.setEnabled(on)

    def _sequences(self, name: str) -> list[str]:
        key = next(key for key in self.table if key.name == name)
        return [HELP] if key.default == HELP else self._bindings.keys(name)

    def _make(self, window: QMainWindow) -> None:
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)  # until it is gone, it would make its key ambiguous
            shortcut.deleteLater()
        self._shortcuts = []
        for place in (window.centralWidget(), self._dock):
            for key in self.table:
                sequences = self._sequences(key.name)
                if key.default == HELP:
                    sequences = [HELP, "Shift+?"]  # some keyboards hold Shift for it, some do not
                if not sequences:
                    continue
                shortcut = QShortcut(place)
                shortcut.setKeys([QKeySequence(sequence) for sequence in sequences])
                shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
                shortcut.activated.connect(key.action)
                self._shortcuts.append(shortcut)

    def _on_changed(self) -> None:
        if not self._ready or not isalive(self._dock):  # type: ignore[no-untyped-call]
            return
        self._bindings.keep({key.name: key.default for key in self.table})
        window, on = None if self._window is None else self._window(), self.on
        if window is not None:
            self._make(window)
            for shortcut in self._shortcuts:
                shortcut.setEnabled(on)
        for one in self._labels:
            self._write(*one)

    def _write(self, button: QAbstractButton, text: str, tip: str, name: str) -> None:
        keys = self.of(name)
        button.setToolTip(f"{tip} ({keys})" if keys else tip)
        if text:
            button.setText(f"{text}  {keys}" if keys else text)


def class_key(at: int, action: Callable[[int], object]) -> Key:
    """Return the key of the class at a place, from 1."""
    return Key(f"give_class_{at}", str(at), "Decide", f"Class {at}", partial(action, at))


def main_window(widget: QWidget) -> QMainWindow | None:
    """Return the main window that a widget belongs to, also when its dock floats."""
    parent: QWidget | None = widget
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parentWidget()
    return parent
