"""Fits what turns vectors into routes: a linear head, or a kernel over few examples of many intents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from narrowgauge.routing.kernel import fit_kernel
from narrowgauge.routing.lexical import WIDTH, lexical_features
from narrowgauge.routing.logistic import fit, held_out_logits

__all__ = ["KERNEL_MOST", "FittedHead", "Texts", "kernel_head", "linear_head"]

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

KERNEL_MOST = 1000
"""Examples up to which a router of intents compares a text with each: time and place grow with them."""

# A vector has length one; the factor puts the decay of the regression into a range that is well conditioned.
_SCALE = np.float32(10.0)
_DECAY = 1.5e-2
_DECAY_MANY = 1e-4
_DECAY_LEXICAL = 5e-3
_LEXICAL_SCALE = np.float32(5.0)
# Rows times classes up to which intents are told apart by their words as well; beyond, examples are many.
_LEXICAL_MOST = 250_000
_FEW = 3000
_STEPS = 100
_GAMMA = 2.5
_NOISE = 0.1
# What nobody serves is general: a text near it may still be a new wording of an intent.
_NOISE_OUTSIDE = 7.0
_SKETCH_SHARE = 0.5  # length of a sketch beside a vector of length one


@dataclass(frozen=True)
class Texts:
    """Texts read alone.

    Attributes:
        vectors: float32 [texts, hidden] of length one.
        wording: The texts themselves.
    """

    vectors: Array
    wording: Sequence[str]

    def read(self) -> Array:
        """Vectors beside sketches: float32 [texts, hidden + WIDTH]."""
        return np.concatenate([self.vectors, lexical_features(self.wording)], axis=1)


@dataclass(frozen=True)
class FittedHead:
    """A head, and what its calibration needs.

    Attributes:
        arrays: Contents of `routes.npz`.
        held_out: float32 [rows, classes], logits of rows by a head that did not see them.
        classes: Of these rows.
        weights: float32 [rows], how much each row counts.
        facts: What `router.json` says of the head.
    """

    arrays: dict[str, Array]
    held_out: Array
    classes: Labels
    weights: Array
    facts: dict[str, object] = field(default_factory=dict)


def linear_head(
    vectors: Array,
    classes: Labels,
    groups: Labels,
    count: int,
    *,
    none_share: float,
    texts: Sequence[str] = (),
) -> FittedHead:
    """Fits a multinomial regression, with sketches where texts are given and rows are few.

    Args:
        vectors: float32 [rows, hidden].
        classes: Their classes; the last class is out of scope.
        groups: The text that each row is of.
        count: Number of classes.
        none_share: What out of scope counts, where each other class counts one.
        texts: By group.
    """
    # Every class counts alike, whatever the length of its list.
    share = np.where(classes == count - 1, none_share, 1.0)
    weights = (share / np.bincount(classes, minlength=count)[classes]).astype(np.float32)
    decay = _DECAY if len(vectors) <= _FEW else _DECAY_MANY
    x = vectors * _SCALE
    scale = np.full(x.shape[1], _SCALE, np.float32)
    lexical = bool(texts) and len(x) * count <= _LEXICAL_MOST
    if lexical:
        x = np.concatenate([x, lexical_features(texts)[groups] * _LEXICAL_SCALE], axis=1)
        scale = np.concatenate([scale, np.full(WIDTH, _LEXICAL_SCALE, np.float32)])
        decay = _DECAY_LEXICAL
    model = fit(x, classes, count, weights=weights, decay=decay, steps=_STEPS)
    held = held_out_logits(x, classes, groups, count, weights=weights, decay=decay, steps=_STEPS)
    arrays = {"weight": model.weight * scale[:, None], "bias": model.bias}
    return FittedHead(arrays, held, classes, weights, {"lexical": lexical})


def kernel_head(
    examples: Texts, classes: Labels, count: int, *, outside: Texts, names: Texts | None
) -> FittedHead:
    """Fits a kernel ridge classifier to few examples.

    Names of intents are examples too where the others are told apart no worse with them: they may be codes.

    Args:
        examples: Of the intents, and of out of scope where the caller has some.
        classes: Their classes; the last class is out of scope.
        count: Number of classes.
        outside: General requests that nobody serves.
        names: The wording of each intent's name, in the order of the classes; None where one has no words.
    """
    none = count - 1
    y = np.concatenate([classes, np.full(len(outside.wording), none)])
    sizes = np.bincount(classes, minlength=count)
    # Every class counts alike, whatever the length of its list.
    noise = _NOISE * sizes[classes] / sizes[sizes > 0].mean()
    noise = np.concatenate([noise, np.full(len(outside.wording), _NOISE_OUTSIDE)])
    dense = examples.vectors.shape[1]
    scale = np.where(np.arange(dense + WIDTH) < dense, 1.0, _SKETCH_SHARE).astype(np.float32)
    scale /= np.float32(np.hypot(1.0, _SKETCH_SHARE))
    x = np.concatenate([examples.read(), outside.read()]) * scale
    fitted, held = fit_kernel(x, y, count, noise=noise, gamma=_GAMMA, dense=dense)
    named = False
    if names is not None:
        known = len(y)
        more, held_more = fit_kernel(
            np.concatenate([x, names.read() * scale]),
            np.concatenate([y, np.arange(none)]),
            count,
            noise=np.concatenate([noise, np.full(none, _NOISE)]),
            gamma=_GAMMA,
            dense=dense,
        )
        named = _right(held_more, classes) >= _right(held, classes)
        fitted, held = (more, held_more[:known]) if named else (fitted, held)
    weights = (1.0 / np.bincount(y, minlength=count)[y]).astype(np.float32)
    # Scaled once more, so that texts need not be.
    arrays = {"rows": fitted.rows * scale[:, None], "weight": fitted.weight}
    facts: dict[str, object] = {"lexical": True, "gamma": fitted.gamma, "named": named}
    return FittedHead(arrays, held, y, weights, facts)


def _right(logits: Array, classes: Labels) -> int:
    """How many of the first rows have their own class as the likeliest."""
    return int((logits[: len(classes)].argmax(axis=1) == classes).sum())
