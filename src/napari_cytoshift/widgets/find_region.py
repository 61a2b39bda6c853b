"""The region a person draws to be searched: one rectangle on a layer of its own."""

from __future__ import annotations

from napari_cytoshift.layers.drawn_box import DrawnBox, cut

_REGION = DrawnBox("region", "Search here", "#0072b2")

start_drawing = _REGION.start
drawn = _REGION.drawn
remove = _REGION.remove

__all__ = ["cut", "drawn", "remove", "start_drawing"]
