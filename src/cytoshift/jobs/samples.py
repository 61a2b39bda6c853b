"""Pictures that a training makes of what it has learnt: kept in the job's folder when the training is thrown away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cytoshift.durable import new_file
from cytoshift.jobs.folder import SAMPLES
from cytoshift.room import check_room
from cytoshift.training import Emit


def keep_samples(emit: Emit, training: Path, folder: Path) -> Emit:
    """Return a receiver of events that copies announced pictures from a training's folder to the job's.

    The event that is passed on has the path in the job's folder; see `cytoshift.jobs.events.sample_of`.
    """

    def receive(event: dict[str, Any]) -> None:
        if event.get("kind") == "sample":
            picture = training / event["path"]
            kept = folder / SAMPLES / picture.name
            kept.parent.mkdir(exist_ok=True)
            check_room(folder, picture.stat().st_size, "a sample")
            with new_file(kept) as file:
                file.write(picture.read_bytes())
            event = {**event, "path": kept.relative_to(folder).as_posix()}
        emit(event)

    return receive
