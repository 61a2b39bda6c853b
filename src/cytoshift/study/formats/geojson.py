"""Cells and regions as GeoJSON that QuPath opens, and back.

QuPath's contract (its `QuPathTypeAdapters`): every feature has a UUID, a closed ring, ``objectType``,
``classification`` with ``name`` and ``color``, ``isLocked``, ``measurements`` as an object, and ``metadata`` whose
values are text.
"""

from __future__ import annotations

import gzip
import json
import math
import uuid
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from cytoshift.durable import new_file
from cytoshift.errors import DataError
from cytoshift.study.cells import Cells, Region, State
from cytoshift.study.events import Box
from cytoshift.study.palette import RGBColor, color_of, spelled

if TYPE_CHECKING:
    from cytoshift.engine.findings import Findings

MAX_BYTES = 1 << 30
"""More text than this is not read."""

_FAR = 1e9
_NAMES = uuid.UUID("2d0c36c1-54a9-5d0e-9f6e-3d8f6b0c7a11")


@dataclass(frozen=True, slots=True)
class Shapes:
    """What a GeoJSON file holds.

    Parameters
    ----------
    ids : tuple of str
        UUIDs; for features without one, made from what the feature is, so that they are the same next time.
    boxes : ndarray of float32, shape (n, 4)
        x0, y0, x1, y1 around each polygon, in level-0 pixels.
    scores : ndarray of float32, shape (n,)
        The measurement ``score``; 1 where there is none.
    labels : ndarray of int16, shape (n,)
        Index into `classes`.
    classes : tuple of str
        Class names in the order in which they appear; ``""`` for features without a class.
    kinds : tuple of str
        ``"detection"`` or ``"annotation"``, as QuPath tells cells from regions.
    """

    ids: tuple[str, ...]
    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int16]
    classes: tuple[str, ...]
    kinds: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)


# Writing ---------------------------------------------------------------------------------------------------------


def write(path: str | Path, found: Findings | Cells, *, regions: Sequence[Region] = ()) -> Path:
    """Write cells, and regions marked complete, as a feature collection.

    Parameters
    ----------
    path : path
        With ``.gz`` at the end it is compressed.
    found : Findings or Cells
        Rejected cells are left out.
    regions : sequence of Region
        Written as locked annotations named "complete".

    Raises
    ------
    DataError
        The file cannot be written; an older one then stays as it was.
    """
    features = _features(found) if isinstance(found, Cells) else _predictions(found)
    return write_features(path, (*map(_region, regions), *features) if regions else features)


def write_features(path: str | Path, features: Iterable[str]) -> Path:
    """Write features, each as JSON, as a feature collection; with ``.gz`` at the end it is compressed.

    Raises
    ------
    DataError
        The file cannot be written; an older one then stays as it was.
    """
    path = Path(path)
    try:
        with new_file(path) as raw:
            out = gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") if path.suffix == ".gz" else raw
            out.write(b'{"type": "FeatureCollection", "features": [')
            separator = b"\n"
            for feature in features:
                out.write(separator + feature.encode())
                separator = b",\n"
            out.write(b"\n]}\n")
            if out is not raw:
                out.close()
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror}); make room or choose another place.") from error
    return path


def cell_feature(name: str, box: Sequence[float], score: float, label: str, color: RGBColor, **said: str) -> str:
    """Return a cell as a feature: what names it, its box, score, class, the class's colour, and texts about it."""
    return _cell(_stable(name), list(box), score, _text({"name": label, "color": color}), _text(said))


def _predictions(found: Findings) -> Iterator[str]:
    made = found.provenance
    origin = f"{made.slide} {made.model} {made.version} {made.through} {made.made}"
    names = (f"{origin}:{position}" for position in range(len(found)))
    metadata = _text({"model": made.model})
    for name, values in zip(names, _rows(found), strict=True):
        yield _cell(_stable(name), *values, metadata)


def _features(cells: Cells) -> Iterator[str]:
    for name, state, values in zip(cells.ids[:], cells.states.tolist(), _rows(cells), strict=True):
        if state != State.REJECTED:
            yield _cell(_stable(name), *values, _text({"cell": name, "state": State(state).name.lower()}))


def _rows(found: Findings | Cells) -> Iterator[tuple[list[float], float, str]]:
    """Yield box, score and classification, as JSON, of every cell."""
    classes = [_text({"name": name, "color": color_of(name)}) for name in found.classes]
    for box, score, label in zip(found.boxes.tolist(), found.scores.tolist(), found.labels.tolist(), strict=True):
        yield box, score, classes[label]


def _cell(identifier: str, box: list[float], score: float, classification: str, metadata: str) -> str:
    return (
        f'{{"type": "Feature", "id": "{identifier}", "geometry": {_polygon(box)}, "properties": '
        f'{{"objectType": "detection", "classification": {classification}, "isLocked": false, '
        f'"measurements": {{"score": {score:.9g}}}, "metadata": {metadata}}}}}'
    )


def _region(region: Region) -> str:
    metadata = {"run": region.run, "threshold": f"{region.threshold:.9g}"}
    metadata.update({f"threshold {name}": f"{score:.9g}" for name, score in region.thresholds.items()})
    return (
        f'{{"type": "Feature", "id": "{_stable(region.id)}", "geometry": {_polygon(region.box)}, "properties": '
        f'{{"objectType": "annotation", "name": "complete", "isLocked": true, "measurements": {{}}, '
        f'"metadata": {_text(metadata)}}}}}'
    )


