"""Fits temperature and offsets of dependencies, and shifts how readily a sub-task begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from narrowgauge.routing.dependencies import KINDS, closure
from narrowgauge.routing.encoder import Encoder
from narrowgauge.routing.logistic import softmax
from narrowgauge.routing.segmentation import BEGIN
from narrowgauge.training.router.requests import Request

__all__ = ["calibrate", "fit"]

Array = npt.NDArray[np.float32]


def calibrate(folder: Path, plans: Sequence[Request], *, begin: float = 0.0) -> float:
    """Writes temperature and offsets into an encoder folder's heads, and an offset into its tags.

    Args:
        folder: What training wrote.
        plans: Gold plans that are not trained on.
        begin: Added to the logit of a beginning: above 0 where sub-tasks go unseen.

    Returns:
        The temperature.
    """
    encoder = Encoder(folder)
    path = folder / "heads.onnx"
    graph = onnx.load(path)
    stored = {t.name: t for t in graph.graph.initializer}
    before = float(numpy_helper.to_array(stored["temperature"]))
    logits, labels = _pairs(encoder, plans)
    temperature, offset = fit(logits, labels)
    bias = numpy_helper.to_array(stored["pair.kind.bias.half"]).astype(np.float32)
    # The table's logits are divided already, and so is what the fit adds to them.
    bias += offset * np.float32(before * temperature)
    for name, value in (
        ("temperature", np.array(before * temperature, np.float32)),
        ("pair.kind.bias.half", bias.astype(np.float16)),
    ):
        stored[name].CopyFrom(numpy_helper.from_array(value, name))
    path.write_bytes(graph.SerializeToString(deterministic=True))
    path = folder / "encoder.onnx"
    graph = onnx.load(path)
    bias_of_tags = next(t for t in graph.graph.initializer if t.name == "tags.bias")
    shifted = numpy_helper.to_array(bias_of_tags).copy()
    shifted[BEGIN] += np.float32(begin)
    bias_of_tags.CopyFrom(numpy_helper.from_array(shifted, "tags.bias"))
    path.write_bytes(graph.SerializeToString(deterministic=True))
    return before * temperature


def fit(logits: Array, labels: npt.NDArray[np.int64], *, steps: int = 2000) -> tuple[float, Array]:
    """Fits what makes the mean probability of each kind its frequency.

    Args:
        logits: float32 [pairs, kinds].
        labels: int64 [pairs], each kind at least once.
        steps: Of gradient descent on the mean log-likelihood.

    Returns:
        Temperature and offsets [kinds], the first of them 0: `softmax(logits / temperature + offsets)`.
    """
    scale, offset = np.float32(1.0), np.zeros(logits.shape[1], np.float32)
    wanted = np.eye(logits.shape[1], dtype=np.float32)[labels]
    for _ in range(steps):
        error = softmax(logits * scale + offset) - wanted
        offset -= np.float32(2.0) * error.mean(0)
        scale -= np.float32(0.3) * (error * logits).sum(1).mean()
    return float(1.0 / scale), offset - offset[0]


def _pairs(encoder: Encoder, plans: Sequence[Request]) -> tuple[Array, npt.NDArray[np.int64]]:
    """Logits and kinds of the pairs of steps of gold plans.

    A pair whose step holds the other's result through a third is left out: the head is trained to see it, and
    the decoder drops it.
    """
    logits: list[Array] = []
    kinds: list[int] = []
    for plan in plans:
        steps = plan.steps
        encoded = encoder.encode(plan.text)
        tokens = [encoded.tokens(step.span) for step in steps]
        known = [span for span in tokens if span is not None]
        if len(known) < len(steps) or len(steps) < 2:
            continue
        table = np.log(encoder.read(encoded, known, [])[1] + 1e-9)
        upstream = closure([{j for j, kind in step.depends_on.items() if kind != "after"} for step in steps])
        for i, step in enumerate(steps):
            needs = step.depends_on
            for j in range(len(steps)):
                if i != j and (j in needs or j not in upstream[i]):
                    logits.append(table[i, j])
                    kinds.append(KINDS.index(needs[j]) + 1 if j in needs else 0)
    return np.stack(logits), np.array(kinds, np.int64)
