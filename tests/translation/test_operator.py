"""A translator over a slide: the same bytes wherever a tile is computed, and no seam."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from same_bytes import ArraySlide, assert_same_image
from tiny_translator import MPP, TILE, architecture, lively, scene, translator
from torch import Tensor

from cytoshift.engine import DerivedSlide
from cytoshift.engine.grid import Tile
from cytoshift.engine.operator import ImageOperator
from cytoshift.engine.pace import paced_by
from cytoshift.engine.pipeline import Pipeline
from cytoshift.engine.view import View
from cytoshift.errors import Cancelled, ModelError, SlideError
from cytoshift.slides.cache import TileCache
from cytoshift.slides.slide import Slide
from cytoshift.translation import GeneratorPlan, PlainTiles, Translator, TranslatorArchitecture, chain
from cytoshift.translation.anchors import find_anchors, spread
from cytoshift.translation.errors import TranslationError
from cytoshift.translation.noise import style_draw

RGB = npt.NDArray[np.uint8]

WEAK = TranslatorArchitecture(
    method="not", generator=GeneratorPlan(arch="plain", width=4, blocks=1, inputs=4), steps=1, noise=0.3, tile=TILE
)


def glass(height: int, width: int) -> RGB:
    """Return a slide's glass, with a little of a camera's noise."""
    grain = np.random.default_rng(0).integers(-1, 2, (height, width, 3))
    return (np.array([238, 236, 234]) + grain).astype(np.uint8)


def half_glass(height: int, width: int, tissue: int) -> RGB:
    """Return a field of which all but the first columns is glass."""
    image = glass(height, width)
    image[:, :tissue] = scene(height, width)[:, :tissue] // 2
    return image


def translated(operator: ImageOperator, slide: Slide, order: list[int] | None = None) -> RGB:
    """Compute tiles in an order; returns what they cover."""
    operator = operator.prepare(slide)
    view = View.of(slide, operator.needs)
    pipeline = Pipeline(view, view.grid(operator.needs), operator.needs.batch)
    out = np.zeros(view.level.shape, np.uint8)
    tiles = [pipeline.grid[k] for k in order or range(len(pipeline.grid))]
    for shard, cores in pipeline.map(operator, tiles):
        for tile, core in zip(shard, cores, strict=True):
            out[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] = core
    return out


@contextmanager
def evaluations(operator: Any) -> Iterator[list[int]]:
    """Count how many windows the generator is given."""
    counted: list[int] = []
    handle = operator._passes.generator.register_forward_hook(lambda _, given, __: counted.append(len(given[0])))
    yield counted
    handle.remove()


@pytest.mark.parametrize(
    "options",
    [{"steps": 1}, {"steps": 3}, {"architecture": WEAK}, {"steps": 2, "batch": 2}],
    ids=["one step", "three steps", "noise channel", "batches"],
)
def test_a_tile_has_the_same_bytes_wherever_it_is_computed(options: dict[str, Any], tmp_path: Path) -> None:
    slide = ArraySlide(scene(100, 170), mpp=MPP)
    whole = assert_same_image(slide, translator(**options), tmp_path)
    assert whole.std() > 10, "the generator must show something for the test to mean anything"


def test_batches_differ_from_single_tiles_by_one_grey_level_at_most() -> None:
    slide = ArraySlide(scene(150, 330), mpp=MPP)
    one, four = (translated(translator(batch=batch), slide).astype(int) for batch in (1, 4))
    assert np.abs(one - four).max() <= 1


@pytest.mark.parametrize("arch", ["release", "timecond"])
def test_tiles_are_cut_from_one_picture_of_the_whole_slide(arch: str) -> None:
    """The oracle: one pass over the whole slide with the field between all tables, without tiles and halos."""
    plan = TranslatorArchitecture(generator=GeneratorPlan(arch=arch, width=4, blocks=1, mapping=0), tile=TILE)
    operator = translator(architecture=plan)
    image = scene(3 * TILE, 4 * TILE)
    slide = ArraySlide(image, mpp=MPP)
    prepared = operator.prepare(slide)
    tables = [[prepared.field(row, column) for column in range(4)] for row in range(3)]
    margin = 2 * TILE

    def field(site: int, which: int, downsample: int, shape: tuple[int, int]) -> Tensor:
        table = np.array([[tables[row][column][site][which] for column in range(4)] for row in range(3)])
        for axis, count in enumerate((3, 4)):
            places = ((np.arange(shape[axis]) + 0.5) * downsample - margin) / TILE - 0.5
            places = np.clip(places, 0, count - 1)
            low = np.minimum(places.astype(int), count - 2)
            part = (places - low).reshape([-1 if k == axis else 1 for k in range(3)])
            table = table.take(low, axis) * (1 - part) + table.take(low + 1, axis) * part
        return torch.from_numpy(table).float().permute(2, 0, 1)

    def normalize(site: int, features: Tensor) -> Tensor:
        downsample = plan.generator.sites[site][1]
        mean, rstd = (field(site, which, downsample, tuple(features.shape[2:])) for which in (0, 1))
        return (features - mean) * rstd

    around = np.pad(image, ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
    given = torch.from_numpy(around).permute(2, 0, 1)[None].float() / 127.5 - 1
    style = torch.from_numpy(style_draw(0, 0, plan.generator.style))[None]
    with torch.inference_mode():
        made = lively(plan.generator)(given, 0, style, normalize)
    exact = ((made[0, :, margin:-margin, margin:-margin] + 1) * 127.5).round().permute(1, 2, 0).numpy()
    assert np.abs(translated(operator, slide) - exact).max() <= 1
    assert exact.std() > 10


def test_one_tile_is_normalized_by_its_own_moments() -> None:
    operator = translator()
    image = scene(TILE, TILE)
    result = translated(operator, ArraySlide(image, mpp=MPP))
    passes, halo = operator._passes, operator.needs.halo
    window = np.pad(image, ((halo, halo), (halo, halo), (0, 0)), mode="reflect")
    _, predicted = passes.collect(passes.tensor(window[None]), 0, [(-halo, -halo)], [(TILE, TILE)])
    exact = passes.pixels(predicted)[0, halo:-halo, halo:-halo]
    assert np.abs(result.astype(int) - exact).max() <= 1


def test_the_halo_is_all_that_a_core_sees() -> None:
    operator = translator()
    passes, needs = operator._passes, operator.needs
    side, reach = needs.tile + 2 * needs.halo, architecture().generator.reach
    window = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    tables = np.zeros((1, 2, 3, 3, sum(channels for channels, _ in passes.sites)), np.float32)
    tables[:, 1] = 2
    core = slice(needs.halo, -needs.halo)

    def seen(given: RGB) -> Tensor:
        return passes.translate(passes.tensor(given), 0, [(0, 0)], tables)[:, :, core, core]

    beyond, within = window.copy(), window.copy()
    for side_of in (slice(None, needs.halo - reach), slice(side - needs.halo + reach, None)):
        beyond[:, side_of] ^= 255
        beyond[:, :, side_of] ^= 255
    within[:, needs.halo - 1] ^= 255
    assert needs.halo > reach
    assert torch.equal(seen(beyond), seen(window))
    assert not torch.equal(seen(within), seen(window))


@pytest.mark.parametrize("steps", [1, 3])
def test_a_run_asks_the_generator_twice_for_each_tile_and_step(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TABLES_HELD", "TABLES_FILED", "STATES_HELD", "STATES_FILED"):
        monkeypatch.setattr(chain, name, 1)  # no more than the rows that a run needs
    operator = translator(steps=steps)
    slide = ArraySlide(scene(14 * TILE, 3 * TILE), mpp=MPP)
    with evaluations(operator) as counted:
        translated(operator, slide)
    assert sum(counted) == 2 * steps * 14 * 3


def test_steps_share_what_is_known_of_a_slide() -> None:
    slide = ArraySlide(scene(2 * TILE, 3 * TILE), mpp=MPP)
    first = translator().prepare(slide)
    one = translated(first, slide)
    second = first.at_steps(2)
    assert (second.steps, second.most_steps, first.steps) == (2, 5, 1)
    with evaluations(first) as counted:
        two = translated(second, slide)
    assert sum(counted) == 3 * 6, "the tables of the first step are known"
    np.testing.assert_array_equal(two, translated(translator(steps=2), slide))
    assert np.abs(one.astype(int) - two).mean() > 1


def test_two_threads_make_the_same_bytes_and_compute_nothing_twice() -> None:
    slide = ArraySlide(scene(3 * TILE, 4 * TILE), mpp=MPP)
    whole = translated(translator(steps=2), slide)
    operator = translator(steps=2).prepare(slide)
    with evaluations(operator) as counted, ThreadPoolExecutor(2) as pool:
        halves = pool.map(lambda order: translated(operator, slide, order), ([*range(0, 12, 2)], [*range(11, 0, -2)]))
        first, second = halves
    np.testing.assert_array_equal(np.maximum(first, second), whole)
    assert sum(counted) == 4 * 12


def test_glass_takes_its_moments_from_tissue() -> None:
    slide = ArraySlide(half_glass(3 * TILE, 6 * TILE, 2 * TILE), mpp=MPP)
    operator = translator().prepare(slide)
    anchors = operator._chain.anchors
    assert anchors[:, :2].all()
    assert not anchors[:, 3:].any(), "a margin of tissue may reach into the next column"
    last = int(np.flatnonzero(anchors.any(0)).max())
    beside = operator.field(1, last + 1)
    around = [operator.field(row, last) for row in range(3) if anchors[row, last]]
    for site, table in enumerate(beside):
        np.testing.assert_allclose(table, np.mean([each[site] for each in around], axis=0), rtol=1e-5)
    far = operator.field(1, 5)
    chosen = [operator.field(row, column) for row, column in spread(anchors)]
    for site, table in enumerate(far):
        np.testing.assert_allclose(table, np.mean([each[site] for each in chosen], axis=0), rtol=1e-4, atol=1e-6)
    with evaluations(operator) as counted:
        assert operator.known_field(1, 5) is None
        assert operator.known_field(1, 0) is not None
    assert not counted


@pytest.mark.parametrize("steps", [1, 3])
def test_a_slide_that_is_mostly_glass_is_translated_alike_in_any_order(steps: int) -> None:
    slide = ArraySlide(half_glass(2 * TILE, 6 * TILE, TILE), mpp=MPP)
    operator = translator(steps=steps)
    whole = translated(operator, slide)
    again = translated(translator(steps=steps), slide, [*range(11, -1, -1)])
    np.testing.assert_array_equal(whole, again)


def test_a_slide_that_is_all_glass_is_refused_in_a_sentence() -> None:
    with pytest.raises(TranslationError, match=r"^No tissue was found on blank, .*; check .*\.$"):
        translator().prepare(ArraySlide(glass(200, 200), mpp=MPP, name="blank"))


def test_a_slide_that_is_not_brightfield_is_refused() -> None:
    slide = ArraySlide(scene(200, 200), mpp=MPP, brightfield=False)
    for kind in (Translator, PlainTiles):
        with pytest.raises(TranslationError, match="not a brightfield slide"):
            translator(kind).prepare(slide)


def test_a_slide_without_a_scale_is_refused() -> None:
    with pytest.raises(SlideError, match="how large a pixel is"):
        translator().prepare(ArraySlide(scene(200, 200)))


@pytest.mark.parametrize("size", [(20, 30), (3, 90), (TILE + 2, TILE - 1)])
def test_a_slide_smaller_than_a_tile_or_with_slivers(size: tuple[int, int]) -> None:
    image = scene(200, 200)[60 : 60 + size[0], 40 : 40 + size[1]]
    slide = ArraySlide(np.ascontiguousarray(image) // 2, mpp=MPP)
    for steps in (1, 2):
        result = translated(translator(steps=steps), slide)
        assert result.shape == (*size, 3)
        assert result.std() > 1


def test_no_white_leaks_in_from_beyond_the_slide() -> None:
    """What a run shows within is the same whatever the engine puts beyond the border."""
    operator = translator()
    image = scene(TILE + 20, TILE + 30)
    slide = ArraySlide(image, mpp=MPP)
    prepared = operator.prepare(slide)
    view = View.of(slide, operator.needs)
    grid = view.grid(operator.needs)
    tile = grid[3]
    window = view.window(grid, tile)
    assert (window[-30:, -30:] == 255).all()
    black = window.copy()
    black[grid.halo + tile.height :], black[:, grid.halo + tile.width :] = 0, 0
    np.testing.assert_array_equal(prepared.render((tile,), window[None]), prepared.render((tile,), black[None]))


def test_slivers_at_the_border_have_no_moments_of_their_own() -> None:
    operator = translator()
    slide = ArraySlide(scene(2 * TILE + 10, TILE), mpp=MPP)
    view = View.of(slide, operator.needs)
    anchors = find_anchors(slide, view, view.grid(operator.needs))
    assert anchors[:, 0].tolist() == [True, True, False]


def test_keys_name_all_that_decides_the_pixels() -> None:
    slide = ArraySlide(scene(150, 150), mpp=MPP)
    other = ArraySlide(half_glass(150, 150, 70), mpp=MPP)
    keys = [
        translator().key,
        translator().prepare(slide).key,
        translator().prepare(other).key,
        translator(steps=2).prepare(slide).key,
        translator(seed=1).prepare(slide).key,
        translator(version="1" * 64).prepare(slide).key,
        translator(PlainTiles).key,
    ]
    assert len(set(keys)) == len(keys)
    prepared = translator().prepare(slide)
    assert prepared.key == translator().prepare(slide).key
    assert prepared.prepare(slide) is prepared
    assert prepared.prepare(other).key == keys[2]


def test_it_travels_without_what_it_knows_of_a_slide() -> None:
    slide = ArraySlide(scene(150, 150), mpp=MPP)
    prepared = translator().prepare(slide)
    arrived = pickle.loads(pickle.dumps(prepared))
    assert arrived.prepare(slide).key == prepared.key
    np.testing.assert_array_equal(translated(arrived, slide), translated(prepared, slide))


def test_other_seeds_and_other_steps_look_otherwise() -> None:
    slide = ArraySlide(scene(2 * TILE, 2 * TILE), mpp=MPP)
    one, seed, steps = (translated(translator(**options), slide) for options in ({}, {"seed": 1}, {"steps": 2}))
    assert np.abs(one.astype(int) - seed).mean() > 0.1
    assert np.abs(one.astype(int) - steps).mean() > 0.1


def test_work_that_nobody_wants_stops_between_two_layers() -> None:
    slide = ArraySlide(scene(2 * TILE, 2 * TILE), mpp=MPP)
    derived = DerivedSlide(slide, translator(steps=2), cache=TileCache(1 << 26))
    left = [7]

    def stop_soon() -> None:
        left[0] -= 1
        if not left[0]:
            raise Cancelled("no more")

    with paced_by(stop_soon), pytest.raises(Cancelled):
        derived.tile(0, 0, 0)
    np.testing.assert_array_equal(derived.tile(0, 0, 0), translated(translator(steps=2), slide))


@pytest.mark.parametrize("steps", [0, 6])
def test_steps_that_there_are_not(steps: int) -> None:
    with pytest.raises(TranslationError, match=f"takes 1 to 5 steps, not {steps}; choose"):
        translator(steps=steps)
    with pytest.raises(TranslationError, match="has one step, not 2"):
        translator(architecture=WEAK).at_steps(2)


def test_weights_of_another_architecture_are_told() -> None:
    state = lively(GeneratorPlan(arch="plain", width=8, blocks=1)).state_dict()
    about = {"mpp": MPP, "title": "Tiny", "model_id": "tiny", "version": "0" * 64}
    with pytest.raises(ModelError, match="weights of tiny do not fit its card"):
        Translator.from_model(architecture=architecture(), state=state, **about)
    with pytest.raises(ModelError, match="no mpp"):
        Translator.from_model(architecture=architecture(), state=state, **{**about, "mpp": None})


def test_plain_tiles_are_normalized_each_by_itself(tmp_path: Path) -> None:
    slide = ArraySlide(scene(100, 150), mpp=MPP)
    operator = translator(PlainTiles, steps=2)
    assert_same_image(slide, operator, tmp_path)
    with evaluations(operator) as counted:
        translated(operator, slide)
    assert sum(counted) == 2 * 6
    window = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3), dtype=np.uint8)
    both, second = operator.apply(window).astype(int), operator.apply(window[1:])
    assert np.abs(both[1:] - second).max() <= 1
    tile = Tile(0, operator.needs.halo, operator.needs.halo, TILE, TILE)
    large = operator.prepare(ArraySlide(scene(200, 200), mpp=MPP))
    np.testing.assert_array_equal(large.render((tile,), window[:1]), operator.apply(window[:1]))
    np.testing.assert_array_equal(translator(steps=2).apply(window), both)
