"""The docks' actions as functions of a viewer: what napari's command palette and menus call."""

from typing import Any

from napari import Viewer

from napari_cytoshift.screening import Screening
from napari_cytoshift.workspace import Workspace

PLUGIN = "napari-cytoshift"
DOCKS = ("Slide", "Compare", "Find", "Review", "Adapt")


def dock(viewer: Viewer, name: str) -> Any:
    """Return one of the docks, opened and brought to the front."""
    frame, widget = viewer.window.add_plugin_dock_widget(PLUGIN, name, tabify=True)
    frame.show()
    frame.raise_()
    return widget


def open_docks(viewer: Viewer) -> None:
    """Open the five docks, tabbed in the order of the work, with the first in front."""
    for name in (*DOCKS, DOCKS[0]):
        dock(viewer, name)


def open_slide(viewer: Viewer) -> None:
    """Ask for slide files and open them."""
    dock(viewer, "Slide").choose_file()


def fit(viewer: Viewer) -> None:
    """Show the whole slide."""
    workspace = Workspace.of(viewer)
    if workspace.active is not None:
        workspace.fit(workspace.active)


def show_2_5x(viewer: Viewer) -> None:
    """Show the slide at 2.5x."""
    Workspace.of(viewer).magnify(2.5)


def show_5x(viewer: Viewer) -> None:
    """Show the slide at 5x."""
    Workspace.of(viewer).magnify(5)


def show_10x(viewer: Viewer) -> None:
    """Show the slide at 10x."""
    Workspace.of(viewer).magnify(10)


def show_20x(viewer: Viewer) -> None:
    """Show the slide at 20x."""
    Workspace.of(viewer).magnify(20)


def show_40x(viewer: Viewer) -> None:
    """Show the slide at 40x."""
    Workspace.of(viewer).magnify(40)


def next_unseen(viewer: Viewer) -> None:
    """Go to the next part of the slide with tissue that was not seen yet."""
    Screening.of(viewer).next_unseen()


def show_seen(viewer: Viewer) -> None:
    """Show in the overview what was seen, or hide it."""
    dock(viewer, "Slide").navigator.shown.toggle()
