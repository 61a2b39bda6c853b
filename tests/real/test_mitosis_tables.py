"""Real tables of mitoses: what is in them."""

from pathlib import Path

import numpy as np

from cytoshift.mitosis import read_patches

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
    assert val.select(slice(0, 8)).read_all(128).shape == (8, 128, 128, 3)
