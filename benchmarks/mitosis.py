"""What MixStyle, attention and the second head cost where mitoses are classified, beside plain DenseNet-121.

``python -m benchmarks mitosis``. The peer is torchvision's network with the same head of one logit and the same
normalization, on the same crops, turn by turn, one thread. Ours may take 1.02 times as long: a ratio of 0.98.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.models import densenet121

from benchmarks.alternating import compare, timed
from cytoshift.mitosis.networks import DEVIATION, MEAN, Architecture, build_network

CROPS, SIDE = 16, 128
AT_MOST = 1.02


def main() -> None:
    """Time both, without gradients."""
    torch.set_num_threads(1)
    plan = Architecture(view=SIDE, side=SIDE, phases=tuple("abcdefgh"))
    ours = build_network(plan, mixstyle=0.1).eval()
    peer = densenet121(weights=None, num_classes=1).to(memory_format=torch.channels_last).eval()
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    crops = torch.rand(CROPS, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))

    def plain(images: Tensor) -> Tensor:
        return peer(((images - mean) / deviation).contiguous(memory_format=torch.channels_last))

    def looked(network: Callable[[Tensor], object]) -> Callable[[], object]:
        def look() -> object:
            with torch.inference_mode():
                return network(crops)

        return look

    compare(
        f"classify {CROPS} crops of {SIDE} px",
        timed(looked(ours)),
        timed(looked(plain)),
        floor=round(1 / AT_MOST, 2),
        ambition=None,
        rounds=15,
    )
