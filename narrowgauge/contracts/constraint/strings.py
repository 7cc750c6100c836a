"""String rules: their grammar over JSON-escaped text, and the same test on a raw value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from narrowgauge.contracts.constraint.code_points import ALL, subtract
from narrowgauge.contracts.constraint.lark import CodePoints, class_of, regex_escape
from narrowgauge.contracts.constraint.limits import Limits
from narrowgauge.contracts.constraint.numbers import integer_range
from narrowgauge.contracts.constraint.re2 import Pattern
from narrowgauge.contracts.constraint.re2_syntax import Inexpressible

__all__ = ["JSON_CHAR", "StringRule", "json_spelling", "json_text", "string_rule"]

_ESCAPED: CodePoints = ((0, 0x1F), (0x22, 0x22), (0x5C, 0x5C))


def json_text(value: str) -> str:
    """Returns the canonical JSON string: everything raw but quotes, backslashes and control characters."""
    return json.dumps(value, ensure_ascii=False)


def json_spelling(ranges: CodePoints) -> str:
    """Returns an expression for the JSON text of one character out of `ranges`."""
    parts = []
    raw = subtract(ranges, _ESCAPED)
    if raw:
        parts.append(class_of(raw))
    special = subtract(ranges, subtract(ALL, _ESCAPED))
    parts += [
        regex_escape(json_text(chr(point))[1:-1]) for low, high in special for point in range(low, high + 1)
    ]
    return parts[0] if len(parts) == 1 else "(?:" + "|".join(parts) + ")"


JSON_CHAR = r"(?:[^\x{22}\x{5c}\x{0}-\x{1f}]|\x{5c}(?:[\x{22}\x{5c}bfnrt]|u00(?:0[0-7be-f]|1[0-9a-f])))"
"""The JSON text of any character."""


def _spelled(ranges: CodePoints) -> str:
    return JSON_CHAR if ranges == ALL else json_spelling(ranges)


def _python_spelling(ranges: CodePoints) -> str:
    return "[" + "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges) + "]"


_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOST = f"(?:{_LABEL}\\.)*[a-zA-Z](?:[a-zA-Z0-9-]{{0,61}}[a-zA-Z0-9])?"
_OCTET = integer_range(0, 255)
_IPV4 = f"{_OCTET}(?:\\.{_OCTET}){{3}}"
_HEX = "[0-9a-fA-F]{1,4}"
_IPV6 = (
    "(?:"
    + "|".join(
        [f"(?:{_HEX}:){{7}}{_HEX}", f"(?:{_HEX}:){{1,7}}:", f":(?::{_HEX}){{1,7}}", "::"]
        + [f"(?:{_HEX}:){{1,{7 - tail}}}(?::{_HEX}){{1,{tail}}}" for tail in range(1, 7)]
    )
    + ")"
)
_PORT = integer_range(0, 65535)
_NAME = "[A-Za-z_][A-Za-z0-9_]*"

# What these accept is a part of what protovalidate accepts: rarer forms (an IPv6 zone, a host whose last
# label begins with a digit) stay outside of the constraint.
FORMATS = {
    "email": "[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@" + f"{_LABEL}(?:\\.{_LABEL})*",
    "hostname": f"{_HOST}\\.?",
    "ip": f"{_IPV4}|{_IPV6}",
    "ipv4": _IPV4,
    "ipv6": _IPV6,
    "address": f"{_HOST}\\.?|{_IPV4}|{_IPV6}",
    "uuid": "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "tuuid": "[0-9a-fA-F]{32}",
    "ulid": "[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}",
    "ipv4_with_prefixlen": f"{_IPV4}/{integer_range(0, 32)}",
    "ipv6_with_prefixlen": f"{_IPV6}/{integer_range(0, 128)}",
    "ip_with_prefixlen": f"{_IPV4}/{integer_range(0, 32)}|{_IPV6}/{integer_range(0, 128)}",
    "host_and_port": f"(?:{_HOST}|{_IPV4}|\\[{_IPV6}\\]):{_PORT}",
    "protobuf_fqn": f"{_NAME}(?:\\.{_NAME})*",
    "protobuf_dot_fqn": f"(?:\\.{_NAME})+",
}
"""Formats that a regular expression says."""

_HOST_CHARS = {"hostname": 253, "address": 253, "host_and_port": 255}


@dataclass
class StringRule:
    """The constraint on one string.

    Attributes:
        low: Fewest code points.
        high: Most code points.
        patterns: What each has to match.
        excluded: Values that are not allowed.
        absent: Substrings that are not allowed.
        values: The only values allowed; None for no such list.
        claims: Names of the rules that the constraint guarantees.
        left: Rules that are left to protovalidate, with the reason.
    """

    low: int
    high: int
    patterns: list[Pattern] = field(default_factory=list)
    excluded: set[str] = field(default_factory=set)
    absent: list[str] = field(default_factory=list)
    values: list[str] | None = None
    claims: set[str] = field(default_factory=set)
    left: dict[str, str] = field(default_factory=dict)

    def admits(self, value: str) -> bool:
        """Says whether the constraint has `value`."""
        return (
            self.low <= len(value) <= self.high
            and value not in self.excluded
            and not any(part in value for part in self.absent)
            and (self.values is None or value in self.values)
            and all(re.fullmatch(expression, value) for expression in self._python())
        )

    def allowed(self, values: Iterable[str]) -> list[str]:
        """Returns the values that the constraint has, each once, in their order."""
        return [value for value in dict.fromkeys(values) if self.admits(value)]

    def inner(self) -> tuple[str, bool]:
        """Returns a Lark expression for the text between the quotes, and whether it may match nothing."""
        parts = [f"/{JSON_CHAR}{{{self.low},{self.high}}}/"]
        parts += [f"/{pattern.whole(_spelled)}/" for pattern in self.patterns]
        if self.excluded:
            texts = (regex_escape(json_text(value)[1:-1]) for value in sorted(self.excluded))
            parts.append(f"~/(?:{'|'.join(texts)})/")
        parts += [
            f"~/(?:{JSON_CHAR})*{regex_escape(json_text(part)[1:-1])}(?:{JSON_CHAR})*/"
            for part in self.absent
        ]
        return (parts[0] if len(parts) == 1 else "(" + " & ".join(parts) + ")"), len(parts) > 1

    def _python(self) -> list[re.Pattern[str]]:
        if not hasattr(self, "_compiled"):
            self._compiled = [re.compile(pattern.whole(_python_spelling)) for pattern in self.patterns]
        return self._compiled


def string_rule(rules: Any, limits: Limits) -> StringRule:
    """Reads `buf.validate.StringRules`.

    Args:
        rules: The rules; an empty message for none.
        limits: Bounds where the rules set none.
    """
    low, high = 0, None
    rule = StringRule(0, 0)
    for name, value in ((descriptor.name, value) for descriptor, value in rules.ListFields()):
        if name in ("strict", "example"):
            continue
        rule.claims.add(name)
        match name:
            case "len":
                low, high = max(low, value), value if high is None else min(high, value)
            case "min_len":
                low = max(low, value)
            case "max_len":
                high = value if high is None else min(high, value)
            case "const":
                rule.values = [value] if rule.values is None else [v for v in rule.values if v == value]
            case "in":
                listed = list(dict.fromkeys(value))
                rule.values = listed if rule.values is None else [v for v in rule.values if v in listed]
            case "not_in":
                rule.excluded.update(value)
            case "not_contains":
                rule.absent.append(value)
            case "prefix" | "suffix" | "contains" | "pattern":
                _add_pattern(rule, name, _PLACES[name](value))
            case _ if name in FORMATS:
                if value:
                    _add_pattern(rule, name, f"^(?:{FORMATS[name]})$")
                    high = min(high or _HOST_CHARS.get(name, limits.string_chars), limits.string_chars)
            case "min_bytes" | "len_bytes" | "max_bytes":
                # Necessary, not sufficient: a code point has one to four bytes.
                if name != "max_bytes":
                    low = max(low, -(-value // 4))
                if name != "min_bytes":
                    high = value if high is None else min(high, value)
                _leave(rule, name, "counts bytes")
            case _:
                _leave(rule, name, "has no regular expression")
    rule.low, rule.high = low, max(low, limits.string_chars) if high is None else high
    return rule


_PLACES: dict[str, Callable[[str], str]] = {
    "prefix": lambda value: "^" + re2_quote(value),
    "suffix": lambda value: re2_quote(value) + "$",
    "contains": lambda value: re2_quote(value),
    "pattern": lambda value: value,
}


def re2_quote(text: str) -> str:
    """Returns an RE2 pattern that matches exactly `text`."""
    return "".join(f"\\x{{{ord(char):x}}}" for char in text)


def _add_pattern(rule: StringRule, name: str, pattern: str) -> None:
    try:
        parsed = Pattern(pattern)
        parsed.whole(_spelled)
    except Inexpressible as reason:
        _leave(rule, name, str(reason))
    else:
        rule.patterns.append(parsed)


def _leave(rule: StringRule, name: str, reason: str) -> None:
    rule.claims.discard(name)
    rule.left[name] = reason
