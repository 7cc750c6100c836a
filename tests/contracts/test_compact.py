"""What the surface `compact` writes, beside what `protojson` does with the same messages."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from llguidance import LLMatcher
from random_message import random_message
from random_walk import accepts, matcher_of, walk
from surface_cases import builtin_contract, everything_contract, shop_sets

from narrowgauge.contracts.bundle import Bundle, compile_bundle
from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.corpus import contract_for, messages_of_package
from narrowgauge.contracts.descriptors import contracts_in, load_protos
from narrowgauge.contracts.shots import shots_of
from narrowgauge.contracts.surfaces.compact import CompactSurface, CompiledCompact
from narrowgauge.contracts.surfaces.compact.words import short_names
from narrowgauge.contracts.surfaces.protojson import ProtoJsonSurface
from narrowgauge.errors import FailedPrecondition, InvalidRequest, Unsupported

INVENTORY = Path(__file__).parents[2] / "docs" / "examples" / "inventory"
PARTS = ("Scalars", "Shapes", "WellKnown", "StringRules", "NumberRules", "ShapeRules", "Sets")
CORPORA = ("google.rpc", "google.type", "google.api", "opentelemetry.proto")


@cache
def inventory() -> Contract:
    return contracts_in(load_protos([INVENTORY / "inventory.proto"]))[0]


@cache
def compact(tool: str) -> CompiledCompact:
    return CompactSurface().compile(contract_for(everything_contract().tool(tool).request))


@cache
def compact_matcher(tool: str) -> LLMatcher:
    return matcher_of(compact(tool).grammar(shop_sets()))


@cache
def protojson_matcher(tool: str) -> LLMatcher:
    request = contract_for(everything_contract().tool(tool).request)
    return matcher_of(ProtoJsonSurface().compile(request).grammar(shop_sets()))


def written(contract: Contract, method: str, call: str) -> str:
    """Writes a request given as ProtoJSON, and makes sure that mask and parser take it."""
    surface = CompactSurface().compile(contract)
    tool = contract.tool(method)
    request = json_format.Parse(call, tool.request_class(), descriptor_pool=tool.request.file.pool)
    text = surface.render(tool, request)
    sets = {name: ("orders", "orders.id", "Côte d'Ivoire", "3.5 %", "Name") for name in surface.closed_sets}
    assert accepts(matcher_of(surface.grammar(sets)), text), text
    assert surface.parse(text, {}).request == request
    return text


WRITTEN = [
    (
        "inventory",
        "Reserve",
        '{"article":"AX-100","units":12,"site":"SITE_BERLIN"}',
        " reserve AX-100 12 berlin",
    ),
    ("inventory", "Reserve", '{"article":"AX-100","units":12}', " reserve AX-100 12"),
    ("inventory", "Release", '{"reservation":"R-1042"}', " release R-1042"),
    (
        "summary",
        "Summarize",
        '{"headline":"Sales \\"grew\\" 3.5 %.","keyPoints":["Up.\\nWell","Down."],'
        '"figures":[{"text":"3.5 %"}]}',
        ' Sales \\"grew\\" 3.5 %.\n key Up.\\nWell\n, Down.\n figures "3.5 %"',
    ),
    ("salesforce", "Refuse", '{"unanswerable":true}', " refuse"),
    (
        "salesforce",
        "Query",
        '{"object":"orders","select":[{"field":"Name"},{"field":"Name","function":"FUNCTION_COUNT"}],'
        '"where":[{"compare":{"field":"Name","operator":"OPERATOR_EQUAL","text":""}}],"limit":5}',
        ' query orders Name), Name count) where compare Name equal text ""\n limit 5',
    ),
    (
        "sql",
        "Query",
        '{"query":{"select":{"table":"orders","distinct":true,"columns":[{"column":"orders.id"}]},"limit":3}}',
        " query table orders distinct columns column orders.id)) limit 3)",
    ),
    ("sql", "Query", '{"unanswerable":true}', " unanswerable"),
]


@pytest.mark.parametrize(("name", "method", "call", "text"), WRITTEN)
def test_what_the_contract_implies_is_not_written(name: str, method: str, call: str, text: str) -> None:
    """Names, quotes and braces are gone; tags stand where there is a choice, brackets where more can come."""
    contract = inventory() if name == "inventory" else builtin_contract(name)
    assert written(contract, method, call) == text


@pytest.mark.parametrize("tool", ["Scalars", "Shapes", "WellKnown"])
def test_any_message_is_written_accepted_and_read_back(tool: str) -> None:
    """message -> text is in the grammar, and text -> message gives it back, for messages made at random."""
    surface = compact(tool)
    used = surface.contract.tools[0]
    made = 0
    for seed in range(40):
        message = random_message(used.request, random.Random(seed))
        try:
            text = surface.render(used, message)
        except InvalidRequest:
            continue  # a required oneof is not set
        assert tool != "Scalars" or accepts(compact_matcher(tool), text), text
        again = surface.parse(text, {}).request
        # NaN differs from itself, so texts are compared where messages do.
        assert again == message or surface.render(used, again) == text, text
        made += 1
    assert made > 5


@pytest.mark.parametrize("corpus", CORPORA)
def test_real_messages_are_written_and_read_back(corpus: str) -> None:
    """What protojson compiles of real contracts, compact compiles too, and random messages survive it."""
    messages = [message for message in messages_of_package(corpus) if message.fields]
    for message in random.Random(7).sample(messages, min(6, len(messages))):
        contract = contract_for(message)
        try:
            ProtoJsonSurface().compile(contract)
        except Unsupported:
            with pytest.raises(Unsupported):
                CompactSurface().compile(contract)
            continue
        surface = CompactSurface().compile(contract)
        matcher = matcher_of(surface.grammar({}))
        tool = contract.tools[0]
        for seed in range(3):
            made = random_message(tool.request, random.Random(seed))
            text = surface.render(tool, made)
            assert accepts(matcher, text), (message.full_name, text)
            again = surface.parse(text, {}).request
            assert again == made or surface.render(tool, again) == text, (message.full_name, text)


def mixed(valid: Message, other: Message, source: random.Random) -> Message:
    """A valid message of which one field is another one's, or is gone."""
    message = type(valid)()
    message.CopyFrom(valid)
    names = [field.name for field in valid.DESCRIPTOR.fields]
    changed = source.choice(names)
    message.ClearField(changed)
    if source.random() < 0.8:
        taken = type(valid)()
        taken.CopyFrom(other)
        for name in names:
            if name != changed:
                taken.ClearField(name)
        message.MergeFrom(taken)
    return message


