"""Pap-like slides drawn from a seed, in two stain and scanner styles of the same scene, with every cell known."""

from cytoshift.slides.samples.files import cached, draw, truth
from cytoshift.slides.samples.kinds import CLASSES
from cytoshift.slides.samples.render import render_tile
from cytoshift.slides.samples.scene import Scene, Truth
from cytoshift.slides.samples.stain import STYLES, StyleName

__all__ = ["CLASSES", "STYLES", "Scene", "StyleName", "Truth", "cached", "draw", "render_tile", "truth"]
