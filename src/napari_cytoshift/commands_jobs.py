"""What can be done with the job that the Adapt dock shows, and with the models, as functions of a viewer."""

from napari import Viewer

from napari_cytoshift.commands import dock


def look_like_model(viewer: Viewer) -> None:
    """Open the card that makes slides look like the model's."""
    dock(viewer, "Adapt").show_looks()


def rank_methods(viewer: Viewer) -> None:
    """Rank the classical methods on the slide that is open."""
    dock(viewer, "Adapt").show_looks().nearest.start()


def pause_job(viewer: Viewer) -> None:
    """Let the job that is shown free its device after a checkpoint."""
    dock(viewer, "Adapt").pause()


def resume_job(viewer: Viewer) -> None:
    """Let the job that is shown go on from its last checkpoint."""
    dock(viewer, "Adapt").resume()


def show_models(viewer: Viewer) -> None:
    """Show which model comes from which, and which is in use."""
    dock(viewer, "Adapt").show_model()
