"""A specialist's configuration: a folder with `specialist.toml`, its examples and its adapter.

    name = "sql"
    contract = "narrowgauge.tools.sql.v1.SqlToolService"
    surface = "sql"
    instruction = "Write the query that answers the request."
    max_output_tokens = 256
    catalogue_chars = 600         # optional: characters of catalogue text in a prompt; 0 for none
    schema_links = true           # optional: prompts say which words of a request name what of the catalogue
    examples = "examples.jsonl"   # optional
    adapter = "adapter"           # optional: a folder beside this file, or "builtin:call"
    backend = "onnxruntime"       # optional: what decodes, or "llamacpp", "ollama"; see docs/backends.md
    ollama_model = ""             # for the backend "ollama": the model's name there
    guide = "llguidance"          # optional: what holds the constraint, or "outlines_core"
    proto = "../orders.proto"     # optional: where the contract is written, from this folder on
    rules = "rules.toml"          # optional: the specialist's own rules on routes; see `route_rules`

Decoding is greedy; there is no temperature to set.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from narrowgauge.contracts.contract import Contract, ToolCall
from narrowgauge.contracts.proto_json import read_message
from narrowgauge.contracts.route_rules import RouteRule, read_rules
from narrowgauge.errors import InvalidRequest, NotFound

__all__ = [
    "BACKENDS",
    "CALL_ADAPTER",
    "CONFIG_FILE",
    "GUIDES",
    "Example",
    "SpecialistConfig",
    "call_adapter_folder",
    "has_call_adapter",
]

CONFIG_FILE = "specialist.toml"
BACKENDS = ("onnxruntime", "llamacpp", "ollama")
"""What can decode a specialist's calls."""
GUIDES = ("llguidance", "outlines_core")
"""What can hold the constraint of a backend that decodes in the specialist's process."""
CALL_ADAPTER = "builtin:call"
"""In place of an adapter's folder: the adapter that Narrowgauge carries for contracts without one.

It reads the contract in the prompt, so `compile` writes the contract's text in place of the instruction.
"""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


@dataclass(frozen=True)
class Example:
    """A request with the call that answers it.

    Attributes:
        request: The sub-task, as a user would word it.
        context: Text that the sub-task is about; may be empty.
        catalogue: Short catalogue text that the call refers to; may be empty.
        method: Short name of the tool; empty when the contract has only one.
        call: The request message as ProtoJSON.
    """

    request: str
    context: str
    catalogue: str
    method: str
    call: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Example:
        """Reads one line of an examples file.

        Raises:
            KeyError, TypeError, AttributeError: It has not the form of one.
        """
        call = values["call"]
        method = ""
        if call.keys() <= {"method", "request"} and "request" in call:
            method, call = call.get("method", ""), call["request"]
        return cls(
            request=str(values["request"]),
            context=str(values.get("context", "")),
            catalogue=str(values.get("catalogue", "")),
            method=method,
            call=json.dumps(call, ensure_ascii=False),
        )

    def tool_call(self, contract: Contract) -> ToolCall:
        """Returns the call as a message.

        Raises:
            InvalidRequest: The tool does not exist or the call is not ProtoJSON of its request.
        """
        try:
            tool = contract.tool(self.method) if self.method else contract.tools[0]
        except KeyError as error:
            raise InvalidRequest("NO_SUCH_TOOL", f"{contract.service} has no method {self.method}") from error
        request = tool.request_class()
        read_message(self.call, request)
        return ToolCall(tool, request)


