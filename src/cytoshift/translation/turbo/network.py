"""One step of SD-Turbo from an image to an image, with skips from the encoder to the decoder (Parmar, 2024, fig. 2)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cytoshift.translation.turbo.base import Base


class TurboNetwork(nn.Module):
    """RGB to RGB, -1 to 1.

    Nothing is drawn: the latent is the encoder's mean, and the one step goes to the predicted end.

    Parameters
    ----------
    base : Base
        SD-Turbo with the adapter merged in.
    skips : sequence of Conv2d
        One for each block of the decoder.
    prompt : Tensor
        ``(1, tokens, channels)``.
    """

    prompt: Tensor

    def __init__(self, base: Base, skips: Sequence[nn.Conv2d], prompt: Tensor) -> None:
        super().__init__()
        self.unet, self.vae = base.unet, base.vae
        self.skips = nn.ModuleList(skips)
        self.register_buffer("prompt", prompt)
        self._last, self._signal, self._prediction = base.last, base.signal, base.prediction

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(batch, 3, y, x)``, sides multiples of 64, to the same shape."""
        latent, seen = self._encoded(image)
        scale = self.vae.config.scaling_factor
        made = self._decoded(self._denoised(latent * scale) / scale, seen)
        return made.clamp(-1, 1)

    def _encoded(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the latent's mean and what each block of the encoder is given."""
        encoder, seen = self.vae.encoder, []
        features = encoder.conv_in(image)
        for block in encoder.down_blocks:
            seen.append(features)
            features = block(features)
        features = encoder.conv_norm_out(encoder.mid_block(features))
        features = encoder.conv_out(encoder.conv_act(features))
        if self.vae.quant_conv is not None:
            features = self.vae.quant_conv(features)
        return features.chunk(2, dim=1)[0], seen

    def _denoised(self, latent: Tensor) -> Tensor:
        """Return the end that the UNet predicts from the schedule's last step."""
        prompt = self.prompt.expand(len(latent), -1, -1)
        predicted: Tensor = self.unet(latent, self._last, encoder_hidden_states=prompt, return_dict=False)[0]
        image, noise = math.sqrt(self._signal), math.sqrt(1 - self._signal)
        if self._prediction == "epsilon":
            predicted = (latent - noise * predicted) / image
        elif self._prediction == "v_prediction":
            predicted = image * latent - noise * predicted
        return predicted

    def _decoded(self, latent: Tensor, seen: list[Tensor]) -> Tensor:
        decoder = self.vae.decoder
        if self.vae.post_quant_conv is not None:
            latent = self.vae.post_quant_conv(latent)
        features = decoder.mid_block(decoder.conv_in(latent))
        for block, skip, given in zip(decoder.up_blocks, self.skips, reversed(seen), strict=True):
            features = block(features + skip(given))
        made: Tensor = decoder.conv_out(decoder.conv_act(decoder.conv_norm_out(features)))
        return made


def check(network: TurboNetwork, side: int = 64) -> None:
    """Run the network once on a small image; RuntimeError where its parts do not fit."""
    with torch.inference_mode():
        network(torch.zeros(1, 3, side, side))
