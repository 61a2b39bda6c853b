"""Splits by slide: nothing on both sides, shares as slides allow, a table's own splits kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn_patches import draw_patch, draw_set, usual_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.errors import DataError
from cytoshift.mitosis import PatchSet, joined, read_patches, split_slides
from cytoshift.mitosis.split import check_apart


@pytest.fixture(scope="module")
def patch(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the files of forty different patches."""
    folder = tmp_path_factory.mktemp("patches")
    return [draw_patch(folder / f"{k}.png", k, side=8) for k in range(40)]


def patch_set(files: list[Path], slides: list[int], labels: list[int], domains: list[int]) -> PatchSet:
    count = len(slides)
    return PatchSet(
        "drawn",
        "",
        "",
        files=tuple(files[:count]),
        slides=tuple(f"s{slide}" for slide in slides),
        labels=np.array(labels, np.int64),
        domains=np.array(domains, np.int64),
        domain_names=("A", "B", "C"),
        phases=np.zeros((count, 0), np.float32),
        phase_names=(),
        splits=("",) * count,
        points=np.full((count, 2), np.nan),
    )


def test_a_quarter_of_each_domain_and_kind_is_held_back(tmp_path: Path) -> None:
    patches = read_patches(draw_set(tmp_path, usual_rows(slides=16, patches=4)))
    learnt, held_back = split_slides(patches)
    assert (len(learnt), len(held_back)) == (48, 16)
    np.testing.assert_array_equal(np.bincount(held_back.domains * 2 + held_back.labels), [4, 4, 4, 4])
    assert split_slides(patches)[1].files == held_back.files
    assert any(split_slides(patches, seed=seed)[1].files != held_back.files for seed in range(1, 4))


@settings(max_examples=25, deadline=None)
@given(
    cells=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 1)), min_size=2, max_size=40),
    share=st.sampled_from([0.1, 0.25, 0.5]),
    seed=st.integers(0, 3),
)
def test_no_slide_is_on_both_sides(patch: list[Path], cells: list[tuple[int, int]], share: float, seed: int) -> None:
    slides, labels = [slide for slide, _ in cells], [label for _, label in cells]
    patches = patch_set(patch, slides, labels, [slide % 3 for slide in slides])
    mixed = sum({0, 1} <= {label for at, label in cells if at == slide} for slide in set(slides))
    try:
        learnt, held_back = split_slides(patches, share, seed)
    except DataError as error:
        assert mixed < 2, "two slides with both kinds can always be parted"
        if "when whole slides are kept together" not in str(error):
            raise
        return
    assert not set(learnt.slides) & set(held_back.slides)
    assert sorted(learnt.files + held_back.files) == sorted(patches.files)
    assert all(set(part.labels.tolist()) == {0, 1} for part in (learnt, held_back))


def test_a_tables_own_split_is_kept(tmp_path: Path) -> None:
    rows = [row | {"split": {"s0": "val", "s1": "test"}.get(str(row["slide"]), "train")} for row in usual_rows()]
    patches = read_patches(draw_set(tmp_path, rows))
    learnt, held_back = split_slides(patches)
    assert (set(learnt.slides), set(held_back.slides)) == ({"s2", "s3"}, {"s0"})
    # without a val it is held back from train, and test is left alone
    learnt, held_back = split_slides(patches.select([split != "val" for split in patches.splits]))
    assert set(learnt.slides) | set(held_back.slides) == {"s2", "s3"}
    # one split by itself is divided
    learnt, held_back = split_slides(read_patches(tmp_path, "train"))
    assert (len(set(learnt.slides)), len(set(held_back.slides))) == (1, 1)


def test_rows_without_a_split_are_drawn_beside_those_with_one(tmp_path: Path, patch: list[Path]) -> None:
    rows = [row | {"split": "val" if row["slide"] == "s0" else "train"} for row in usual_rows()]
    own = patch_set(patch, [8, 8, 9, 9, 10, 10], [0, 1] * 3, [0] * 6)
    learnt, held_back = split_slides(joined([read_patches(draw_set(tmp_path, rows)), own]))
    assert {"s1", "s2", "s3"} < set(learnt.slides)
    assert "s0" in held_back.slides
    assert len({"s8", "s9", "s10"} & set(held_back.slides)) == 1


def test_what_cannot_be_parted_is_refused(patch: list[Path]) -> None:
    patches = patch_set(patch, [0, 0, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0])
    with pytest.raises(DataError, match=r"drawn has no atypical mitosis to (learn from|hold back) when whole slides"):
        split_slides(patches)
    with pytest.raises(DataError, match="2 slides are learnt from and held back, the first s0; put all patches"):
        check_apart(patches, patches)
    shared = replace(patches, slides=("s0", "s1", "s1", "s0"), splits=("train", "train", "val", "val"))
    with pytest.raises(DataError, match="2 slides are learnt from and held back"):
        split_slides(shared)
