"""One feature of a GeoJSON file: its polygon, class, id, and what was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cytoshift.engine.outlines import in_one
from cytoshift.study.cells import Region
from cytoshift.study.change import State
from cytoshift.study.formats.annotations import stable
from cytoshift.study.formats.collector import Collector, number
from cytoshift.study.palette import RGBColor

_STATES = {state.name.lower(): state for state in State}
_NUMBERS = {float, int}
_Ring = tuple[list[float], list[float]]
_NO_AREA = ("Point", "MultiPoint", "LineString", "MultiLineString")


def take_feature(collector: Collector, feature: Mapping[str, Any]) -> None:
    """Give a feature to a collector.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError
        It is not as GeoJSON and QuPath have it.
    """
    geometry = feature["geometry"]
    if geometry["type"] in _NO_AREA:
        collector.note("Shapes without an area left out")
        return
    parts = _parts(collector, geometry)
    around = [ring for ring, *_ in parts]
    x0, y0 = min(min(xs) for xs, _ in around), min(min(ys) for _, ys in around)
    x1, y1 = max(max(xs) for xs, _ in around), max(max(ys) for _, ys in around)
    box = (x0, y0, x1, y1)
    properties = feature.get("properties") or {}
    metadata = properties.get("metadata") or {}
    drawn = properties.get("objectType") == "annotation"
    label = _class_of(properties)
    if drawn and not label and properties.get("name") == "complete" and "threshold" in metadata:
        collector.regions.append(_region(feature, box, metadata))
        return
    score, measures = _measured(properties.get("measurements"))
    collector.add(
        box,
        label,
        _identifier(feature.get("id"), metadata),
        score=score,
        state=_STATES.get(metadata.get("state", ""), State.PREDICTED),
        drawn=drawn,
        given=str(metadata.get("id", "")),
        outline=_outline(parts),
        measures=measures,
    )
    if "model" in metadata:
        collector.found_by(str(metadata["model"]))
    classification = properties.get("classification")
    if isinstance(classification, dict):
        color = _color(classification)
        if color is not None:
            collector.color(label, color)


def _parts(collector: Collector, geometry: Mapping[str, Any]) -> list[list[_Ring]]:
    """Return the parts of a polygon: x and y of the corners around each, then of those of its holes."""
    if geometry["type"] == "Polygon":
        return [_rings(collector, geometry["coordinates"])]
    if geometry["type"] != "MultiPolygon":
        raise ValueError(f"it is a {geometry['type']}")
    parts = [_rings(collector, part) for part in geometry["coordinates"]]
    if not parts:
        raise ValueError("it has no parts")
    return parts


def _rings(collector: Collector, rings: Any) -> list[_Ring]:
    """Return the ring around a part and those of its holes."""
    around, *holes = [_points(collector, ring) for ring in rings]
    if len(around[0]) < 3:
        raise ValueError(f"it has {len(around[0])} corners and no area")
    open_ = [hole for hole in holes if len(hole[0]) >= 3]
    if len(open_) < len(holes):
        collector.note("Holes without an area left out", len(holes) - len(open_))
    return [around, *open_]


def _outline(parts: list[list[_Ring]]) -> list[float]:
    """Return the numbers of an outline; none where a box says the same."""
    xs, ys = parts[0][0]
    if len(parts) > 1 or len(parts[0]) > 1:
        return in_one([[list(zip(*ring, strict=True)) for ring in part] for part in parts])
    return (
        [] if len(xs) == 4 and _is_rectangle(xs, ys) else [one for point in zip(xs, ys, strict=True) for one in point]
    )


def _points(collector: Collector, ring: Any) -> _Ring:
    """Return x and y of the corners of a ring, the first one not repeated."""
    xs = [point[0] for point in ring]
    ys = [point[1] for point in ring]
    if not _NUMBERS.issuperset(map(type, xs)) or not _NUMBERS.issuperset(map(type, ys)):
        xs, ys = [number(value) for value in xs], [number(value) for value in ys]
        collector.note("Polygons whose numbers were written as text")
    if xs[0] == xs[-1] and ys[0] == ys[-1]:
        del xs[-1], ys[-1]
    else:
        collector.note("Open rings closed")
    total = sum(xs) + sum(ys)
    if total - total != 0:  # one of them is NaN or infinite
        raise ValueError("its coordinates are no list of points")
    return xs, ys


def _is_rectangle(xs: list[float], ys: list[float]) -> bool:
    """Whether four corners are those of a box whose sides are upright, one after the other."""
    first = xs[0] == xs[1] and ys[1] == ys[2] and xs[2] == xs[3] and ys[3] == ys[0]
    return first or (ys[0] == ys[1] and xs[1] == xs[2] and ys[2] == ys[3] and xs[3] == xs[0])


def _class_of(properties: Mapping[str, Any]) -> str:
    classification = properties.get("classification")
    if isinstance(classification, dict):
        names = classification.get("names") or [classification.get("name", "")]
        return ": ".join(str(name) for name in names)
    for named in (classification, properties.get("label")):
        if isinstance(named, str):
            return named
    is_cell = properties.get("objectType") != "annotation"  # the name of an annotation is its own, not a class
    return str(properties.get("name", "")) if is_cell else ""


def _color(classification: Mapping[str, Any]) -> RGBColor | None:
    """Return red, green and blue: a list, or, as QuPath wrote before 0.4, one number with a sign."""
    color, packed = classification.get("color"), classification.get("colorRGB")
    if isinstance(color, list) and len(color) >= 3 and all(type(c) is int and 0 <= c <= 255 for c in color[:3]):
        return (color[0], color[1], color[2])
    if type(packed) is int and abs(packed) < 1 << 32:
        return (packed >> 16 & 255, packed >> 8 & 255, packed & 255)
    return None


def _measured(measured: Any) -> tuple[float, dict[str, float]]:
    """Return the score, 1 where there is none, and everything else that was measured."""
    if not measured:
        return 1.0, {}
    if isinstance(measured, list):  # as QuPath wrote before 0.4
        measured = {entry["name"]: entry["value"] for entry in measured}
    if len(measured) == 1 and "score" in measured:
        return number(measured["score"]), {}
    others = {str(name): float(value) for name, value in measured.items() if name != "score" and _is_number(value)}
    return number(measured.get("score", 1.0)), others


def _is_number(value: object) -> bool:
    return (
        isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= 3e38 and math.isfinite(value)
    )


def _identifier(given: object, metadata: Mapping[str, Any]) -> object:
    """Return the id of a prediction as its study knows it, where the feature's own was made from that."""
    name = metadata.get("cell")
    return name if isinstance(name, str) and stable(name) == given else given


def _region(feature: Mapping[str, Any], box: tuple[float, float, float, float], metadata: Mapping[str, Any]) -> Region:
    thresholds = {
        name.removeprefix("threshold "): float(value)
        for name, value in metadata.items()
        if name.startswith("threshold ")
    }
    identifier = stable(str(feature.get("id") or f"region {box}"))
    return Region(identifier, box, str(metadata.get("run", "")), float(metadata["threshold"]), thresholds)
