"""SD-Turbo in small: networks of the same classes with random weights, and adapters as img2img-turbo writes them.

The reference runs them as that program does, adapters beside the weights and skips by hooks, so that results can be
compared. Nothing here is imported unless diffusers, peft and transformers are.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path

import torch
from torch import Tensor, nn

WORDS = [
    "<|startoftext|>",
    "<|endoftext|>",
    *"abcdefghijklmnopqrstuvwxyz",
    *(f"{c}</w>" for c in "abcdefghijklmnopqrstuvwxyz"),
]


def write_base(folder: Path, *, seed: int = 0, width: int = 8, prediction: str = "epsilon") -> Path:
    """Write the five parts into a folder."""
    from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(seed)
    UNet2DConditionModel(
        block_out_channels=(2 * width, 4 * width),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=16,
        attention_head_dim=8,
        norm_num_groups=8,
    ).save_pretrained(folder / "unet")
    AutoencoderKL(
        block_out_channels=(width, 2 * width, 2 * width, 2 * width),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=8,
        latent_channels=4,
    ).save_pretrained(folder / "vae")
    DDPMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        timestep_spacing="trailing",
        prediction_type=prediction,
    ).save_pretrained(folder / "scheduler")
    text = CLIPTextConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=12,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    CLIPTextModel(text).save_pretrained(folder / "text_encoder")
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "vocab.json").write_text(json.dumps({word: k for k, word in enumerate(WORDS)}))
    (folder / "tokenizer" / "merges.txt").write_text("#version: 0.2\n")
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 12}
    (folder / "tokenizer" / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


class Reference:
    """img2img-turbo's way through the networks, with peft's adapters not merged."""

    def __init__(self, folder: Path, prompt: str) -> None:
        from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
        from transformers import CLIPTextModel, CLIPTokenizer

        tokenizer = CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer")
        text = CLIPTextModel.from_pretrained(folder, subfolder="text_encoder")
        tokens = tokenizer(prompt, max_length=12, padding="max_length", truncation=True, return_tensors="pt")
        self.prompt = text(tokens.input_ids)[0].detach()
        self.unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet")
        self.vae = AutoencoderKL.from_pretrained(folder, subfolder="vae")
        self.scheduler = DDPMScheduler.from_pretrained(folder, subfolder="scheduler")
        self.scheduler.set_timesteps(1)
        decoder = self.vae.decoder
        into = [block.resnets[0].conv1.in_channels for block in self.vae.encoder.down_blocks]
        for k, (block, channels) in enumerate(zip(decoder.up_blocks, reversed(into), strict=True)):
            skip = nn.Conv2d(channels, block.resnets[0].conv1.in_channels, 1, bias=False)
            decoder.add_module(f"skip_conv_{k + 1}", skip)

    def __call__(self, image: Tensor) -> Tensor:
        vae, seen, hooks = self.vae, [], []
        for block in vae.encoder.down_blocks:
            hooks.append(block.register_forward_pre_hook(lambda _, given: seen.append(given[0])))
        for k, block in enumerate(vae.decoder.up_blocks):
            skip = vae.decoder.get_submodule(f"skip_conv_{k + 1}")

            def add(_, given, skip=skip, k=k):
                return (given[0] + skip(seen[-1 - k]), *given[1:])

            hooks.append(block.register_forward_pre_hook(add))
        with torch.no_grad():
            latent = vae.encode(image).latent_dist.mode() * vae.config.scaling_factor
            noise = self.unet(latent, 999, encoder_hidden_states=self.prompt.expand(len(image), -1, -1)).sample
            latent = self.scheduler.step(noise, 999, latent).prev_sample
            made = vae.decode(latent / vae.config.scaling_factor).sample.clamp(-1, 1)
        for hook in hooks:
            hook.remove()
        return made


LINEAR = ["to_k", "to_q", "to_v", "to_out.0", "conv1", "conv2", "conv_shortcut", "conv_out", "proj_in", "ff.net.2"]
VAE = ["conv1", "conv2", "conv_in", "conv_shortcut", "conv_out", *(f"skip_conv_{k}" for k in range(1, 5)), "to_q"]


def _shake(network: nn.Module) -> None:
    """Give an adapter weights that change the result."""
    for name, parameter in network.named_parameters():
        if "lora" in name or "skip_conv" in name:
            nn.init.normal_(parameter, std=0.2)


def paired_adapter(reference: Reference, path: Path, *, seed: int = 1) -> Path:
    """Teach a reference nothing in particular and write what pix2pix-turbo would."""
    from peft import LoraConfig

    torch.manual_seed(seed)
    unet, vae = reference.unet, reference.vae
    vae.add_adapter(LoraConfig(r=4, target_modules=VAE), adapter_name="vae_skip")
    unet.add_adapter(LoraConfig(r=2, target_modules=LINEAR))
    _shake(unet)
    _shake(vae)
    nn.init.normal_(unet.conv_in.weight, std=0.2)
    held = {"unet_lora_target_modules": LINEAR, "vae_lora_target_modules": VAE, "rank_unet": 2, "rank_vae": 4}
    held["state_dict_unet"] = {k: v for k, v in unet.state_dict().items() if "lora" in k or "conv_in" in k}
    held["state_dict_vae"] = {k: v for k, v in vae.state_dict().items() if "lora" in k or "skip" in k}
    torch.save(held, path)
    return path


def unpaired_adapter(reference: Reference, path: Path, *, seed: int = 1) -> Reference:
    """Do the same as CycleGAN-turbo, and return the reference for the way back."""
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    torch.manual_seed(seed)
    unet, vae = reference.unet, reference.vae
    held: dict[str, object] = {"rank_unet": 2, "rank_vae": 4, "vae_lora_target_modules": VAE}
    weights = [
        name.removesuffix(".weight") for name, p in unet.named_parameters() if name.endswith("weight") and p.ndim > 1
    ]
    groups = {"encoder": ("down_blocks", "conv_in"), "decoder": ("up_blocks",), "others": ("mid_block", "conv_out")}
    for group, starts in groups.items():
        modules = [name for name in weights if name.startswith(starts)]
        unet.add_adapter(LoraConfig(r=2, lora_alpha=2, target_modules=modules), adapter_name=f"default_{group}")
        held["l_modules_others" if group == "others" else f"l_target_modules_{group}"] = modules
    unet.set_adapter([f"default_{group}" for group in groups])
    vae.add_adapter(LoraConfig(r=4, target_modules=VAE), adapter_name="vae_skip")
    _shake(unet)
    back = copy.copy(reference)
    back.vae = copy.deepcopy(vae)
    _shake(vae)
    _shake(back.vae)
    for group, name in (("encoder", "sd_encoder"), ("decoder", "sd_decoder"), ("others", "sd_other")):
        held[name] = get_peft_model_state_dict(unet, adapter_name=f"default_{group}")
    both = {f"vae.{name}": tensor for name, tensor in vae.state_dict().items()}
    both |= {f"vae_b2a.{name}": tensor for name, tensor in back.vae.state_dict().items()}
    torch.save(held | {"sd_vae_enc": both, "sd_vae_dec": both}, path)
    return back
