"""µm/px, objective and maker from the tags of a TIFF slide."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree

import tifffile

from cytoshift.slides.readers.source import Facts, believable, scanner_name

READER = f"tifffile {tifffile.__version__}"

_MICRONS_PER_TAG_UNIT = {2: 25400.0, 3: 10000.0}
"""ResolutionUnit inch and centimetre; without a unit the numbers mean nothing."""

_MICRONS = {"µm": 1.0, "μm": 1.0, "um": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6, "pm": 1e-6, "Å": 1e-4}


def facts_of(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> Facts:
    """Return what the file says of itself; ``page`` is the finest level."""
    if tif.is_svs:
        return _aperio(page)
    if tif.is_ndpi:
        return _hamamatsu(page)
    if tif.is_ome:
        return _ome(tif.ome_metadata or "")
    vendor = "PerkinElmer" if tif.is_qpi else ""
    mpp = _resolution(page) if page.is_tiled else None
    return Facts(READER, vendor=vendor or "TIFF", mpp_yx=mpp, scanner=_tagged(page, vendor))


def _aperio(page: tifffile.TiffPage) -> Facts:
    entries = dict(re.findall(r"\|\s*([^=|]+?)\s*=\s*([^|]*)", page.description))
    mpp = _number(entries.get("MPP"))
    pair = None if mpp is None else believable((mpp, mpp))
    scanner = scanner_name("Aperio", entries.get("ScannerType", ""))
    return Facts(READER, "Aperio", pair, _number(entries.get("AppMag")), brightfield=True, scanner=scanner)


def _hamamatsu(page: tifffile.TiffPage) -> Facts:
    objective = _number(page.tags.valueof(65421))
    return Facts(READER, "Hamamatsu", _resolution(page), objective, scanner=_tagged(page, "Hamamatsu"))


def _ome(xml: str) -> Facts:
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return Facts(READER, "OME-TIFF")
    pixels = root.find(".//{*}Image/{*}Pixels")
    power = root.find(".//{*}Instrument/{*}Objective")
    objective = None if power is None else _number(power.get("NominalMagnification"))
    sizes: list[float | None] = []
    for axis in "YX":
        size = None if pixels is None else _number(pixels.get(f"PhysicalSize{axis}"))
        unit = "µm" if pixels is None else pixels.get(f"PhysicalSize{axis}Unit", "µm")
        factor = _MICRONS.get(unit)
        sizes.append(None if size is None or factor is None else size * factor)
    y, x = sizes
    mpp = None if y is None or x is None else believable((y, x))
    microscope = root.find(".//{*}Instrument/{*}Microscope")
    said = {} if microscope is None else microscope.attrib
    scanner = scanner_name(said.get("Manufacturer", ""), said.get("Model", ""))
    return Facts(READER, "OME-TIFF", mpp, objective, scanner=scanner)


def _tagged(page: tifffile.TiffPage, maker: str) -> str:
    """Return the scanner that the tags Make and Model name, by its maker where that is known otherwise."""
    make, model = (str(page.tags.valueof(code) or "") for code in (271, 272))
    return scanner_name(maker or make, model)


def _resolution(page: tifffile.TiffPage) -> tuple[float, float] | None:
    unit = _MICRONS_PER_TAG_UNIT.get(int(page.tags.valueof(296, 2)))
    if unit is None:
        return None
    pair: list[float] = []
    for code in (283, 282):
        value = page.tags.valueof(code)
        if not isinstance(value, tuple) or len(value) != 2 or 0 in value:
            return None
        pair.append(unit / float(Fraction(*value)))
    # Pictures made for print or screen say 72 or 300 dpi, which is no microscope.
    y, x = pair
    return (y, x) if max(pair) <= 20.0 and believable((y, x)) else None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < float("inf") else None
