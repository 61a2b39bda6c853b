"""What an OME-Zarr 0.5 image says of itself: axes, scales and colours (https://ngff.openmicroscopy.org/0.5/)."""

from __future__ import annotations

from typing import Any


def image_attributes(name: str, levels: int, mpp_yx: tuple[float, float] | None) -> dict[str, Any]:
    """Return the ``ome`` attributes of a pyramid of factor-2 levels with axes ``c, y, x``.

    Parameters
    ----------
    name : str
        Name of the image.
    levels : int
        Number of levels, at the paths ``"0"``, ``"1"``, ...
    mpp_yx : tuple of float or None
        µm per level-0 pixel along y and x; None writes no unit.
    """
    scale_yx = mpp_yx or (1.0, 1.0)
    unit = {"unit": "micrometer"} if mpp_yx else {}
    datasets = []
    for k in range(levels):
        # The format puts the centre of pixel i at i, and a coarse pixel's centre lies amid 2**k fine ones.
        scale = [1.0, *(s * 2**k for s in scale_yx)]
        shift = [0.0, *(s * (2**k - 1) / 2 for s in scale_yx)]
        transforms = [{"type": "scale", "scale": scale}]
        if k:
            transforms.append({"type": "translation", "translation": shift})
        datasets.append({"path": str(k), "coordinateTransformations": transforms})
    axes = [{"name": "c", "type": "channel"}, *({"name": axis, "type": "space", **unit} for axis in "yx")]
    colours = {"Red": "FF0000", "Green": "00FF00", "Blue": "0000FF"}
    window = {"min": 0, "max": 255, "start": 0, "end": 255}
    channels = [{"label": k, "color": v, "active": True, "window": window} for k, v in colours.items()]
    return {
        "version": "0.5",
        "multiscales": [{"name": name, "axes": axes, "datasets": datasets, "type": "mean"}],
        "omero": {"channels": channels, "rdefs": {"model": "color"}},
    }