@pytest.mark.parametrize("tool", PARTS)
def test_the_rules_are_those_of_protojson(tool: str) -> None:
    """A message has a text in the grammar exactly when it has a ProtoJSON in protojson's grammar."""
    short, long = compact(tool), ProtoJsonSurface().compile(compact(tool).contract)
    used = short.contract.tools[0]
    answers = set()
    for seed in range(8):
        source = random.Random(seed)
        valid = long.parse(walk(protojson_matcher(tool), source, lean_bytes=60), {}).request
        # The valid message itself, and one that may break a rule.
        for message in (valid, mixed(valid, random_message(used.request, source), source)):
            results = []
            for surface, matcher in ((short, compact_matcher(tool)), (long, protojson_matcher(tool))):
                try:
                    results.append(accepts(matcher, surface.render(used, message)))
                except InvalidRequest:
                    results.append(False)
            assert results[0] == results[1], message
            answers.add(results[0])
    assert True in answers


REFUSED = [
    ("inventory", "reserve AX-100 12"),
    ("inventory", " reserve AX-100 12 "),
    ("inventory", " reserve AX-100 12 berlin berlin"),
    ("inventory", " reserve AX-100 1_2"),
    ("inventory", ' reserve AX-100 12,"site":"SITE_BERLIN"'),
    ("inventory", " reserve AX-100 12 paris"),
    ("inventory", " hold AX-100 12"),
    ("inventory", " release R-1042\n"),
    ("sql", " query table orders all limit 3"),
    ("sql", " query table orders all all) limit 3)"),
    ("sql", " query table orders all) offset 3 limit 3)"),
    ("sql", " query table orders derived table orders all)))"),
    ("sql", " unanswerable unanswerable"),
    ("sql", " query" + " derived" * 5000),
    ("summary", " Sales grew."),
    ("summary", ' Sales "grew".\n'),
    ("summary", " Sales grew.\n figures"),
    ("summary", " Sales grew.\n figures 1, 2,"),
    ("summary", " \n"),
]


@pytest.mark.parametrize(("name", "text"), REFUSED)
def test_text_in_another_form_is_refused(name: str, text: str) -> None:
    """Fields in another order or twice, unknown words, missing ends and hostile nesting are no crash."""
    contract = inventory() if name == "inventory" else builtin_contract(name)
    with pytest.raises(InvalidRequest):
        CompactSurface().compile(contract).parse(text, {})


