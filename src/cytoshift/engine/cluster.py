"""An executor whose workers are other computers: those of a dask.distributed scheduler."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import CancelledError
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Any, Self, TypeVar

from cytoshift.errors import CytoshiftError

S = TypeVar("S")
R = TypeVar("R")

NAME = "napari-cytoshift"

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
        When nobody answers there, or no worker is there, or workers have another version of this program.
    """

    def __init__(self, address: str, *, patience: float = PATIENCE) -> None:
        from distributed import Client

        for name in [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]:
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is said by the errors raised here
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
        try:
            self._check_versions()
        except BaseException:
            self._client.close()
            raise

    @property
    def workers(self) -> int:
        """Worker processes that are there now; they may come and go."""
        return max(1, len(self._threads()))

    def map(self, function: Callable[[S], R], shards: Iterable[S]) -> Generator[R, None, None]:
        """Yield the results in the order of the shards; see `Executor.map`.

        Function, shards and results are pickled. Results that wait for their turn stay with the workers.

        Raises
        ------
        CytoshiftError
            When workers cannot run the function, or the scheduler is gone.
        """
        running: deque[Any] = deque()
        places = sorted(self._threads())
        try:
            for turn, shard in enumerate(shards):
                # A worker knows the neighbourhood of what it did before; one that has nothing to do may take over.
                own = {"workers": places[turn % len(places)], "allow_other_workers": True} if places else {}
                running.append(self._client.submit(function, shard, pure=False, **own))
                if len(running) >= 2 * sum(self._threads().values()):
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

    def _check_versions(self) -> None:
        """Refuse workers of another version: without it they die of what they are sent, or compute something else."""
        there = self._client.run(version, NAME, on_error="return").values()
        if any(isinstance(each, PackageNotFoundError) for each in there):
            raise CytoshiftError(f"Workers of {self.address} have no {NAME}; install it in their environment.")
        here = version(NAME)
        if other := next((each for each in there if each != here), ""):
            raise CytoshiftError(
                f"Workers of {self.address} have {NAME} {other}, and this computer {here}; install the same version."
            )

    def _threads(self) -> dict[str, int]:
        """Return how many threads the worker at each address has."""
        try:
            return dict(self._client.nthreads())
        except OSError as error:
            raise self._gone from error

    def _result(self, future: Any) -> Any:
        from distributed import KilledWorker
        from distributed.comm.core import CommClosedError

        try:
            return future.result()
        except KilledWorker as error:
            raise CytoshiftError(
                "Several workers ended over the same part of the work, most likely for want of memory; give them "
                "more, and run the same command again."
            ) from error
        except (CancelledError, CommClosedError) as error:
            raise self._gone from error

    @property
    def _gone(self) -> CytoshiftError:
        return CytoshiftError(
            f"The scheduler {self.address} is gone; what was finished is kept, and the same command goes on from there."
        )
