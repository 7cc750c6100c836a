"""Counts what specialists answer to a thousand varied requests, and proves each answer valid.

    .venv/bin/python tests/e2e/validity.py                    the embedded model, 1,000 requests
    .venv/bin/python tests/e2e/validity.py --model FOLDER     another prepared model

Everything is real and the processes' own: specialists, the SQL tool on a SQLite file, the Salesforce tool and
the local organisation. Every call is executed, so that a name which does not exist cannot hide.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from varied_requests import SPECIALISTS, varied_requests

from narrowgauge.cli.processes import ProcessSpec, Supervisor
from narrowgauge.contracts.bundle import Bundle, compile_bundle
from narrowgauge.contracts.validate import violations
from narrowgauge.demo.organisation import SEED_DATE, build_organisation
from narrowgauge.demo.warehouse import build_warehouse
from narrowgauge.runtime.channels import open_channel
from narrowgauge.runtime.status import error_from_rpc
from narrowgauge.v1 import catalogue_pb2, catalogue_pb2_grpc, specialist_pb2_grpc
from narrowgauge.v1 import specialist_pb2 as pb

__all__ = ["Tally", "ask_all"]

TOKEN = "token-of-the-validity-run"
DOCUMENT = pb.ContextDocument(
    title="notes",
    text="Acme has 3 unpaid invoices of 18,250.50 EUR, 12,990 EUR and 7 EUR since 2026-01-31.\n"
    'Sales rose by 12.5% in the north and fell in the south; "quotes" and {braces} occur.',
)
TYPED_ERRORS = frozenset(("CALL_TOO_LONG", "NO_VALID_CALL", "PROMPT_TOO_LONG"))
"""A call that did not end, did not come about, or has no room: said instead of a wrong one."""

NAME_ERRORS = (
    *("no such column", "no such table", "no such function", "ambiguous column", "syntax error", "misuse of"),
    *("not authorized", "wrong number of arguments", "do not have the same number of result columns"),
    *("didn't understand relationship", "is not supported", "unexpected token"),
)
"""How SQLite and Salesforce begin to complain of what is not there, or is not their language."""


@dataclass
class Tally:
    """What was answered.

    Attributes:
        outcomes: Numbers of calls, refusals and typed errors by specialist and kind.
        executed: Numbers of the tools' answers to the calls, by specialist and reason.
        complaints: The last words of a tool, by specialist and reason.
        texts: The calls, as the specialists wrote them.
        wrong: Everything that must not be.
        seconds: How long it took.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    executed: Counter[tuple[str, str]] = field(default_factory=Counter)
    complaints: dict[tuple[str, str], str] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def tell(self) -> None:
        """Says on stderr how far it is, every 50 requests."""
        done = sum(self.outcomes.values())
        if done % 50 == 0:
            print(f"{done} answers, {len(self.wrong)} wrong", file=sys.stderr)

    def count(self, kind: str) -> int:
        """Returns how often an outcome occurred, over all specialists."""
        return sum(n for (_, what), n in self.outcomes.items() if what == kind)

    def lines(self) -> list[str]:
        """Returns the tally as lines for people."""
        total = sum(self.outcomes.values())
        return [
            f"{total} requests in {self.seconds:.0f} s: {self.count('call')} calls, {len(self.texts)} of "
            f"them different, {len(self.wrong)} answers wrong",
            *(f"  {name:10} {kind:28} {n}" for (name, kind), n in sorted(self.outcomes.items())),
            "executed",
            *(
                f"  {name:10} {kind:28} {n}  {self.complaints.get((name, kind), '')[:120]}"
                for (name, kind), n in sorted(self.executed.items())
            ),
            *self.wrong[:40],
        ]


