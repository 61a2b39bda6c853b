"""What styles tell: whether the statistics that MixStyle exchanges know the scanner, and whether they know the answer.

MixStyle gives a patch the means and deviations of another one's early features and lets it keep its label. That is
right as far as they tell the scanner, and wrong as far as they tell normal mitoses from atypical ones. Here nothing but
those numbers is given to linear classifiers, learnt on split ``train`` and measured on ``val``: one says whether a
mitosis is atypical (ROC AUC, 0.5 by chance), one says its scanner (share that is right, and the share of the
commonest).

``python -m experiments mitosis-styles --run FOLDER`` reads the baseline that `mitosis-table` left in that folder.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from cytoshift.metrics.binary import roc_auc
from cytoshift.mitosis.augmentation import middle
from cytoshift.mitosis.learning import AT_ONCE, pixels, stacked
from cytoshift.mitosis.networks import Architecture, MitosisNetwork, build_network, mixed_after
from cytoshift.mitosis.patches import PatchSet, read_patches
from cytoshift.training.checkpoint import read_tensors

DECAY = 1e-2
"""Of the linear classifiers' weights: there are as many numbers as patches."""


def main(arguments: list[str]) -> None:
    """Print a JSON line per stage after which styles are mixed."""
    parser = argparse.ArgumentParser(prog="python -m experiments mitosis-styles", description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="run folder of mitosis-table")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    state, header = read_tensors(options.run / f"seed-{options.seed}" / "val" / "baseline" / "classifier.safetensors")
    plan = Architecture.model_validate(header["architecture"])
    network = build_network(plan).eval()
    network.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
    )
    learnt, unseen = (read_patches("mitosis/ami-br", split) for split in ("train", "val"))
    known, new = (_styles(network, plan, patches) for patches in (learnt, unseen))
    for stage in known:
        atypical = _linear(known[stage], learnt.labels, new[stage])
        scanner = _linear(known[stage], learnt.domains, new[stage]).argmax(1)
        figures = {
            "stage": stage,
            "numbers": known[stage].shape[1],
            "atypical, ROC AUC": round(roc_auc(unseen.labels, atypical[:, 1] - atypical[:, 0]), 3),
            "scanner, right": round(float((scanner == unseen.domains).mean()), 3),
            "scanner, commonest": round(float(np.bincount(unseen.domains).max() / len(unseen)), 3),
        }
        print(json.dumps(figures), flush=True)


def _styles(network: MitosisNetwork, plan: Architecture, patches: PatchSet) -> dict[str, npt.NDArray[np.float32]]:
    """Return means and logarithms of deviations of each channel, ``(n, 2 c)``, after the stages that are mixed."""
    seen: dict[str, list[npt.NDArray[np.float32]]] = {name: [] for name in mixed_after(plan.side)}

    def keep(module: nn.Module, inputs: object, features: Tensor) -> None:
        variance, mean = torch.var_mean(features, dim=(2, 3))
        seen[names[module]].append(torch.cat([mean, variance.clamp_min(1e-12).log() / 2], 1).numpy())

    names = {network.trunk.get_submodule(name): name for name in seen}
    hooks = [module.register_forward_hook(keep) for module in names]
    views = [middle(patches.read(index), plan.view, plan.side) for index in range(len(patches))]
    with torch.inference_mode():
        for start in range(0, len(views), AT_ONCE):
            network(pixels(stacked(views[start : start + AT_ONCE]), torch.device("cpu")))
    for hook in hooks:
        hook.remove()
    return {name: np.concatenate(parts) for name, parts in seen.items()}


def _linear(
    known: npt.NDArray[np.float32], answers: npt.NDArray[np.int64], new: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """Learn which answer goes with which numbers, answers equally often; returns logits for new ones."""
    centre, spread = known.mean(0), known.std(0) + 1e-6
    x, asked = (torch.from_numpy((part - centre) / spread).double() for part in (known, new))
    y = torch.from_numpy(answers)
    count = torch.bincount(y)
    weights = torch.zeros(x.shape[1] + 1, len(count), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        share = 1 / count.clamp_min(1).double()
        value = functional.cross_entropy(x @ weights[:-1] + weights[-1], y, weight=share)
        value = value + DECAY * weights[:-1].square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        return (asked @ weights[:-1] + weights[-1]).numpy()
