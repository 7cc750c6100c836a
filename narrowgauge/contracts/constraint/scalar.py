"""What the grammar of one scalar value is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from narrowgauge.contracts.constraint.lark import literal
from narrowgauge.contracts.constraint.strings import StringRule

__all__ = ["Scalar", "Unsatisfiable", "known_rules", "listed_values", "scalar_of"]


class Unsatisfiable(Exception):
    """No value satisfies the rules; the message says why."""


@dataclass
class Scalar:
    """The grammar of one scalar value.

    Attributes:
        body: Lark expression of the value's JSON text, fit for a terminal.
        choices: All JSON texts, when they are few; None otherwise.
        claims: Names of the rules that the constraint guarantees.
        left: Rules that are left to protovalidate, with the reason.
        may_be_empty: Whether `body` intersects expressions and so may match nothing.
        rule: What a string was made from, for a surface that spells it otherwise; None for other values.
        also: JSON text that is allowed beside what `rule` allows; None for none.
        word: Whether every text is one word once its quotes are gone: not empty, without white space, commas
            and brackets.
    """

    body: str
    choices: tuple[str, ...] | None = None
    claims: set[str] = field(default_factory=set)
    left: dict[str, str] = field(default_factory=dict)
    may_be_empty: bool = False
    rule: StringRule | None = None
    also: str | None = None
    word: bool = False


def scalar_of(
    texts: list[str],
    claims: set[str],
    left: dict[str, str] | None = None,
    *,
    rule: StringRule | None = None,
    word: bool = False,
) -> Scalar:
    """Returns the grammar of listed JSON texts.

    Raises:
        Unsatisfiable: There are none.
    """
    if not texts:
        raise Unsatisfiable("no value satisfies its rules")
    body = " | ".join(map(literal, texts))
    return Scalar(body, tuple(texts), claims, left or {}, rule=rule, word=word)


def listed_values(rules: Any) -> list[Any] | None:
    """Returns the values that `const` and `in` leave; None where neither is set."""
    listed = [rules.const] if rules.HasField("const") else None
    within = list(dict.fromkeys(getattr(rules, "in")))
    if not within:
        return listed
    return within if listed is None else [value for value in listed if value in within]


def known_rules(rules: Any, names: set[str]) -> tuple[set[str], dict[str, str]]:
    """Returns the rules that are set: those among `names`, and the others with the reason why."""
    present = {descriptor.name for descriptor, _ in rules.ListFields()} - {"example"}
    return present & names, {name: "has no expression in the constraint" for name in present - names}