def _polygon(box: Sequence[float]) -> str:
    x0, y0, x1, y1 = (f"{value:.9g}" for value in box)  # nine digits bring every float32 back
    ring = f"[{x0}, {y0}], [{x1}, {y0}], [{x1}, {y1}], [{x0}, {y1}], [{x0}, {y0}]"
    return f'{{"type": "Polygon", "coordinates": [[{ring}]]}}'


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _stable(name: str) -> str:
    """Return a name that is a UUID as it is, a UUID made from any other name."""
    try:
        return str(uuid.UUID(name))
    except ValueError:
        return str(uuid.uuid5(_NAMES, name))


# Reading ---------------------------------------------------------------------------------------------------------


def read(path: str | Path) -> Shapes:
    """Read the polygons of a GeoJSON file as boxes with classes.

    A feature collection, a list of features or one feature; QuPath's own files, and plain ones whose ``label`` or
    ``name`` is the class. Classes of the Bethesda system are spelled our way.

    Raises
    ------
    DataError
        The file is not there, too large, not GeoJSON, or holds anything but polygons with an area.
    """
    path = Path(path)
    features = _list_of_features(path, _parse(path))
    boxes = np.zeros((len(features), 4), np.float32)
    scores, labels = np.ones(len(features), np.float32), np.zeros(len(features), np.int16)
    classes: dict[str, int] = {}
    ids: dict[str, None] = {}
    kinds: list[str] = []
    for position, feature in enumerate(features):
        try:
            boxes[position] = box = _box(feature["geometry"])
            properties = feature.get("properties") or {}
            label = spelled(_class_of(properties))
            labels[position] = classes.setdefault(label, len(classes))
            scores[position] = _score(properties)
            kinds.append("annotation" if properties.get("objectType") == "annotation" else "detection")
            ids[_free(_identifier(feature, position, box, label), ids)] = None
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise DataError(
                f"Feature {position + 1} of {path} cannot be read ({what}); export polygons with an area again."
            ) from error
    return Shapes(tuple(ids), boxes, scores, labels, tuple(classes), tuple(kinds))


def _parse(path: Path) -> Any:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise DataError(
                f"{path} holds more than {MAX_BYTES >> 20} MiB; export one slide, or part of it, at a time."
            )
        return json.loads(data)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check the path.") from error
    except (ValueError, RecursionError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is not GeoJSON ({error}); export it again.") from error


def _list_of_features(path: Path, data: Any) -> list[dict[str, Any]]:
    if isinstance(data, dict):
        data = data.get("features") if data.get("type") == "FeatureCollection" else [data]
    if not isinstance(data, list) or not all(isinstance(one, dict) and one.get("type") == "Feature" for one in data):
        raise DataError(f"{path} is not GeoJSON with features; export a feature collection.")
    return cast(list[dict[str, Any]], data)


def _box(geometry: dict[str, Any]) -> Box:
    if geometry["type"] == "Polygon":
        rings = [geometry["coordinates"][0]]
    elif geometry["type"] == "MultiPolygon":
        rings = [polygon[0] for polygon in geometry["coordinates"]]
    else:
        raise ValueError(f"it is a {geometry['type']}")
    xs = [float(point[0]) for ring in rings for point in ring]
    ys = [float(point[1]) for ring in rings for point in ring]
    if not xs or not all(map(math.isfinite, (*xs, *ys))):
        raise ValueError("its coordinates are no list of points")
    x0, y0, x1, y1 = min(xs), min(ys), max(xs), max(ys)
    if max(map(abs, (x0, y0, x1, y1))) > _FAR or not (
        np.float32(x0) < np.float32(x1) and np.float32(y0) < np.float32(y1)
    ):
        raise ValueError("it has no area, or lies off every slide")
    return (x0, y0, x1, y1)


def _class_of(properties: dict[str, Any]) -> str:
    classification = properties.get("classification")
    if isinstance(classification, dict):
        names = classification.get("names") or [classification.get("name", "")]
        return ": ".join(str(name) for name in names)
    for named in (classification, properties.get("label")):
        if isinstance(named, str):
            return named
    is_cell = properties.get("objectType") != "annotation"  # the name of an annotation is its own, not a class
    return str(properties.get("name", "")) if is_cell else ""


def _score(properties: dict[str, Any]) -> float:
    measured = properties.get("measurements")
    if isinstance(measured, list):  # as QuPath wrote before 0.4
        measured = {entry["name"]: entry["value"] for entry in measured}
    value = float((measured or {}).get("score", 1.0))
    if not 0 <= value <= 1:
        raise ValueError(f"its score is {value}")
    return value


def _identifier(feature: dict[str, Any], position: int, box: Box, label: str) -> str:
    given = feature.get("id")
    try:
        return str(uuid.UUID(given))
    except (TypeError, ValueError, AttributeError):
        return _stable(f"{position if given is None else given} {box} {label}")


def _free(identifier: str, taken: dict[str, None]) -> str:
    while identifier in taken:
        identifier = str(uuid.uuid5(_NAMES, identifier))
    return identifier
