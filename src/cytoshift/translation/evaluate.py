"""The numbers translations are judged by: how near they come to the target's images, and what they leave alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cytoshift.errors import DataError
from cytoshift.metrics import Structure, structure_kept
from cytoshift.translation.features import FeatureNetwork
from cytoshift.translation.likeness import CROP, Likeness, TargetLook, cut, likeness, tissue

RGB = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class TranslationScore:
    """What a translation is worth, and what that was measured on.

    Parameters
    ----------
    seen : Likeness
        Of the translated images.
    original : Likeness or None
        Of the images as they were, where they are known.
    structure : Structure or None
        What was kept of the originals, mean over the images.
    features : str
        The network whose features FID and KID compare.
    dimensions : int
        How many features a crop has.
    mpp : float
        µm/px of all images.
    crop : int
        Side in pixels of the crops.
    images, crops, target_images, target_crops : int
        How many there are.
    niqe_patch, niqe_patches : int
        Side in pixels of NIQE's patches, and how many sharp ones of the target it was fitted to (0 where to none).
    """

    seen: Likeness
    original: Likeness | None
    structure: Structure | None
    features: str
    dimensions: int
    mpp: float
    crop: int
    images: int
    crops: int
    target_images: int
    target_crops: int
    niqe_patch: int
    niqe_patches: int

    @property
    def leads_away(self) -> bool:
        """Whether the images were nearer to the target, by FID, before they were translated."""
        return self.original is not None and self.original.fid < self.seen.fid

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold."""
        return asdict(self)


def evaluate(
    seen_images: Sequence[RGB],
    target_images: Sequence[RGB] | TargetLook,
    *,
    describer: FeatureNetwork | None = None,
    source_images: Sequence[RGB] | None = None,
    truth: Sequence[RGB] | None = None,
    tile: int | None = None,
    mpp: float = 0.25,
    crop: int | None = None,
) -> TranslationScore:
    """Measure translated images against the images of the domain they were translated into.

    Parameters
    ----------
    seen_images : sequence of ndarray of uint8, shape (y, x, 3)
        The translated images.
    target_images : sequence of ndarray of uint8, or TargetLook
        Of the target domain, unpaired; measured once for several translations.
    describer : FeatureNetwork, optional
        Makes the features of FID and KID; needed, and used as are `mpp` and `crop`, where the target is images.
    source_images : sequence of ndarray of uint8, optional
        The images before, in the same order and of the same shapes: structure kept, and how near they were.
    truth : sequence of ndarray of uint8, optional
        The same places as the target's scanner shows them, where that is known.
    tile : int, optional
        Side in pixels of the tiles, anchored at the images' upper left corners: the seam ratio.
    mpp : float
        µm/px of all images.
    crop : int, optional
        Side in pixels of the non-overlapping crops; by default 256, or the shortest side of any image if less.

    Raises
    ------
    DataError
        There are too few images or crops, or pairs are of different number or shape.
    """
    if isinstance(target_images, TargetLook):
        target = target_images
    elif describer is None:
        raise TypeError("images of a target need a describer")
    else:
        shortest = min((min(image.shape[:2]) for image in [*seen_images, *target_images]), default=CROP)
        target = TargetLook.of(target_images, describer, mpp=mpp, crop=crop or min(CROP, shortest))
    _check_pairs(seen_images, source_images, "original")
    _check_pairs(seen_images, truth, "truth")
    # what is tissue is decided on the originals, so that before and after are measured in the same places
    masks = [tissue(image, target.mpp) for image in (seen_images if source_images is None else source_images)]
    original, kept = None, None
    if source_images is not None:
        original = likeness(source_images, masks, target, truth=truth, tile=tile)
        kept = _mean_structure(source_images, seen_images)
    return TranslationScore(
        seen=likeness(seen_images, masks, target, truth=truth, tile=tile),
        original=original,
        structure=kept,
        features=target.describer.name,
        dimensions=target.features.shape[1],
        mpp=target.mpp,
        crop=target.crop,
        images=len(seen_images),
        crops=len(cut(seen_images, target.crop)),
        target_images=target.images,
        target_crops=len(target.features),
        niqe_patch=target.patch,
        niqe_patches=0 if target.niqe is None else target.niqe.patches,
    )


def _check_pairs(images: Sequence[RGB], others: Sequence[RGB] | None, name: str) -> None:
    if others is None:
        return
    if len(images) != len(others):
        raise DataError(f"There are {len(others)} images that are the {name} of {len(images)}; give one for each.")
    for k, (image, other) in enumerate(zip(images, others, strict=True)):
        if image.shape != other.shape:
            raise DataError(
                f"The {name} of image {k + 1} is {other.shape[1]} x {other.shape[0]} pixels, and it should be "
                f"{image.shape[1]} x {image.shape[0]}; give images of the same size and µm/px."
            )


def _mean_structure(before: Sequence[RGB], after: Sequence[RGB]) -> Structure:
    kept = [structure_kept(one, other) for one, other in zip(before, after, strict=True)]
    return Structure(
        float(np.mean([each.gradient_correlation for each in kept])), float(np.mean([each.ssim for each in kept]))
    )
