"""Opening slides through napari: drag and drop, *File > Open*, ``viewer.open``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cytoshift.errors import CytoshiftError
from cytoshift.slides.slide import Slide
from napari_cytoshift import notices
from napari_cytoshift.background import wait_for
from napari_cytoshift.layers.slide_layers import layer_data
from napari_cytoshift.slicing import relay_slices
from napari_cytoshift.state import State

Layers = list[tuple[Any, ...]]

NO_LAYERS: Layers = [(None,)]
"""What napari takes as: read, and nothing to add."""

_SLIDE_FOLDER_MARKS = (".zattrs", ".zgroup", "zarr.json", "DICOMDIR")
_LOOK_AT = 64
_TIFF = (".tif", ".tiff")


def get_reader(path: str | Sequence[str]) -> Callable[[str | Sequence[str]], Layers] | None:
    """Return the function that reads a path, or None at once where it can be no slide.

    A folder is a slide when it is an OME-Zarr pyramid or holds DICOM files. Files are judged by their content
    when they are opened, not here.
    """
    paths = [path] if isinstance(path, str) else list(path)
    if not paths or any(Path(p).is_dir() and not _may_be_slide_folder(Path(p)) for p in paths):
        return None
    if any(Path(p).suffix.lower() in _TIFF and not _may_be_slide_tiff(Path(p)) for p in paths):
        return None
    return read


def read(path: str | Sequence[str]) -> Layers:
    """Open one slide or several and return a layer for each; what cannot be opened is said in a notification.

    The window stays alive meanwhile: slides are opened in a thread.
    """
    read_in_background()
    layers: Layers = []
    for one in [path] if isinstance(path, str) else path:
        try:
            slide = _open_while_painting(one)
        except CytoshiftError as error:
            notices.complain(error)
        else:
            layers.append(layer_data(slide))
    return layers or NO_LAYERS


def open_calibrated(path: str | Path) -> Slide:
    """Open a slide with the µm/px a person gave it earlier, where it says none itself; raises SlideError."""
    from cytoshift.slides import open_slide

    slide = open_slide(path, on_problem=notices.warn)
    coarsest = slide.levels[-1]  # napari's thumbnail needs it at once: better read here, in a thread
    slide.read(len(slide.levels) - 1, 0, 0, coarsest.height, coarsest.width)
    known = State().calibration(slide.info.identity)
    return slide if slide.info.mpp_yx is not None or known is None else slide.calibrated(*known)


def _open_while_painting(path: str) -> Slide:
    return wait_for(f"Opening {Path(path).name}", lambda work: open_calibrated(path))


def read_in_background() -> None:
    """Switch napari's asynchronous slicing on for this session, and keep it out of the settings file."""
    from napari import current_viewer
    from napari.settings import get_settings

    viewer = current_viewer()
    if viewer is not None:
        relay_slices(viewer)
    settings = get_settings()
    settings.env_settings.setdefault("experimental", {})["async_"] = True  # what comes from outside is not saved
    if not settings.experimental.async_:
        settings.experimental.async_ = True


def _may_be_slide_folder(folder: Path) -> bool:
    if any((folder / mark).exists() for mark in _SLIDE_FOLDER_MARKS):
        return True
    files = (child for _, child in zip(range(_LOOK_AT), folder.iterdir(), strict=False) if child.is_file())
    return any(_is_dicom(child) for child in files)


def _is_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _may_be_slide_tiff(path: Path) -> bool:
    """Return False for a TIFF that is readable and holds no 8-bit colour: a job for napari's own reader."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages[0]
            return page.dtype == "uint8" and page.ndim == 3
    except (OSError, ValueError, IndexError):
        return True  # missing or damaged: opening it says so in a sentence
