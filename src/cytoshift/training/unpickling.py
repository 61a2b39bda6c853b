"""Run as a program of its own: turns what ``torch.save`` wrote, on standard input, into safetensors on standard output.

A pickle is a program. `cytoshift.training.foreign` runs this one in a process that has little to lose: it is given two
open files and no more memory, time or room than they need, an empty environment, an empty folder, and no network where
the system lets a process give that up. It exits with 0, or with one of the numbers below.

It imports nothing of this package, since it is run by its path and isolated from the environment.
"""

import contextlib
import json
import os
import sys
import zipfile
from typing import Any

NO_TENSORS, A_PROGRAM, TOO_MUCH = 3, 4, 5
"""Exit statuses: anything but tensors and plain values, code to run, more than the limits allow."""

KEY = "held"
"""In the header of what is written: the dictionary, with ``{"tensor": NAME}`` in the place of tensors."""

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # linux/sched.h
_ROOM = 1 << 30
_SECONDS = 120


def main() -> int:
    """Give up what is not needed, convert, and return the exit status."""
    written = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not get among the tensors
    _leave_network()
    import safetensors.torch  # noqa: F401  (its room in memory counts as in use)

    _limit(os.fstat(sys.stdin.fileno()).st_size)
    return convert(sys.stdin.buffer, written)


def convert(given: Any, written: Any) -> int:
    """Convert one open file into another; return the exit status."""
    import torch
    from safetensors.torch import save

    if _is_program(given):
        return A_PROGRAM
    try:
        given.seek(0)
        tensors: dict[str, Any] = {}
        held = _plain(torch.load(given, map_location="cpu", weights_only=True), tensors)
        written.write(save(tensors, metadata={KEY: json.dumps(held)}))
        written.flush()
    except MemoryError:
        return TOO_MUCH
    except RuntimeError as error:
        return TOO_MUCH if "alloc" in str(error) else NO_TENSORS
    except Exception:  # whatever a stranger's file makes the reader raise
        return NO_TENSORS
    return 0


def _leave_network() -> None:
    """Give up the network, in a user namespace of its own, where Linux lets anyone do so."""
    import ctypes

    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).unshare(_NEW_USER | _NEW_NETWORK)


def _is_program(given: Any) -> bool:
    """Whether this is an archive of TorchScript, ``torch.package`` or ``torch.export``, which are code."""
    if not zipfile.is_zipfile(given):
        return False
    with contextlib.suppress(zipfile.BadZipFile, ValueError, OSError), zipfile.ZipFile(given) as archive:
        folders = {part for name in archive.namelist() for part in name.split("/")[1:-1]}  # all lies in one folder
        names = {name.rpartition("/")[2] for name in archive.namelist()}
        return bool(folders & {"code", "models"} or names & {"constants.pkl", "extern_modules"})
    return False


def _limit(size: int) -> None:
    """Limit memory, time and what is written to what a file of tensors of this size needs; torch is loaded by now."""
    try:
        import resource
    except ImportError:  # Windows; there, the time that the parent waits is the limit
        return
    with contextlib.suppress(OSError, ValueError):  # Linux alone knows how much address space it has in use
        with open("/proc/self/statm") as pages:
            used = int(pages.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 6 * size + _ROOM,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS + size // (10 << 20),) * 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * size + _ROOM // 16,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _plain(value: Any, tensors: dict[str, Any]) -> Any:
    """Return tables, lists, texts and numbers as JSON has them, and put tensors aside; TypeError at anything else."""
    import torch

    if isinstance(value, torch.Tensor):
        if value.layout is not torch.strided or value.is_quantized or value.is_complex():
            raise TypeError(f"a tensor of {value.layout} and {value.dtype}")
        name = str(len(tensors))
        tensors[name] = value.detach().clone(memory_format=torch.contiguous_format)
        return {"tensor": name}
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("a table by something else than texts")
        return {"table": {key: _plain(entry, tensors) for key, entry in value.items()}}
    if isinstance(value, (list, tuple)):
        return {"list": [_plain(entry, tensors) for entry in value]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return {"value": value}
    raise TypeError(f"a {type(value).__name__}")


if __name__ == "__main__":
    sys.path[:0] = json.loads(sys.argv[1])
    sys.exit(main())
