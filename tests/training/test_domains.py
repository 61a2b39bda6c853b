"""Whose slides: tables, folders and slides chosen by hand; crops on tissue; what is refused, and in which words."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laboratories import BLUE, GLASS, PINK, draw_smear, write_fields, write_slide
from PIL import Image
from pydantic import ValidationError
from same_bytes import ArraySlide

from cytoshift.engine.operator import Needs
from cytoshift.engine.view import View
from cytoshift.errors import DataError, SlideError
from cytoshift.slides.tissue import find_tissue
from cytoshift.training import domains
from cytoshift.training.domains import DomainFields, check_apart, read_domain
from cytoshift.training.tissue_places import Place, places_on_tissue, spread, tissue_at


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of nine patches of three scanners, with their table."""
    folder = tmp_path_factory.mktemp("labs") / "patches"
    write_fields(folder, 9, 64, PINK)
    rows = [
        {"file_name": f"patches-{k}.png", "scanner": f"scanner {k % 3}", "split": "val" if k == 8 else "train"}
        for k in range(9)
    ]
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def names(domain: domains.Domain) -> list[str]:
    return [file.path.name for file in domain.files.files]


def test_a_table_gives_the_patches_of_a_scanner_and_split(table: Path) -> None:
    fields = DomainFields(path=str(table), where={"scanner": "scanner 2"}, split="train", mpp=0.5)
    domain = read_domain(fields, 0.5, 32)
    assert names(domain) == ["patches-2.png", "patches-5.png"]
    assert domain.name == "patches, scanner scanner 2"
    first = np.asarray(Image.open(table / "patches-2.png"))
    assert np.array_equal(domain.images[0], first)
    assert len(read_domain(DomainFields(path=str(table / "labels.csv"), mpp=0.5), 0.5, 32).images) == 9


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"where": {"scaner": "scanner 1"}}, "no column scaner; its columns are file_name, scanner, split"),
        ({"where": {"scanner": "Z"}}, "no row with scanner 'Z'; there are scanner 0, scanner 1, scanner 2"),
        ({"split": "test"}, "no row with split 'test'; there are train, val"),
        ({"half": "a"}, "has no halves; use where"),
    ],
)
def test_a_table_says_what_it_does_not_have(table: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_domain(DomainFields(path=str(table), **changes), 0.5, 32)


def test_a_table_with_a_missing_image_names_it(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,lab\nlost.png,a\n")
    with pytest.raises(DataError, match=r"1 images that are not there, the first lost\.png"):
        read_domain(DomainFields(path=str(tmp_path)), 0.5, 32)
    (tmp_path / "labels.csv").write_text("image,lab\nlost.png,a\n")
    with pytest.raises(DataError, match="no column file_name or file or name"):
        read_domain(DomainFields(path=str(tmp_path)), 0.5, 32)


def test_slides_of_two_scales_become_parts_of_one_scale_on_tissue_only(tmp_path: Path) -> None:
    fine = write_slide(tmp_path / "fine.tif", draw_smear(0, 1024, 1024), 0.25)
    coarse = write_slide(tmp_path / "coarse.tif", draw_smear(1, 512, 512), 0.5)
    domain = read_domain(DomainFields(slides=(fine, coarse)), 0.5, 32)
    assert domain.notes[1] == "fine.tif and 1 more: 0.25 and 0.5 µm/px, resampled to 0.5"
    assert {image.shape for image in domain.images} == {(64, 64, 3)}
    assert all(part.mean() >= 0.2 for part in domain.tissue)
    rng = np.random.default_rng(0)
    drawn = np.stack([domain.draw(rng, 32) for _ in range(40)])
    assert (drawn.min(axis=-1) < 215).mean(axis=(1, 2)).min() > 0.2  # none is glass alone
    again = read_domain(DomainFields(slides=(fine, coarse)), 0.5, 32)
    assert all(map(np.array_equal, domain.images, again.images))


def test_what_is_read_of_slides_is_bounded_and_covers_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slides = tuple(write_slide(tmp_path / f"{k}.tif", draw_smear(k, 640, 640, share=1.0), 0.5) for k in range(2))
    monkeypatch.setattr(domains, "MOST", 10)
    domain = read_domain(DomainFields(slides=slides), 0.5, 32)
    assert len(domain.images) == 10
    assert domain.notes[0] == "0.tif and 1 more: 10 parts of 64 px from 2 files"
    monkeypatch.setattr(domains, "BUDGET", 4 * 64 * 64 * 3)
    assert len(read_domain(DomainFields(slides=slides), 0.5, 32).images) == 4
    folder = write_fields(tmp_path / "fields", 3, 256, PINK)
    assert len(read_domain(DomainFields(path=folder, mpp=0.5), 0.5, 32).images) == 4  # parts: the whole is too much


def test_a_folder_of_slides_is_slides_and_a_person_can_say_their_scale(tmp_path: Path) -> None:
    place = tmp_path / "lab"
    place.mkdir()
    unknown = write_slide(place / "a.svs", draw_smear(0, 512, 512), None)
    write_slide(place / "b.svs", draw_smear(1, 512, 512), 0.5)
    with pytest.raises(SlideError, match=r"a\.svs does not say how large a pixel is; open it in the window"):
        read_domain(DomainFields(path=str(place)), 0.5, 32)
    fields = DomainFields(slides=(unknown,), calibrated={unknown: (0.5, 0.5)})
    assert read_domain(fields, 0.5, 32).images[0].shape == (64, 64, 3)
    kept = fields.without_paths("lab").model_dump(mode="json")
    assert (kept["slides"], list(kept["calibrated"])) == (["a.svs"], ["a.svs"])


def test_what_is_not_enough_is_said(tmp_path: Path) -> None:
    glass = write_slide(tmp_path / "glass.tif", np.full((512, 512, 3), GLASS, np.uint8), 0.5)
    with pytest.raises(DataError, match=r"no tissue in glass\.tif; choose other slides"):
        read_domain(DomainFields(slides=(glass,)), 0.5, 32)
    folder = write_fields(tmp_path / "small", 2, 48, PINK)
    with pytest.raises(DataError, match="No field of small is as large as a crop of 64 px; choose a smaller"):
        read_domain(DomainFields(path=folder, mpp=0.5), 0.5, 64)
    with pytest.raises(DataError, match=r"one image of 48 x 48 px, and a look is learnt from many"):
        read_domain(DomainFields(path=str(tmp_path / "small" / "small-0.png"), mpp=0.5), 0.5, 32)
    with pytest.raises(DataError, match=r"gone\.svs is not there"):
        read_domain(DomainFields(slides=(str(tmp_path / "gone.svs"),)), 0.5, 32)
    with pytest.raises(DataError, match=r"no labels\.csv whose columns scanner could be"):
        read_domain(DomainFields(path=folder, where={"scanner": "a"}), 0.5, 32)
    with pytest.raises(ValidationError, match="name the images"):
        DomainFields()


def test_small_fields_and_bare_ones_are_left_out_with_a_note(tmp_path: Path) -> None:
    folder = Path(write_fields(tmp_path / "mixed", 3, 240, BLUE))
    Image.fromarray(draw_smear(9, 40, 40, BLUE, 1.0)).save(folder / "z-small.png")
    Image.fromarray(draw_smear(9, 240, 240, share=0.0)).save(folder / "z-bare.png")
    domain = read_domain(DomainFields(path=str(folder), mpp=0.25), 0.25, 64)
    assert len(domain.images) == 3
    assert domain.notes == (
        "mixed: 3 fields from 5 files",
        "mixed: 1 smaller than a crop of 64 px, left out",
        "mixed: 1 without tissue, left out",
    )


def test_no_file_may_be_in_both_sets(table: Path, tmp_path: Path) -> None:
    def fields(**changes: Any) -> DomainFields:
        return DomainFields(path=str(table), **changes)

    check_apart(fields(where={"scanner": "scanner 0"}), fields(where={"scanner": "scanner 1"}))
    with pytest.raises(DataError, match="Source and target are the same files"):
        check_apart(fields(), fields())
    with pytest.raises(DataError, match=r"2 files are in the source and in the target, the first patches-2\.png"):
        check_apart(fields(split="train"), fields(where={"scanner": "scanner 2"}))
    link = tmp_path / "link.png"
    link.symlink_to(table / "patches-0.png")
    with pytest.raises(DataError, match="1 files are in the source and in the target"):
        check_apart(fields(), DomainFields(slides=(str(link),)))


@settings(max_examples=30, deadline=None)
@given(
    height=st.integers(40, 300),
    width=st.integers(40, 300),
    side=st.integers(16, 96),
    most=st.integers(1, 30),
    seed=st.integers(0, 99),
)
def test_places_lie_on_the_slide_and_are_spread_over_all_of_it(
    height: int, width: int, side: int, most: int, seed: int
) -> None:
    slide = ArraySlide(draw_smear(seed, height, width, share=1.0), mpp=0.5)
    view, tissue = View.of(slide, Needs(mpp=0.5)), find_tissue(slide)
    places = places_on_tissue(3, view, tissue, side)
    seen = np.zeros((height, width), bool)
    for place in places:
        assert 0 <= place.y <= height - place.height
        assert 0 <= place.x <= width - place.width
        seen[place.y : place.y + place.height, place.x : place.x + place.width] = True
    if tissue.mask.all():
        assert seen.all()
    chosen = spread(places, most, np.random.default_rng(seed))
    assert len(chosen) == min(most, len(places)) == len(set(chosen))
    gaps = np.diff([-1, *map(places.index, chosen), len(places)])
    assert gaps.max() <= 2 * -(-len(places) // most) + 1


def test_the_mask_of_a_part_is_the_slides_own() -> None:
    image = draw_smear(0, 512, 512)
    slide = ArraySlide(image, mpp=0.25)
    view, tissue = View.of(slide, Needs(mpp=0.5)), find_tissue(slide)
    part = tissue_at(view, tissue, Place(0, 64, 96, 64, 64))
    assert part.shape == (64, 64)
    assert part[:, :30].all()  # the tissue's edge is at x = 128, and its margin 4 µm
    assert not part[:, 44:].any()
