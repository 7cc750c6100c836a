"""What the ProtoJSON grammar accepts and what it does not, field by field."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from google.protobuf.message import Message
from llguidance import LLMatcher
from random_walk import accepts, matcher_of
from surface_cases import builtin_contract, everything_contract, shop_sets

from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.contract import Contract
from narrowgauge.contracts.corpus import contract_for
from narrowgauge.contracts.descriptors import contracts_in, load_protos
from narrowgauge.contracts.surfaces import CompiledSurface, get_surface
from narrowgauge.contracts.surfaces.protojson import CompiledProtoJson, ProtoJsonSurface
from narrowgauge.errors import FailedPrecondition, InvalidRequest, Unsupported

_HEADER = """syntax = "proto3";
package probe.v1;
import "buf/validate/validate.proto";
import "google/protobuf/any.proto";
import "google/protobuf/timestamp.proto";
import "narrowgauge/v1/options.proto";
service Probe {
  option (narrowgauge.v1.specialist) = {name: "probe" description: "A probe."};
  rpc Call(Request) returns (Request) {}
}
"""


def contract_from(tmp_path: Path, body: str) -> Contract:
    (tmp_path / "probe.proto").write_text(_HEADER + body)
    return contracts_in(load_protos([tmp_path]))[0]


@cache
def surface_of(tool: str) -> CompiledProtoJson:
    return ProtoJsonSurface().compile(contract_for(everything_contract().tool(tool).request))


@cache
def everything_matcher(tool: str) -> LLMatcher:
    return matcher_of(surface_of(tool).grammar(shop_sets()))


SCALARS = [
    ('{"doubleValue":1}', True),
    ('{"doubleValue":-0.0}', True),
    ('{"doubleValue":1.50}', True),
    ('{"doubleValue":1e-07}', True),
    ('{"doubleValue":1.7976931348623157e+309}', False),
    ('{"doubleValue":01}', False),
    ('{"doubleValue":.5}', False),
    ('{"doubleValue":"NaN"}', True),
    ('{"doubleValue":"-Infinity"}', True),
    ('{"doubleValue":NaN}', False),
    ('{"floatValue":3.9e+38}', False),
    ('{"int32Value":2147483647}', True),
    ('{"int32Value":2147483648}', False),
    ('{"int32Value":-2147483648}', True),
    ('{"int32Value":-0}', False),
    ('{"int32Value":"1"}', False),
    ('{"int64Value":"9223372036854775807"}', True),
    ('{"int64Value":"9223372036854775808"}', False),
    ('{"int64Value":1}', False),
    ('{"uint32Value":-1}', False),
    ('{"uint64Value":"18446744073709551615"}', True),
    ('{"uint64Value":"18446744073709551616"}', False),
    ('{"boolValue":false}', True),
    ('{"boolValue":0}', False),
    ('{"stringValue":"a\\n\\u0000\\"\\\\/ü😀"}', True),
    ('{"stringValue":"\\u00e9"}', False),
    ('{"stringValue":"\\ud83d\\ude00"}', False),
    ('{"stringValue":"a\nb"}', False),
    ('{"bytesValue":"AP8="}', True),
    ('{"bytesValue":"AP8"}', False),
    ('{"bytesValue":"AP9="}', False),
    ('{"colour":"COLOUR_BLUE"}', True),
    ('{"colour":5}', False),
    ('{"alias":"ALIAS_FIRST"}', True),
    ('{"alias":"ALIAS_SECOND"}', False),
    ('{"a \\"quoted\\" näme":"x"}', True),
    ("{}", True),
    ("{ }", False),
    ('{"int32Value":1,"doubleValue":1}', False),
    ('{"int32Value":1,"int32Value":1}', False),
    ('{"int32Value":1,}', False),
    ('{"unknown":1}', False),
]


@pytest.mark.parametrize(("text", "valid"), SCALARS)
def test_scalars_have_their_canonical_form_and_range(text: str, valid: bool) -> None:
    """A scalar is in the grammar exactly when it is canonical ProtoJSON within the range of its type."""
    assert accepts(everything_matcher("Scalars"), text) is valid


ONEOFS = [
    ('{"six":1}', True),
    ('{"seven":"x"}', True),
    ("{}", False),
    ('{"six":1,"seven":"x"}', False),
    ('{"one":1,"six":1}', True),
    ('{"one":1,"two":"x","six":1}', False),
    ('{"two":"x","six":1,"three":{}}', False),
    ('{"one":1,"four":true,"six":1}', True),
    ('{"four":true,"six":1,"five":"AA=="}', False),
    ('{"between":"b","six":1,"five":"AA==","three":{}}', True),
    ('{"six":1,"flags":{"false":"a","true":"b"}}', True),
    ('{"six":1,"flags":{"true":"a","true":"b"}}', False),
    ('{"six":1,"weights":{"7":1.5,"-8":2}}', True),
    ('{"six":1,"weights":{"x":1.5}}', False),
]


@pytest.mark.parametrize(("text", "valid"), ONEOFS)
def test_oneofs_are_used_as_declared(text: str, valid: bool) -> None:
    """At most one member of a oneof, exactly one of a required oneof, wherever their numbers lie."""
    assert accepts(everything_matcher("Shapes"), text) is valid


def test_recursion_is_bounded() -> None:
    """A recursive message contains itself as often as the limits say, and no deeper."""

    def nested(levels: int) -> str:
        text = '{"name":"leaf"}'
        for _ in range(levels):
            text = f'{{"children":[{text}]}}'
        return f'{{"six":1,"node":{text}}}'

    request = contract_for(everything_contract().tool("Shapes").request)
    for depth in (0, 1, 4):
        matcher = matcher_of(ProtoJsonSurface(Limits(depth=depth)).compile(request).grammar({}))
        assert accepts(matcher, nested(depth))
        assert not accepts(matcher, nested(depth + 1))


WELL_KNOWN = [
    ('{"timestamp":"2024-02-29T23:59:59Z"}', True),
    ('{"timestamp":"2023-02-29T00:00:00Z"}', False),
    ('{"timestamp":"1900-02-29T00:00:00Z"}', False),
    ('{"timestamp":"2000-02-29T00:00:00.123456789Z"}', True),
    ('{"timestamp":"0000-01-01T00:00:00Z"}', False),
    ('{"timestamp":"2024-04-31T00:00:00Z"}', False),
    ('{"timestamp":"2024-01-01T24:00:00Z"}', False),
    ('{"timestamp":"2024-01-01T00:00:00+01:00"}', False),
    ('{"duration":"315576000000s"}', True),
    ('{"duration":"315576000001s"}', False),
    ('{"duration":"-0.5s"}', True),
    ('{"duration":"1.0000000001s"}', False),
    ('{"mask":"name,homeAddress.city"}', True),
    ('{"mask":"home_address"}', False),
    ('{"narrowMask":"homeAddress,name"}', True),
    ('{"narrowMask":"email"}', False),
    ('{"struct":{"a":[1,{"b":null}]}}', True),
    ('{"struct":[]}', False),
    ('{"struct":{"a":[[[1]]]}}', False),
    ('{"value":null}', True),
    ('{"list":[true,"x",1.5e+30]}', True),
    ('{"empty":{}}', True),
    ('{"any":{"@type":"type.googleapis.com/everything.v1.Small","text":"abc"}}', True),
    ('{"any":{"@type":"type.googleapis.com/everything.v1.Small","text":"abcd"}}', False),
    ('{"any":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}}', True),
    ('{"any":{"@type":"type.googleapis.com/google.protobuf.Int64Value","value":"1"}}', True),
    ('{"any":{"@type":"type.googleapis.com/everything.v1.Done"}}', False),
    ('{"int64Value":"5"}', True),
    ('{"boolValue":false}', True),
    ('{"stringValue":"x"}', False),
    ('{"nullValue":null}', True),
    ('{"short":"0s"}', False),
    ('{"short":"0.000000001s"}', True),
    ('{"short":"90s"}', True),
    ('{"short":"90.000000001s"}', False),
    ('{"oneOf":"0.500s"}', True),
    ('{"oneOf":"1s"}', False),
]


@pytest.mark.parametrize(("text", "valid"), WELL_KNOWN)
def test_well_known_types_have_their_own_json(text: str, valid: bool) -> None:
    """Times, masks, wrappers, JSON values and `Any` are written as ProtoJSON says, within their rules."""
    matcher = everything_matcher("WellKnown")
    assert accepts(matcher, text) is valid
    if valid:
        surface_of("WellKnown").parse(text, {})


# The field's JSON name, its text, and whether it is valid; the message's other required fields are filled in.
RULES = [
    ("range", "-17", True),
    ("range", "-18", False),
    ("range", "1204", True),
    ("range", "1205", False),
    ("above", "41", False),
    ("above", "42", True),
    ("below", '"-9007199254740993"', True),
    ("below", '"-9007199254740992"', False),
    ("in", "-5", True),
    ("in", "4", False),
    ("const", '"18446744073709551615"', True),
    ("const", '"1"', False),
    ("notIn", '"3"', True),
    ("notIn", '"2"', False),
    ("outside", "101", True),
    ("outside", "-101", True),
    ("outside", "100", False),
    ("fraction", "1", True),
    ("fraction", "1.0", True),
    ("fraction", "1.01", False),
    ("fraction", "1e-10", True),
    ("fraction", '"NaN"', False),
    ("positive", "0.000000000000000001", True),
    ("positive", "0.0", False),
    ("positive", '"Infinity"', True),
    ("narrow", "-0.1", False),
    ("narrow", "-0.09999", True),
    ("narrow", "0.3", False),
    ("finite", '"Infinity"', False),
    ("finite", "1e+300", True),
    ("oneOf", "0.5", True),
    ("oneOf", "0.25", False),
    ("large", "123.455", False),
    ("large", "123.46", True),
    ("outsideDouble", "10.6", True),
    ("outsideDouble", "-3", False),
    ("yes", "true", True),
    ("yes", "false", False),
    ("known", '"COLOUR_UNSPECIFIED"', False),
    ("few", '"COLOUR_GREEN"', False),
    ("nonzero", "0", False),
    ("nonzeroDouble", "-0.0", False),
    ("maybeZero", "101", True),
    ("maybeZero", "100", False),
]


@pytest.mark.parametrize(("field", "value", "valid"), RULES)
def test_number_rules_are_in_the_grammar(field: str, value: str, valid: bool) -> None:
    """Bounds, lists and constants of numbers, bools and enums decide what the mask allows."""
    filled = {
        "above": "50", "below": '"-9007199254740994"', "in": "3", "const": '"18446744073709551615"',
        "notIn": '"1"', "outside": "500", "positive": "2", "oneOf": "0.5", "large": "200",
        "outsideDouble": "11", "yes": "true", "known": '"COLOUR_RED"', "few": '"COLOUR_RED"', "nonzero": "1",
        "nonzeroDouble": "1",
    }  # fmt: skip
    names = [member.json_name for member in surface_of("NumberRules").contract.tools[0].request.fields]
    filled[field] = value
    text = "{" + ",".join(f'"{name}":{filled[name]}' for name in names if name in filled) + "}"
    assert accepts(everything_matcher("NumberRules"), text) is valid, text


def string_probe(tmp_path: Path, rule: str) -> tuple[CompiledSurface, LLMatcher]:
    body = f"message Request {{ optional string v = 1 [(buf.validate.field).string = {{{rule}}}]; }}"
    surface = get_surface("protojson").compile(contract_from(tmp_path, body))
    return surface, matcher_of(surface.grammar({}))


STRING_RULES = [
    ("len: 3", ["abc", "ü😀\n", '"\\/'], ["ab", "abcd"]),
    ("min_len: 1 max_len: 2", ["a", "😀😀"], ["", "abc"]),
    ("pattern: '^[a-c]+$'", ["abc"], ["abd", ""]),
    ("pattern: 'b.d'", ["xxbcdxx", "b\\d"], ["b\nd", "bd"]),
    ("pattern: '^a|b$'", ["axx", "xxb"], ["xax", "bx"]),
    ("pattern: '^(?i)select\\\\s'", ["SELECT x", "sElEcT\t"], ["selectx"]),
    ("pattern: '^[^\"\\\\\\\\]*$'", ["plain\n"], ['a"', "a\\"]),
    ("pattern: '^\\\\d{2,3}(?:-[[:upper:]])?$'", ["12", "123-A"], ["1", "12-a", "١٢"]),
    ("prefix: 'a' suffix: 'z' contains: '\"'", ['a"z'], ["az", '"a"z']),
    ("not_contains: 'bad'", ["good", "ba d"], ["a bad b"]),
    ("in: 'x' in: 'y y'", ["x", "y y"], ["z", "xx"]),
    ("in: 'x' in: 'yy' not_in: 'x'", ["yy"], ["x"]),
    ("const: '\\n'", ["\n"], ["n"]),
    ("uuid: true", ["01234567-89ab-cdef-0123-456789ABCDEF"], ["01234567-89ab-cdef-0123-456789ABCDEG"]),
    ("email: true", ["a.b+c@example.org"], ["a@", "@b", "a b@c.de"]),
    ("hostname: true", ["example.org", "a-b.c."], ["-a.org", "a..b", "a_b"]),
    ("ipv4: true", ["0.0.0.0", "255.1.2.3"], ["256.1.1.1", "1.2.3"]),
    ("ipv6: true", ["::", "::1", "2001:db8::ff00:42:8329", "1:2:3:4:5:6:7:8"], [":::", "1::2::3", "12345::"]),
]


@pytest.mark.parametrize(("rule", "valid", "invalid"), STRING_RULES)
def test_string_rules_are_in_the_grammar(
    tmp_path: Path, rule: str, valid: list[str], invalid: list[str]
) -> None:
    """Lengths in code points, patterns over escaped text, lists and formats decide what the mask allows."""
    surface, matcher = string_probe(tmp_path, rule)
    tool = surface.contract.tools[0]
    for value in valid:
        text = surface.render(tool, tool.request_class(v=value))
        assert accepts(matcher, text), value
    for value in invalid:
        assert not accepts(matcher, json.dumps({"v": value}, ensure_ascii=False, separators=(",", ":"))), (
            value
        )


REFUSED = [
    ("message Request { google.protobuf.Any any = 1; }", "probe.v1.Request.any", "named types"),
    (
        'message Request { google.protobuf.Any any = 1 [(buf.validate.field).any.in = "x/no.Such"]; }',
        "probe.v1.Request.any",
        "no.Such",
    ),
    (
        'message Request { int32 n = 1 [(narrowgauge.v1.value).values_from = "tables"]; }',
        "probe.v1.Request.n",
        "values_from",
    ),
    (
        "message Request { int32 n = 1 [(buf.validate.field).int32 = {in: 1 gt: 1}]; }",
        "probe.v1.Request.n",
        "no value",
    ),
    (
        "message Request { string s = 1 [(buf.validate.field).string = {min_len: 4 max_len: 3}]; }",
        "probe.v1.Request.s",
        "length",
    ),
    (
        "message Request { string s = 1 [(buf.validate.field).string = {len: 3 pattern: '^..$'}]; }",
        "probe.v1.Request.s",
        "no value",
    ),
    (
        "message Request { Request again = 1 [(buf.validate.field).required = true]; }",
        "probe.v1.Request",
        "recursion",
    ),
    (
        "message Request { string s = 1 [(buf.validate.field).cel = {id: 'x' expression: 'this.nope'}]; }",
        "probe.v1.Request",
        "protovalidate",
    ),
]


@pytest.mark.parametrize(("body", "field", "reason"), REFUSED)
def test_what_cannot_be_expressed_is_refused_when_compiling(
    tmp_path: Path, body: str, field: str, reason: str
) -> None:
    """A field without a constraint, or whose rules contradict each other, names itself and the reason."""
    with pytest.raises(Unsupported) as refused:
        get_surface("protojson").compile(contract_from(tmp_path, body))
    assert field in refused.value.message
    assert reason in refused.value.message


def test_named_types_open_any(tmp_path: Path) -> None:
    """Limits can name the types of an Any whose contract does not."""
    contract = contract_from(tmp_path, "message Request { google.protobuf.Any any = 1; string s = 2; }")
    surface = ProtoJsonSurface(Limits(any_types=("probe.v1.Request",))).compile(contract)
    matcher = matcher_of(surface.grammar({}))
    assert accepts(matcher, '{"any":{"@type":"type.googleapis.com/probe.v1.Request","s":"x"}}')


def test_rules_are_either_claimed_or_left() -> None:
    """Each rule of a contract is in the constraint or in the list of what is checked afterwards."""
    coverage = surface_of("StringRules").coverage
    prefix = "everything.v1.StringRulesRequest."
    assert (prefix + "pattern", "string.pattern") in coverage.claims
    assert (prefix + "uuid", "string.uuid") in coverage.claims
    assert (prefix + "bytes", "string.max_bytes") in coverage.left
    assert (prefix + "cel", "cel") in coverage.left
    assert not coverage.claims & coverage.left.keys()


def test_closed_sets_are_filled_in_at_request_time() -> None:
    """Fields take the catalogue's names, whatever characters they have, and nothing else."""
    matcher = everything_matcher("Sets")
    assert accepts(matcher, r'{"table":"größe \"x\""}')
    assert accepts(matcher, r'{"table":"orders","columns":["b\\c","😀"],"cells":{"ü":"any"}}')
    assert not accepts(matcher, '{"table":"customers"}')
    assert not accepts(matcher, '{"table":"orders","columns":["id","id"]}')
    assert not accepts(matcher, '{"table":"orders","cells":{"name":"x"}}')
    # `short` has at most four characters, which only `ab` has; `rare` has no values at all.
    assert accepts(matcher, '{"table":"orders","short":"ab"}')
    assert not accepts(matcher, '{"table":"orders","short":"orders"}')
    assert not accepts(matcher, '{"table":"orders","rare":"x"}')


