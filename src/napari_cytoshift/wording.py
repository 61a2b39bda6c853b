"""Numbers as people read them, with their units."""

from __future__ import annotations


def about(seconds: float | None) -> str:
    """Say a remaining time: ``"about 3 min"``; ``""`` while nobody knows."""
    if seconds is None:
        return ""
    if seconds < 55:
        return f"about {max(5, 5 * round(seconds / 5))} s"
    if seconds < 3600:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"


def memory(used: int, total: int) -> str:
    """Say how much of a device's memory is used: ``"memory 1.2 of 24 GB"``."""
    return f"memory {used / 2**30:.1f} of {total / 2**30:.0f} GB"


def length(microns: float) -> str:
    """Say a length in the unit that suits it."""
    if microns < 1000:
        return f"{microns:.3g} µm"
    return f"{microns / 1000:.3g} mm"


def size(height_um: float, width_um: float) -> str:
    """Say a physical size, width first."""
    if max(height_um, width_um) < 1000:
        return f"{width_um:.0f} × {height_um:.0f} µm"
    return f"{width_um / 1000:.3g} × {height_um / 1000:.3g} mm"


def times(magnification: float | None) -> str:
    """Say a magnification: ``"12×"``; a dash while µm/px are unknown."""
    if magnification is None:
        return "–"
    return f"{magnification:.0f}×" if magnification >= 9.95 else f"{magnification:.2g}×"


def density(cells: int, area_mm2: float) -> str:
    """Say how many cells there are on a mm²: ``"1 180 / mm²"``; small numbers with a decimal."""
    value = cells / area_mm2
    return f"{value:,.0f} / mm²".replace(",", " ") if value >= 100 or value == 0 else f"{value:.1f} / mm²"


def shortened(name: str, most: int = 24) -> str:
    """Return a name of a file with its middle left out where it is long."""
    if len(name) <= most:
        return name
    end = most // 2 - 1
    return f"{name[: most - 1 - end]}…{name[-end:]}"
