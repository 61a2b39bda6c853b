"""References: what a slide shall look like, measured once for every method, and saved."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from cytoshift.durable import new_file
from cytoshift.engine.findings import Box
from cytoshift.slides.slide import Slide
from cytoshift.stain.classical import macenko, ruifrok, vahadane
from cytoshift.stain.classical.histogram import Histogram, histogram, mean_histogram
from cytoshift.stain.classical.reinhard import LabStatistics, lab_statistics
from cytoshift.stain.classical.separation import ALIKE, Stains, Vector, apart, measured, unit
from cytoshift.stain.colours import Colours, StainError, White, slide_colours

FORMAT = 1
"""Version of the file format."""

SUFFIX = ".json"
"""Ending of the name of a saved reference."""


@dataclass(frozen=True)
class Reference:
    """What a slide shall look like, for every method; made by `measure`, `between`, `load` or `from_json`.

    Parameters
    ----------
    name : str
        What was measured, for people.
    white : tuple of float
        RGB of its glass.
    lab : LabStatistics
        Of its stained pixels, for ``"reinhard"``.
    histogram : tuple of tuple of float
        Of its stained pixels, for ``"histogram"``.
    macenko, vahadane : Stains or None
        Its two stains as each method finds them; None where they cannot be told apart.
    ruifrok : Stains
        The published haematoxylin and eosin, with their strengths here.
    papanicolaou : Stains
        Haematoxylin, orange and light green, with their strengths here.
    """

    name: str
    white: White
    lab: LabStatistics
    histogram: Histogram
    macenko: Stains | None
    vahadane: Stains | None
    ruifrok: Stains
    papanicolaou: Stains

    @classmethod
    def measure(cls, slide: Slide, region: Box | None = None) -> Self:
        """Measure a slide, or a part of it.

        Parameters
        ----------
        slide : Slide
            Brightfield.
        region : tuple of float, optional
            x0, y0, x1, y1 in level-0 pixels; only its tissue is measured. The glass is always the whole slide's.

        Raises
        ------
        StainError
            When the slide is not brightfield, or shows too little tissue.
        """
        return cls.of(slide_colours(slide, region))

    @classmethod
    def of(cls, colours: Colours) -> Self:
        """Measure colours that were sampled already."""
        return cls(
            name=colours.name,
            white=colours.white,
            lab=lab_statistics(colours),
            histogram=histogram(colours),
            macenko=_two_stains(macenko.find_stains, colours),
            vahadane=_two_stains(vahadane.find_stains, colours),
            ruifrok=measured(ruifrok.HAEMATOXYLIN_EOSIN, colours),
            papanicolaou=measured(ruifrok.PAPANICOLAOU, colours),
        )

    @classmethod
    def between(cls, name: str, references: Sequence[Reference]) -> Self:
        """Return the mean of several references: what the slides of a laboratory or of a training set look like.

        Means and spreads are each averaged, so that the differences between the slides do not count as spread.

        Parameters
        ----------
        name : str
            For people.
        references : sequence of Reference
            At least one.
        """
        red, green, blue = np.mean([each.white for each in references], axis=0).tolist()
        return cls(
            name=name,
            white=(red, green, blue),
            lab=LabStatistics(
                _vector(np.mean([each.lab.mean for each in references], axis=0)),
                _vector(np.mean([each.lab.deviation for each in references], axis=0)),
            ),
            histogram=mean_histogram([each.histogram for each in references]),
            macenko=_mean([each.macenko for each in references]),
            vahadane=_mean([each.vahadane for each in references]),
            ruifrok=_mean_strengths([each.ruifrok for each in references]),
            papanicolaou=_mean_strengths([each.papanicolaou for each in references]),
        )

    @cached_property
    def key(self) -> str:
        """A checksum of all that was measured."""
        return hashlib.sha256(json.dumps(self.to_json()).encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """Return the reference as plain lists, numbers and words, for `from_json`."""
        return {
            "format": FORMAT,
            "name": self.name,
            "white": list(self.white),
            "lab": {"mean": list(self.lab.mean), "deviation": list(self.lab.deviation)},
            "histogram": [list(shares) for shares in self.histogram],
            **{name: _plain(getattr(self, name)) for name in ("macenko", "vahadane", "ruifrok", "papanicolaou")},
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """Make a reference of what `to_json` returned.

        Raises
        ------
        StainError
            When it is none, is damaged, or was written by a later version.
        """
        try:
            if saved["format"] != FORMAT:
                raise StainError(
                    "This stain reference was saved by a later version; update napari-cytoshift, or choose an image."
                )
            red, green, blue = (_numbers(shares, 256) for shares in saved["histogram"])
            return cls(
                name=str(saved["name"]),
                white=_vector(saved["white"]),
                lab=LabStatistics(_vector(saved["lab"]["mean"]), _vector(saved["lab"]["deviation"])),
                histogram=(red, green, blue),
                macenko=_stains(saved["macenko"], 2),
                vahadane=_stains(saved["vahadane"], 2),
                ruifrok=_known(saved["ruifrok"], 2),
                papanicolaou=_known(saved["papanicolaou"], 3),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StainError(
                "This is no stain reference, or a damaged one; choose an image, or save the reference again."
            ) from error

    def save(self, path: str | Path) -> Path:
        """Write the reference to a file that is whole or not there; an older one is replaced."""
        path = Path(path)
        with new_file(path) as file:
            file.write(json.dumps(self.to_json()).encode())
        return path

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a saved reference.

        Raises
        ------
        StainError
            When it cannot be read, or is no reference.
        """
        path = Path(path)
        try:
            return cls.from_json(json.loads(path.read_bytes()))
        except OSError as error:
            raise StainError(f"The stain reference {path} cannot be read; check the name.") from error
        except (ValueError, RecursionError) as error:
            raise StainError(
                f"{path.name} is no stain reference; choose an image, or save the reference again."
            ) from error
        except StainError as error:
            raise StainError(f"{path.name}: {error}") from error


