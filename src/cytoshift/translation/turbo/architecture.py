"""What the card of a turbo translator says."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Direction = Literal["a2b", "b2a"]
"""CycleGAN-turbo's adapters go both ways: from the first domain to the second, or back."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Lora(_Part):
    """Rank of the low-rank matrices, and what they are weighted with: ``alpha / rank``."""

    rank: int = Field(ge=1)
    alpha: float = Field(gt=0)


class TurboArchitecture(_Part):
    """SD-Turbo in a folder of the user's, an adapter's ranks, and how tiles overlap.

    The weights file holds the adapter's tensors (names of diffusers' modules, behind ``unet.`` and ``vae.``) and the
    prompt's embedding ``prompt``, shape (1, tokens, channels). ``fingerprint`` is that of the folder's weights.
    """

    method: Literal["turbo"] = "turbo"
    folder: str
    fingerprint: str
    prompt: str = ""
    direction: Direction = "a2b"
    unet: Lora
    vae: Lora
    side: int = Field(512, multiple_of=64, ge=64, description="pixels of an image as the network gets it")
    overlap: int = Field(128, multiple_of=2, ge=2, description="pixels over which neighbouring images are blended")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if 2 * self.overlap > self.side:
            raise ValueError(f"overlap must be at most {self.side // 2}, half the side")
        return self
