"""Slides as napari layers: one multiscale RGB image per slide, in µm where the slide is calibrated."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from cytoshift.slides.slide import Slide

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Image, Layer

METADATA = "cytoshift"
"""Key in a layer's metadata under which this plugin keeps its own."""

_known: WeakValueDictionary[str, Slide] = WeakValueDictionary()


def remember(slide: Slide) -> None:
    """Make a slide findable from the layers that show it, as long as one of them lives."""
    _known[slide.key] = slide


def layer_data(slide: Slide) -> tuple[list[Any], dict[str, Any], str]:
    """Return a slide as the layer data tuple that a napari reader hands over."""
    remember(slide)
    return list(slide.arrays), layer_options(slide, "original"), "image"


def layer_options(slide: Slide, role: str) -> dict[str, Any]:
    """Return the keyword arguments with which a slide becomes an image layer.

    Parameters
    ----------
    slide : Slide
    role : {"original", "derived"}
        A file as it is, or a slide seen through an operator.
    """
    step = slide.levels[0].downsample_yx  # 1 for a file; a derived slide may begin at a coarser raster
    return {
        "name": slide.name,
        "rgb": True,
        "multiscale": True,
        "scale": tuple(s * d for s, d in zip(slide.frame.scale_yx, step, strict=True)),
        "translate": tuple(s * (d - 1) / 2 for s, d in zip(slide.frame.scale_yx, step, strict=True)),
        "units": (slide.frame.unit, slide.frame.unit),
        "metadata": {
            METADATA: {
                "role": role,
                "identity": slide.info.identity,
                "key": slide.key,
                "path": slide.info.path,
                "reader": slide.info.reader,
            }
        },
    }


def role_of(layer: Layer) -> str:
    """Return ``"original"``, ``"derived"`` or another role of a layer of ours; ``""`` for all others."""
    return str(layer.metadata.get(METADATA, {}).get("role", ""))


def layer_of(layers: Iterable[Layer], role: str) -> Any:
    """Return the first layer of a role, whose kind its caller knows; None where there is none."""
    return next((layer for layer in layers if role_of(layer) == role), None)


def slide_of(layer: Layer) -> Slide | None:
    """Return the slide that a layer shows; None where it shows none."""
    return _known.get(layer.metadata.get(METADATA, {}).get("key", ""))


def identity_of(layer: Layer) -> str:
    """Return the identity of the slide a layer of this plugin belongs to; ``""`` for all other layers."""
    return str(layer.metadata.get(METADATA, {}).get("identity", ""))


def show_only(viewer: Viewer, identity: str) -> None:
    """Hide the layers of all slides but one; layers of other people stay as they are."""
    for layer in viewer.layers:
        if identity_of(layer):
            layer.visible = identity_of(layer) == identity


def calibrate(layer: Image, slide: Slide) -> None:
    """Give a layer the scale and the units of its slide, whose µm/px are now known."""
    remember(slide)
    options = layer_options(slide, role_of(layer))
    for name in ("scale", "translate", "units"):
        setattr(layer, name, options[name])