def open_reference(path: str | Path) -> Reference:
    """Open a reference: a file that `Reference.save` wrote, or a slide or an image, which is measured.

    Raises
    ------
    StainError
        When a saved reference is damaged, or the image is not brightfield or shows too little tissue.
    SlideError
        When the image cannot be opened.
    """
    from cytoshift.slides.open import open_slide

    if Path(path).suffix.lower() == SUFFIX:
        return Reference.load(path)
    slide = open_slide(path)
    try:
        return Reference.measure(slide)
    finally:
        slide.close()


def _two_stains(find: Any, colours: Colours) -> Stains | None:
    try:
        vectors = find(colours)
    except StainError:
        return None
    return measured(vectors, colours) if apart(vectors) >= ALIKE else None


def _mean(found: Sequence[Stains | None]) -> Stains | None:
    """Return the mean of two stains where most slides have them."""
    known = [stains for stains in found if stains is not None]
    if 2 * len(known) < len(found):
        return None
    vectors = np.mean([stains.vectors for stains in known], axis=0)
    return _mean_strengths([replace(stains, vectors=tuple(unit(vector) for vector in vectors)) for stains in known])


def _mean_strengths(known: Sequence[Stains]) -> Stains:
    return Stains(known[0].vectors, tuple(np.mean([stains.strongest for stains in known], axis=0).tolist()))


def _plain(stains: Stains | None) -> dict[str, Any] | None:
    if stains is None:
        return None
    return {"vectors": [list(vector) for vector in stains.vectors], "strongest": list(stains.strongest)}


def _stains(saved: Any, count: int) -> Stains | None:
    return None if saved is None else _known(saved, count)


def _known(saved: Any, count: int) -> Stains:
    vectors = tuple(_vector(vector) for vector in saved["vectors"])
    if len(vectors) != count or apart(vectors) < ALIKE / 4:
        raise ValueError(f"{count} stains are needed")
    return Stains(vectors, _numbers(saved["strongest"], count))


def _vector(numbers: Any) -> Vector:
    x, y, z = _numbers(numbers, 3)
    return (x, y, z)


def _numbers(values: Any, count: int) -> tuple[float, ...]:
    array = np.asarray(values, np.float64)
    if array.shape != (count,) or not np.isfinite(array).all():
        raise ValueError(f"{count} numbers are needed")
    return tuple(array.tolist())


_BUILT_IN = Path(__file__).parent / "references"

PAPANICOLAOU = Reference.load(_BUILT_IN / "papanicolaou.json")
"""A Papanicolaou smear: the mean of the training fields of CRIC Cervix (Rezende et al., Scientific Data 2021, CC BY
4.0)."""

HAEMATOXYLIN_EOSIN = Reference.load(_BUILT_IN / "haematoxylin-eosin.json")
"""A section in haematoxylin and eosin.

``macenko`` and ``vahadane`` are ``HERef`` and ``maxCRef`` of the reference code of Macenko et al., ISBI 2009, as
published in its many ports; everything else was measured on OpenSlide's CMU-1 region (CC0) seen in exactly these
stains, so that all methods aim at the same look.
"""

BUILT_IN = {"papanicolaou": PAPANICOLAOU, "haematoxylin-eosin": HAEMATOXYLIN_EOSIN}
"""The built-in references by the names a person types."""
