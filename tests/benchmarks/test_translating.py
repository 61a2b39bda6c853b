"""What the benchmark of translation runs on."""

from __future__ import annotations

import numpy as np
from benchmarks.translating.memory import peak
from benchmarks.translating.repeated import RepeatedSlide
from benchmarks.translating.runs import built, counted, narrow, translated

from cytoshift.slides.pyramid import halve
from cytoshift.slides.samples import Scene, render_tile
from cytoshift.translation import PlainTiles, Translator


def test_a_field_repeats_on_every_level() -> None:
    field = render_tile(Scene(1), 0, 0, 1024, 1024)
    slide = RepeatedSlide(field, 5000, 0.25)
    exact = np.tile(field, (5, 5, 1))[:5000, :5000]
    for level in slide.levels:
        seen = slide.read(slide.levels.index(level), 0, 0, level.height, level.width)
        np.testing.assert_array_equal(seen, exact)
        exact = halve(exact)
    assert len(slide.levels) == 4


def test_evaluations_are_counted_and_rows_chosen() -> None:
    slide = RepeatedSlide(render_tile(Scene(0), 0, 0, 512, 512), 250, 0.25)
    parts = narrow(64, arch="release", width=4, blocks=1)
    for kind, times in ((Translator, 3 + 2), (PlainTiles, 1)):
        operator = built(kind, parts)
        with counted(operator) as windows:
            pixels = translated(operator, slide, rows=1)
        assert pixels.shape == (64, 250, 3)
        assert pixels.std() > 10
        assert 4 <= sum(windows) <= 4 * times


def test_a_process_knows_its_largest_memory() -> None:
    before = peak()
    kept = np.ones(64 << 20, np.uint8)
    assert peak() >= before
    assert peak() >= kept.nbytes / (1 << 20)
