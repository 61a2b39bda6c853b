"""Lengths and areas in words."""

from __future__ import annotations

from cytoshift.slides.coordinates import Frame
from napari_cytoshift.measuring import area_words, length_words

FINE = Frame((0.5, 0.25))
SQUARE = [(0, 0), (40, 0), (40, 20), (0, 20)]


def test_lengths_have_one_decimal_and_become_millimetres() -> None:
    assert length_words(FINE, [(0, 0), (12, 8)]) == "Length 5.0 µm"
    assert length_words(FINE, [(0, 0), (6000, 0)]) == "Length 1.500 mm"


def test_areas_have_their_sides_where_they_are_rectangles() -> None:
    assert area_words(FINE, SQUARE) == "Area 100.0 µm² (10.0 µm × 10.0 µm)"
    assert area_words(FINE, [(0, 0), (40, 0), (0, 20)]) == "Area 50.0 µm²"
    assert area_words(FINE, [(0, 0), (4000, 0), (4000, 2000), (0, 2000)]) == "Area 1.000 mm² (1.000 mm × 1.000 mm)"


def test_without_microns_pixels_and_what_to_do() -> None:
    assert length_words(Frame(None), [(0, 0), (3, 4)]) == "Length 5.0 px; µm/px are unknown: set them in Slide"
    assert area_words(Frame(None), SQUARE).startswith("Area 800 px² (40.0 px × 20.0 px); µm/px")
