"""Sets of patches: what a table says, in the forms that are published and in others, and what is refused."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_patches import Row, draw_patch, draw_set, usual_rows, write_table
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cytoshift.errors import DataError
from cytoshift.mitosis import joined, read_patches
from cytoshift.mitosis.patches import centred
from cytoshift.mitosis.phases import PHASES, phase_shares
from cytoshift.mitosis.tables import LABELS, form_of


def ami_br_rows() -> list[Row]:
    """Return rows as AMi-Br's own table has them."""
    said = [("002.tiff", "MIDOG21", 6, False), ("002.tiff", "MIDOG21", 7, True), ("01.tif", "TUPAC16", 6, True)]
    return [
        {
            "": number,
            "slide": slide,
            "dataset": dataset,
            "uid": uid,
            "x": 100 + number,
            "y": 200,
            "expert1_label": "NMF metaphase",
            "expert2_label": "AMF bipolar assymetric" if atypical else "NMF metaphase",
            "expert1_atypical": False,
            "expert2_atypical": atypical,
            "expert3_atypical": atypical,
            "majority_atypical": atypical,
        }
        for number, (slide, dataset, uid, atypical) in enumerate(said)
    ]


def midog_rows() -> list[Row]:
    """Return rows as the table of MIDOG 2025's atypical mitoses has them, with its two spellings of a scanner."""
    scanners = ("Hamammatsu XR", "Hamamatsu XR", "3D Histech")
    return [
        {
            "image_id": f"{number}.png",
            "filename": f"{number:03}.tiff",
            "coordinateX": 10.0 * number,
            "coordinateY": 7,
            "Tumor": "human breast cancer",
            "Scanner": scanner,
            "Origin": "UMC Utrecht",
            "Species": "Human",
            "expert1": "AMF",
            "expert2": "NMF",
            "expert3": "",
            "majority": ("AMF", "NMF")[number % 2],
        }
        for number, scanner in enumerate(scanners)
    ]


def test_a_plain_table_is_read(tmp_path: Path) -> None:
    patches = read_patches(draw_set(tmp_path / "lab"))
    assert (patches.name, len(patches), patches.domain_names) == ("lab", 16, ("A", "B"))
    assert patches.labels.tolist() == [0, 1] * 8
    assert patches.slides[:5] == ("s0", "s0", "s0", "s0", "s1")
    assert patches.domains.tolist() == [0] * 4 + [1] * 4 + [0] * 4 + [1] * 4
    assert patches.phases.shape == (16, 0)
    assert np.isnan(patches.points).all()
    assert not patches.one_domain
    assert patches.select(patches.domains == 1).one_domain
    expected = np.asarray(Image.open(tmp_path / "lab" / "s1-2.png"))
    np.testing.assert_array_equal(patches.read(6), expected)
    np.testing.assert_array_equal(patches.select([6, 0]).read(0), expected)


def test_ami_br_as_it_is_published(tmp_path: Path) -> None:
    rows = ami_br_rows()
    for seed, row in enumerate(rows):
        draw_patch(tmp_path / "patches" / f"{row['dataset']}_{row['uid']}.png", seed)
    patches = read_patches(write_table(tmp_path / "AMi-Br.csv", rows))
    assert (patches.name, patches.licence, patches.domain_names) == ("AMi-Br", "MIT", ("MIDOG21", "TUPAC16"))
    assert patches.labels.tolist() == [0, 1, 1]
    assert patches.slides == ("MIDOG21/002.tiff", "MIDOG21/002.tiff", "TUPAC16/01.tif")
    assert patches.phase_names == ("metaphase", "bipolar asymmetric")
    np.testing.assert_array_equal(patches.phases, [[1, 0], [0.5, 0.5], [0.5, 0.5]])
    assert patches.points.tolist() == [[100, 200], [101, 200], [102, 200]]


def test_midog_2025_and_its_two_spellings_of_a_scanner(tmp_path: Path) -> None:
    rows = midog_rows()
    for seed, row in enumerate(rows):
        draw_patch(tmp_path / "train" / str(row["image_id"]), seed)
    write_table(tmp_path / "anything.csv", rows)
    patches = read_patches(tmp_path)
    assert patches.name == "MIDOG 2025 atypical"
    assert patches.domain_names == (
        "3D Histech · UMC Utrecht · Human · human breast cancer",
        "Hamamatsu XR · UMC Utrecht · Human · human breast cancer",
    )
    assert patches.domains.tolist() == [1, 1, 0]
    assert patches.labels.tolist() == [1, 0, 1]
    by_scanner = read_patches(tmp_path, domains=["Scanner"], where={"Scanner": "Hamamatsu XR"})
    assert (by_scanner.domain_names, len(by_scanner)) == (("Hamamatsu XR",), 2)


