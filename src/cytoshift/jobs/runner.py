"""The inside of a job: take its folder, wait for its turn, do the work, write down how it ended."""

from __future__ import annotations

import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import psutil

from cytoshift.durable import clear_unfinished
from cytoshift.engine.pace import paced_by
from cytoshift.engine.portions import out_of_memory
from cytoshift.errors import Cancelled, CytoshiftError, Paused
from cytoshift.hand import Hand
from cytoshift.jobs.control import FolderControl
from cytoshift.jobs.events import EventLog
from cytoshift.jobs.folder import EVENTS, LOCK, LOG, MODEL, RESULT, RUNNER, TRAINING, WORK, JobError, write_json
from cytoshift.jobs.process import GOES_ON, identify
from cytoshift.jobs.queue import Turn
from cytoshift.jobs.result import JobResult, Made, discard, read_result, write_result
from cytoshift.jobs.spec import LearnSpec, TrainSpec, read_spec
from cytoshift.study.lock import WriterLock
from cytoshift.training.wishes import heed

Emit = Callable[[dict[str, Any]], None]

_POLL = 0.2


def run(folder: Path, listen: Emit | None = None) -> JobResult:
    """Run the job in a folder in this process, from its beginning or from its last checkpoint.

    Parameters
    ----------
    folder : Path
        The job's folder.
    listen : callable, optional
        Also receives every event.

    Returns
    -------
    JobResult
        As it was written to the folder. A failure is a result too.

    Raises
    ------
    JobError
        If there is no job, it is over, or another process runs it.
    """
    folder = folder.absolute()
    spec = read_spec(folder)
    lock = WriterLock(folder / LOCK)
    if not lock.take():
        raise JobError(f"Job {folder.name} already runs ({lock.holder()}); wait for it or stop it.")
    try:
        over = read_result(folder)
        if over is not None and over.state not in GOES_ON:
            raise JobError(f"Job {folder.name} is over ({over.state}); start a new one.")
        (folder / RESULT).unlink(missing_ok=True)
        for name in (RUNNER, RESULT, MODEL, f"{WORK}/{MODEL}"):
            clear_unfinished(folder / name)
        with EventLog(folder / EVENTS) as log:
            return _Runner(spec, folder, log, listen).run()
    finally:
        (folder / RUNNER).unlink(missing_ok=True)  # the process may go on to other things
        lock.release()


class _Runner:
    """One run of a job whose lock is held."""

    def __init__(self, spec: LearnSpec | TrainSpec, folder: Path, log: EventLog, listen: Emit | None) -> None:
        self._spec, self._folder, self._log, self._listen = spec, folder, log, listen
        self._control = FolderControl(folder)

    def run(self) -> JobResult:
        try:
            if not (self._folder / EVENTS).stat().st_size:
                for note in self._spec.notes:
                    self._emit({"kind": "note", "text": note})
            with self._turn(), self._pace():
                result = self._done(self._work())
        except Cancelled:
            result = discard(self._folder)
        except Paused as pause:
            self._control.clear("pause")
            result = JobResult(state="paused", message=str(pause))
        except CytoshiftError as error:
            result = self._failed(str(error))
        except Exception as error:
            result = self._failed(_unexpected(error, self._folder))
        # The last event first: whoever sees that the job is over finds all of its events.
        try:
            self._emit({"kind": "state", "state": result.state, "text": result.message})
            write_result(result, self._folder)
        except OSError as error:  # most likely of what ended the job, a full disk
            raise JobError(
                f"Job {self._folder.name} could not write down how it ended ({error.strerror}): {result.message}"
            ) from error
        if result.model:  # the training is of no use any more, and large; until the result is there it is
            shutil.rmtree(self._folder / WORK / TRAINING, ignore_errors=True)
        return result

    def _pace(self) -> AbstractContextManager[None]:
        """Wait while the view of the job's study moves: on a CPU, where the window needs the processors."""
        from cytoshift.engine.device import pick_device

        if not self._spec.study or pick_device(self._spec.device).type != "cpu":
            return nullcontext()
        hand = Hand()
        hand.share(self._spec.study)
        return paced_by(hand.wait)

    def _emit(self, event: dict[str, Any]) -> None:
        self._log.emit(event)
        if self._listen is not None:
            self._listen(event)

    def _enter(self, state: str, *, device: str) -> None:
        write_json(self._folder / RUNNER, {**identify(psutil.Process()), "state": state, "device": device})
        self._emit({"kind": "state", "state": state})

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the device while working, after the study's other jobs on the same device."""
        from cytoshift.engine.device import pick_device

        write_json(self._folder / RUNNER, {**identify(psutil.Process()), "state": "queued"})
        spec, device = self._spec, pick_device(self._spec.device)
        named = f"{device.type}:{device.index or 0}" if device.type == "cuda" else device.type
        if not spec.study:
            self._enter("running", device=named)
            yield
            return
        turn = Turn(self._folder, spec.study, named)
        behind = None
        while not turn.take():
            if behind != turn.behind:
                behind = turn.behind
                self._emit({"kind": "state", "state": "queued", "behind": behind})
            heed(self._control.state())
            if self._control.state() == "stop_early":
                raise Cancelled("The job was stopped before its turn came.")
            time.sleep(_POLL)
        try:
            self._enter("running", device=named)
            yield
        finally:
            turn.release()

    def _work(self) -> Made:
        import torch

        torch.set_num_threads(self._spec.threads)
        if isinstance(self._spec, LearnSpec) and self._spec.task == "mitosis":
            from cytoshift.jobs.learn_mitosis import learn_mitosis

            return learn_mitosis(self._spec, self._folder, emit=self._emit, control=self._control)
        if isinstance(self._spec, LearnSpec):
            from cytoshift.jobs.learn import learn

            return learn(self._spec, self._folder, emit=self._emit, control=self._control)
        from cytoshift.jobs.train import train

        return train(self._spec, self._folder, emit=self._emit, control=self._control)

    def _done(self, made: Made) -> JobResult:
        stopped = self._control.state() == "stop_early"
        return JobResult(
            state="stopped" if stopped else "done",
            message=f"Made the model {made.model}{' from the best step so far' if stopped else ''}.",
            model=made.model,
            model_folder=str(made.folder),
            before=made.before,
            after=made.after,
            trust=made.trust,
            steps=made.steps,
        )

    def _failed(self, sentence: str) -> JobResult:
        with suppress(OSError), (self._folder / LOG).open("a", encoding="utf-8") as log:
            traceback.print_exc(file=log)
        return JobResult(state="failed", message=sentence)


def _unexpected(error: Exception, folder: Path) -> str:
    if isinstance(error, MemoryError | RuntimeError) and out_of_memory(error):
        return (
            "The job ran out of memory; close other programs and resume it, or start it with a smaller training.batch."
        )
    if not folder.exists():
        return f"The job's folder is not at {folder} any more; open the study where it is now and resume the job there."
    if isinstance(error, OSError) and error.strerror:
        return f"The job could not go on: {error.strerror}: {error.filename or folder}; put that right and resume it."
    return f"The job stopped at an unexpected {type(error).__name__}; {folder / LOG} says where, and it can be resumed."


def main(arguments: list[str]) -> int:
    """Run ``python -m cytoshift.jobs FOLDER``: 0 when a model was made, 1 when not, 2 when there was nothing to run."""
    if len(arguments) != 1:
        print("Give one folder of a job: python -m cytoshift.jobs FOLDER", file=sys.stderr)
        return 2
    try:
        result = run(Path(arguments[0]))
    except CytoshiftError as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if result.state in ("done", "stopped") else 1
