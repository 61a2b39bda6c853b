"""Executors: who runs a function over shards. Here the threads of this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

S = TypeVar("S")
R = TypeVar("R")


class Executor(Protocol):
    """Runs a function over shards."""

    @property
    def workers(self) -> int:
        """How many work side by side; each is given every so-many-th shard where that can be."""
        ...

    def map(self, function: Callable[[S], R], shards: Iterable[S]) -> Generator[R, None, None]:
        """Yield the results in the order of the shards, never holding more than a few at once.

        The first error stops the rest and reaches the caller; so does closing the iterator.
        """
        ...


class LocalExecutor:
    """Threads of this process, alive only while a map is being consumed.

    Parameters
    ----------
    workers : int
        Threads. As many results again wait, finished, for the consumer.
    name : str
        Prefix of the threads' names.
    """

    def __init__(self, workers: int, *, name: str = "cytoshift") -> None:
        if workers < 1:
            raise ValueError(f"{workers} workers")
        self._workers = workers
        self.name = name

    @property
    def workers(self) -> int:
        """Threads."""
        return self._workers

    def map(self, function: Callable[[S], R], shards: Iterable[S]) -> Generator[R, None, None]:
        """Yield the results in the order of the shards; see `Executor.map`."""
        running: deque[Future[R]] = deque()
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix=self.name)
        try:
            for shard in shards:
                running.append(pool.submit(function, shard))
                if len(running) >= 2 * self._workers:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
