"""The chains that come with Narrowgauge can be done: their gold calls leave just the rows asked for."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
from gold_chain import GoldChain, served_operations

from narrowgauge.demo.organisation import build_organisation
from narrowgauge.demo.warehouse import build_warehouse
from narrowgauge.evaluation.chain_checks import checks_of, problems_in, restore
from narrowgauge.evaluation.records import Record, read_records
from narrowgauge.routing.evaluate import gold_steps

DATA = Path(str(files("narrowgauge.evaluation") / "data"))
SHORT = read_records(DATA / "chain_demo.jsonl")
LONG = read_records(DATA / "chain_ten_steps.jsonl")
WRITES = frozenset({"create", "update", "upsert", "delete"})


def writes(record: Record) -> bool:
    """Whether some gold call changes a record."""
    return any(call and call.get("operation") in WRITES for call in record["gold_calls"])


@dataclass(frozen=True)
class Demo:
    """The seeded files, the organisation that is used, and what makes gold calls on it.

    The warehouse is opened read-only, so that nothing can change there.
    """

    seeds: dict[str, Path]
    used: Path
    gold: GoldChain


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo systems, served once for all records."""
    folder = tmp_path_factory.mktemp("demo")
    seeds = {"warehouse": folder / "warehouse.db", "crm": folder / "seed.db"}
    build_warehouse(seeds["warehouse"])
    build_organisation(seeds["crm"])
    used = Path(shutil.copy(seeds["crm"], folder / "used.db"))
    with served_operations(used) as operations:
        yield Demo(seeds, used, GoldChain(operations, seeds["warehouse"]))


@pytest.mark.parametrize("record", [*SHORT, *LONG], ids=lambda record: record["id"])
def test_gold_calls_do_what_the_checks_want(record: Record, demo: Demo) -> None:
    """No check of a chain that writes holds before; after its gold calls all do, and no other row changed."""
    restore(demo.used, demo.seeds["crm"])
    checks = checks_of(record)
    for check in checks:
        with closing(sqlite3.connect(demo.seeds[check.db])) as seed:
            assert check.holds(seed) != writes(record), check.sql
    runs = demo.gold.run(record)
    changeable = [check for check in checks if check.db == "crm"]
    assert problems_in(changeable, demo.seeds, {"crm": demo.used}) == []
    if record in LONG:
        assert 9 <= sum(runs) <= 12


@pytest.mark.parametrize("record", [*SHORT, *LONG], ids=lambda record: record["id"])
def test_steps_follow_the_conventions(record: Record) -> None:
    """Spans stand in text order and are trimmed; each step has a gold call of its kind."""
    steps = gold_steps(record)
    assert len(record["gold_calls"]) == len(steps)
    ends = [0, *(step.span[1] for step in steps)]
    for index, (step, call) in enumerate(zip(steps, record["gold_calls"], strict=True)):
        part = record["request"][slice(*step.span)]
        assert part == part.strip(" .,;:?!\n") != ""
        assert step.span[0] >= ends[index]
        kind = "sql" if call and "sql" in call else "salesforce" if call else None
        assert step.specialist in ((kind,) if kind else ("summary", "none"))
        assert all(other != index and 0 <= other < len(steps) for other, _ in step.depends_on)


def test_long_chains_are_many_and_varied() -> None:
    """At least fifty run about ten steps; at least ten of them say each step, the others go over rows."""
    assert len({record["id"] for record in [*SHORT, *LONG]}) == len(SHORT) + len(LONG)
    assert len(SHORT) >= 20
    assert len(LONG) >= 50
    fan_outs = [any(k == "for_each" for step in gold_steps(r) for _, k in step.depends_on) for r in LONG]
    assert sum(fan_outs) >= 30
    assert len(LONG) - sum(fan_outs) >= 10
