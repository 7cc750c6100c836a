"""The encoder and its heads in torch, for training alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from narrowgauge.routing.dependencies import DISTANCES, KINDS
from narrowgauge.training.router.graph import EncoderShape

__all__ = ["Encoder", "RouterModel", "base_weights"]

TAGS = 3
WEIGHT_BITS = 7


def _through(exact: Tensor, rounded: Tensor) -> Tensor:
    """The rounded value with the gradient of the exact one."""
    return exact + (rounded - exact).detach()


def _rounded_weight(weight: Tensor) -> Tensor:
    """A linear weight [out, in] as `graph.write_encoder` stores it: seven bits and a scale an output."""
    limit = 2 ** (WEIGHT_BITS - 1) - 1
    scale = weight.detach().abs().amax(1, keepdim=True).clamp(min=1e-8) / limit
    return _through(weight, (weight.detach() / scale).round() * scale)


def _rounded_input(x: Tensor) -> Tensor:
    """Activations [batch, length, width] in 256 steps from the least to the greatest of each request."""
    known = x.detach()
    low, high = known.amin((1, 2), keepdim=True), known.amax((1, 2), keepdim=True)
    scale = (high.clamp(min=0) - low.clamp(max=0)).clamp(min=1e-8) / 255
    return _through(x, (known / scale).round() * scale)


class _Linear(nn.Linear):
    """A linear layer that trains with the rounding of the int8 product that it becomes."""

    rounded = False

    def forward(self, x: Tensor) -> Tensor:
        if not self.rounded:
            return functional.linear(x, self.weight, self.bias)
        return functional.linear(_rounded_input(x), _rounded_weight(self.weight), self.bias)


class _Layer(nn.Module):
    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        hidden = shape.hidden
        self.heads = shape.heads
        self.qkv = _Linear(hidden, 3 * hidden)
        self.attention = _Linear(hidden, hidden)
        self.norm1 = nn.LayerNorm(hidden, eps=shape.epsilon)
        self.inner = _Linear(hidden, shape.inner)
        self.outer = _Linear(shape.inner, hidden)
        self.norm2 = nn.LayerNorm(hidden, eps=shape.epsilon)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        batch, length, hidden = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.heads, hidden // self.heads).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], attn_mask=mask)
        x = self.norm1(x + self.attention(mixed.transpose(1, 2).reshape(batch, length, hidden)))
        out: Tensor = self.norm2(x + self.outer(functional.gelu(self.inner(x))))
        return out


class Encoder(nn.Module):
    """A BERT-style encoder: ids int64 [B, S] and mask bool [B, S] -> states float32 [B, S, hidden]."""

    def __init__(self, shape: EncoderShape, words: int, positions: int) -> None:
        super().__init__()
        self.shape = shape
        self.word = nn.Embedding(words, shape.hidden)
        self.position = nn.Embedding(positions, shape.hidden)
        self.norm = nn.LayerNorm(shape.hidden, eps=shape.epsilon)
        self.layers = nn.ModuleList(_Layer(shape) for _ in range(shape.layers))

    def train_rounded(self) -> None:
        """From now on computes with the rounding of the exported graph."""
        for module in self.modules():
            if isinstance(module, _Linear):
                module.rounded = True

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Returns the token states."""
        x: Tensor = self.norm(self.word(ids) + self.position.weight[: ids.shape[1]])
        allowed = mask[:, None, None, :]
        for layer in self.layers:
            x = layer(x, allowed)
        return x


