"""The model card of an adapter: what it is made of, how well it does, where it fails."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["write_model_card"]

_FAILURES = 10
_MOST_CHARS = 300


def write_model_card(adapter: Path, facts: Mapping[str, Any], *, examples: str) -> Path:
    """Writes `README.md` into the adapter's folder.

    Args:
        adapter: The folder.
        facts: What `training.json` there holds, with `held_back` and `held_back_untuned` where measured.
        examples: Where the examples came from, for people.
    """
    recipe = facts["recipe"]
    size = sum(path.stat().st_size for path in adapter.glob("*.safetensors")) / 1e6
    held_back = facts.get("examples_held_back", 0)
    counts = ", ".join(f"{count} {source}" for source, count in facts["examples"].items())
    text = f"""# Adapter of the specialist `{facts["specialist"]}`

| | |
|---|---|
| task | a request in words to one call of `{facts["contract"]}` |
| base | {facts["base"]} |
| form | LoRA of rank {recipe["rank"]} on all linear layers of the decoder, 8 bits a number: {size:.1f} MB |
| served with | surface `{facts["surface"]}`, instruction "{facts["instruction"]}" (`training.json` has all) |

## Data

{counts}; {held_back} more were held back. From {examples}.
Variants have other values where the request says a value literally, drawn by the field's type and rules, and
other words, from operators without a model. Their licence is that of the examples. The loss is on the tokens
that serving samples.

## Recipe

{facts["steps"]} batches of about {recipe["batch_tokens"]} tokens, {facts["tokens"]} tokens in all;
AdamW, learning rate {recipe["learning_rate"]:g}, alpha {recipe["alpha"]:g}, seed {recipe["seed"]}.
Hardware: {facts["device"]}, {recipe["threads"]} threads, {facts["seconds"]:.0f} s.
Loss at the end {facts["loss"]} nats a sampled token.

## Figures

{_figures(facts)}
## Known failures

{_failures(facts)}
"""
    path = adapter / "README.md"
    path.write_text(text, encoding="utf-8")
    return path


def _figures(facts: Mapping[str, Any]) -> str:
    tuned = facts.get("held_back")
    if not tuned:
        return "Not measured: `--no-evaluate` was given, or there were too few examples to hold some back.\n"
    untuned = facts.get("held_back_untuned") or {"metrics": {}, "ci95": {}}
    lines = [
        f"On the {tuned['n']} examples that were held back: neither they nor variants of them were trained "
        "on. Greedy, over gRPC from the specialist service, int4; 95 % intervals in brackets.",
        "",
        "| metric | this adapter | base with the examples nearest to the request |",
        "|---|---|---|",
    ]
    for name, value in tuned["metrics"].items():
        other = untuned["metrics"].get(name)
        compared = _figure(other, untuned["ci95"].get(name)) if other is not None else ""
        lines.append(f"| {name} | {_figure(value, tuned['ci95'].get(name))} | {compared} |")
    if latency := tuned["latency_ms"]:
        lines += ["", f"Latency of a call: {latency['p50']:.0f} ms (median), {latency['p95']:.0f} ms (p95)."]
    return "\n".join(lines) + "\n"


def _figure(value: float, interval: Any) -> str:
    text = f"{value:.3f}" if value <= 1 else f"{value:.1f}"
    if interval is None:
        return text
    low, high = interval
    return f"{text} [{low:.2f}, {high:.2f}]"


def _failures(facts: Mapping[str, Any]) -> str:
    tuned = facts.get("held_back")
    if not tuned:
        return "Not known."
    failed = tuned["failures"]
    if not failed:
        return f"None of the {tuned['n']} examples that were held back; other wordings are unknown."
    lines = [f"- {_plain(failure['id'])}: {_plain(failure['why'])}" for failure in failed[:_FAILURES]]
    if len(failed) > _FAILURES:
        lines.append(f"- and {len(failed) - _FAILURES} more, in `training.json`")
    return "\n".join(lines)


def _plain(text: str) -> str:
    short = text if len(text) <= _MOST_CHARS else text[: _MOST_CHARS - 1] + "…"
    return f"`{short.replace('`', chr(39))}`"
