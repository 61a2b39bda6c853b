"""Workers elsewhere, reached or started as a person says: by an address, or by a file that describes a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cytoshift.engine.cluster import ClusterExecutor
from cytoshift.engine.cluster_plan import LocalPlan, QueuePlan, SchedulerPlan, SshPlan, read_plan
from cytoshift.engine.remote import Build, Remote
from cytoshift.errors import CytoshiftError

_QUEUES = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "sge": "SGECluster", "lsf": "LSFCluster"}

_ACCOUNT = {"slurm": "account", "pbs": "account", "sge": "project", "lsf": "project"}
"""What each queue calls who pays."""


@contextmanager
def reach(where: str, operator: Build, through: Build | None = None) -> Iterator[Remote]:
    """Reach or start workers for the block; those that were started end with it.

    Parameters
    ----------
    where : str
        Address of a scheduler, e.g. ``tcp://10.0.0.5:8786``, or a TOML file; see `read_plan`.
    operator, through : callable
        How each worker makes the operator, and the one to look through; see `Remote`.

    Raises
    ------
    CytoshiftError
        When the file is not valid, nobody is there, or the workers have another version.
    """
    plan = read_plan(where)
    if isinstance(plan, SchedulerPlan):
        with ClusterExecutor(plan.address, patience=plan.patience) as executor:
            yield Remote(executor, operator, through, plan.paths)
        return
    cluster = _started(plan, where)
    try:
        try:
            cluster.wait_for_workers(1, timeout=plan.patience)
        except TimeoutError as error:
            raise CytoshiftError(
                f"No worker of {where} came within {plan.patience:g} s; look at what became of them, or let it wait "
                "longer with patience = SECONDS."
            ) from error
        with ClusterExecutor(cluster.scheduler_address) as executor:
            yield Remote(executor, operator, through, plan.paths)
    finally:
        cluster.close()


def _started(plan: LocalPlan | SshPlan | QueuePlan, where: str) -> Any:
    try:
        if isinstance(plan, LocalPlan):
            return _local(plan)
        return _over_ssh(plan) if isinstance(plan, SshPlan) else queue_cluster(plan)
    except ImportError as error:
        raise CytoshiftError(
            f"{where} asks for {plan.kind}, which needs {error.name}; install napari-cytoshift[cluster]."
        ) from error
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise CytoshiftError(f"The cluster of {where} did not start: {_said(error)}; correct the file.") from error


def _local(plan: LocalPlan) -> Any:
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=plan.workers,
        threads_per_worker=plan.threads,
        memory_limit=plan.memory,
        processes=True,
        dashboard_address=":0",
    )


def _over_ssh(plan: SshPlan) -> Any:
    import asyncssh  # noqa: F401  (distributed would say no more than that it is missing)
    from distributed import SSHCluster

    return SSHCluster(
        [plan.scheduler or plan.hosts[0], *plan.hosts],
        connect_options={"username": plan.user} if plan.user else {},
        worker_options={"nthreads": plan.threads, "n_workers": plan.workers, "memory_limit": plan.memory},
        scheduler_options={"dashboard": False},
        remote_python=plan.python or None,
    )


def queue_cluster(plan: QueuePlan) -> Any:
    """Start a scheduler here and ask a batch queue for workers; it is to be closed.

    Raises
    ------
    ImportError
        When dask-jobqueue is not installed.
    """
    import dask_jobqueue

    make: Callable[..., Any] = getattr(dask_jobqueue, _QUEUES[plan.kind])
    named = {"queue": plan.queue, _ACCOUNT[plan.kind]: plan.account, "python": plan.python}
    cluster = make(
        cores=plan.threads,
        processes=1,
        memory=plan.memory,
        walltime=plan.walltime,
        **{name: value for name, value in named.items() if value},
        **plan.options,
    )
    cluster.scale(jobs=plan.workers)
    return cluster


def _said(error: BaseException) -> str:
    words = " ".join(str(error).split()).rstrip(".")
    return words or type(error).__name__
