"""The properties that every surface has; see `conftest.SURFACE_CASES`."""

from __future__ import annotations

import os
import random
from functools import cache

import pytest
from google.protobuf.descriptor import Descriptor
from random_walk import accepts, matcher_of, walk
from surface_cases import SurfaceCase

from narrowgauge.buf.validate import validate_pb2
from narrowgauge.contracts.surfaces import SURFACES, CompiledAhead, CompiledSurface, get_surface
from narrowgauge.contracts.validate import rule_failures
from narrowgauge.errors import InvalidRequest, NotFound

WALKS = 300 if os.environ.get("NARROWGAUGE_TEST_FULL") else 15


@cache
def walked(compiled: CompiledSurface, grammar: str) -> list[str]:
    """Returns random texts of the grammar, from the shortest to several hundred characters."""
    sources = [random.Random(seed) for seed in range(WALKS)]
    # A matcher each, as in service: the lexer of one refuses to grow without end.
    texts = [walk(matcher_of(grammar), source, lean_bytes=source.choice([0, 40, 300])) for source in sources]
    return [text for text in texts if not repeats_a_key(compiled, text)]


def repeats_a_key(compiled: CompiledSurface, text: str) -> bool:
    """Says whether a map's key comes twice, the one thing that a mask cannot see."""
    if not hasattr(compiled, "coverage"):
        return False  # a surface of one contract, which has no maps
    try:
        compiled.parse(text, {})
    except InvalidRequest as error:
        return "duplicate key" in error.message
    return False


def cel_rules(compiled: CompiledSurface) -> set[str]:
    """Ids of the CEL rules of messages: failures name the field that holds the message."""
    checked = (message for tool in compiled.contract.tools for message in below(tool.request))
    rules = (message.GetOptions().Extensions[validate_pb2.message].cel for message in checked)
    return {rule.id for found in rules for rule in found}


def below(message: Descriptor) -> list[Descriptor]:
    found = [message]
    for one in found:
        held = (field.message_type for field in one.fields if field.message_type is not None)
        found += [other for other in held if other not in found]
    return found


def test_every_walk_through_the_mask_is_a_valid_call(surface_case: SurfaceCase) -> None:
    """A random text of the grammar parses to a message that keeps every rule which the constraint claims."""
    compiled, closed_sets = surface_case.compiled, surface_case.closed_sets
    coverage = getattr(compiled, "coverage", None)
    checked_after = set(coverage.left) if coverage else set()
    ids = cel_rules(compiled)
    for text in walked(compiled, compiled.grammar(closed_sets)):
        call = compiled.parse(text, closed_sets)
        failures = {(owner, rule) for owner, rule in rule_failures(call.request) if rule not in ids}
        assert not failures - checked_after, text


def test_what_is_rendered_is_accepted_and_parses_back(surface_case: SurfaceCase) -> None:
    """message -> text -> message gives an equal message, and the mask accepts the text."""
    compiled, closed_sets = surface_case.compiled, surface_case.closed_sets
    grammar = compiled.grammar(closed_sets)
    for walked_text in walked(compiled, grammar):
        call = compiled.parse(walked_text, closed_sets)
        text = compiled.render(call.tool, call.request)
        assert accepts(matcher_of(grammar), text), text
        again = compiled.parse(text, closed_sets)
        assert again.tool.method == call.tool.method
        assert again.request == call.request
        assert compiled.render(again.tool, again.request) == text


def test_compiling_twice_gives_equal_text(surface_case: SurfaceCase) -> None:
    """Grammar and artefact depend on the contract and the closed sets alone."""
    first = surface_case.compiled
    second = get_surface(first.name).compile(first.contract)
    if isinstance(first, CompiledAhead) and isinstance(second, CompiledAhead):
        assert second.artefact() == first.artefact()
    assert second.grammar(surface_case.closed_sets) == first.grammar(surface_case.closed_sets)
    assert second.closed_sets == first.closed_sets


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "SELECT", '{"method":1}', "\ud800"])
def test_text_that_is_no_call_is_refused(surface_case: SurfaceCase, text: str) -> None:
    """Parsing anything else is the caller's error, never a crash."""
    with pytest.raises(InvalidRequest):
        surface_case.compiled.parse(text, surface_case.closed_sets)


def test_the_registry_knows_its_surfaces() -> None:
    """Each registered name gives the surface of that name; another name is NOT_FOUND."""
    assert [get_surface(name).name for name in SURFACES] == list(SURFACES)
    with pytest.raises(NotFound):
        get_surface("prose")
