"""Rules on routes as people write them: in a contract's options or in a `rules.toml`.

    [[rule]]
    name = "record-id"                  # unique in a bundle; the plan gives it as the reason
    force = "salesforce"                # the step goes there, or
    # forbid = ["sql", "summary"]       # the step never goes to one of these
    patterns = ['case \\d{8}']           # one of these matches,
    keywords = ["open a case"]          # and one of these occurs,
    entities = ["salesforce_id"]        # and all of these occur

A rule needs at least one of the three kinds of condition. Patterns and keywords disregard case, match whole
words, and never match in quotations. What they may say is in `narrowgauge.routing.patterns`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowgauge.errors import InvalidRequest
from narrowgauge.v1 import options_pb2

__all__ = ["FORBID", "FORCE", "RouteRule", "option_rules", "read_rules"]

FORCE = "force"
FORBID = "forbid"

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_RESERVED = ("catalogue", "classifier")  # the reasons of steps that no rule decided
_CONDITIONS = ("patterns", "keywords", "entities")
_EFFECTS = {options_pb2.ROUTE_EFFECT_FORCE: FORCE, options_pb2.ROUTE_EFFECT_FORBID: FORBID}


@dataclass(frozen=True)
class RouteRule:
    """A rule on the words of a step.

    Attributes:
        name: Unique in a bundle.
        effect: `FORCE` or `FORBID`.
        specialists: Whom it is about; exactly one for `FORCE`.
        patterns: Regular expressions, one of which must match; may be empty, like the other conditions.
        keywords: Words or phrases, one of which must occur.
        entities: Names of entities, all of which must occur.
        source: Where it is written, for messages.
    """

    name: str
    effect: str
    specialists: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    source: str = ""

    @property
    def conditions(self) -> tuple[frozenset[str], ...]:
        """Its conditions without their order."""
        return frozenset(self.patterns), frozenset(self.keywords), frozenset(self.entities)

    def values(self) -> dict[str, Any]:
        """Returns the rule as JSON values, without its source: equal rules are equal bytes in a bundle."""
        return {
            "name": self.name,
            "effect": self.effect,
            "specialists": list(self.specialists),
            **{kind: list(getattr(self, kind)) for kind in _CONDITIONS},
        }

    @classmethod
    def of_values(cls, values: Mapping[str, Any]) -> RouteRule:
        """Reads what `values` wrote.

        Raises:
            KeyError, TypeError: It is not of this form.
        """
        return cls(
            name=str(values["name"]),
            effect=str(values["effect"]),
            specialists=tuple(values["specialists"]),
            patterns=tuple(values["patterns"]),
            keywords=tuple(values["keywords"]),
            entities=tuple(values["entities"]),
        )


def read_rules(path: Path, *, own: str = "") -> tuple[RouteRule, ...]:
    """Reads a rules file.

    Args:
        path: The file.
        own: A specialist's name, for the file in its folder: such rules are about that specialist alone.

    Raises:
        InvalidRequest: BAD_RULE: the file is no TOML, or a rule lacks something or has something unknown.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest("BAD_RULE", f"{path}: {error}") from error
    listed = values.get("rule")
    if values.keys() != {"rule"} or not isinstance(listed, list):
        raise InvalidRequest("BAD_RULE", f"{path}: a rules file holds [[rule]] tables and nothing else")
    rules = []
    for number, entry in enumerate(listed, start=1):
        source = f"{path}: rule {number}"
        if not isinstance(entry, dict):
            raise InvalidRequest("BAD_RULE", f"{source} is no table")
        rule = _of_table(entry, source)
        if own and rule.specialists != (own,):
            raise InvalidRequest(
                "BAD_RULE",
                f"{source} ({rule.name}): rules in a specialist's folder are about that specialist ({own}) "
                "alone; give rules about others to `narrowgauge compile --rules FILE`",
            )
        rules.append(rule)
    return tuple(rules)


def option_rules(options: options_pb2.SpecialistOptions, service: str) -> tuple[RouteRule, ...]:
    """Reads the rules of a contract's options.

    Args:
        options: The service's option `(narrowgauge.v1.specialist)`.
        service: Full name of the service, for messages.

    Raises:
        InvalidRequest: BAD_RULE: a rule lacks something.
    """
    rules = []
    for number, rule in enumerate(options.rules, start=1):
        source = f"{service}: rule {number}"
        if rule.effect not in _EFFECTS:
            raise InvalidRequest("BAD_RULE", f"{source} ({rule.name}) has no effect: force or forbid")
        rules.append(
            _checked(
                RouteRule(
                    rule.name,
                    _EFFECTS[rule.effect],
                    (options.name,),
                    tuple(rule.patterns),
                    tuple(rule.keywords),
                    tuple(rule.entities),
                    source,
                )
            )
        )
    return tuple(rules)


def _of_table(entry: Mapping[str, Any], source: str) -> RouteRule:
    unknown = sorted(entry.keys() - {"name", FORCE, FORBID, *_CONDITIONS})
    if unknown:
        raise InvalidRequest("BAD_RULE", f"{source}: {', '.join(unknown)} is unknown")
    if (FORCE in entry) == (FORBID in entry):
        raise InvalidRequest("BAD_RULE", f"{source} needs one of force and forbid")
    effect = FORCE if FORCE in entry else FORBID
    named = entry[effect]
    # Forcing to two specialists says nothing; forbidding one is usual enough not to ask for a list.
    specialists = [named] if isinstance(named, str) else named if effect == FORBID else None
    if not _texts(specialists) or not specialists:
        what = "the name of one specialist" if effect == FORCE else "names of specialists"
        raise InvalidRequest("BAD_RULE", f"{source}: {effect} must be {what}")
    for kind in _CONDITIONS:
        if not _texts(entry.get(kind, [])):
            raise InvalidRequest("BAD_RULE", f"{source}: {kind} must be a list of texts")
    return _checked(
        RouteRule(
            str(entry.get("name", "")),
            effect,
            tuple(sorted(set(specialists))),
            patterns=tuple(entry.get("patterns", [])),
            keywords=tuple(entry.get("keywords", [])),
            entities=tuple(entry.get("entities", [])),
            source=source,
        )
    )


def _texts(value: object) -> bool:
    return (
        isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(x, str) for x in value)
    )


def _checked(rule: RouteRule) -> RouteRule:
    if not _NAME.fullmatch(rule.name) or rule.name in _RESERVED:
        raise InvalidRequest(
            "BAD_RULE",
            f"{rule.source}: the name {rule.name!r} must be lower case, digits and hyphens, and not "
            f"{' or '.join(_RESERVED)}",
        )
    if not any(rule.conditions):
        raise InvalidRequest(
            "BAD_RULE",
            f"{rule.source} ({rule.name}) has no condition and would match every step; give it patterns, "
            "keywords or entities",
        )
    return rule
