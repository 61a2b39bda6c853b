"""How much of a batch is computed at once: all of it, and half whenever memory runs out; gradients add up.

The batch stays the same, and so does what is learnt from it. What was halved never grows again in the same training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from cytoshift.engine.portions import free_memory, out_of_memory
from cytoshift.errors import CytoshiftError
from cytoshift.training.divided import images_in
from cytoshift.training.task import TrainingTask

R = TypeVar("R")

Parts = Iterable[tuple[Any, float]]


class AtOnce:
    """Hands a task's batches out in parts that memory holds.

    Parameters
    ----------
    task : TrainingTask
    size : int or None
        Images at once to begin with; all without.
    alone : bool
        Whether this process can choose by itself: several that train together compute in step.
    tell : callable
        Receives a sentence whenever fewer are computed at once.
    """

    def __init__(self, task: TrainingTask, size: int | None, *, alone: bool, tell: Callable[[str], None]) -> None:
        self.size = size
        self._task, self._alone, self._tell = task, alone, tell

    def compute(self, batch: Any, gradients: Callable[[Parts], R]) -> R:
        """Compute the gradients of a batch, from its beginning in smaller parts when memory runs out.

        Parameters
        ----------
        batch : Any
        gradients : callable
            Given the parts of the batch and their shares; forgets what it has added up when it is called again.

        Raises
        ------
        CytoshiftError
            Memory runs out and there is nothing left to halve.
        """
        while True:
            try:
                return gradients(self._task.parts(batch, self.size))
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                self._halve(batch, error)
            free_memory()  # only here, where the error no longer holds what was computed

    def _halve(self, batch: Any, error: Exception) -> None:
        images = images_in(batch)
        size = min(self.size or images, images)
        if size == 1:
            raise CytoshiftError(
                "Memory runs out over a single image; close other programs and resume the job, or start again with "
                "smaller images or another device."
            ) from error
        if not self._alone or len(list(self._task.parts(batch, size // 2))) == 1:
            raise CytoshiftError(
                f"Memory runs out over a batch of {images} images, which this training cannot compute in parts; close "
                "other programs and resume the job, or start again with a smaller training.batch."
            ) from error
        self.size = size // 2
        self._tell(f"memory ran out: from now on {self.size} of {images} images at once, with the same batch")
