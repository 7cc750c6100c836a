"""The folder in which a specialist is made: configuration, examples to go on from, and what to do next."""

from __future__ import annotations

import json
import os
import random
import re
from pathlib import Path

from narrowgauge.contracts.contract import Contract, Tool
from narrowgauge.contracts.draw import draw_message
from narrowgauge.contracts.proto_json import write_message
from narrowgauge.contracts.specialist import CALL_ADAPTER, CONFIG_FILE, has_call_adapter
from narrowgauge.contracts.surfaces.protojson import CompiledProtoJson, ProtoJsonSurface

__all__ = ["answers_untrained", "write_scaffold"]

_SEED = 7
_DRAWN = 60
# A token of the embedded model's tokenizer is at least so long in ProtoJSON, in the mean.
_CHARS_A_TOKEN = 2
_FEWEST_TOKENS, _MOST_TOKENS = 64, 512


def answers_untrained(surface: str) -> bool:
    """Says whether a specialist answers before any training: by the adapter that reads its contract."""
    return has_call_adapter() and surface == "protojson"  # which that adapter was trained to write


def write_scaffold(
    folder: Path, contract: Contract, proto: Path, *, surface: str = "protojson"
) -> list[Path]:
    """Writes the folder of a new specialist.

    Args:
        folder: Empty, or not there yet.
        contract: Its contract.
        proto: Where the contract is written.
        surface: How it writes calls.

    Returns:
        The files that were written.
    """
    compiled = ProtoJsonSurface().compile(contract)
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        CONFIG_FILE: _config(folder, contract, compiled, proto, surface),
        "examples.jsonl": _examples(contract),
        "README.md": _readme(folder, contract, surface),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]


def _config(folder: Path, contract: Contract, compiled: CompiledProtoJson, proto: Path, surface: str) -> str:
    where = Path(os.path.relpath(proto.resolve(), folder.resolve())).as_posix()
    lines = [
        f"name = {json.dumps(contract.specialist)}",
        f"contract = {json.dumps(contract.service)}",
        "# Where the contract is written, from this folder on.",
        f"proto = {json.dumps(where)}",
        f"surface = {json.dumps(surface)}",
        "# A tuned specialist knows its job by its weights: a short instruction is read faster.",
        f"instruction = {json.dumps(f'Write the {contract.specialist} call.')}",
        f"max_output_tokens = {_tokens(contract, compiled)}",
    ]
    if not compiled.closed_sets:
        lines += ["# The contract takes no values from a catalogue.", "catalogue_chars = 0"]
    lines.append('examples = "examples.jsonl"')
    if answers_untrained(surface):
        lines.append(
            f"adapter = {json.dumps(CALL_ADAPTER)}  # reads the contract, until `train` names its own"
        )
    return "\n".join(lines) + "\n"


def _tokens(contract: Contract, surface: CompiledProtoJson) -> int:
    rng = random.Random(_SEED)  # noqa: S311 - examples, not secrets
    longest = 0
    for tool in contract.tools:
        for _ in range(_DRAWN // len(contract.tools) + 1):
            message = draw_message(tool.request, rng)
            if message is not None:
                longest = max(longest, len(surface.render(tool, message)))
    wanted = -(-longest // _CHARS_A_TOKEN // 16) * 16
    return max(_FEWEST_TOKENS, min(wanted, _MOST_TOKENS))


def _examples(contract: Contract) -> str:
    rng = random.Random(_SEED)  # noqa: S311 - examples, not secrets
    several = len(contract.tools) > 1
    lines = [
        "# A line is a request, as a user would word it, and the call that answers it. 20 to 200 lines make",
        "# a specialist: several wordings of each method, with and without options, terse and polite.",
        "# A value that stands in the request as it does in the call is exchanged for others in training,",
        "# so no sentence need be repeated with other numbers. Lines that begin with # are comments.",
    ]
    for tool in contract.tools:
        lines.append(f"# {tool.name}: {tool.description}".rstrip(": "))
        lines += [f"#   asked as: {words}" for words in tool.examples]
        if [field.name for field in tool.request.fields] == ["unanswerable"]:
            continue
        lines.append("# Drawn from the contract; its wording is a machine's, so write one of your own here.")
        lines.append(_line(tool, rng, several))
    if contract.refusing_tool is not None:
        lines += [
            "# A request that belongs here and cannot be served, with the call that says so.",
            _refusal(contract.refusing_tool, several),
        ]
    return "\n".join(lines) + "\n"


def _line(tool: Tool, rng: random.Random, several: bool) -> str:
    message = draw_message(tool.request, rng)
    text = write_message(message if message is not None else tool.request_class())
    call = json.loads(text)
    words = [_words(tool.name), *(f"{_words(key)} {_plain(value)}" for key, value in call.items())]
    return json.dumps(
        {"request": " ".join(words), "call": {"method": tool.name, "request": call} if several else call},
        ensure_ascii=False,
    )


def _refusal(tool: Tool, several: bool) -> str:
    call = {"unanswerable": True}
    request = f"What is the weather where {_words(tool.name)} happens?"
    return json.dumps(
        {"request": request, "call": {"method": tool.name, "request": call} if several else call}
    )


def _words(name: str) -> str:
    """Returns a name in camel case or with underscores as words."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", name).lower()


def _plain(value: object) -> str:
    match value:
        case dict():
            return " ".join(f"{_words(str(key))} {_plain(inner)}" for key, inner in value.items())
        case list():
            return " and ".join(map(_plain, value))
        case bool():
            return "yes" if value else "no"
    text = str(value)
    # The name of an enum's value begins with the enum's own name, which nobody says.
    return _words(text.partition("_")[2]) if re.fullmatch(r"[A-Z]+(_[A-Z0-9]+)+", text) else text


def _before_training(surface: str) -> str:
    if not answers_untrained(surface):
        return ""
    return f"""It answers already, by an adapter that reads the contract (`adapter = "{CALL_ADAPTER}"`):
serve it as in step 4. Steps 1 to 3 make it better.

"""


def _readme(folder: Path, contract: Contract, surface: str) -> str:
    methods = "\n".join(f"| `{tool.name}` | {tool.description} |" for tool in contract.tools)
    before = _before_training(surface)
    return f"""# The specialist `{contract.specialist}`

{contract.description}

| method of `{contract.service}` | what it does |
|---|---|
{methods}

{before}1. **Examples.** Write 20 to 200 lines into `examples.jsonl`, each a request and its call; the
   file says how.
2. **Train.** On two idle cores 50 examples take less than 20 minutes. About one example in five is kept back
   and measured afterwards; Ctrl-C ends it, and the same command goes on.

   ```sh
   pip install 'narrowgauge[train]'
   narrowgauge train {folder}
   ```

   writes `adapter/` with its model card, names it in `specialist.toml`, and writes `deployment/` for
   Kubernetes.
3. **Look at the figures** in `adapter/README.md`, and at the requests that went wrong. Write more examples
   like those, and train again.
4. **Serve.**

   ```sh
   narrowgauge compile --specialist {folder}
   narrowgauge up --tool {contract.service}=HOST:PORT
   narrowgauge ask "…"
   ```

   HOST:PORT is the gRPC server that implements the service.
"""