def test_a_missing_set_closes_optional_fields_and_refuses_required_ones() -> None:
    """Without its set an optional field cannot be written; a required one makes the request impossible."""
    surface = surface_of("Sets")
    assert surface.closed_sets == {"tables", "columns", "rare"}
    assert accepts(matcher_of(surface.grammar({"tables": ["t"]})), '{"table":"t"}')
    with pytest.raises(FailedPrecondition) as refused:
        surface.grammar({"columns": ["id"]})
    assert "tables" in refused.value.message


def test_a_large_set_is_one_terminal() -> None:
    """Five thousand names give a grammar that the engine takes and that has each of them."""
    names = [f"schema.table_{number:04}_é" for number in range(5000)]
    matcher = matcher_of(surface_of("Sets").grammar({"tables": names}))
    assert accepts(matcher, '{"table":"schema.table_4999_é"}')
    assert not accepts(matcher, '{"table":"schema.table_5000_é"}')


def test_derived_fields_are_never_generated_or_rendered() -> None:
    """A derived field is not in the grammar, and rendering leaves it out."""
    surface = surface_of("Sets")
    assert not accepts(everything_matcher("Sets"), '{"table":"orders","place":3}')
    tool = surface.contract.tools[0]
    assert surface.render(tool, tool.request_class(table="orders", place=3)) == '{"table":"orders"}'


