"""The keys of the review in napari's preferences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari._qt.widgets.qt_keyboard_settings import ShortcutEditor
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from qtpy.QtTest import QTest

from napari_cytoshift.state import State
from napari_cytoshift.widgets.review_bindings import PREFIX
from napari_cytoshift.widgets.review_keys import ReviewKeys

Make = Callable[..., Any]


def rebind(name: str, key: str) -> None:
    """Write another key, one that napari does not use, into the table of its preferences, as a person does."""
    editor = ShortcutEditor()
    table = editor._table
    rows = [row for row in range(table.rowCount()) if table.item(row, 4).text() == PREFIX + name]
    table.item(rows[0], 2).setText(key)
    editor.deleteLater()


def kinds(dock: Any) -> list[str]:
    return [event.kind for event in dock.workspace.study.events()]


def test_a_key_is_changed_in_naparis_preferences_and_stays_so(make_review: Make, qtbot: Any) -> None:
    dock = make_review(6)
    viewer = dock.workspace.viewer
    before = dict(viewer.class_keymap), dict(viewer.keymap)
    press = QTest.keyClick
    accept = dock.decisions.findChildren(type(dock.undo))[0]
    assert accept.text() == "Accept  A"
    rebind("accept_cell", "J")
    assert accept.text() == "Accept  J"
    assert accept.toolTip() == "The cell is right (J)"
    press(dock.gallery, "n")
    press(dock.gallery, "a")
    assert kinds(dock) == []
    press(dock.gallery, "j")
    assert kinds(dock) == ["accept"]
    assert (dict(viewer.class_keymap), dict(viewer.keymap)) == before  # napari's own keys are as they were
    assert State().get("review_keys") == {"accept_cell": ["J"]}
    again = ReviewKeys(dock, dock.keys.table, State())
    assert again.of("accept_cell") == "J"
    assert again.of("reject_cell") == "X"
    rebind("accept_cell", "")
    assert accept.text() == "Accept"
    assert State().get("review_keys") == {"accept_cell": []}


def test_naparis_settings_keep_no_key_that_napari_does_not_know_at_its_start(make_review: Make) -> None:
    make_review(6)
    settings = get_settings().shortcuts
    known = dict(settings.shortcuts)
    settings.shortcuts = {**known, PREFIX + "accept_cell": ["Y"]}
    assert dict(settings.shortcuts) == known


def test_every_action_can_be_called_by_its_name(make_review: Make) -> None:
    dock = make_review(6)
    assert {PREFIX + key.name for key in dock.keys.table if key.name != "show_keys"} <= set(action_manager._actions)
    words = {action_manager._actions[PREFIX + key.name].description for key in dock.keys.table[:3]}
    assert words == {"Review: Next undecided cell", "Review: The cell before", "Review: Accept"}
