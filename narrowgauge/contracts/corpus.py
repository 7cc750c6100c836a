"""Compiles every message of a corpus: how the compiler's reach and speed are measured.

A corpus is any set of descriptors, for example those of an installed Python package with generated code.
"""

from __future__ import annotations

import importlib
import pkgutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from llguidance import LLMatcher, LLTokenizer

from narrowgauge.contracts.contract import Contract, Tool
from narrowgauge.contracts.descriptors import pool_of
from narrowgauge.contracts.surfaces import Surface, get_surface
from narrowgauge.errors import InternalError, Unsupported
from narrowgauge.v1 import options_pb2

__all__ = ["Compiled", "compile_messages", "contract_for", "messages_in", "messages_of_package"]


@dataclass(frozen=True)
class Compiled:
    """What compiling one message gave.

    Attributes:
        message: Full name.
        refused: Why it has no constraint, with the field's name; empty when it compiled.
        compile_ms: From the descriptor to a matcher that gives masks, in milliseconds.
        grammar_chars: Length of the grammar.
    """

    message: str
    refused: str
    compile_ms: float
    grammar_chars: int


def messages_of_package(package: str) -> list[Descriptor]:
    """Returns all messages of the generated modules of an installed package, by full name.

    Raises:
        ModuleNotFoundError: The package is not installed.
    """
    root = importlib.import_module(package)
    names = [
        found.name
        for found in pkgutil.walk_packages(root.__path__, f"{package}.")
        if found.name.endswith("_pb2")
    ]
    files: list[FileDescriptor] = [importlib.import_module(name).DESCRIPTOR for name in sorted(names)]
    return _sorted(message for file in files for message in file.message_types_by_name.values())


def messages_in(descriptors: FileDescriptorSet) -> list[Descriptor]:
    """Returns all messages of a self-contained set, by full name.

    Raises:
        InvalidRequest: A file is missing from the set or contradicts another.
    """
    pool = pool_of(descriptors)
    files = [pool.FindFileByName(file.name) for file in descriptors.file]
    return _sorted(message for file in files for message in file.message_types_by_name.values())


def contract_for(message: Descriptor) -> Contract:
    """Returns a contract whose only tool takes the message."""
    service = f"{message.full_name}Service"
    tool = Tool(
        method=f"{service}.Call",
        name="Call",
        request=message,
        response=message,
        description="",
        examples=(),
        side_effect=options_pb2.SIDE_EFFECT_READ,
        execution=options_pb2.EXECUTION_NONE,
    )
    return Contract(service, "corpus", "", (tool,))


def compile_messages(messages: Iterable[Descriptor], surface: Surface | None = None) -> Iterator[Compiled]:
    """Compiles messages one by one.

    Closed sets, which a request would supply, are given two values each.

    Args:
        messages: Request messages.
        surface: How they are written; `protojson` when not given.

    Raises:
        InternalError: A grammar that the surface made is not accepted by the engine.
    """
    surface = surface or get_surface("protojson")
    tokenizer = LLTokenizer("byte")
    for message in messages:
        begin = time.perf_counter()
        try:
            compiled = surface.compile(contract_for(message))
            grammar = compiled.grammar({name: ("first", "second") for name in compiled.closed_sets})
            matcher = LLMatcher(tokenizer, LLMatcher.grammar_from_lark(grammar), log_level=0)
            matcher.compute_bitmask()
        except Unsupported as error:
            yield Compiled(message.full_name, error.message, (time.perf_counter() - begin) * 1e3, 0)
            continue
        compile_ms = (time.perf_counter() - begin) * 1e3
        if matcher.get_error():
            raise InternalError("BAD_GRAMMAR", f"{message.full_name}: {matcher.get_error()}")
        yield Compiled(message.full_name, "", compile_ms, len(grammar))


def _sorted(messages: Iterable[Descriptor]) -> list[Descriptor]:
    found: dict[str, Descriptor] = {}
    waiting: list[Descriptor] = list(messages)
    while waiting:
        message = waiting.pop()
        if not message.GetOptions().map_entry:
            found[message.full_name] = message
        nested: Sequence[Descriptor] = message.nested_types
        waiting.extend(nested)
    return [found[name] for name in sorted(found)]
