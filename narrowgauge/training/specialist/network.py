"""The specialist's network in torch: weights from any checkpoint that `prepare` reads, with LoRA layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from narrowgauge.models.adapter import Adapter
    from narrowgauge.models.checkpoint import Checkpoint
    from narrowgauge.models.model_config import ModelConfig
    from narrowgauge.training.specialist.tensors import BatchTensors

__all__ = [
    "TARGETS",
    "LoraLinear",
    "add_lora",
    "build_network",
    "load_lora",
    "lora_state",
    "merge_adapter",
    "target_loss",
]

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class LoraLinear(nn.Module):
    """A frozen linear layer plus a trained low-rank update (Hu et al., arXiv 2106.09685, 4.1)."""

    def __init__(self, base: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__()
        self.base = base
        self.scale = alpha / rank
        self.lora_a = nn.Parameter(torch.empty(rank, base.in_features))
        self.lora_b = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.lora_a, a=5**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Returns `x W^T + scale * (x A^T) B^T`; x is [..., in], the result [..., out]."""
        return self.base(x) + (x @ self.lora_a.T) @ (self.lora_b.T * self.scale)


def build_network(checkpoint: Checkpoint) -> nn.Module:
    """Builds transformers' Llama (or Qwen2) with the checkpoint's weights, frozen, in float32."""
    from transformers import AutoModelForCausalLM

    config = _transformers_config(checkpoint.config)
    # transformers' own types do not cover this constructor.
    from_config: Callable[..., nn.Module] = AutoModelForCausalLM.from_config
    with torch.device("meta"):
        network = from_config(config, attn_implementation="sdpa")
    state = {
        # A copy, since a checkpoint may give arrays that lie in its file and cannot be written.
        name: torch.tensor(checkpoint.tensor(name))
        for name in network.state_dict()
        if checkpoint.has(name)
    }
    missing = set(network.load_state_dict(state, strict=False, assign=True).missing_keys)
    if missing - {"lm_head.weight"}:
        raise ValueError(f"the checkpoint lacks {sorted(missing)[0]}")
    network.tie_weights()
    # Buffers made on the meta device have no values: the rotary frequencies are made again.
    inner = network.model
    inner.rotary_emb = type(inner.rotary_emb)(config=config)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return network


def _transformers_config(config: ModelConfig) -> PretrainedConfig:
    from transformers import AutoConfig

    rope: dict[str, object] = {"rope_type": "default", "rope_theta": config.rope_theta}
    if scaling := config.rope_scaling:
        rope = {"rope_type": scaling.kind, "rope_theta": config.rope_theta, "factor": scaling.factor}
        if scaling.kind == "llama3":
            rope |= {
                "low_freq_factor": scaling.low_freq_factor,
                "high_freq_factor": scaling.high_freq_factor,
                "original_max_position_embeddings": scaling.original_max_positions,
            }
    return AutoConfig.for_model(
        config.model_type,
        hidden_size=config.hidden,
        intermediate_size=config.intermediate,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.kv_heads,
        head_dim=config.head_dim,
        vocab_size=config.vocab_size,
        max_position_embeddings=config.max_positions,
        rms_norm_eps=config.rms_norm_eps,
        rope_parameters=rope,
        tie_word_embeddings=config.tied_embeddings,
        use_cache=False,
    )


def add_lora(
    network: nn.Module, *, rank: int, alpha: float, targets: Iterable[str] = TARGETS
) -> list[nn.Parameter]:
    """Replaces the named linear layers of every decoder layer; returns what to train, A and B in turn."""
    wanted = set(targets)
    trained: list[nn.Parameter] = []
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if name in wanted and isinstance(child, nn.Linear):
                layer = LoraLinear(child, rank, alpha)
                setattr(parent, name, layer)
                trained += [layer.lora_a, layer.lora_b]
    return trained


def merge_adapter(network: nn.Module, adapter: Adapter) -> None:
    """Adds an adapter's change to the frozen weights: what is trained next is trained on top of it."""
    layers = dict(network.named_modules())
    with torch.no_grad():
        for name in adapter.matrices:
            down, up = map(torch.tensor, adapter.low_rank(name))
            layers[name].weight += up @ down


def lora_state(network: nn.Module) -> dict[str, tuple[Tensor, Tensor]]:
    """Returns the trained matrices A and B by the base layer's name, `model.layers.0.self_attn.q_proj`, …"""
    return {
        name: (module.lora_a.detach().cpu(), module.lora_b.detach().cpu())
        for name, module in network.named_modules()
        if isinstance(module, LoraLinear)
    }


def load_lora(network: nn.Module, state: Mapping[str, tuple[Tensor, Tensor]]) -> None:
    """Sets the matrices A and B of LoRA layers, as `lora_state` returns them.

    Raises:
        ValueError: Other layers, or another rank, than the network has.
    """
    layers = {name: module for name, module in network.named_modules() if isinstance(module, LoraLinear)}
    if layers.keys() != state.keys():
        raise ValueError("the adapter to start from changes other layers than this run")
    with torch.no_grad():
        for name, (a, b) in state.items():
            layer = layers[name]
            if a.shape != layer.lora_a.shape or b.shape != layer.lora_b.shape:
                raise ValueError(
                    f"the adapter to start from has rank {a.shape[0]}, this run {len(layer.lora_a)}"
                )
            layer.lora_a.copy_(a)
            layer.lora_b.copy_(b)


def target_loss(network: nn.Module, batch: BatchTensors) -> Tensor:
    """Returns the mean cross-entropy of the tokens that serving samples, in nats."""
    hidden = network.model(
        input_ids=batch.ids, attention_mask=batch.mask, position_ids=batch.positions
    ).last_hidden_state
    # The head is the widest layer: it runs on the answers' tokens alone.
    logits = network.lm_head(hidden.flatten(0, 1)[batch.places])
    return nn.functional.cross_entropy(logits, batch.labels)
