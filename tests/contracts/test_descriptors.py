"""Contracts out of files and descriptor sets."""

from __future__ import annotations

from pathlib import Path

import pytest
from surface_cases import PROTOS

from narrowgauge.contracts.descriptors import builtin_descriptor_set, contracts_in, load_protos, pool_of
from narrowgauge.contracts.validate import rule_failures, violations
from narrowgauge.errors import InvalidRequest
from narrowgauge.v1 import options_pb2

SERVICE = """syntax = "proto3";
package {package};
import "narrowgauge/v1/options.proto";
import "google/rpc/status.proto";
service S {{
  option (narrowgauge.v1.specialist) = {{name: "s" description: "d"}};
  rpc Read(M) returns (google.rpc.Status) {{ option idempotency_level = NO_SIDE_EFFECTS; }}
  rpc Write(M) returns (M) {{ option (narrowgauge.v1.tool).examples = "write it"; }}
}}
message M {{ string s = 1; }}
"""


def test_the_carried_contracts_are_self_contained() -> None:
    """The built-in set has every import, is the same every time, and holds the three contracts."""
    first, second = builtin_descriptor_set(), builtin_descriptor_set()
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(deterministic=True)
    assert [contract.specialist for contract in contracts_in(first)] == ["salesforce", "sql", "summary"]


def test_files_are_compiled_without_includes(tmp_path: Path) -> None:
    """Options, google.rpc and the well-known types can be imported from anywhere, by file or folder."""
    (tmp_path / "one.proto").write_text(SERVICE.format(package="one.v1"))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "two.proto").write_text(SERVICE.format(package="two.v1"))
    by_folder = contracts_in(load_protos([tmp_path]))
    assert [contract.service for contract in by_folder] == ["one.v1.S", "two.v1.S"]
    (by_file,) = contracts_in(load_protos([tmp_path / "deep" / "two.proto"]))
    read, write = by_file.tools
    assert read.side_effect == options_pb2.SIDE_EFFECT_READ
    assert write.side_effect == options_pb2.SIDE_EFFECT_WRITE
    assert write.examples == ("write it",)


def test_includes_are_searched(tmp_path: Path) -> None:
    """An import that only an include path holds is found there."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "common.proto").write_text(
        'syntax = "proto3"; package c; message C { int32 n = 1; }'
    )
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.proto").write_text(
        'syntax = "proto3"; package a; import "common.proto"; message A { c.C c = 1; }'
    )
    with pytest.raises(InvalidRequest, match=r"common\.proto"):
        load_protos([tmp_path / "own"])
    found = load_protos([tmp_path / "own"], [tmp_path / "shared"])
    assert {file.name for file in found.file} == {"common.proto", "a.proto"}


def test_mistakes_are_told_in_protoc_s_words(tmp_path: Path) -> None:
    """A syntax error names file and line; a missing path and an empty folder name themselves."""
    (tmp_path / "bad.proto").write_text('syntax = "proto3";\nmessage {')
    with pytest.raises(InvalidRequest, match=r"bad\.proto:2"):
        load_protos([tmp_path])
    with pytest.raises(InvalidRequest, match="nowhere"):
        load_protos([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidRequest, match=r"no \.proto file"):
        load_protos([tmp_path / "empty"])


def test_a_set_in_any_order_makes_a_pool_and_a_hole_is_named() -> None:
    """Server reflection gives files in any order; one that is missing is the caller's error."""
    found = load_protos([PROTOS])
    shuffled = type(found)(file=list(found.file)[::-1])
    assert pool_of(shuffled).FindMessageTypeByName("everything.v1.Small").full_name == "everything.v1.Small"
    found.file.remove(next(file for file in found.file if file.name.endswith("duration.proto")))
    with pytest.raises(InvalidRequest):
        pool_of(found)


def test_violations_name_field_and_rule(tmp_path: Path) -> None:
    """Paths have indices and keys; two pools that define one name differently do not disturb each other."""
    for bound in (3, 2):
        folder = tmp_path / str(bound)
        folder.mkdir()
        (folder / "v.proto").write_text(
            'syntax = "proto3"; package v; import "buf/validate/validate.proto";'
            'import "narrowgauge/v1/options.proto"; message In {'
            f" string s = 1 [(buf.validate.field).string.max_len = {bound}]; }}"
            "message M { repeated In list = 1; map<string, In> pairs = 2; }"
            'service S { option (narrowgauge.v1.specialist) = {name: "v" description: "d"};'
            " rpc Call(M) returns (M); }"
        )
        message = contracts_in(load_protos([folder]))[0].tools[0].request_class()
        message.list.add(s="ok")
        message.list.add(s="long")
        message.pairs["a"].s = "long"
        paths = [path for path, _ in violations(message)]
        assert paths == ["list[1].s", "pairs['a'].s"]
        assert violations(message)[0][1] == f"must be at most {bound} characters"
        assert rule_failures(message) == {("v.In.s", "string.max_len")}