def test_a_name_is_bare_where_it_is_a_word() -> None:
    """Values of closed sets are written as words, or in JSON's quotes where they are none."""
    surface = compact("Sets")
    tool = surface.contract.tools[0]
    request = tool.request_class(table='größe "x"', columns=["id", "b\\c"], cells={"ü": "any text"})
    text = surface.render(tool, request)
    assert text == ' "größe \\"x\\"" columns id, "b\\\\c" cells "ü" any text\n'
    assert accepts(compact_matcher("Sets"), text)
    assert surface.parse(text, shop_sets()).request == request
    assert not accepts(compact_matcher("Sets"), " customers")
    assert not accepts(compact_matcher("Sets"), " orders columns id, id")
    with pytest.raises(InvalidRequest, match="no_such"):
        surface.parse(" no_such", shop_sets())
    with pytest.raises(FailedPrecondition, match="tables"):
        surface.grammar({"columns": ["id"]})


def test_recursion_is_bounded() -> None:
    """A recursive message contains itself as often as the limits say, and no deeper."""
    request = contract_for(everything_contract().tool("Shapes").request)
    for depth in (0, 1, 3):
        matcher = matcher_of(CompactSurface(Limits(depth=depth)).compile(request).grammar({}))
        for levels, allowed in ((depth, True), (depth + 1, False)):
            text = " six 1 node" + " children" * levels + " name leaf\n" + ")" * (levels + 1)
            assert accepts(matcher, text) is allowed, text


def test_a_call_that_could_be_empty_begins_with_its_method() -> None:
    """No call is the empty text, which would end before it began."""
    surface = compact("Scalars")
    tool = surface.contract.tools[0]
    assert surface.render(tool, tool.request_class()) == " call"
    assert surface.parse(" call", {}).request == tool.request_class()


def test_values_that_the_grammar_lacks_are_refused() -> None:
    """Unknown enum numbers, missing fields, broken rules and overlong strings are no silent losses."""
    for tool, values in (
        ("Scalars", {"colour": 4711}),
        ("Scalars", {"string_value": "x" * 513}),
        ("NumberRules", {}),
        ("NumberRules", {"above": 5}),
    ):
        surface = compact(tool)
        used = surface.contract.tools[0]
        with pytest.raises(InvalidRequest):
            surface.render(used, used.request_class(**values))


NAMES = [
    (["order_by", "group_by", "limit"], ["order", "group", "limit"]),
    (["CreateRecord", "GetRecord", "Refuse"], ["create", "get", "refuse"]),
    (["COUNT", "COUNT_DISTINCT", "CALENDAR_YEAR", "CALENDAR_MONTH"], ["count", "distinct", "year", "month"]),
    (["LESS", "LESS_OR_EQUAL", "EQUAL"], ["less", "or", "equal"]),
    (["a_b", "b_a"], ["a_b", "b_a"]),
    (["x", "X"], ["x", "X"]),
    (["int32_value", "int64_value"], ["int32_value", "int64_value"]),
]


@pytest.mark.parametrize(("names", "short"), NAMES)
def test_short_names_are_words_that_no_other_name_has(names: list[str], short: list[str]) -> None:
    """Each name is shortened to its first word of its own, and all stay different."""
    assert short_names(names) == short


def test_a_bundle_holds_a_specialist_that_writes_compact(tmp_path: Path) -> None:
    """`surface = "compact"` in a specialist's folder is compiled, recorded and used for its examples."""
    folder = tmp_path / "specialist"
    folder.mkdir()
    config = (INVENTORY / "specialist" / "specialist.toml").read_text()
    assert 'surface = "protojson"' in config
    (folder / "specialist.toml").write_text(config.replace('"protojson"', '"compact"', 1))
    (folder / "examples.jsonl").write_text((INVENTORY / "specialist" / "examples.jsonl").read_text())
    compiled = compile_bundle(
        tmp_path / "bundle", protos=[INVENTORY / "inventory.proto"], specialists=[folder], with_router=False
    )
    bundle = Bundle.load(compiled.path)
    config_read = bundle.configs["inventory"]
    surface = CompactSurface().compile(bundle.contracts["inventory"])
    assert config_read.surface == "compact"
    assert (bundle.path / "constraints" / "inventory.compact.json").is_file()
    assert {shot.call.split()[0] for shot in shots_of(config_read, surface)} == {"reserve", "release"}