async def ask_all(
    folder: Path,
    models: Mapping[str, Path],
    count: int,
    *,
    seed: int = 1,
    parallel: int = 4,
    max_tokens: int = 0,
) -> Tally:
    """Starts everything, asks `count` requests and checks each answer.

    Args:
        folder: An empty folder.
        models: Prepared model of each specialist.
        count: Number of requests over all specialists.
        seed: Of the requests.
        parallel: Requests at once to one specialist.
        max_tokens: Bound on a call's tokens; 0 for the specialist's own.
    """
    bundle = await asyncio.to_thread(compile_bundle, folder / "bundle", with_router=False)
    await asyncio.to_thread(_small_warehouse, folder / "warehouse.db")
    await asyncio.to_thread(build_organisation, folder / "organisation.db")
    tally, began = Tally(), time.monotonic()
    async with Supervisor(folder / "logs") as supervisor:
        specialists, tools = await _started(supervisor, folder, bundle, models)
        asked: dict[str, list[str]] = {name: [] for name in SPECIALISTS}
        for name, text in varied_requests(count, seed):
            asked[name].append(text)
        await asyncio.gather(
            *(
                _Asker(tally, bundle, name, address, tools.get(name, ""), max_tokens).ask(
                    asked[name], parallel
                )
                for name, address in specialists.items()
            )
        )
    tally.seconds = time.monotonic() - began
    return tally


async def _started(
    supervisor: Supervisor, folder: Path, bundle: Bundle, models: Mapping[str, Path]
) -> tuple[dict[str, str], dict[str, str]]:
    """Returns the addresses of the specialists and of the tools, each by the specialist's name."""

    def spec(name: str, module: str, **environment: str) -> ProcessSpec:
        own = {"NARROWGAUGE_LISTEN": "127.0.0.1:0", "OTEL_EXPORTER_OTLP_ENDPOINT": ""}
        return ProcessSpec(name, module, {**own, **environment})

    server = await supervisor.start(
        spec(
            "salesforce-server",
            "tool_svc.salesforce.local_server",
            NARROWGAUGE_ORG_DB=str(folder / "organisation.db"),
            NARROWGAUGE_SALESFORCE_TOKEN=TOKEN,
        )
    )
    sql, salesforce, *children = await supervisor.start_all(
        [
            spec("tool-sql", "tool_svc.sql", NARROWGAUGE_SQL_DSN=f"sqlite:///{folder / 'warehouse.db'}"),
            spec(
                "tool-salesforce",
                "tool_svc.salesforce",
                NARROWGAUGE_SALESFORCE_URL=f"http://{server.address}",
                NARROWGAUGE_SALESFORCE_TOKEN=TOKEN,
                NARROWGAUGE_SALESFORCE_STATE=str(folder / "outcomes.db"),
            ),
            *(
                spec(
                    f"specialist-{name}",
                    "specialist_svc",
                    NARROWGAUGE_BUNDLE=str(bundle.path),
                    NARROWGAUGE_SPECIALIST=name,
                    NARROWGAUGE_MODEL=str(models[name]),
                    NARROWGAUGE_THREADS="1",
                )
                for name in SPECIALISTS
            ),
        ]
    )
    addresses = {name: child.address for name, child in zip(SPECIALISTS, children, strict=True)}
    return addresses, {"sql": sql.address, "salesforce": salesforce.address}


