"""Real tables of mitoses: what is in them."""

from pathlib import Path

import numpy as np

from cytoshift.mitosis import read_patches
from cytoshift.training.coco import read_coco

SCANNERS = ("Aperio CS2", "Aperio XT", "Hamamatsu S360", "Hamamatsu XR", "Leica SCN400")


def test_ami_br(data: Path) -> None:
    patches = read_patches(data / "mitosis" / "ami-br")
    assert (len(patches), int(patches.labels.sum()), len(set(patches.slides))) == (2638, 610, 161)
    assert (patches.name, patches.licence, patches.domain_names) == ("AMi-Br", "MIT", SCANNERS)
    assert patches.phase_names[:4] == ("prometaphase", "metaphase", "ring shape", "anaphase-telophase")
    np.testing.assert_allclose(patches.phases.sum(axis=1), 1)
    assert np.isfinite(patches.points).all()


def test_no_slide_of_ami_br_is_in_both_splits(data: Path) -> None:
    train, val = (read_patches(data / "mitosis" / "ami-br", split) for split in ("train", "val"))
    assert (len(train), len(val)) == (1983, 655)
    assert not set(train.slides) & set(val.slides)
    assert (int(train.labels.sum()), int(val.labels.sum())) == (456, 154)
    assert val.select(slice(8, 16)).read(0).shape == (128, 128, 3)


def test_the_midogpp_excerpt(data: Path, tmp_path: Path) -> None:
    for number in range(1, 21):
        (tmp_path / f"{number:03}.tiff").touch()  # the excerpt is without its images, 115 MB each
    found = read_coco(data / "mitosis" / "midogpp-excerpt.json", images=tmp_path)
    labels = np.concatenate([field.labels for field in found.fields])
    assert (found.classes, found.licence) == (("mitosis", "look-alike"), "CC0")
    assert np.bincount(labels).tolist() == [138, 249]
    boxes = np.concatenate([field.boxes for field in found.fields])
    np.testing.assert_array_equal(boxes[:, 2:] - boxes[:, :2], 50)
    assert all((field.height, field.width) == (5412, 7215) for field in found.fields)
