"""An executor whose workers are other computers: those of a dask.distributed scheduler."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import CancelledError
from types import TracebackType
from typing import Any, Self, TypeVar

from cytoshift.errors import CytoshiftError

S = TypeVar("S")
R = TypeVar("R")

PATIENCE = 10.0
"""Seconds in which a scheduler must answer, and one of its workers be there."""


class ClusterExecutor:
    """The workers of a running scheduler. To be closed after use; a ``with`` block does.

    A worker that is lost costs what it was working on, which another one does again.

    Parameters
    ----------
    address : str
        Of the scheduler, e.g. ``tcp://10.0.0.5:8786``.
    patience : float
        Seconds to wait for it, and for its first worker.

    Raises
    ------
    CytoshiftError
        When nobody answers there, or no worker is there.
    """

    def __init__(self, address: str, *, patience: float = PATIENCE) -> None:
        from distributed import Client

        # What goes wrong is said by the errors raised here.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        self.address = address
        try:
            self._client = Client(address, timeout=patience, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:  # TimeoutError is an OSError
            raise CytoshiftError(
                f"No scheduler answers at {address}; start one with 'dask scheduler', or check the address."
            ) from error
        try:
            self._client.wait_for_workers(1, timeout=patience)
        except TimeoutError as error:
            self._client.close()
            raise CytoshiftError(
                f"The scheduler {address} has no workers; start some with 'dask worker {address}'."
            ) from error

    @property
    def workers(self) -> int:
        """Worker processes that are there now; they may come and go."""
        return max(1, len(self._client.nthreads()))

    def map(self, function: Callable[[S], R], shards: Iterable[S]) -> Generator[R, None, None]:
        """Yield the results in the order of the shards; see `Executor.map`.

        Function, shards and results are pickled. Results that wait for their turn stay with the workers.

        Raises
        ------
        CytoshiftError
            When workers cannot run the function, or the scheduler is gone.
        """
        running: deque[Any] = deque()
        places = sorted(self._client.nthreads())
        try:
            for turn, shard in enumerate(shards):
                # A worker knows the neighbourhood of what it did before; one that has nothing to do may take over.
                own = {"workers": places[turn % len(places)], "allow_other_workers": True} if places else {}
                running.append(self._client.submit(function, shard, pure=False, **own))
                if len(running) >= 2 * sum(self._client.nthreads().values()):
                    yield self._result(running.popleft())
            while running:
                yield self._result(running.popleft())
        finally:
            if running and self._client.status == "running":
                self._client.cancel(list(running))

    def close(self) -> None:
        """Leave the scheduler; its workers go on with other work."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _result(self, future: Any) -> Any:
        from distributed import KilledWorker

        try:
            return future.result()
        except KilledWorker as error:
            raise CytoshiftError(
                "Several workers ended over the same part of the work, most likely for want of memory; give them "
                "more, and run the same command again."
            ) from error
        except ModuleNotFoundError as error:
            raise CytoshiftError(
                f"The workers of {self.address} have no {error.name}; install napari-cytoshift in their environment."
            ) from error
        except CancelledError as error:
            raise CytoshiftError(
                f"The scheduler {self.address} is gone; what was finished is kept, and the same command goes on from "
                "there."
            ) from error