class _Asker:
    """Asks one specialist and lets its tool execute the calls."""

    def __init__(
        self, tally: Tally, bundle: Bundle, name: str, address: str, tool: str, max_tokens: int
    ) -> None:
        self._tally = tally
        self._bundle = bundle
        self._name = name
        self._address = address
        self._tool_address = tool
        self._max_tokens = max_tokens
        self._catalogue = catalogue_pb2.Catalogue()

    async def ask(self, texts: Sequence[str], parallel: int) -> None:
        """Asks all, several at once."""
        waiting = iter(texts)
        async with (
            open_channel(self._address) as channel,
            open_channel(self._tool_address or "127.0.0.1:1") as tool,
        ):
            if self._tool_address:
                answer = await catalogue_pb2_grpc.CatalogueServiceStub(tool).GetCatalogue(
                    catalogue_pb2.GetCatalogueRequest()
                )
                self._catalogue = answer.catalogue
            stub = specialist_pb2_grpc.SpecialistServiceStub(channel)

            async def work() -> None:
                for text in waiting:
                    await self._one(stub, tool, text)
                    self._tally.tell()

            await asyncio.gather(*(work() for _ in range(parallel)))

    async def _one(
        self, stub: specialist_pb2_grpc.SpecialistServiceAsyncStub, tool: grpc.aio.Channel, text: str
    ) -> None:
        start = pb.ExecuteStart(
            bundle_hash=self._bundle.hash,
            text=text,
            context=[DOCUMENT] if self._name == "summary" else [],
            catalogue=self._catalogue,
            today=SEED_DATE.isoformat(),
            max_tokens=self._max_tokens,
        )
        call = stub.Execute()
        try:
            await call.write(pb.ExecuteRequest(start=start))
            answer = await call.read()
            if not isinstance(answer, pb.ExecuteResponse):
                self._wrong(text, f"no answer, and the status {await call.code()}: {await call.details()}")
            elif answer.WhichOneof("payload") == "refusal":
                self._refused(text, answer.refusal)
            else:
                await self._called(tool, text, answer.tool_call)
        except grpc.aio.AioRpcError as error:
            failed = error_from_rpc(error)
            self._tally.outcomes[self._name, failed.reason] += 1
            if failed.reason not in TYPED_ERRORS:
                self._wrong(text, f"{failed.reason}: {failed.message}")
        finally:
            call.cancel()

    def _refused(self, text: str, refusal: pb.Refusal) -> None:
        self._tally.outcomes[self._name, refusal.reason] += 1
        if not refusal.reason or not refusal.message:
            self._wrong(text, "a refusal without a reason")

    async def _called(self, tool: grpc.aio.Channel, text: str, call: pb.ToolCall) -> None:
        self._tally.outcomes[self._name, "call"] += 1
        self._tally.texts.add(call.surface_text)
        known = self._bundle.contracts[self._name].tool(call.method.rpartition(".")[2])
        message = GetMessageClass(known.request)()
        if not call.request.Is(known.request):
            self._wrong(text, f"{call.method} got a {call.request.TypeName()}")
            return
        message.ParseFromString(call.request.value)
        try:
            again = json_format.Parse(
                call.json, GetMessageClass(known.request)(), descriptor_pool=self._bundle.pool
            )
        except json_format.ParseError as error:
            self._wrong(text, f"the call's JSON: {error}")
            return
        if again != message:
            self._wrong(text, f"the call's JSON is another message: {call.json}")
        broken = violations(message)
        if broken:
            self._wrong(text, f"{call.json} breaks {broken}")
        if self._tool_address:
            await self._executed(tool, text, call, message)

    async def _executed(self, tool: grpc.aio.Channel, text: str, call: pb.ToolCall, message: Message) -> None:
        service, _, method = call.method.rpartition(".")
        send = tool.unary_unary(f"/{service}/{method}")
        try:
            await send(message.SerializeToString(), timeout=60)
        except grpc.aio.AioRpcError as error:
            failed = error_from_rpc(error)
            self._tally.executed[self._name, failed.reason] += 1
            self._tally.complaints[self._name, failed.reason] = failed.message
            said = failed.message.lower()
            unknown = any(words in said for words in NAME_ERRORS)
            if unknown or failed.reason in ("INTERNAL", "INVALID_TYPE", "INVALID_CALL"):
                self._wrong(text, f"{call.json}\n    {failed.reason}: {failed.message}")
        else:
            self._tally.executed[self._name, "OK"] += 1

    def _wrong(self, text: str, what: str) -> None:
        self._tally.wrong.append(f"{self._name}: {text[:100]!r}: {what}")


def _small_warehouse(path: Path) -> None:
    """Writes the demo warehouse with a few rows a table: all names, and no join that takes long."""
    build_warehouse(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            connection.execute(f"DELETE FROM {table} WHERE rowid > 12")


def _main() -> int:
    from narrowgauge.models import prepare

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="a prepared model; the embedded one without it")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parallel", type=int, default=4)
    parser.add_argument(
        "--max-tokens", type=int, default=0, help="bound on a call; 0 for the specialist's own"
    )
    options = parser.parse_args()
    home = Path(os.environ.get("NARROWGAUGE_HOME", ".narrowgauge"))
    model = options.model or prepare(None, home / "models")
    with tempfile.TemporaryDirectory() as folder:
        tally = asyncio.run(
            ask_all(
                Path(folder),
                dict.fromkeys(SPECIALISTS, model),
                options.requests,
                seed=options.seed,
                parallel=options.parallel,
                max_tokens=options.max_tokens,
            )
        )
    print("\n".join(tally.lines()))
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(_main())