def test_omg_octo_is_one_domain(tmp_path: Path) -> None:
    rows: list[Row] = [
        {"image_id": f"{name}_x1_y2.png", "filename": name, "majority": majority}
        for name, majority in (("0228", "AMF"), ("0841", "NMF"))
    ]
    patches = read_patches(draw_set(tmp_path, rows, "image_id"))
    assert (patches.domain_names, patches.one_domain) == (("OMG-Octo atypical",), True)
    assert patches.slides == ("0228", "0841")


def test_columns_of_other_names_are_named(tmp_path: Path) -> None:
    rows: list[Row] = [
        {"crop": f"{k}.png", "patient": f"p{k // 2}", "grade": "yes" if k % 2 else "no", "lab": "L"} for k in range(4)
    ]
    draw_set(tmp_path, rows, "crop")
    with pytest.raises(DataError, match=r"no column file_name or file .* that says the image of a patch; add one, or"):
        read_patches(tmp_path)
    patches = read_patches(tmp_path, columns={"image": "crop", "label": "grade"}, domains=["lab", "patient"])
    assert patches.labels.tolist() == [0, 1, 0, 1]
    assert patches.domain_names == ("L · p0", "L · p1")
    with pytest.raises(DataError, match=r"no column stage; its columns are crop, patient, grade, lab"):
        read_patches(tmp_path, columns={"image": "crop", "label": "stage"})
    with pytest.raises(DataError, match="cannot be named for scanner; name one for image, slide, label"):
        read_patches(tmp_path, columns={"scanner": "lab"})


def test_a_folder_under_cytoshift_data_and_semicolons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYTOSHIFT_DATA", str(tmp_path))
    folder = draw_set(tmp_path / "mitosis" / "lab")
    write_table(folder / "labels.csv", usual_rows(), delimiter=";")
    assert len(read_patches("mitosis/lab")) == 16
    for missing in ("mitosis/nothing", "mitosis"):
        with pytest.raises(DataError, match=r"There is no table at mitosis.*; give a CSV file or a folder"):
            read_patches(missing)
    for name in ("a.csv", "b.csv"):
        write_table(tmp_path / "two" / name, usual_rows())
    with pytest.raises(DataError, match=r"has 2 tables \(a.csv, b.csv …\); name one"):
        read_patches("two")


def test_splits_keep_the_numbers_of_domains(tmp_path: Path) -> None:
    rows = [row | {"split": "val" if row["slide"] == "s1" else "train"} for row in usual_rows()]
    folder = draw_set(tmp_path, rows)
    (folder / "s0-0.png").unlink()  # of the other split, which is not asked for
    val = read_patches(folder, "val")
    assert (val.domain_names, set(val.domains.tolist())) == (("A", "B"), {1})
    assert val.splits == ("val",) * 4
    with pytest.raises(DataError, match="no row with split 'test'; there are train, val"):
        read_patches(folder, "test")
    with pytest.raises(DataError, match="no column split"):
        read_patches(write_table(tmp_path / "plain.csv", usual_rows()), "val")