def base_weights(folder: Path, encoder: Encoder, layers: list[int], words: list[int]) -> None:
    """Copies chosen layers and word pieces of a BERT checkpoint (`model.safetensors`) into the encoder."""
    source = load_file(str(folder / "model.safetensors"))
    kind = source["embeddings.token_type_embeddings.weight"][0]
    state: dict[str, Tensor] = {
        "word.weight": source["embeddings.word_embeddings.weight"][words],
        "position.weight": source["embeddings.position_embeddings.weight"][: encoder.position.num_embeddings]
        + kind,
        "norm.weight": source["embeddings.LayerNorm.weight"],
        "norm.bias": source["embeddings.LayerNorm.bias"],
    }
    for i, j in enumerate(layers):
        old, new = f"encoder.layer.{j}", f"layers.{i}"
        for part in ("weight", "bias"):
            parts = [source[f"{old}.attention.self.{name}.{part}"] for name in ("query", "key", "value")]
            state[f"{new}.qkv.{part}"] = torch.cat(parts)
            state[f"{new}.attention.{part}"] = source[f"{old}.attention.output.dense.{part}"]
            state[f"{new}.norm1.{part}"] = source[f"{old}.attention.output.LayerNorm.{part}"]
            state[f"{new}.inner.{part}"] = source[f"{old}.intermediate.dense.{part}"]
            state[f"{new}.outer.{part}"] = source[f"{old}.output.dense.{part}"]
            state[f"{new}.norm2.{part}"] = source[f"{old}.output.LayerNorm.{part}"]
    encoder.load_state_dict(state)


class RouterModel(nn.Module):
    """The encoder with its heads.

    Attributes:
        tags: States -> outside, begin, inside.
        route: Mean state of a span -> its vector, compared by cosine.
        dependent: Features of the step that depends -> hidden of the pair.
        source: Features of the step that it depends on -> hidden of the pair.
        distance: Difference of their indices -> hidden of the pair.
        kind: Hidden of the pair -> none, after, uses, for each.
    """

    def __init__(self, encoder: Encoder, classes: int, pair_hidden: int = 192) -> None:
        super().__init__()
        hidden = encoder.shape.hidden
        self.encoder = encoder
        self.tags = nn.Linear(hidden, TAGS)
        self.route = nn.Linear(hidden, hidden)
        self.dependent = nn.Linear(5 * hidden, pair_hidden)
        self.source = nn.Linear(5 * hidden, pair_hidden, bias=False)
        self.distance = nn.Embedding(DISTANCES, pair_hidden)
        self.kind = nn.Linear(pair_hidden, len(KINDS) + 1)
        self.classes = nn.Parameter(torch.randn(classes, hidden) * 0.05)
        nn.init.eye_(self.route.weight)
        nn.init.zeros_(self.route.bias)

    def vectors(self, states: Tensor, pools: Tensor) -> Tensor:
        """Span vectors float32 [N, hidden] of length one; pools [N, B * S] are rows of means."""
        means = pools @ states.reshape(-1, states.shape[-1])
        return functional.normalize(self.route(means), dim=-1)

    def pairs(self, features: Tensor, dependent: Tensor, source: Tensor, distance: Tensor) -> Tensor:
        """Logits [P, 4] for pairs of rows of features [N, 5 * hidden]."""
        u = self.dependent(features)[dependent]
        v = self.source(features)[source]
        out: Tensor = self.kind(functional.relu(u + v + self.distance(distance)))
        return out

    def graph_weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """The arrays that `graph.write_encoder` takes."""
        e = self.encoder
        arrays = {
            "word": e.word.weight,
            "position": e.position.weight,
            "norm.gamma": e.norm.weight,
            "norm.beta": e.norm.bias,
            "tags.weight": self.tags.weight.T,
            "tags.bias": self.tags.bias,
        }
        for i, layer in enumerate(e.layers):
            for name in ("qkv", "attention", "inner", "outer"):
                arrays[f"{i}.{name}.weight"] = getattr(layer, name).weight.T
                arrays[f"{i}.{name}.bias"] = getattr(layer, name).bias
            for name in ("norm1", "norm2"):
                arrays[f"{i}.{name}.gamma"] = getattr(layer, name).weight
                arrays[f"{i}.{name}.beta"] = getattr(layer, name).bias
        return {k: np.ascontiguousarray(v.detach().numpy(), dtype=np.float32) for k, v in arrays.items()}

    def head_weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """The arrays of the route and dependency heads, linear weights as [in, out]."""
        arrays = {
            "route.weight": self.route.weight.T,
            "route.bias": self.route.bias,
            "pair.dependent": self.dependent.weight.T,
            "pair.source": self.source.weight.T,
            "pair.bias": self.dependent.bias,
            "pair.distance": self.distance.weight,
            "pair.kind": self.kind.weight.T,
            "pair.kind.bias": self.kind.bias,
        }
        return {k: np.ascontiguousarray(v.detach().numpy(), dtype=np.float32) for k, v in arrays.items()}
