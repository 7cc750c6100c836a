"""Grammars and requests that the engine's tests share."""

from __future__ import annotations

import json
import re

from specialist_svc.engine.backend import DecodeRequest

CALL_GRAMMAR = r"""
start: "{\"tool\":\"" tool "\",\"orderId\":\"" /[0-9]{1,12}/ "\",\"carrier\":\"CARRIER_" carrier rest
rest: "\",\"reason\":\"" /[^"\\\x00-\x1f\x7f]{4,24}/ "\",\"tags\":[" tags "],\"notify\":" notify "}"
tags: (tag ("," tag)*)?
tool: "search_orders" | "refund_order" | "track_shipment"
carrier: "UPS" | "DHL" | "FEDEX"
tag: "\"" ("late" | "lost" | "broken") "\""
notify: "true" | "false"
"""
SYSTEM = "<|im_start|>system\nYou route customer requests to one tool call.<|im_end|>\n<|im_start|>user\n"
_TAIL = "<|im_end|>\n<|im_start|>assistant\n"


def request(text: str, **options: object) -> DecodeRequest:
    """A request for one call of `CALL_GRAMMAR`."""
    values: dict[str, object] = {"max_tokens": 120, "shared_parts": 1} | options
    return DecodeRequest((SYSTEM, text + _TAIL), CALL_GRAMMAR, **values)  # type: ignore[arg-type]


def texts(count: int) -> list[str]:
    """Different requests of different length."""
    return [
        f"Order {90341 + 7 * n} {'never ' * (n % 5)}arrived, {'it was lost ' * (n % 3)}please help."
        for n in range(count)
    ]


def check_call(text: str) -> None:
    """Asserts that a text is of the grammar."""
    value = json.loads(text)
    assert list(value) == ["tool", "orderId", "carrier", "reason", "tags", "notify"]
    assert re.fullmatch("[0-9]{1,12}", value["orderId"])
    assert 4 <= len(value["reason"]) <= 24
    assert set(value["tags"]) <= {"late", "lost", "broken"}
