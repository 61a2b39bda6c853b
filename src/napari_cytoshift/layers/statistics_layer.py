"""The field of statistics by which a translator normalizes, laid over the slide in false colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_cytoshift.layers.panes import FIELD
from napari_cytoshift.layers.slide_layers import METADATA, role_of

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Image

    from cytoshift.slides.slide import Slide

OPACITY = 0.55
COLORMAP = "viridis"


class FieldValues(NamedTuple):
    """One number for each tile of a part of a grid.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)
        NaN where nothing is known yet.
    corner : tuple of float
        x, y of the upper left corner in level-0 pixels.
    step : tuple of float
        Level-0 pixels from tile to tile along y and x.
    """

    values: npt.NDArray[np.float32]
    corner: tuple[float, float]
    step: tuple[float, float]

    @property
    def limits(self) -> tuple[float, float] | None:
        """The least and the largest value; None where nothing is known."""
        known = self.values[np.isfinite(self.values)]
        return (float(known.min()), float(known.max())) if known.size else None


def draw_field(viewer: Viewer, slide: Slide, field: FieldValues) -> None:
    """Lay a field over a slide; tiles of which nothing is known stay clear, all others run into each other."""
    layer, pixels = field_layer(viewer), _colored(field)
    if layer is None:
        layer = _make(viewer, slide, pixels)
    layer.metadata = _metadata(slide)
    middle = slide.frame.world_from_level0(np.asarray(field.corner) + np.asarray(field.step)[::-1] / 2)
    with layer._block_refresh():
        layer.data = pixels
        layer.scale, layer.translate = np.asarray(slide.frame.scale_yx) * field.step, middle
    layer.units = (slide.frame.unit, slide.frame.unit)
    layer.visible = True
    layer.refresh()


def hide_field(viewer: Viewer) -> None:
    """Show no field. The layer stays: napari takes long to remove one."""
    layer = field_layer(viewer)
    if layer is not None:
        layer.visible = False


def field_layer(viewer: Viewer) -> Image | None:
    """Return the layer of the field; None where there is none."""
    return next((layer for layer in viewer.layers if role_of(layer) == FIELD), None)


def _colored(field: FieldValues) -> npt.NDArray[np.uint8]:
    from napari.utils.colormaps import ensure_colormap

    low, high = field.limits or (0.0, 1.0)
    known = np.isfinite(field.values)
    shares = np.where(known, (field.values - low) / max(high - low, 1e-9), 0)
    colors = ensure_colormap(COLORMAP).map(shares.ravel()).reshape(*shares.shape, 4)
    colors[~known, 3] = 0
    return np.asarray((255 * colors).round(), np.uint8)


def _make(viewer: Viewer, slide: Slide, pixels: npt.NDArray[np.uint8]) -> Image:
    active = viewer.layers.selection.active
    layer = viewer.add_image(
        pixels,
        name="Statistics of the translator",
        rgb=True,
        opacity=OPACITY,
        interpolation2d="linear",
        metadata=_metadata(slide),
        units=(slide.frame.unit, slide.frame.unit),
    )
    viewer.layers.selection.active = active
    return layer


def _metadata(slide: Slide) -> dict[str, object]:
    return {METADATA: {"role": FIELD, "identity": slide.info.identity}}
