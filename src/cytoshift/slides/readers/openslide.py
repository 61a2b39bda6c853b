"""MRXS, and what tifffile cannot read (Leica, Ventana, Philips, …), through OpenSlide."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import openslide

from cytoshift.errors import SlideError
from cytoshift.slides.readers.source import RGB, Declined, Facts, believable, on_white, scanner_name
from cytoshift.slides.slide import Level

READER = f"openslide {openslide.__library_version__}"

_VENDORS = {"mirax": "3DHISTECH", "leica": "Leica", "ventana": "Ventana", "philips": "Philips", "aperio": "Aperio"}

_MODELS = (
    "leica.device-model",
    "ventana.ScannerModel",
    "philips.DICOM_MANUFACTURERS_MODEL_NAME",
    "hamamatsu.Product",
    "tiff.Model",
)
"""Properties in which scanners name themselves."""

_FORMATS = ("", "generic-tiff", "dicom", "synthetic")
"""What OpenSlide calls the vendor where it knows a format only."""


class OpenSlideSource:
    """A slide read by OpenSlide, cropped to the scanned bounds; what was not scanned is white."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._slide = openslide.OpenSlide(path)
        said = self._slide.properties
        self._bounds = _bounds(said, self._slide.dimensions)
        self.levels = _levels(self._slide, self._bounds)
        self.facts = _facts(said, self._bounds)
        self.parts = _parts(path)

    def read(self, level: int, y: int, x: int, height: int, width: int) -> RGB:
        """Read a region of a stored level."""
        factor_y, factor_x = self.levels[level].downsample_yx
        corner = (self._bounds[0] + round(x * factor_x), self._bounds[1] + round(y * factor_y))
        slide = self._slide
        try:
            picture = slide.read_region(corner, level, (width, height))
        except openslide.OpenSlideError:
            # OpenSlide refuses every later read once one has failed: a fresh handle keeps the damage local.
            picture = self._fresh(slide).read_region(corner, level, (width, height))
        return on_white(np.asarray(picture))

    def _fresh(self, failed: openslide.OpenSlide) -> openslide.OpenSlide:
        with self._lock:
            if self._slide is failed:
                self._slide = openslide.OpenSlide(self._path)
            return self._slide

    def close(self) -> None:
        """Release the file."""
        self._slide.close()


def _bounds(said: Mapping[str, str], dimensions: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return x, y, width, height of what was scanned, level-0 pixels of the scanner's plane."""
    names = ("x", "y", "width", "height")
    try:
        x, y, width, height = (int(said[f"openslide.bounds-{name}"]) for name in names)
    except (KeyError, ValueError):
        return (0, 0, *dimensions)
    if width <= 0 or height <= 0:
        return (0, 0, *dimensions)
    return (x, y, width, height)


def _levels(slide: openslide.OpenSlide, bounds: tuple[int, int, int, int]) -> tuple[Level, ...]:
    full_width, full_height = slide.dimensions
    _, _, width, height = bounds
    levels: list[Level] = []
    for (w, h), mean in zip(slide.level_dimensions, slide.level_downsamples, strict=True):
        # Padded or cropped planes make the ratio of sizes inexact; a whole number is then what the maker meant.
        whole = abs(mean - round(mean)) < 1e-9
        factors = (mean, mean) if whole else (full_height / h, full_width / w)
        levels.append(Level(max(1, int(height / factors[0])), max(1, int(width / factors[1])), factors))
    return tuple(levels)


def _facts(said: Mapping[str, str], bounds: tuple[int, int, int, int]) -> Facts:
    vendor = said.get(openslide.PROPERTY_NAME_VENDOR, "")
    mpp_y = _number(said.get(openslide.PROPERTY_NAME_MPP_Y))
    mpp_x = _number(said.get(openslide.PROPERTY_NAME_MPP_X))
    known = _VENDORS.get(vendor, vendor)
    model = next((said[name] for name in _MODELS if said.get(name)), "")
    return Facts(
        READER,
        vendor=known,
        mpp_yx=None if mpp_y is None or mpp_x is None else believable((mpp_y, mpp_x)),
        objective=_number(said.get(openslide.PROPERTY_NAME_OBJECTIVE_POWER)),
        origin=bounds[:2],
        scanner=scanner_name("" if vendor in _FORMATS else known, model),
    )


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None


def _parts(path: Path) -> tuple[tuple[str, Path], ...]:
    folder = path.with_suffix("")
    if path.suffix.lower() != ".mrxs" or not folder.is_dir():
        return (("", path),)
    inside = sorted(file for file in folder.iterdir() if file.suffix.lower() in (".ini", ".dat"))
    return (("", path), *((file.name, file) for file in inside))


def open_openslide(path: Path) -> OpenSlideSource:
    """Open a slide with OpenSlide.

    Raises
    ------
    Declined
        OpenSlide does not know the format.
    SlideError
        It knows the format, and the file is damaged or a part of it is missing.
    """
    folder = path.with_suffix("")
    if path.suffix.lower() == ".mrxs" and not (folder / "Slidedat.ini").is_file():
        raise SlideError(f"{path.name} needs its folder {folder.name} with Slidedat.ini beside it; copy both together.")
    if openslide.OpenSlide.detect_format(path) is None:
        raise Declined
    try:
        return OpenSlideSource(path)
    except openslide.OpenSlideError as error:
        raise SlideError(f"{path.name} is damaged or incomplete ({error}); copy it again.") from error
