"""Where the data lie that a model's card names."""

from __future__ import annotations

from pathlib import Path

from cytoshift.training.coco import data_folder, found


def places_of(path: str) -> list[Path]:
    """Return where a data set may lie that a card names by a path, or by its folder alone: those that are there.

    Both are looked for under ``CYTOSHIFT_DATA``.
    """
    if not path:
        return []
    places = [Path(found(path)), *sorted(data_folder().glob(f"*/{Path(path).name}"))]
    return list(dict.fromkeys(place.resolve() for place in places if place.exists()))
