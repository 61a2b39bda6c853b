"""DICOM whole-slide images through wsidicom: a folder, or any one file of the series."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import wsidicom

from cytoshift.errors import SlideError
from cytoshift.slides.readers.segments import assemble, segment_cache
from cytoshift.slides.readers.source import MAX_SEGMENT, MAX_SIDE, RGB, Declined, Facts, believable, scanner_name
from cytoshift.slides.slide import Level

READER = f"wsidicom {wsidicom.__version__}"

_WSI_STORAGE = "1.2.840.10008.5.1.4.1.1.77.1.6"
_BRIGHTFIELD, _EPIFLUORESCENCE = "111744", "111743"


class DicomSource:
    """The volume instances of one DICOM series."""

    def __init__(self, files: list[Path], volumes: list[Path]) -> None:
        self._wsi = wsidicom.WsiDicom.open(files)
        self._key = object()
        self._lock = threading.Lock()
        try:
            stored = sorted(self._wsi.levels, key=lambda level: level.level)
            self._numbers = [int(level.level) for level in stored]
            self._segments = [(int(level.tile_size.height), int(level.tile_size.width)) for level in stored]
            self.levels = _levels(stored)
            self.facts = _facts(self._wsi, stored[0])
        except BaseException:
            self._wsi.close()
            raise
        self.parts = tuple(("", file) for file in volumes)

    def read(self, level: int, y: int, x: int, height: int, width: int) -> RGB:
        """Read a region of a stored level."""

        def fetch(row: int, column: int) -> RGB:
            return segment_cache().get((self._key, level, row, column), lambda: self._tile(level, row, column))

        return assemble((y, x, height, width), self._segments[level], fetch)

    def _tile(self, level: int, row: int, column: int) -> RGB:
        with self._lock:  # the file handles beneath are shared
            tile = self._wsi.read_tile(self._numbers[level], (column, row))
        return np.array(tile.convert("RGB"), dtype=np.uint8)

    def close(self) -> None:
        """Release the files."""
        self._wsi.close()


def _levels(stored: list[Any]) -> tuple[Level, ...]:
    height, width = stored[0].size.height, stored[0].size.width
    levels: list[Level] = []
    for level in stored:
        h, w = level.size.height, level.size.width
        tile = level.tile_size.height * level.tile_size.width * 3
        if not (0 < h <= MAX_SIDE and 0 < w <= MAX_SIDE and 0 < tile <= MAX_SEGMENT):
            raise ValueError(f"a level claims {w} x {h} px in tiles of {tile} bytes")
        levels.append(Level(h, w, (height / h, width / w)))
    return tuple(levels)


def _facts(wsi: wsidicom.WsiDicom, finest: Any) -> Facts:
    spacing = finest.pixel_spacing
    mpp = None if spacing is None else believable((float(spacing.height) * 1e3, float(spacing.width) * 1e3))
    metadata = wsi.metadata
    paths = metadata.pyramid.optical_paths
    objective = paths[0].objective.objective_power if paths and paths[0].objective else None
    codes = {code.value for path in paths for code in path.illumination_types}
    bright = True if _BRIGHTFIELD in codes else False if _EPIFLUORESCENCE in codes else None
    equipment = metadata.equipment
    maker, model = (
        said if said and said != "Unknown" else ""
        for said in ((equipment.manufacturer, equipment.model_name) if equipment else (None, None))
    )
    power = None if objective is None else float(objective)
    return Facts(READER, maker or "DICOM", mpp, power, bright, scanner=scanner_name(maker, model))


def _headers(files: Iterable[Path]) -> dict[Path, Any]:
    """Return what is needed to choose, for those files that are whole-slide DICOM."""
    wanted = ["SOPClassUID", "SeriesInstanceUID", "ImageType"]
    found: dict[Path, Any] = {}
    for file in files:
        if not _is_dicom(file):
            continue
        try:
            header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=wanted)
        except Exception:  # any damaged neighbour: the slide may be whole without it
            continue
        if header.get("SOPClassUID") == _WSI_STORAGE:
            found[file] = header
    return found


def _is_dicom(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def open_dicom(path: Path) -> DicomSource:
    """Open a DICOM slide from its folder or one of its files.

    Raises
    ------
    Declined
        Not a whole-slide DICOM image.
    SlideError
        Several slides in one folder, no volume images, or damaged files.
    """
    folder = path if path.is_dir() else path.parent
    headers = _headers(sorted(folder.iterdir()))
    if not headers and path.is_dir():
        raise Declined
    if path.is_dir():
        series = {header.SeriesInstanceUID for header in headers.values()}
        if len(series) > 1:
            raise SlideError(f"{path.name} holds {len(series)} DICOM series; open one file of the series you mean.")
    elif path in headers:
        series = {headers[path].SeriesInstanceUID}
    else:
        raise Declined("is a DICOM file, but no whole-slide image")
    mine = [file for file, header in headers.items() if header.SeriesInstanceUID in series]
    volumes = [file for file in mine if "VOLUME" in (headers[file].get("ImageType") or [])]
    if not volumes:
        raise SlideError(f"{path.name} has label or overview images only; add the VOLUME files of its series.")
    try:
        return DicomSource(mine, volumes)
    except Exception as error:
        raise SlideError(f"{path.name} is damaged or incomplete DICOM ({error}); export the series again.") from error