def test_parsing_checks_closed_sets() -> None:
    """Text that no mask guarded, as from another engine, cannot name what does not exist."""
    with pytest.raises(InvalidRequest, match="no_such"):
        surface_of("Sets").parse('{"table":"no_such"}', shop_sets())


def test_a_contract_with_several_tools_begins_with_the_method() -> None:
    """The method is chosen first out of the contract's own; a single tool is not named."""
    surface = ProtoJsonSurface().compile(everything_contract())
    matcher = matcher_of(surface.grammar(shop_sets()))
    assert accepts(matcher, '{"method":"Sets","request":{"table":"orders"}}')
    assert not accepts(matcher, '{"method":"Drop","request":{}}')
    assert not accepts(matcher, '{"method":"Scalars","request":{"table":"orders"}}')
    call = surface.parse('{"method":"Sets","request":{"table":"orders"}}', shop_sets())
    assert call.tool.name == "Sets"
    alone = ProtoJsonSurface().compile(builtin_contract("summary"))
    assert accepts(matcher_of(alone.grammar({})), '{"headline":"Sales grew."}')


def test_repeated_keys_are_refused() -> None:
    """What no grammar sees, a map key written twice, is refused by `parse`."""
    with pytest.raises(InvalidRequest, match="duplicate key"):
        surface_of("Shapes").parse('{"six":1,"nodes":{"a":{},"a":{}}}', {})


def _unwritable(message: Message) -> str:
    surface = surface_of(message.DESCRIPTOR.name.removesuffix("Request"))
    with pytest.raises(InvalidRequest) as refused:
        surface.render(surface.contract.tools[0], message)
    return refused.value.message


def test_values_that_the_grammar_lacks_are_refused_by_render() -> None:
    """Unknown enum numbers, unknown fields and strings beyond the bound are errors, not silent losses."""
    scalars = surface_of("Scalars").contract.tools[0].request_class
    assert "4711" in _unwritable(scalars(colour=4711))
    assert "513" in _unwritable(scalars(string_value="x" * 513))
    assert "lacks" in _unwritable(scalars.FromString(b"\xf8\x3f\x01"))
