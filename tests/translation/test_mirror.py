"""Windows that reach beyond a slide."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.translation.mirror import mirrored


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 200),
    width=st.integers(1, 200),
    halo=st.sampled_from([4, 12, 32]),
    place=st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)),
)
def test_beyond_the_border_is_what_numpy_mirrors_there(
    height: int, width: int, halo: int, place: tuple[float, float]
) -> None:
    tile = 64
    slide = np.random.default_rng(0).integers(0, 200, (height, width, 3), dtype=np.uint8)
    far = tile + halo
    exact = np.pad(slide, ((far, far), (far, far), (0, 0)), mode="reflect")
    white = np.pad(slide, ((far, far), (far, far), (0, 0)), constant_values=255)
    y, x = (int(share * size) // tile * tile for share, size in zip(place, (height, width), strict=True))
    window = (slice(far + y - halo, far + y + tile + halo), slice(far + x - halo, far + x + tile + halo))
    result = mirrored(white[window], y - halo, x - halo, height, width)
    assert result.max() < 200, "no white is left"
    # As far as the halo reaches from pixels of the core that lie on the slide.
    seen = (slice(0, halo + min(tile, height - y) + halo), slice(0, halo + min(tile, width - x) + halo))
    np.testing.assert_array_equal(result[seen], exact[window][seen])


def test_a_window_within_the_slide_is_left_alone() -> None:
    window = np.zeros((8, 8, 3), np.uint8)
    assert mirrored(window, 2, 2, 20, 10) is window
