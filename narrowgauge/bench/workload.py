"""The workload of `bench call` and `bench serve`: one contract, the same requests for every engine.

The contract stands in `contract/orders.proto`. Peers do not read protobuf, so the same language stands here
twice more: as the JSON schema that their users would write, and as a grammar without white space, which is
their compact form of the same text.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from narrowgauge.contracts.bundle import Bundle, compile_bundle
from narrowgauge.contracts.prompts import build_prompt, chat_format
from narrowgauge.contracts.surfaces import SURFACES, get_surface
from narrowgauge.errors import Unsupported

__all__ = [
    "COMPACT",
    "GBNF",
    "JSON_SCHEMA",
    "MAX_TOKENS",
    "SPECIALIST",
    "Call",
    "Workload",
    "order_bundle",
    "order_requests",
    "order_workload",
]

SPECIALIST = "orders"
"""The benchmark's own specialist, served from a bundle of its own by the model without any adapter."""

COMPACT = "compact"
"""Surface that leaves out what the contract implies."""

MAX_TOKENS = 120

_CONTRACT = Path(__file__).parent / "contract"

JSON_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "action": {
            "type": "string",
            "enum": ["ACTION_SEARCH_ORDERS", "ACTION_REFUND_ORDER", "ACTION_TRACK_SHIPMENT"],
        },
        "orderId": {"type": "string", "pattern": "^[0-9]{1,12}$"},
        "carrier": {"type": "string", "enum": ["CARRIER_UPS", "CARRIER_DHL", "CARRIER_FEDEX"]},
        "reason": {"type": "string", "pattern": "^[A-Za-z ]{4,24}$"},
        "notifyCustomer": {"type": "boolean"},
    },
    "required": ["action", "orderId", "carrier", "reason", "notifyCustomer"],
}

GBNF = r"""root ::= "{\"action\":\"ACTION_" action "\",\"orderId\":\"" [0-9]{1,12} rest
rest ::= "\",\"carrier\":\"CARRIER_" carrier "\",\"reason\":\"" [A-Za-z ]{4,24} end
end ::= "\",\"notifyCustomer\":" ("true" | "false") "}"
action ::= "SEARCH_ORDERS" | "REFUND_ORDER" | "TRACK_SHIPMENT"
carrier ::= "UPS" | "DHL" | "FEDEX"
"""

_OPENINGS = (
    "My order {order} never arrived and I would like my money back please, {carrier} lost it again.",
    "Where is the parcel of order {order}? {carrier} has shown the same place for four days now.",
    "Please refund order {order}, the {carrier} driver left it in the rain and the box is soaked.",
    "Can you track order {order} with {carrier} for me and let me know when it comes?",
    "I cannot find order {order} in my account any more, it came with {carrier} last week.",
)
_CARRIERS = ("UPS", "DHL", "FedEx")


@dataclass(frozen=True)
class Call:
    """One constrained call, as an engine is asked for it.

    Attributes:
        prompt: Parts of the prompt; all but the last are shared by every request.
        constraints: By the name of a surface: a grammar of ours in llguidance's dialect (`protojson`,
            `compact`), or a peer's form of the same calls (`json_schema`, `gbnf`).
        surface: Which of them to use.
        max_tokens: Upper bound on tokens written.
        reuse_prefix: Whether what was read of earlier prompts may be used.
        forced_runs: Whether tokens that the constraint forces may be appended in one pass.
        drafts: Whether tokens may be guessed and checked in one pass.
    """

    prompt: tuple[str, ...]
    constraints: Mapping[str, str]
    surface: str
    max_tokens: int = MAX_TOKENS
    reuse_prefix: bool = True
    forced_runs: bool = True
    drafts: bool = True

    @property
    def text(self) -> str:
        """The whole prompt."""
        return "".join(self.prompt)

    @property
    def constraint(self) -> str:
        """The constraint of the surface."""
        return self.constraints[self.surface]

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON-ready form that `of` reads; it carries the chosen constraint alone."""
        return asdict(self) | {"constraints": {self.surface: self.constraint}}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Call:
        """Reads what `to_json` wrote."""
        return cls(**{**values, "prompt": tuple(values["prompt"])})


@dataclass(frozen=True)
class Workload:
    """The requests with everything that an engine needs to answer them.

    Attributes:
        bundle: Serves the contract.
        prompts: For each request its prompt's parts.
        requests: What the prompts ask, as a sub-task's text.
        constraints: See `Call`.
    """

    bundle: Bundle
    prompts: tuple[tuple[str, ...], ...]
    requests: tuple[str, ...]
    constraints: Mapping[str, str] = field(repr=False)

    @property
    def surfaces(self) -> tuple[str, ...]:
        """Surfaces of ours that write this contract."""
        return tuple(name for name in self.constraints if name in SURFACES)

    def call(
        self,
        number: int,
        surface: str,
        *,
        reuse_prefix: bool = True,
        forced_runs: bool = True,
        drafts: bool = True,
    ) -> Call:
        """Returns the call of a request; numbers beyond the last begin again."""
        return Call(
            self.prompts[number % len(self.prompts)],
            self.constraints,
            surface,
            reuse_prefix=reuse_prefix,
            forced_runs=forced_runs,
            drafts=drafts,
        )


def order_requests(count: int, *, seed: int = 0) -> tuple[str, ...]:
    """Returns different requests in a fixed order."""
    rng = random.Random(seed)  # noqa: S311 - a workload, not a secret
    return tuple(
        _OPENINGS[n % len(_OPENINGS)].format(order=rng.randint(10_000, 99_999), carrier=rng.choice(_CARRIERS))
        for n in range(count)
    )


def order_bundle(folder: Path) -> Bundle:
    """Compiles the contract into a folder."""
    return compile_bundle(
        folder, protos=[_CONTRACT / "orders.proto"], specialists=[_CONTRACT], with_router=False
    )


def order_workload(bundle: Bundle, chat: str, *, count: int = 40) -> Workload:
    """Makes the workload for a model.

    Args:
        bundle: What `order_bundle` compiled.
        chat: The model's chat format.
        count: Requests.

    Raises:
        Unsupported: The chat format is unknown.
    """
    contract, config = bundle.contracts[SPECIALIST], bundle.configs[SPECIALIST]
    constraints = {"json_schema": json.dumps(JSON_SCHEMA), "gbnf": GBNF}
    for name in ("protojson", COMPACT):
        if name not in SURFACES:
            continue
        try:
            constraints[name] = get_surface(name).compile(contract).grammar({})
        except Unsupported:
            if name != COMPACT:
                raise
    requests = order_requests(count)
    prompts = tuple(
        build_prompt(chat_format(chat), config.instruction, (), request=request).texts for request in requests
    )
    return Workload(bundle, prompts, requests, constraints)
