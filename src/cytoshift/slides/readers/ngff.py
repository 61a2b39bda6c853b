"""The multiscales metadata of OME-Zarr 0.4 and 0.5, checked by yaozarrs and reduced to what a slide needs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yaozarrs import v04, v05, validate_ome_object

from cytoshift.slides.readers.source import Declined

_MICRONS = {
    "micrometer": 1.0,
    "nanometer": 1e-3,
    "millimeter": 1e3,
    "centimeter": 1e4,
    "meter": 1e6,
    "angstrom": 1e-4,
    "picometer": 1e-6,
}
_ORDER = {"time": 0, "channel": 1, "space": 2}


@dataclass(frozen=True, slots=True)
class Dataset:
    """One level: its path in the folder and the physical size of its pixels, along every axis of the array."""

    path: str
    scale: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Image:
    """A multiscale image.

    Attributes
    ----------
    root : Path
        Folder of the multiscale group.
    axes : tuple of str
        Names of the array's axes, in order.
    microns : float or None
        µm per unit of the scales; None when no unit is given.
    own : dict
        What this project's writer adds: objective, origin.
    """

    root: Path
    version: str
    axes: tuple[str, ...]
    datasets: tuple[Dataset, ...]
    microns: float | None
    own: dict[str, Any] = field(default_factory=dict)

    @property
    def y(self) -> int:
        """Index of the y axis."""
        return self.axes.index("y")

    @property
    def x(self) -> int:
        """Index of the x axis."""
        return self.axes.index("x")

    @property
    def channel(self) -> int | None:
        """Index of the channel axis."""
        return self.axes.index("c") if "c" in self.axes else None


def read_image(root: Path) -> Image:
    """Read the metadata of the image in a folder; of a bioformats2raw folder, its first image.

    Raises
    ------
    Declined
        A Zarr folder without a multiscale image.
    ValueError
        Metadata that is not valid.
    """
    attributes = _attributes(root)
    ome = attributes.get("ome", attributes)
    if "multiscales" not in ome and (root / "0").is_dir():
        root = root / "0"
        attributes = _attributes(root)
        ome = attributes.get("ome", attributes)
    if "multiscales" not in ome:
        raise Declined("is a Zarr folder without a multiscale image")
    version = "0.5" if "ome" in attributes else "0.4"
    scales = ome["multiscales"][0]
    names = tuple(str(axis["name"]) for axis in scales["axes"])
    _validate(ome, version)
    if "y" not in names or "x" not in names or names.index("y") > names.index("x"):
        raise ValueError(f"axes {', '.join(names)} are not those of a picture")
    own = attributes.get("cytoshift")
    return Image(
        root=root,
        version=version,
        axes=names,
        datasets=_datasets(scales),
        microns=_microns(scales["axes"]),
        own=own if isinstance(own, dict) else {},
    )


def _attributes(folder: Path) -> dict[str, Any]:
    modern, classic = folder / "zarr.json", folder / ".zattrs"
    if modern.is_file():
        said = json.loads(modern.read_bytes()).get("attributes", {})
    elif classic.is_file():
        said = json.loads(classic.read_bytes())
    else:
        said = {}
    if not isinstance(said, dict) or not isinstance(said.get("ome", {}), dict):
        raise ValueError("its attributes are no table")
    return said


def _validate(ome: dict[str, Any], version: str) -> None:
    """Check against the specification; pixels stored y, x, c, as many tools write them, are checked as c, y, x."""
    scales = ome["multiscales"][0]
    order = sorted(range(len(scales["axes"])), key=lambda i: _ORDER.get(scales["axes"][i].get("type"), 1))

    def sorted_transforms(holder: dict[str, Any]) -> dict[str, Any]:
        transforms = [
            {k: [v[i] for i in order] if isinstance(v, list) else v for k, v in transform.items()}
            for transform in holder.get("coordinateTransformations") or []
        ]
        return {**holder, "coordinateTransformations": transforms} if transforms else holder

    axes = [scales["axes"][i] for i in order]
    datasets = [sorted_transforms(dataset) for dataset in scales["datasets"]]
    image = {**ome, "multiscales": [{**sorted_transforms(scales), "axes": axes, "datasets": datasets}]}
    validate_ome_object(image, v05.Image if version == "0.5" else v04.Image)


def _datasets(scales: dict[str, Any]) -> tuple[Dataset, ...]:
    common = _scale(scales, len(scales["axes"]))
    return tuple(
        Dataset(
            str(dataset["path"]),
            tuple(a * b for a, b in zip(_scale(dataset, len(common)), common, strict=True)),
        )
        for dataset in scales["datasets"]
    )


def _scale(holder: dict[str, Any], count: int) -> tuple[float, ...]:
    for transform in holder.get("coordinateTransformations") or []:
        if transform.get("type") == "scale":
            return tuple(float(value) for value in transform["scale"])
    return (1.0,) * count


def _microns(axes: list[dict[str, Any]]) -> float | None:
    units = {axis.get("unit") for axis in axes if axis["name"] in ("y", "x")}
    return _MICRONS.get(str(units.pop())) if len(units) == 1 else None
