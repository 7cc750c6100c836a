"""What a router is compiled from: rules and example requests of contracts, folders and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from narrowgauge.contracts.bundle import Bundle, compile_bundle, example_requests
from narrowgauge.contracts.descriptors import builtin_descriptor_set, contracts_in
from narrowgauge.contracts.route_rules import FORCE, RouteRule
from narrowgauge.contracts.specialist import SpecialistConfig
from narrowgauge.errors import InvalidRequest, NotFound
from narrowgauge.routing import RouterGraph

CALL = {"headline": "Sales rose 3 % in May.", "figures": [{"text": "3 %"}]}
QUERY = {"query": {"select": {"table": "orders", "columns": [{"column": "orders.id"}]}}}
OWN = "[[rule]]\nname = 'minutes'\nforce = 'summary'\nkeywords = ['minutes of']\n"


def folder_of(path: Path, name: str, contract: str, examples: list[dict[str, Any]]) -> Path:
    path.mkdir(parents=True)
    (path / "specialist.toml").write_text(
        f'name = "{name}"\ncontract = "{contract}"\nsurface = "protojson"\ninstruction = "Do it."\n'
        'examples = "examples.jsonl"\n'
    )
    (path / "examples.jsonl").write_text("".join(json.dumps(example) + "\n" for example in examples))
    return path


@pytest.fixture
def summary(tmp_path: Path) -> Path:
    folder = folder_of(
        tmp_path / "summary",
        "summary",
        "narrowgauge.tools.text.v1.TextToolService",
        [{"request": "boil this down", "context": "Sales rose 3 % in May.", "call": CALL}],
    )
    (folder / "rules.toml").write_text(OWN)
    with (folder / "specialist.toml").open("a") as config:
        config.write('rules = "rules.toml"\n')
    return folder


@pytest.fixture
def sql(tmp_path: Path) -> Path:
    return folder_of(
        tmp_path / "sql",
        "sql",
        "narrowgauge.tools.sql.v1.SqlToolService",
        [
            {"request": "which orders are there", "call": QUERY},
            {"request": "sing me a song", "call": {"unanswerable": True}},
        ],
    )


def compiled(out: Path, folders: list[Path], *rules: RouteRule) -> Bundle:
    return compile_bundle(out, specialists=folders, rules=rules)


def test_rules_from_everywhere(tmp_path: Path, summary: Path, sql: Path) -> None:
    """Rules of the folder and of the command are both at work, and both are part of the bundle's hash."""
    ledger = RouteRule("ledger", FORCE, ("sql",), keywords=("ledger",))
    bundle = compiled(tmp_path / "one", [summary, sql], ledger)
    router = RouterGraph.load(bundle.router_path, threads=1)
    assert [step.reason for step in router.plan("the ledger").steps] == ["ledger"]
    assert [step.reason for step in router.plan("the minutes of Monday").steps] == ["minutes"]
    assert compiled(tmp_path / "two", [summary, sql], ledger).hash == bundle.hash
    assert compiled(tmp_path / "three", [summary, sql]).hash != bundle.hash
    assert Bundle.load(bundle.path).configs["summary"].read_rules()[0].name == "minutes"


def test_requests_of_the_folder_fit_routes(sql: Path) -> None:
    """Example requests of a specialist count beside the contract's, but for those that it refuses."""
    contract = next(c for c in contracts_in(builtin_descriptor_set()) if c.specialist == "sql")
    requests = example_requests(SpecialistConfig.read(sql), contract)
    assert requests[:-1] == [example for tool in contract.tools for example in tool.examples]
    assert requests[-1] == "which orders are there"


def test_rules_need_a_router_that_is_compiled(tmp_path: Path, sql: Path) -> None:
    """Rules that would be carried without effect are refused."""
    rule = RouteRule("ledger", FORCE, ("sql",), keywords=("ledger",))
    with pytest.raises(InvalidRequest, match="compiled with them"):
        compile_bundle(tmp_path / "bundle", specialists=[sql], rules=[rule], with_router=False)


def test_conflicts_leave_no_bundle(tmp_path: Path, summary: Path) -> None:
    """A refused rule stops the compiler before anything appears; so does a rules file that is not there."""
    (summary / "rules.toml").write_text(OWN.replace("force = 'summary'", "forbid = 'summary'"))
    with pytest.raises(InvalidRequest, match="forbids every specialist"):
        compiled(tmp_path / "bundle", [summary])
    (summary / "rules.toml").unlink()
    with pytest.raises(NotFound, match=r"rules\.toml"):
        compiled(tmp_path / "bundle", [summary])
    assert not (tmp_path / "bundle").exists()
