"""Seeing a slide in other colours as functions of a viewer: what napari's command palette calls."""

from typing import Any, Literal

from napari import Viewer

from napari_cytoshift.auditing import Auditing
from napari_cytoshift.commands import dock
from napari_cytoshift.comparison import Comparison
from napari_cytoshift.statistics_field import Moment, StatisticsField


def _compare(viewer: Viewer) -> Any:
    return dock(viewer, "Compare")


def see_original(viewer: Viewer) -> None:
    """Show the active slide as it is."""
    Comparison.of(viewer).see_original()


def see_white(viewer: Viewer) -> None:
    """Show the active slide with white glass."""
    _compare(viewer).see("white")


def see_reinhard(viewer: Viewer) -> None:
    """Show the active slide through Reinhard's method."""
    _compare(viewer).see("reinhard")


def see_histogram(viewer: Viewer) -> None:
    """Show the active slide with its histograms matched."""
    _compare(viewer).see("histogram")


def see_macenko(viewer: Viewer) -> None:
    """Show the active slide through Macenko's method."""
    _compare(viewer).see("macenko")


def see_vahadane(viewer: Viewer) -> None:
    """Show the active slide through Vahadane's method."""
    _compare(viewer).see("vahadane")


def see_ruifrok(viewer: Viewer) -> None:
    """Show the active slide through Ruifrok and Johnston's deconvolution."""
    _compare(viewer).see("ruifrok")


def see_restyled(viewer: Viewer) -> None:
    """Show the active slide through a learned stain model; asks which where there are several."""
    _compare(viewer).chooser.restyled.click()


def see_translated(viewer: Viewer) -> None:
    """Show the active slide through a translator; again, to take it away; asks which where there are several."""
    _compare(viewer).chooser.translated.click()


def next_steps(viewer: Viewer) -> None:
    """Let the translator take one step more; after the most it can take, one again."""
    steps = _compare(viewer).steps
    if steps.isEnabled() and steps.isVisibleTo(steps.parent()):
        pressed = next(number for number, made in enumerate(steps.buttons) if made.isChecked())
        steps.buttons[(pressed + 1) % len(steps.buttons)].click()


def swap_seen(viewer: Viewer) -> None:
    """Let the second method be the first, which finding, saving and the gauge follow."""
    _compare(viewer).swap()


def see_nothing_beside(viewer: Viewer) -> None:
    """Take the second method away."""
    Comparison.of(viewer).see_nothing_beside()


def use_fallback(viewer: Viewer) -> None:
    """See the slide through the method that suits it better, where the fit is doubtful."""
    _compare(viewer).use_fallback()


def lay_out_side(viewer: Viewer) -> None:
    """Show original and seen side by side."""
    Comparison.of(viewer).set_layout("side")


def lay_out_swipe(viewer: Viewer) -> None:
    """Show original and seen on two sides of a line."""
    Comparison.of(viewer).set_layout("swipe")


def lay_out_over(viewer: Viewer) -> None:
    """Show only what is seen, in place of the original."""
    Comparison.of(viewer).set_layout("over")


def toggle_layout(viewer: Viewer) -> None:
    """Change to the next layout."""
    Comparison.of(viewer).next_layout()


def use_for_finding(viewer: Viewer) -> None:
    """Let models look at slides as the active slide is seen; again, to take it back."""
    Comparison.of(viewer).toggle_through()


def choose_reference(viewer: Viewer) -> None:
    """Ask for an image, a slide or a saved reference whose colours are wanted."""
    _compare(viewer).references.choose_image()


def draw_reference(viewer: Viewer) -> None:
    """Draw the region whose colours are wanted."""
    _compare(viewer).references.start_region()


def take_reference(viewer: Viewer) -> None:
    """Measure the region that was drawn, and use it as the reference."""
    _compare(viewer).references.take_region()


def save_reference(viewer: Viewer) -> None:
    """Save the chosen reference as a file."""
    _compare(viewer).references.choose_file()


def save_seen(viewer: Viewer) -> None:
    """Write the slide as it is seen, as an OME-Zarr."""
    _compare(viewer).saving.choose()


def show_changes(viewer: Viewer) -> None:
    """Show which nuclei a method invented, lost or changed in the view; again, to stop."""
    auditing = Auditing.of(viewer)
    auditing.show(not auditing.on)


def show_change_map(viewer: Viewer) -> None:
    """Lay over the slide how far fine structure differs in the view; again, to stop."""
    auditing = Auditing.of(viewer)
    auditing.show_map(not auditing.veiled)


def show_statistics(viewer: Viewer) -> None:
    """Lay the translator's statistics over the slide: the mean, the spread, and nothing again."""
    field = StatisticsField.of(viewer)
    following: dict[Moment | Literal[""], Moment | Literal[""]] = {"": "mean", "mean": "spread", "spread": ""}
    field.show(following[field.moment])
