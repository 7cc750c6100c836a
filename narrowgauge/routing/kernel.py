"""Kernel ridge classification (Saunders et al., 1998), for routers of intents that have few examples of each.

With ten examples of an intent what decides is how near a text comes to single examples, which a linear head
over them all blurs. The kernel is a Gaussian on vectors of length one. The fit is one inverse, and so are the
scores of each example by a classifier that has not seen it (Allen, 1974).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["KernelRidge", "fit_kernel", "wording_of"]

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

# Scores are shares of one rather than logits: far from all examples even the best is small, and still by far
# the likeliest. Their logarithm says so; the score beside it keeps near texts sure. The bound is noise.
_LEAST = 0.02
_SHARE = 2.0
_PARTS = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class KernelRidge:
    """A fitted classifier.

    Attributes:
        rows: float32 [features, rows], the examples, each of length one at most.
        weight: float32 [rows, classes].
        gamma: Sharpness of the kernel exp(gamma * (cosine - 1)).
        dense: Features up to this one are dense, the others mostly zero.
        temperature: Divides the logits.
    """

    rows: Array
    weight: Array
    gamma: float
    dense: int
    temperature: float = 1.0

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of features and of classes."""
        return self.rows.shape[0], self.weight.shape[1]

    def logits(self, x: Array) -> Array:
        """Returns float32 [texts, classes] for x float32 [texts, features]."""
        # Most of a sketch is zero, and skipping that halves what is read of the examples.
        used = self.dense + np.flatnonzero(x[:, self.dense :].any(axis=0))
        cosine = x[:, : self.dense] @ self.rows[: self.dense] + x[:, used] @ self.rows[used]
        scores = np.exp(np.float32(self.gamma) * (cosine - np.float32(1.0))) @ self.weight
        return _logits(scores) / np.float32(self.temperature)


def fit_kernel(
    x: Array, y: Labels, classes: int, *, noise: Array, gamma: float, dense: int
) -> tuple[KernelRidge, Array]:
    """Minimises the squared error of scores that are one for the class and zero for the others.

    Args:
        x: float32 [rows, features] of length one at most.
        y: Class numbers [rows].
        classes: Number of classes.
        noise: float32 [rows], positive: how far each row may be missed.
        gamma: As in `KernelRidge`.
        dense: As in `KernelRidge`.

    Returns:
        The classifier, and the logits of each row by one that was fitted without it, float32 [rows, classes].
    """
    wide = x.astype(np.float64)
    kernel = np.exp(gamma * (wide @ wide.T - 1.0))
    inverse = np.linalg.inv(kernel + np.diag(noise.astype(np.float64)))
    wanted = np.eye(classes)[y] - 1.0 / classes
    weight = inverse @ wanted
    held_out = wanted - weight / np.diag(inverse)[:, None]
    fitted = KernelRidge(np.ascontiguousarray(x.T), weight.astype(np.float32), gamma, dense)
    return fitted, _logits(held_out.astype(np.float32))


def _logits(scores: Array) -> Array:
    result: Array = np.float32(_SHARE) * scores + np.log(np.maximum(scores, np.float32(_LEAST)))
    return result


def wording_of(name: str) -> str:
    """The words of an intent's name: `card_arrival` and `cardArrival` are "card arrival"; or nothing."""
    return " ".join(_PARTS.findall(_CAMEL.sub(" ", name))).lower()
