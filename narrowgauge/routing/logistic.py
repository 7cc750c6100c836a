"""Multinomial logistic regression and its calibration with numpy: fast, and the same on every run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Logistic", "fit", "held_out_logits", "softmax", "temperature_of"]

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Logistic:
    """A fitted classifier.

    Attributes:
        weight: float32 [features, classes].
        bias: float32 [classes].
    """

    weight: Array
    bias: Array

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of features and of classes."""
        return self.weight.shape[0], self.weight.shape[1]

    def logits(self, x: Array) -> Array:
        """Returns float32 [rows, classes]."""
        result: Array = x @ self.weight + self.bias
        return result


def softmax(logits: Array) -> Array:
    """Probabilities over the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    exponent = np.exp(shifted)
    result: Array = exponent / exponent.sum(axis=-1, keepdims=True)
    return result


def fit(x: Array, y: Labels, classes: int, *, weights: Array, decay: float, steps: int = 60) -> Logistic:
    """Minimises the weighted cross entropy with L2 decay by L-BFGS (Nocedal and Wright, algorithm 7.5).

    Args:
        x: float32 [rows, features].
        y: Class numbers [rows].
        classes: Number of classes.
        weights: float32 [rows], positive.
        decay: Factor of half the squared weights, for a mean loss.
        steps: Upper bound on iterations.
    """
    rows, features = x.shape
    share = (weights / weights.sum()).astype(np.float32)
    index = np.arange(rows)

    def loss(flat: Array) -> tuple[float, Array]:
        w = flat.reshape(features + 1, classes)
        p = softmax(x @ w[:-1] + w[-1])
        value = -float(share @ np.log(np.maximum(p[index, y], 1e-12))) + 0.5 * decay * float(
            (w[:-1] ** 2).sum()
        )
        p[index, y] -= 1
        p *= share[:, None]
        gradient = np.concatenate([x.T @ p + decay * w[:-1], p.sum(axis=0, keepdims=True)])
        return value, gradient.ravel()

    flat = _minimise(loss, np.zeros((features + 1) * classes, np.float32), steps)
    w = flat.reshape(features + 1, classes)
    return Logistic(w[:-1].astype(np.float32), w[-1].astype(np.float32))


def _minimise(loss: Callable[[Array], tuple[float, Array]], x: Array, steps: int, memory: int = 8) -> Array:
    value, gradient = loss(x)
    history: list[tuple[Array, Array, float]] = []
    for _ in range(steps):
        direction = gradient.copy()
        factors: list[float] = []
        for s, y, rho in reversed(history):
            factor = rho * float(s @ direction)
            factors.append(factor)
            direction -= factor * y
        if history:
            s, y, _rho = history[-1]
            direction *= float(s @ y) / float(y @ y)
        for (s, y, rho), factor in zip(history, reversed(factors), strict=True):
            direction += s * (factor - rho * float(y @ direction))
        slope = float(gradient @ direction)
        if slope < 1e-10:
            break
        stride = 1.0 if history else 1.0 / max(1.0, float(np.abs(gradient).sum()))
        if not history:
            stride = max(stride, 10.0)
        while True:
            moved = (x - stride * direction).astype(np.float32)
            new_value, new_gradient = loss(moved)
            if new_value <= value - 1e-4 * stride * slope:
                break
            stride *= 0.5
            if stride < 1e-8:
                return x
        s, y = moved - x, new_gradient - gradient
        product = float(s @ y)
        if product > 1e-12:
            history = [*history[-(memory - 1) :], (s, y, 1.0 / product)]
        finished = value - new_value < 1e-6 * abs(value)
        x, value, gradient = moved, new_value, new_gradient
        if finished:
            break
    return x


def held_out_logits(
    x: Array,
    y: Labels,
    groups: Labels,
    classes: int,
    *,
    weights: Array,
    decay: float,
    folds: int = 5,
    steps: int = 60,
) -> Array:
    """Logits of each row by a classifier that did not see its group: float32 [rows, classes].

    Args:
        x: float32 [rows, features].
        y: Class numbers.
        groups: Rows of one number are held out together, for example one example in several contexts.
        classes: Number of classes.
        weights: float32 [rows].
        decay: As in `fit`.
        folds: Number of parts.
        steps: As in `fit`.
    """
    out = np.zeros((len(x), classes), np.float32)
    for fold in range(folds):
        held = groups % folds == fold
        if held.any() and not held.all():
            model = fit(x[~held], y[~held], classes, weights=weights[~held], decay=decay, steps=steps)
            out[held] = model.logits(x[held])
    return out


def temperature_of(logits: Array, y: Labels, weights: Array) -> float:
    """The temperature that makes the probabilities of these logits most likely (Guo et al., 2017)."""
    share = weights / weights.sum()
    index = np.arange(len(y))

    def loss(t: float) -> float:
        return -float(share @ np.log(np.maximum(softmax(logits / np.float32(t))[index, y], 1e-9)))

    candidates = np.exp(np.linspace(np.log(0.1), np.log(5), 60))
    return float(min(candidates, key=loss))
