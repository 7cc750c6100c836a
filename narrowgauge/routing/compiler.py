"""Compiles a router for a set of specialists: heads over the vectors of an encoder that stays as it is."""

from __future__ import annotations

import json
import lzma
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from narrowgauge.contracts.route_rules import RouteRule
from narrowgauge.errors import InvalidRequest
from narrowgauge.routing.encoder import ENCODER_FILES, ENCODER_FOLDER, Encoder
from narrowgauge.routing.heads import KERNEL_MOST, Texts, kernel_head, linear_head
from narrowgauge.routing.kernel import wording_of
from narrowgauge.routing.logistic import softmax, temperature_of
from narrowgauge.routing.rules import checked_rules
from narrowgauge.routing.segmentation import quoted_regions, whole_span
from narrowgauge.routing.spelling import words_of

__all__ = ["OUT_OF_SCOPE", "compile_router", "compile_router_from_examples"]

Array = npt.NDArray[np.float32]
Span = tuple[int, int]

OUT_OF_SCOPE = "oos"
"""Intent of a text that nobody serves, in files of examples."""

NEGATIVES = Path(__file__).parent / "out_of_scope.txt"
"""Requests that nobody serves, one a line."""

_FORMAT = 2
# Above this cosine a negative is so close to a specialist's own words that it is none for this set.
_TOO_CLOSE = 0.65
_NONE_SHARE = 0.5
_FEW = 3000
_PRECISION, _FLOOR = 0.95, 0.45
# The highest threshold: few examples cannot show that one above the first is needed, unless the user says how
# precise routes must be.
_HIGHEST, _HIGHEST_ASKED = 0.6, 0.98
# Each example is also read inside a longer request, as it will be met there.
_CONTEXTS = (
    "{other}, then {x}",
    "{x} and {other}",
    "{other}. {x}.",
    "1. {other}\n2. {x}",
    "{x}, and finally {other}",
)


@dataclass(frozen=True)
class _Rows:
    """Training rows: vectors, classes, and the example that each comes from."""

    vectors: Array
    classes: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]


def compile_router(
    out: Path,
    specialists: Mapping[str, tuple[str, Sequence[str]]],
    examples: Mapping[str, Sequence[str]] | None = None,
    *,
    rules: Sequence[RouteRule] = (),
    encoder: Path | None = None,
    precision: float | None = None,
) -> None:
    """Fits the heads for a set of specialists and writes the compiled router; equal input gives equal bytes.

    Args:
        out: Folder to write, created when missing.
        specialists: Name -> (description, example requests).
        examples: Further example requests by name; `oos` for requests that nobody serves.
        rules: Rules that are asked before the classifier.
        encoder: Folder of the trained encoder; None for the carried one.
        precision: Each specialist's threshold is the lowest at which a route to it is right at least this
            often on held-out examples. None chooses them for 0.95, and none above 0.6.

    Raises:
        InvalidRequest: A precision outside 0 to 1; no specialist, one without examples, or an unknown name
            in `examples`; rules that `checked_rules` refuses.
    """
    extra = dict(examples or {})
    unknown = sorted(set(extra) - set(specialists) - {OUT_OF_SCOPE})
    if unknown:
        raise InvalidRequest(
            "UNKNOWN_SPECIALIST", f"examples name {', '.join(unknown)}, which no contract declares"
        )
    texts: dict[str, list[str]] = {}
    requests: dict[str, list[str]] = {}
    for name in sorted(specialists):
        description, own = specialists[name]
        wording = [t for t in dict.fromkeys([*own, *extra.get(name, ())]) if t.strip()]
        if not wording:
            raise InvalidRequest(
                "NO_EXAMPLES",
                f"specialist {name} has no example requests; add `examples` to the options of its methods",
            )
        requests[name] = wording
        texts[name] = [*wording, description] if description.strip() else wording
    ruled = _ruled(rules, requests)
    _compile(out, texts, list(extra.get(OUT_OF_SCOPE, ())), ruled, encoder, precision, intents=False)


