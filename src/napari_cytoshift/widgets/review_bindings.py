"""The keys of the review in napari's preferences: listed there, and bound as a person wants them.

napari lists actions that a plugin registers under "Viewer key bindings", and warns at its next start of those it has
saved, for the plugin is not loaded then. So the plugin remembers its keys itself and takes them out of what napari
saves. Nor can napari bind ``?``, which its key names do not know, nor put them back with "Restore All Keybindings".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from napari.utils.key_bindings import KeymapProvider, coerce_keybinding

if TYPE_CHECKING:
    from napari_cytoshift.state import State

PREFIX = "napari_cytoshift:"
KEPT = "review_keys"


class ReviewMode(KeymapProvider):  # type: ignore[misc]
    """Where napari binds the keys of the review: no layer and no viewer, so that napari's own stay as they are."""


class Bindings:
    """What is bound to each action, and what a person changes of it in napari's preferences.

    Parameters
    ----------
    state : State
        Remembers what a person changed.
    changed : callable
        Called after a change.
    """

    def __init__(self, state: State, changed: Callable[[], None]) -> None:
        self._state = state
        self._changed = changed
        self._bound: dict[str, list[str]] = {}
        action_manager.events.shortcut_changed.connect(self._on_changed)
        get_settings().shortcuts.events.shortcuts.connect(_take_out)

    def register(self, name: str, words: str, default: str, command: Callable[..., Any]) -> None:
        """List an action in the preferences, under a key as Qt writes it."""
        kept: Mapping[str, list[str]] = self._state.get(KEPT, {})
        keys = kept.get(name, [default])
        self._bound[name] = []
        action_manager.register_action(PREFIX + name, command, f"Review: {words}", ReviewMode)
        action_manager.unbind_shortcut(PREFIX + name)  # of an earlier window
        for key in keys:
            action_manager.bind_shortcut(PREFIX + name, coerce_keybinding(key.replace("+", "-")))

    def keys(self, name: str) -> list[str]:
        """Return the keys of an action, as Qt writes them; none where a person took them away."""
        return self._bound.get(name, [])

    def _on_changed(self, event: Any) -> None:
        name = event.name.removeprefix(PREFIX)
        if not event.name.startswith(PREFIX) or name not in self._bound:
            return
        if event.shortcut:
            self._bound[name].append(str(coerce_keybinding(event.shortcut)))
        else:
            self._bound[name].clear()
        self._changed()

    def keep(self, defaults: Mapping[str, str]) -> None:
        """Remember what is bound otherwise than by default."""
        self._state.set(KEPT, {name: [*keys] for name, keys in self._bound.items() if keys != [defaults.get(name)]})

    def close(self) -> None:
        """Follow the preferences no more."""
        action_manager.events.shortcut_changed.disconnect(self._on_changed)


def _take_out(*_: object) -> None:
    """Take the keys of the review out of what napari saves."""
    settings = get_settings().shortcuts
    if any(name.startswith(PREFIX) for name in settings.shortcuts):
        settings.shortcuts = {name: keys for name, keys in settings.shortcuts.items() if not name.startswith(PREFIX)}