def test_a_slide_in_both_splits_is_refused(tmp_path: Path) -> None:
    rows = [row | {"split": "val" if k % 3 else "train"} for k, row in enumerate(usual_rows())]
    with pytest.raises(DataError, match=r"4 slides in more than one split, the first s0 in train and val; put all"):
        read_patches(draw_set(tmp_path, rows), "train")


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    folder = draw_set(tmp_path)

    def refused(words: str, **changes: object) -> None:
        rows = usual_rows()
        rows[5] |= changes
        write_table(folder / "labels.csv", rows)
        with pytest.raises(DataError, match=words):
            read_patches(folder)

    refused(r"says 'maybe' of s1-1.png in the column label, which is no label \(1 rows\); write 0", label="maybe")
    refused(r"says '' of s1-1.png", label="")
    refused(r"has 1 rows that name no image; fill them in", file_name=" ")
    refused(r"has 1 rows that name no slide; fill them in", slide="")
    refused(r"names 1 images that are not there, the first gone.png; put them", file_name="gone.png")
    refused(r"several rows for 1 images, the first s0-0.png; keep one", file_name="s0-0.png")
    refused(r"cannot be read as an image", file_name=(folder / "labels.csv").name)
    draw_patch(folder / "large.png", 99, side=40)
    refused(r"large.png is 40 × 40 px, and the patches of labels.csv are to be 32 × 32; cut", file_name="large.png")
    Image.new("RGB", (32, 30)).save(folder / "oblong.png")
    refused(r"oblong.png is 32 × 30 px", file_name="oblong.png")
    truncated = (folder / "s1-1.png").read_bytes()
    (folder / "s1-1.png").write_bytes(truncated[: len(truncated) // 2])
    write_table(folder / "labels.csv", usual_rows())
    with pytest.raises(DataError, match=r"s1-1.png cannot be read as an image"):
        read_patches(folder).read(5)


def test_patches_of_one_kind_are_refused(tmp_path: Path) -> None:
    folder = draw_set(tmp_path, [row | {"label": "NMF"} for row in usual_rows()])
    with pytest.raises(DataError, match=r"None of the 16 patches chosen from .* is atypical; choose"):
        read_patches(folder)


def test_places_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    folder = draw_set(tmp_path, [row | {"x": 3, "y": "left" if k else ""} for k, row in enumerate(usual_rows())])
    with pytest.raises(DataError, match=r"a place that is no number in x or y \(could not convert"):
        read_patches(folder)


def test_joined_sets_share_domains_and_phases(tmp_path: Path) -> None:
    first = read_patches(draw_set(tmp_path / "first"))
    rows = [row | {"scanner": "B", "phase": "AMF other" if k else ""} for k, row in enumerate(usual_rows())]
    second = read_patches(draw_set(tmp_path / "second", rows, side=48))
    both = joined([first, second])
    assert (len(both), both.name, both.domain_names) == (32, "first + second", ("A", "B"))
    assert [both.domain_names[k] for k in both.domains[16:]] == ["B"] * 16
    assert (both.phase_names, both.phases[15:18].tolist()) == (("other atypical",), [[0], [0], [1]])
    assert (both.read(15).shape, both.read(16).shape) == ((32, 32, 3), (48, 48, 3))


@settings(max_examples=30, deadline=None)
@given(
    side=st.integers(1, 40),
    height=st.integers(1, 24),
    width=st.integers(1, 24),
)
def test_what_is_cut_is_the_middle(side: int, height: int, width: int) -> None:
    image = np.arange(height * width * 3).reshape(height, width, 3).astype(np.uint8)
    cut = centred(image, side)
    assert cut.shape == (side, side, 3)
    rows, columns = min(side, height), min(side, width)
    y, x = ((side - rows) // 2, (side - columns) // 2)
    top, left = ((height - rows) // 2, (width - columns) // 2)
    middle = image[top : top + rows, left : left + columns]
    np.testing.assert_array_equal(cut[y : y + rows, x : x + columns], middle)
    assert set(cut.ravel()) <= set(image.ravel())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.sampled_from(["", *PHASES, "polar"]), min_size=2, max_size=2), max_size=12))
def test_shares_of_phases_sum_to_one(votes: list[list[str]]) -> None:
    shares, names = phase_shares(votes)
    assert shares.shape == (len(votes), len(names))
    named = np.array([any(row) for row in votes], bool)
    np.testing.assert_allclose(shares.sum(axis=1), named)
    order = [*PHASES.values(), "polar"]
    assert list(names) == sorted(names, key=order.index)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_table_of_rows_comes_back(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).map(str.strip).filter(bool)
    count = data.draw(st.integers(2, 6))
    words = data.draw(st.lists(st.sampled_from(sorted(LABELS)), min_size=count, max_size=count))
    words[:2] = ["NMF", "True"]
    places = data.draw(st.lists(st.tuples(text, text, text), min_size=count, max_size=count))
    rows: list[Row] = [
        {"file": f"{k}.png", "case": slide, "label": word, "Scanner": scanner, "Species": species}
        for k, (word, (slide, scanner, species)) in enumerate(zip(words, places, strict=True))
    ]
    folder = draw_set(tmp_path_factory.mktemp("set"), rows, "file", side=2)
    patches = read_patches(folder)
    assert patches.slides == tuple(slide for slide, _, _ in places)
    assert [patches.domain_names[k] for k in patches.domains] == [f"{a} · {b}" for _, a, b in places]
    assert patches.labels.tolist() == [LABELS[word.lower()] for word in words]
    assert len(set(patches.domain_names)) == len(patches.domain_names)


def test_a_known_table_may_lack_its_split_and_its_points() -> None:
    columns = ["file_name", "slide", "scanner", "expert1_phase", "expert2_phase", "atypical"]
    form = form_of(Path("labels.csv"), columns, None, None)
    assert (form.name, form.split, form.point) == ("AMi-Br", None, None)


def test_patches_are_read_without_torch() -> None:
    program = "import sys, cytoshift.mitosis as m; m.read_patches; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
