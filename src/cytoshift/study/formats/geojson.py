"""Cells and regions as GeoJSON that QuPath opens, and back.

QuPath's contract (its `QuPathTypeAdapters`): every feature has a UUID, a closed ring, ``objectType``,
``classification`` with ``name`` and ``color``, ``isLocked``, ``measurements`` as an object, and ``metadata`` whose
values are text.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cytoshift.durable import new_file
from cytoshift.engine.outlines import Part, Ring
from cytoshift.errors import StudyError
from cytoshift.study.cells import Cells, Region
from cytoshift.study.change import State
from cytoshift.study.formats.annotations import Annotations, stable
from cytoshift.study.formats.collector import Collector
from cytoshift.study.formats.geojson_features import take_feature
from cytoshift.study.formats.json_stream import pieces
from cytoshift.study.palette import RGBColor

if TYPE_CHECKING:
    from cytoshift.engine.findings import Findings

# Writing ---------------------------------------------------------------------------------------------------------


def write(path: str | Path, found: Findings | Cells | Annotations, *, regions: Sequence[Region] = ()) -> Path:
    """Write cells, and regions marked complete, as a feature collection.

    Parameters
    ----------
    path : path
        With ``.gz`` at the end it is compressed.
    found : Findings, Cells or Annotations
        Rejected cells are left out.
    regions : sequence of Region
        Written as locked annotations named "complete", with those of the annotations.

    Raises
    ------
    StudyError
        The file cannot be written; an older one then stays as it was.
    """
    cells = found if isinstance(found, Annotations) else Annotations.of(found)
    return write_features(path, chain(map(_region, (*regions, *cells.regions)), _features(cells)))


def write_features(path: str | Path, features: Iterable[str]) -> Path:
    """Write features, each as JSON, as a feature collection; with ``.gz`` at the end it is compressed.

    Raises
    ------
    StudyError
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
        raise StudyError(f"{path} cannot be written ({error.strerror}); make room or choose another place.") from error
    return path


def cell_feature(name: str, box: Sequence[float], score: float, label: str, color: RGBColor, **said: str) -> str:
    """Return a cell as a feature: what names it, its box, score, class, the class's colour, and texts about it."""
    classification = _text({"name": label, "color": color})
    return _cell(stable(name), _rectangle(box), classification, {"score": score}, said)


def _features(cells: Annotations) -> Iterator[str]:
    classes = [_text({"name": name, "color": color}) for name, color in zip(cells.classes, cells.colors, strict=True)]
    states = [{"state": state.name.lower()} for state in State]
    model = {"model": cells.model} if cells.model else {}
    given = cells.given or ("",) * len(cells)
    measures = _rows(cells.measures, len(cells))
    for identifier, box, score, label, state, outline, name, measured in zip(
        cells.ids,
        cells.boxes.tolist(),
        cells.scores.tolist(),
        cells.labels.tolist(),
        cells.states.tolist(),
        cells.outlines.parts(),
        given,
        measures,
        strict=True,
    ):
        if state == State.REJECTED:
            continue
        metadata = model | states[state]
        feature_id = stable(identifier)
        if feature_id != identifier:
            metadata["cell"] = identifier
        if name:
            metadata["id"] = name
        shape = _shape(outline) if outline else _rectangle(box)
        yield _cell(feature_id, shape, classes[label], {"score": score} | measured, metadata)


def _rows(measures: Any, cells: int) -> Iterator[dict[str, float]]:
    """Yield what was measured of every cell, without what is not known."""
    columns: dict[str, list[float]] = {name: values.tolist() for name, values in measures.items()}
    for at in range(cells):
        yield {name: values[at] for name, values in columns.items() if math.isfinite(values[at])} if columns else {}


def _cell(
    identifier: str, shape: str, classification: str, measures: dict[str, float], metadata: dict[str, str]
) -> str:
    measured = ", ".join(f"{_text(name)}: {value:.9g}" for name, value in measures.items())
    return (
        f'{{"type": "Feature", "id": "{identifier}", "geometry": {shape}, "properties": '
        f'{{"objectType": "detection", "classification": {classification}, "isLocked": false, '
        f'"measurements": {{{measured}}}, "metadata": {_text(metadata)}}}}}'
    )


def _region(region: Region) -> str:
    metadata = {"run": region.run, "threshold": f"{region.threshold:.9g}"}
    metadata.update({f"threshold {name}": f"{score:.9g}" for name, score in region.thresholds.items()})
    return (
        f'{{"type": "Feature", "id": "{stable(region.id)}", "geometry": {_rectangle(region.box)}, "properties": '
        f'{{"objectType": "annotation", "name": "complete", "isLocked": true, "measurements": {{}}, '
        f'"metadata": {_text(metadata)}}}}}'
    )


def _rectangle(box: Sequence[float]) -> str:
    x0, y0, x1, y1 = box
    return _shape([[[[x0, y0], [x1, y0], [x1, y1], [x0, y1]]]])


def _shape(parts: Sequence[Part]) -> str:
    rings = ["[" + ", ".join(map(_ring, part)) + "]" for part in parts]
    kind, coordinates = ("Polygon", rings[0]) if len(rings) == 1 else ("MultiPolygon", f"[{', '.join(rings)}]")
    return f'{{"type": "{kind}", "coordinates": {coordinates}}}'


def _ring(corners: Ring) -> str:
    # nine digits keep every float32
    return "[" + ", ".join([f"[{x:.9g}, {y:.9g}]" for x, y in (*corners, corners[0])]) + "]"


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


# Reading ---------------------------------------------------------------------------------------------------------


def read(path: str | Path) -> Annotations:
    """Read the polygons of a GeoJSON file as cells, and what `write` wrote as regions as those.

    A feature collection, a list of features or one feature; QuPath's own files, and plain ones whose ``label`` or
    ``name`` is the class. Classes of the Bethesda system are spelled our way. What is no polygon is left out.

    Raises
    ------
    StudyError
        The file is not there, too large, not GeoJSON, or one of its polygons has no area.
    """
    path = Path(path)
    collector = Collector(path, "Feature")
    number = -1
    for number, feature in enumerate(_of_features(path)):
        try:
            take_feature(collector, feature)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
            why = f"it has no {error}" if isinstance(error, KeyError) else error
            raise collector.refused(number, why) from error
    read = collector.annotations()
    if number >= 0 and not len(read) and not read.regions:
        raise StudyError(f"{path} holds no polygon; export cells with an area again.")
    return read


def recognises(head: str) -> bool:
    """Whether a file that begins so is GeoJSON."""
    return '"FeatureCollection"' in head or '"Feature"' in head


def _of_features(path: Path) -> Iterator[dict[str, Any]]:
    alone: dict[str, Any] = {}
    for key, value, element in pieces(path, "GeoJSON"):
        if element and key in ("features", ""):
            if not isinstance(value, dict) or value.get("type") != "Feature":
                raise StudyError(f"{path} is not GeoJSON with features; export a feature collection.")
            yield cast("dict[str, Any]", value)
        elif not element:
            alone[key] = value
    if alone.get("type") == "Feature":
        yield alone
    elif alone and (alone.get("type") != "FeatureCollection" or alone.get("features") != []):
        raise StudyError(f"{path} is not GeoJSON with features; export a feature collection.")
