"""The training loop: the only one. Validates the averaged network, keeps the best or last, and resumes bit for bit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cytoshift.durable import clear_unfinished
from cytoshift.engine.breathing import let_breathe
from cytoshift.engine.device import memory_of, pick_device
from cytoshift.errors import DataError, ModelError
from cytoshift.training.checkpoint import (
    pack,
    random_state,
    read_tensors,
    take_random_state,
    unpack,
    write_tensors,
)
from cytoshift.training.ema import Ema
from cytoshift.training.memory import AtOnce, Parts
from cytoshift.training.ranks import Ranks, current
from cytoshift.training.schedule import Plateau, warmup, warmup_cosine
from cytoshift.training.settings import TrainingSettings
from cytoshift.training.task import TrainingTask, decayed
from cytoshift.training.wishes import Control as Control
from cytoshift.training.wishes import heed

Event = dict[str, Any]
Emit = Callable[[Event], None]

CHECKPOINT = "checkpoint.safetensors"
BEST = "best.safetensors"


@dataclass(frozen=True, slots=True)
class FitResult:
    """The outcome of a training: the averaged weights that were kept, and how they scored on the data held back."""

    state: dict[str, Tensor]
    metrics: dict[str, float]
    best_step: int
    steps: int


def fit(task: TrainingTask, settings: TrainingSettings, folder: Path, *, emit: Emit, control: Control) -> FitResult:
    """Train a task's network, alone or as one of several `Ranks`.

    Parameters
    ----------
    task : TrainingTask
        Network, batches, loss and validation.
    settings : TrainingSettings
        Steps, learning rate and so on.
    folder : Path
        Holds the checkpoint and the best weights; a folder with a checkpoint is resumed.
    emit : callable
        Receives the events ``progress``, ``loss`` and ``validation``.
    control : Control
        ``stop_early`` ends the training and keeps the best weights, ``cancel`` raises `Cancelled`, and ``pause``
        raises `Paused` after a checkpoint.
    """
    ranks = current()
    ranks.prepared()
    run = _Run(task, settings, folder, emit, ranks)
    run.resume()
    for step, batch in _ahead(task, run.step, settings.steps):
        wish = ranks.agreed(control.state())
        if wish == "pause" and step > 0:
            run.save()
        heed(wish)
        if wish == "stop_early" and step > 0:
            break
        run.train(batch)
        last = run.step == settings.steps
        if last or run.step % settings.validate_every == 0:
            run.validate()
        if last or run.step % settings.checkpoint_every == 0:
            run.save()
        if run.stalled:
            emit(
                {
                    "kind": "note",
                    "text": f"ended at step {run.step}: {settings.patience} validations brought nothing new",
                }
            )
            break
    if run.best_step == 0 or (run.step % settings.validate_every and run.step < settings.steps):
        run.validate()
        run.save()
    ranks.wait()  # the first has written what all read now
    state, header = read_tensors(folder / BEST)
    return FitResult(state, header["metrics"], header["step"], run.step)


class _Run:
    """The state of a training between two steps."""

    def __init__(self, task: TrainingTask, settings: TrainingSettings, folder: Path, emit: Emit, ranks: Ranks) -> None:
        self.task, self.settings, self.folder, self.emit, self.ranks = task, settings, folder, emit, ranks
        self.device = pick_device(settings.device)
        self.network = task.network.to(self.device)
        self.average = Ema(self.network, settings.ema_decay)
        task.average = self.average.network
        self.networks = {"network": self.network, "average": self.average.network}
        self.optimizers = {"optimizer": self._adam(task.parameters())}
        if task.opponents is not None:
            self.networks["opponents"] = task.opponents.to(self.device)
            self.optimizers["opposing"] = self._adam(decayed(task.opponents))
        ranks.even(self.networks)
        for network in (task.network, *([] if task.opponents is None else [task.opponents])):
            let_breathe(network)
        self.at_once = AtOnce(
            task,
            settings.at_once,
            alone=ranks.count == 1,
            tell=lambda words: emit({"kind": "note", "text": words, "lasting": True}),
        )
        self.step = 0
        self.best_step = 0
        self.best_score = -math.inf
        self.worse = 0
        self.plateau = Plateau(settings.plateau_factor, settings.plateau_patience)
        self._clock = time.monotonic()
        self._fresh = 0
        folder.mkdir(parents=True, exist_ok=True)

    def _adam(self, groups: Iterable[dict[str, Any]]) -> torch.optim.AdamW:
        settings = self.settings
        return torch.optim.AdamW(
            groups, lr=settings.learning_rate, betas=settings.betas, weight_decay=settings.weight_decay
        )

    def resume(self) -> None:
        for name in (CHECKPOINT, BEST):
            clear_unfinished(self.folder / name)
        path = self.folder / CHECKPOINT
        if not path.exists():
            return
        tensors, header = read_tensors(path)
        try:
            take_random_state(tensors, self.device)
            unpack(tensors, self.networks, self.optimizers)
            self.step, self.best_step = header["step"], header["best_step"]
            self.best_score = header["best_score"] if self.best_step else -math.inf
            self.worse = header["worse"]
            self.plateau.share, self.plateau.stalled = header["plateau"]
            self.at_once.size = header.get("at_once", self.at_once.size)
        except (KeyError, RuntimeError) as error:
            raise ModelError(
                f"{path} is of another training or version of the package; train in a new folder, or delete the file."
            ) from error
        self.emit({"kind": "note", "text": f"resumed at step {self.step}"})
        if self.best_step:
            self._check_best()

    def _check_best(self) -> None:
        """Forget the best weights where their file is gone or damaged."""
        try:
            read_tensors(self.folder / BEST)
        except ModelError:
            self.best_step, self.best_score = 0, -math.inf
            words = "the best weights so far cannot be read; the next validation counts as the first"
            self.emit({"kind": "note", "text": words})

    def save(self) -> None:
        if not self.ranks.first:
            return
        header = {
            "step": self.step,
            "best_step": self.best_step,
            "best_score": self.best_score if self.best_step else None,
            "worse": self.worse,
            "plateau": (self.plateau.share, self.plateau.stalled),
            "at_once": self.at_once.size,
        }
        tensors = pack(self.networks, self.optimizers) | random_state(self.device)
        write_tensors(self.folder / CHECKPOINT, tensors, header)

    @property
    def stalled(self) -> bool:
        """Whether validations have brought nothing new for as long as anyone wants to wait."""
        return 0 < self.settings.patience <= self.worse

    def _share(self) -> float:
        """Return the share of the learning rate's peak at this step."""
        ramp = min(self.settings.warmup, self.settings.steps // 2)
        if self.settings.schedule == "plateau":
            return self.plateau.share * warmup(self.step, ramp)
        final = self.settings.final_learning_rate
        return warmup_cosine(self.step, steps=self.settings.steps, warmup=ramp, final=final)

    def train(self, batch: Any) -> None:
        rate = self.settings.learning_rate * self._share()
        for name, optimizer in self.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = rate * self.task.opposing_rate if name == "opposing" else rate
        opponents = self.networks.get("opponents")
        if opponents is not None:
            opponents.requires_grad_(False)
        losses = self._descend(self.network, "optimizer", self.task.loss, batch)
        if opponents is not None and (self.step + 1) % self.task.opposing_every == 0:
            losses |= self._descend(opponents.requires_grad_(True), "opposing", self.task.opposing_loss, batch)
        self.average.update(self.network, self.step)
        self.step += 1
        self._fresh += 1
        self._tell(losses)

    def _descend(
        self, network: nn.Module, optimizer: str, loss: Callable[[Any], dict[str, Tensor]], batch: Any
    ) -> dict[str, Tensor]:
        """Take one step of an optimizer down a loss; returns its parts."""
        network.train()
        summed = self.at_once.compute(batch, lambda parts: self._gradients(optimizer, loss, parts))
        if not summed:
            return summed
        summed = self.ranks.add_up(network, summed)
        total = torch.stack(list(summed.values())).sum()
        if not torch.isfinite(total):
            raise DataError(
                f"The loss became {float(total)} at step {self.step}; start again with a lower learning_rate."
            )
        nn.utils.clip_grad_norm_(network.parameters(), self.settings.clip_norm)
        self.optimizers[optimizer].step()
        return summed

    def _gradients(self, optimizer: str, loss: Callable[[Any], dict[str, Tensor]], parts: Parts) -> dict[str, Tensor]:
        """Add up the gradients of the parts of a batch; returns the parts of its loss, none where nothing is to do."""
        self.optimizers[optimizer].zero_grad(set_to_none=True)
        summed: dict[str, Tensor] = {}
        for part, share in parts:
            with self.ranks.portion_of(part, divisible=self.task.divisible) as (mine, portion):
                with torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.precision == "bfloat16"):
                    losses = loss(mine)
                if not losses:
                    return losses
                weight, total = share * portion, torch.stack(list(losses.values())).sum()
                (total if weight == 1 else total * weight).backward()  # type: ignore[no-untyped-call]
            summed = {name: summed.get(name, 0) + value.detach() * weight for name, value in losses.items()}
        return summed

    def _tell(self, losses: dict[str, Tensor]) -> None:
        eta = (time.monotonic() - self._clock) / self._fresh * (self.settings.steps - self.step)
        self.emit({"kind": "loss", "step": self.step, **{k: float(v.detach()) for k, v in losses.items()}})
        progress = {"kind": "progress", "step": self.step, "total": self.settings.steps, "eta": round(eta, 1)}
        self.emit({**progress, "memory": memory_of(self.device)})

    def validate(self) -> None:
        metrics = self.ranks.told(self._measured() if self.ranks.first else None)
        self.emit({"kind": "validation", "step": self.step, **metrics})
        better = metrics["score"] > self.best_score or self.best_step == 0
        self.worse = 0 if better else self.worse + 1
        self.plateau.validated(better)
        if better or self.settings.keep == "last":
            self.best_score, self.best_step = metrics["score"], self.step
            if self.ranks.first:
                header = {"step": self.step, "metrics": metrics}
                write_tensors(self.folder / BEST, self.average.network.state_dict(), header)

    def _measured(self) -> dict[str, float]:
        """Return what the averaged network is worth."""
        network = self.average.network.eval()
        with torch.inference_mode():
            self.task.settle(network)
            return self.task.validate(network)


def _ahead(task: TrainingTask, start: int, stop: int, depth: int = 3) -> Iterator[tuple[int, Any]]:
    """Yield the batches of the steps, made in a thread while the network works."""
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        pending = [pool.submit(task.batch, step) for step in range(start, min(start + depth, stop))]
        try:
            for step in range(start, stop):
                batch = pending.pop(0).result()
                if step + depth < stop:
                    pending.append(pool.submit(task.batch, step + depth))
                yield step, batch
        finally:
            for future in pending:
                future.cancel()
