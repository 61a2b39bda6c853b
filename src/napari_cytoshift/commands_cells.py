"""Finding, reviewing and adapting as functions of a viewer: what napari's command palette calls.

Each opens its dock where it is not open, so that a person sees what happens.
"""

from typing import Any

from napari import Viewer

from napari_cytoshift.commands import dock


def _review(viewer: Viewer) -> Any:
    return dock(viewer, "Review")


def find_cells(viewer: Viewer) -> None:
    """Find cells with the model and in the region chosen in the Find dock."""
    dock(viewer, "Find").start()


def compare_cells(viewer: Viewer) -> None:
    """Compare the cells found through other colours with those of the original; again, to stop."""
    dock(viewer, "Find").deltas.toggle()


def next_gained(viewer: Viewer) -> None:
    """Go to the next cell that was found only through other colours."""
    dock(viewer, "Find").deltas.go("gained")


def next_lost(viewer: Viewer) -> None:
    """Go to the next cell that was found only in the original."""
    dock(viewer, "Find").deltas.go("lost")


def next_changed(viewer: Viewer) -> None:
    """Go to the next cell that other colours put into another class."""
    dock(viewer, "Find").deltas.go("changed")


def find_mitoses(viewer: Viewer) -> None:
    """Find mitoses, and which are atypical, in the region chosen in the Find dock."""
    dock(viewer, "Find").find_mitoses()


def find_elsewhere(viewer: Viewer) -> None:
    """Ask for the address of the workers that are to search, or the file of their cluster."""
    dock(viewer, "Find").workers.ask()


def count_mitoses(viewer: Viewer) -> None:
    """Put a counting frame on the densest spot of mitoses; again, to take it away."""
    dock(viewer, "Find").counting.toggle.click()


def densest_spot(viewer: Viewer) -> None:
    """Bring the counting frame back to where most mitoses are."""
    dock(viewer, "Find").counting.counting.to_densest()


def copy_count(viewer: Viewer) -> None:
    """Copy the lines of the mitotic count."""
    dock(viewer, "Find").counting.copy_report()


def next_cell(viewer: Viewer) -> None:
    """Go to the next cell that nobody decided on."""
    _review(viewer).work.step(1)


def previous_cell(viewer: Viewer) -> None:
    """Go back to the cell before."""
    _review(viewer).work.step(-1)


def accept_cell(viewer: Viewer) -> None:
    """Accept the selected cell."""
    _review(viewer).work.accept()


def reject_cell(viewer: Viewer) -> None:
    """Reject the selected cell."""
    _review(viewer).work.reject()


def unsure_cell(viewer: Viewer) -> None:
    """Say that the selected cell cannot be told."""
    _review(viewer).work.unsure()


def give_class_1(viewer: Viewer) -> None:
    """Give the selected cells the first class."""
    _review(viewer).work.relabel(1)


def give_class_2(viewer: Viewer) -> None:
    """Give the selected cells the second class."""
    _review(viewer).work.relabel(2)


def give_class_3(viewer: Viewer) -> None:
    """Give the selected cells the third class."""
    _review(viewer).work.relabel(3)


def give_class_4(viewer: Viewer) -> None:
    """Give the selected cells the fourth class."""
    _review(viewer).work.relabel(4)


def give_class_5(viewer: Viewer) -> None:
    """Give the selected cells the fifth class."""
    _review(viewer).work.relabel(5)


def give_class_6(viewer: Viewer) -> None:
    """Give the selected cells the sixth class."""
    _review(viewer).work.relabel(6)


def toggle_cells(viewer: Viewer) -> None:
    """Hide all cells, or show them again."""
    _review(viewer).workspace.cell_layers.toggle()


def show_keys(viewer: Viewer) -> None:
    """Show the keys of the review over the canvas, or take them away."""
    _review(viewer).show_keys()


def add_cells(viewer: Viewer) -> None:
    """Start, or end, adding a cell with each click."""
    _review(viewer).tools.choose("add_cells")


def draw_outlines(viewer: Viewer) -> None:
    """Start, or end, drawing around cells."""
    _review(viewer).tools.choose("draw_outlines")


def draw_regions(viewer: Viewer) -> None:
    """Start, or end, drawing regions in which every cell is right."""
    _review(viewer).tools.choose("draw_regions")


def measure_length(viewer: Viewer) -> None:
    """Start, or end, measuring lengths."""
    _review(viewer).tools.choose("measure_length")


def measure_area(viewer: Viewer) -> None:
    """Start, or end, measuring areas."""
    _review(viewer).tools.choose("measure_area")


def keep_measure(viewer: Viewer) -> None:
    """Write what was measured last into the study."""
    _review(viewer).tools.keep()


def mark_complete(viewer: Viewer) -> None:
    """Say that every cell in the view is right as it is shown."""
    _review(viewer).mark_complete()


def undo_correction(viewer: Viewer) -> None:
    """Take the last correction of this slide back."""
    _review(viewer).work.undo()


def redo_correction(viewer: Viewer) -> None:
    """Put back the correction that was taken back last."""
    _review(viewer).work.redo()


def review_everywhere(viewer: Viewer) -> None:
    """Review the cells of all slides of the study in one order; again, those of the active slide."""
    _review(viewer).filters.toggle_everywhere()


def import_cells(viewer: Viewer) -> None:
    """Ask for a file of cells, and say what it would add to the active slide."""
    _review(viewer).exchange.choose_import()


def export_cells(viewer: Viewer) -> None:
    """Ask where to write the cells of the active slide, and write them."""
    _review(viewer).exchange.choose_export()


def report_slide(viewer: Viewer) -> None:
    """Ask where to write the report about the active slide, and write it."""
    _review(viewer).report.choose()


def learn(viewer: Viewer) -> None:
    """Start learning from the corrections of the study."""
    dock(viewer, "Adapt").start()
