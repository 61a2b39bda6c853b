"""Networks that breathe between their layers, forward and back."""

from __future__ import annotations

from torch import Tensor, nn

from cytoshift.engine.pace import breathe


def let_breathe(network: nn.Module) -> None:
    """Have a network breathe before each convolution, and before each one's gradient; see `cytoshift.engine.pace`.

    What it computes stays the same to the bit.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_pre_hook(_before)
            module.register_forward_hook(_after)


def _before(module: nn.Module, inputs: object) -> None:
    breathe()


def _after(module: nn.Module, inputs: object, output: Tensor) -> None:
    if output.requires_grad:
        output.register_hook(_back)  # type: ignore[no-untyped-call]


def _back(gradient: Tensor) -> None:
    breathe()