def compile_router_from_examples(
    path: Path,
    out: Path,
    *,
    rules: Sequence[RouteRule] = (),
    encoder: Path | None = None,
    precision: float | None = None,
) -> None:
    """Compiles a router from labelled texts: JSON Lines of text and intent, plain or xz.

    Args:
        path: The texts.
        out: Folder to write, created when missing.
        rules: Rules on the intents that are asked before the classifier.
        encoder: Folder of the trained encoder; None for the carried one.
        precision: As in `compile_router`; None never abstains below a threshold.

    Raises:
        InvalidRequest: A precision outside 0 to 1; a line is not of this form, or there is no intent; rules
            that `checked_rules` refuses.
    """
    texts: dict[str, list[str]] = {}
    content = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    for number, line in enumerate(content.decode("utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            text, intent = row["text"], row["intent"]
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidRequest(
                "BAD_EXAMPLES", f'{path}:{number} is not {{"text": …, "intent": …}}: {error}'
            ) from error
        if isinstance(text, str) and text.strip():
            texts.setdefault(str(intent), []).append(text)
    negatives = texts.pop(OUT_OF_SCOPE, [])
    if not texts:
        raise InvalidRequest("NO_EXAMPLES", f"{path} has no example of an intent")
    _compile(out, texts, negatives, _ruled(rules, texts), encoder, precision, intents=True)


def _ruled(rules: Sequence[RouteRule], examples: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """Checks the rules; returns what `router.json` holds of them."""
    overruled = checked_rules(rules, list(examples), examples)
    return {
        "rules": [rule.values() for rule in sorted(rules, key=lambda rule: rule.name)],
        "overruled_examples": [asdict(entry) for entry in overruled],
    }


def _compile(
    out: Path,
    texts: Mapping[str, Sequence[str]],
    negatives: Sequence[str],
    ruled: Mapping[str, object],
    folder: Path | None,
    precision: float | None,
    *,
    intents: bool,
) -> None:
    """Fits and writes a router, of `intents` of labelled texts or of specialists."""
    if precision is not None and not 0.0 < precision < 1.0:
        raise InvalidRequest("BAD_ARGUMENT", f"a precision lies between 0 and 1: {precision}")
    folder = folder or ENCODER_FOLDER
    general = [line for line in NEGATIVES.read_text(encoding="utf-8").splitlines() if line.strip()]
    words = words_of([*general, *negatives, *(text for name in texts for text in texts[name])])
    encoder = Encoder(folder, threads=1, words=words)
    names = sorted(texts)
    pool = [(k, text) for k, name in enumerate(names) for text in texts[name]]
    own = _alone(encoder, [text for _, text in pool])
    none = len(names)
    pool += [(none, text) for text in negatives]
    vectors = np.concatenate([own, _alone(encoder, negatives)])
    outside = _outside(Encoder(folder, threads=1, words=words_of(general)), folder, general)
    far = (outside[: len(outside) // 2] @ own.T).max(axis=1) < _TOO_CLOSE
    distant = [text for text, kept in zip(general, far, strict=True) if kept]
    if intents and len(pool) <= KERNEL_MOST:
        wordings = [wording_of(name) for name in names]
        fitted = kernel_head(
            Texts(vectors, [text for _, text in pool]),
            np.array([k for k, _ in pool], np.int64),
            len(names) + 1,
            outside=Texts(outside[: len(general)][far], distant),
            names=Texts(_alone(encoder, wordings), wordings) if all(wordings) else None,
        )
    else:
        rows = _in_context(encoder, pool, vectors)
        fitted = linear_head(
            np.concatenate([rows.vectors, outside[np.concatenate([far, far])]]),
            np.concatenate([rows.classes, np.full(2 * len(distant), none)]),
            np.concatenate([rows.groups, len(pool) + np.tile(np.arange(len(distant)), 2)]),
            len(names) + 1,
            # Most requests to a router are meant for one of its specialists.
            none_share=1.0 if intents else _NONE_SHARE,
            texts=[text for _, text in pool] + distant if intents else (),
        )
    temperature = temperature_of(fitted.held_out, fitted.classes, fitted.weights)
    probabilities = softmax(fitted.held_out / np.float32(temperature))
    thresholds = _thresholds(probabilities, fitted.classes, len(names), precision, intents=intents)
    out.mkdir(parents=True, exist_ok=True)
    for name in ENCODER_FILES:
        shutil.copyfile(folder / name, out / name)
    np.savez(out / "routes.npz", **cast(dict[str, Any], fitted.arrays))
    description = {
        "format": _FORMAT,
        "specialists": names,
        "temperature": round(temperature, 6),
        "thresholds": {name: round(t, 4) for name, t in zip(names, thresholds, strict=True)},
        "examples": {name: len(texts[name]) for name in names},
        "out_of_scope_examples": int((fitted.classes == none).sum()),
        **fitted.facts,
        "words": words,
        **ruled,
        "held_out_accuracy": round(float((probabilities.argmax(1) == fitted.classes).mean()), 4),
    }
    (out / "router.json").write_text(
        json.dumps(description, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )


def _vectors(encoder: Encoder, spans: Iterable[tuple[str, Span]]) -> Array:
    """Route vectors of spans in texts, in order.

    Texts are short: a thread each uses cores better than all threads on one text, and changes no vector.
    """
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = list(pool.map(lambda job: _span_vector(encoder, *job), spans))
    return np.concatenate(found) if found else np.zeros((0, encoder.hidden), np.float32)


def _alone(encoder: Encoder, texts: Sequence[str]) -> Array:
    """Vectors of texts that are one sub-task each."""
    return _vectors(encoder, [(text, whole_span(text)) for text in texts])


_kept_outside: dict[tuple[str, int], Array] = {}


def _outside(encoder: Encoder, folder: Path, texts: Sequence[str]) -> Array:
    """Vectors of the general out-of-scope requests, all alone and then all inside longer ones; kept."""
    weights = folder / "encoder.onnx"
    key = (str(weights.resolve()), weights.stat().st_mtime_ns)
    if key not in _kept_outside:
        beside = [texts[(7 * i + 13) % len(texts)] for i in range(len(texts))]
        within = [_within(i, text, other) for i, (text, other) in enumerate(zip(texts, beside, strict=True))]
        _kept_outside[key] = np.concatenate([_alone(encoder, texts), _vectors(encoder, within)])
    return _kept_outside[key]


def _within(number: int, text: str, other: str) -> tuple[str, Span]:
    """A longer request in which a sub-task stands beside another one, and its span there."""
    begin, end = whole_span(text)
    before, after = _CONTEXTS[number % len(_CONTEXTS)].replace("{other}", other).split("{x}")
    return before + text[begin:end] + after, (len(before), len(before) + end - begin)


def _span_vector(encoder: Encoder, text: str, span: Span) -> Array:
    encoded = encoder.encode(text)
    tokens = encoded.tokens(span) or (0, len(encoded.ids))
    vectors, _ = encoder.read(encoded, [tokens], quoted_regions(text))
    return vectors


def _in_context(encoder: Encoder, pool: Sequence[tuple[int, str]], alone: Array) -> _Rows:
    """Adds each example as part of a longer request, beside one of another class, while they are few."""
    classes = np.array([k for k, _ in pool], np.int64)
    groups = np.arange(len(pool), dtype=np.int64)
    if len(pool) > _FEW // 2:
        return _Rows(alone, classes, groups)
    others = [i for i in range(len(pool)) if len(pool[i][1]) < 80]
    more: list[tuple[str, Span]] = []
    kept: list[int] = []
    for i, (k, text) in enumerate(pool):
        candidates = (others[(i * 7 + 13 * n) % len(others)] for n in range(8)) if others else iter(())
        other = next((j for j in candidates if pool[j][0] != k), None)
        if other is None:
            continue
        more.append(_within(i, text, pool[other][1]))
        kept.append(i)
    index = np.array(kept, np.int64)
    return _Rows(
        np.concatenate([alone, _vectors(encoder, more)]),
        np.concatenate([classes, classes[index]]),
        np.concatenate([groups, groups[index]]),
    )


def _thresholds(
    probabilities: Array,
    classes: npt.NDArray[np.int64],
    count: int,
    precision: float | None,
    *,
    intents: bool,
) -> list[float]:
    """The thresholds of `count` classes; those of intents are 0 where no precision is asked for."""
    if intents and precision is None:
        return [0.0] * count
    floor = 0.0 if intents else _FLOOR
    highest = _HIGHEST if precision is None else _HIGHEST_ASKED
    wanted = _PRECISION if precision is None else precision
    return [_threshold(probabilities, classes, k, wanted, floor, highest) for k in range(count)]


def _threshold(
    probabilities: Array,
    classes: npt.NDArray[np.int64],
    k: int,
    precision: float,
    floor: float,
    highest: float,
) -> float:
    """The lowest threshold from `floor` up at which held-out routes to class k reach the precision."""
    chosen = probabilities.argmax(axis=1) == k
    for threshold in np.arange(floor, highest, 0.02):
        above = chosen & (probabilities[:, k] >= threshold)
        if above.any() and float((classes[above] == k).mean()) >= precision:
            return float(threshold)
    return highest