@dataclass(frozen=True)
class SpecialistConfig:
    """What one specialist is made of.

    Attributes:
        name: The specialist's name, unique in a bundle.
        contract: Full name of its service.
        surface: How it writes calls, for example `protojson`.
        instruction: System text of its prompt.
        max_output_tokens: Most tokens of a call.
        catalogue_chars: Most characters of catalogue text in a prompt, pruned to what the request can need;
            0 for none, for a specialist whose weights know its objects.
        examples: Name of the examples file in `folder`; empty for none. They are shown in prompts as long as
            there is no adapter, and `narrowgauge train` learns from them.
        adapter: Name of the adapter's folder in `folder`, or `CALL_ADAPTER`; empty for none.
        proto: The `.proto` file of the contract, or a folder of them that is their import path, relative to
            `folder`; empty for a contract that is named elsewhere. A bundle holds the contract itself.
        folder: Where the configuration was read from.
        backend: One of `BACKENDS`.
        ollama_model: The model's name in Ollama.
        guide: One of `GUIDES`.
        rules: Name of the rules file in `folder`; empty for none.
        schema_links: Whether prompts say which words of a request name what of the catalogue; for an adapter
            that was trained with them.
    """

    name: str
    contract: str
    surface: str
    instruction: str
    max_output_tokens: int
    catalogue_chars: int
    examples: str
    adapter: str
    folder: Path
    proto: str = ""
    backend: str = BACKENDS[0]
    ollama_model: str = ""
    guide: str = GUIDES[0]
    rules: str = ""
    schema_links: bool = False

    @property
    def adapter_path(self) -> Path | None:
        """Folder of the adapter; None when there is none."""
        if self.adapter == CALL_ADAPTER:
            return call_adapter_folder()
        return self.folder / self.adapter if self.adapter else None

    @property
    def proto_path(self) -> Path | None:
        """Where the contract is written; None when the configuration does not say."""
        return self.folder / self.proto if self.proto else None

    @classmethod
    def read(cls, folder: Path) -> SpecialistConfig:
        """Reads `folder/specialist.toml`.

        Raises:
            NotFound: There is no such file, or a file that it names is missing.
            InvalidRequest: A value is missing, unknown or malformed; names it.
        """
        path = folder / CONFIG_FILE
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise NotFound("NO_SPECIALIST_CONFIG", f"there is no {path}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidRequest("BAD_SPECIALIST_CONFIG", f"{path}: {error}") from error
        config = cls(folder=folder, **_checked(path, values))
        own = "" if config.adapter == CALL_ADAPTER else config.adapter
        if config.adapter == CALL_ADAPTER and not has_call_adapter():
            raise NotFound(
                "NO_SPECIALIST_FILE",
                f"{path} names {CALL_ADAPTER}, and there is none in {call_adapter_folder()}: train it with "
                "`narrowgauge train call`, or take the line out to show the examples in the prompt",
            )
        for name in filter(None, (config.examples, own, config.rules)):
            if not (folder / name).exists():
                raise NotFound("NO_SPECIALIST_FILE", f"{path} names {name}, which {folder} does not have")
        return config

    def read_rules(self) -> tuple[RouteRule, ...]:
        """Reads the rules file; none where there is none.

        Raises:
            InvalidRequest: BAD_RULE: a rule is malformed or about another specialist.
        """
        return read_rules(self.folder / self.rules, own=self.name) if self.rules else ()

    def read_examples(self) -> tuple[Example, ...]:
        """Reads the examples file: one JSON object a line; lines that begin with `#` are comments.

        Each has `request`, optionally `context` and `catalogue`, and `call`: the ProtoJSON of the request,
        or `{"method": …, "request": …}` for a contract with several tools.

        Raises:
            InvalidRequest: A line is malformed; names it.
        """
        if not self.examples:
            return ()
        path = self.folder / self.examples
        found = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if line.strip() and not line.startswith("#"):
                try:
                    found.append(Example.of(json.loads(line)))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise InvalidRequest("BAD_EXAMPLE", f"{path}:{number}: {error!r}") from error
        return tuple(found)


_TYPES = {str: "text", int: "a number", bool: "true or false"}


def call_adapter_folder() -> Path:
    """Returns the folder of the adapter that `CALL_ADAPTER` means, whether it is there or not."""
    return Path(str(files("narrowgauge.specialists"))) / "call" / "adapter"


def has_call_adapter() -> bool:
    """Tells whether this installation carries the adapter that `CALL_ADAPTER` means."""
    return (call_adapter_folder() / "adapter.safetensors").is_file()


def _checked(path: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "max_output_tokens": 256,
        "catalogue_chars": 4096,
        "examples": "",
        "adapter": "",
        "proto": "",
        "backend": BACKENDS[0],
        "ollama_model": "",
        "guide": GUIDES[0],
        "rules": "",
        "schema_links": False,
    }
    types: dict[str, type] = {item.name: str for item in fields(SpecialistConfig) if item.name != "folder"}
    types |= {"max_output_tokens": int, "catalogue_chars": int, "schema_links": bool}
    merged = defaults | dict(values)
    problems = [f"{name} is unknown" for name in sorted(merged.keys() - types.keys())]
    problems += [f"{name} is missing" for name in sorted(types.keys() - merged.keys())]
    for name, value in merged.items():
        # Exactly this type: True is an int as well.
        if name in types and type(value) is not types[name]:
            problems.append(f"{name} must be {_TYPES[types[name]]}")
    if not problems:
        if not _NAME.fullmatch(merged["name"]):
            problems.append("name must be lower case, digits and hyphens")
        if merged["max_output_tokens"] < 1:
            problems.append("max_output_tokens must be at least 1")
        if merged["catalogue_chars"] < 0:
            problems.append("catalogue_chars must not be negative")
        problems += [
            f"{name} {merged[name]!r} is none of {', '.join(known)}"
            for name, known in (("backend", BACKENDS), ("guide", GUIDES))
            if merged[name] not in known
        ]
        problems += [
            f"{name} must be a name inside of the folder"
            for name in ("examples", "adapter", "rules")
            if Path(merged[name]).is_absolute() or ".." in Path(merged[name]).parts
        ]
    if problems:
        raise InvalidRequest("BAD_SPECIALIST_CONFIG", f"{path}: {'; '.join(problems)}")
    return merged
