"""img2img-turbo as a translator: a user's own SD-Turbo and an adapter that was taught on their slides (Parmar, 2024).

SD-Turbo's weights are never part of a model here: a card names the folder that the user has them in. diffusers, peft
and transformers (the extra ``turbo``) are imported when one is built, never by importing this.
"""

from cytoshift.translation.turbo.architecture import TurboArchitecture
from cytoshift.translation.turbo.operator import TurboTranslator
from cytoshift.translation.turbo.taking_in import read_turbo

__all__ = ["TurboArchitecture", "TurboTranslator", "read_turbo"]
