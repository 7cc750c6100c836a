"""Rules on routes at work: what of a step they match, and which specialists they leave to the classifier."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from narrowgauge.contracts.route_rules import FORBID, FORCE, RouteRule
from narrowgauge.errors import InvalidRequest
from narrowgauge.routing.automaton import Automaton
from narrowgauge.routing.entities import ENTITIES
from narrowgauge.routing.patterns import Positions, keyword_pattern, read_pattern
from narrowgauge.routing.segmentation import quoted_regions, whole_span

__all__ = ["Overruled", "RuleMatch", "RuleSet", "allowed_by", "checked_rules"]

_MAX_POSITIONS = 8_000
"""Positions of all rules together; a character costs at most a walk over them."""

Span = tuple[int, int]


@dataclass(frozen=True)
class RuleMatch:
    """A rule that matches a step.

    Attributes:
        rule: The rule.
        spans: What of the text met each of its conditions.
    """

    rule: RouteRule
    spans: tuple[Span, ...]


class RuleSet:
    """Rules ready to be matched; all of them take one pass over a step. Safe to share between threads.

    Args:
        rules: The rules.

    Raises:
        InvalidRequest: BAD_PATTERN, BAD_RULE: a pattern or an entity cannot be used; names the rule.
    """

    def __init__(self, rules: Sequence[RouteRule]) -> None:
        self.rules = tuple(rules)
        patterns: list[Positions] = []
        numbers: dict[str, int] = {}

        def number_of(pattern: str) -> int:
            if pattern not in numbers:
                numbers[pattern] = len(patterns)
                patterns.append(read_pattern(pattern))
            return numbers[pattern]

        # Of each rule a list of conditions, each a list of pattern numbers of which one must match.
        self._conditions: list[list[list[int]]] = []
        for rule in self.rules:
            alternatives = [rule.patterns, tuple(map(keyword_pattern, rule.keywords))]
            try:
                alternatives += [ENTITIES[entity] for entity in rule.entities]
                self._conditions.append([[number_of(p) for p in any_of] for any_of in alternatives if any_of])
            except KeyError as error:
                raise InvalidRequest(
                    "BAD_RULE",
                    f"rule {rule.name}: there is no entity {error.args[0]!r}, but {', '.join(ENTITIES)}",
                ) from error
            except InvalidRequest as error:
                raise InvalidRequest(error.reason, f"rule {rule.name}: {error.message}") from error
        size = sum(len(pattern.sets) for pattern in patterns)
        if size > _MAX_POSITIONS:
            raise InvalidRequest(
                "BAD_RULE",
                f"the rules have {size} positions together, at most {_MAX_POSITIONS} are matched; shorten "
                "keywords and the counts of repetitions",
            )
        self._automaton = Automaton(patterns)

    def matches(self, text: str, span: Span, quotes: Sequence[Span]) -> list[RuleMatch]:
        """Returns the rules that match a step, in the order of the rules.

        Args:
            text: The request.
            span: The step.
            quotes: Ranges of quotations in it: what they say never counts, or a document could route itself.
        """
        if not self.rules:
            return []
        found = self._automaton.find(text, _unquoted(span, quotes))
        if not found:
            return []
        matches = []
        for rule, conditions in zip(self.rules, self._conditions, strict=True):
            met = [next((found[k] for k in any_of if k in found), None) for any_of in conditions]
            spans = [where for where in met if where is not None]
            if len(spans) == len(conditions):
                matches.append(RuleMatch(rule, tuple(sorted(set(spans)))))
        return matches

    def matches_alone(self, text: str) -> list[RuleMatch]:
        """Returns the rules that match a text which is one step."""
        return self.matches(text, whole_span(text), quoted_regions(text))


def allowed_by(matches: Sequence[RuleMatch], names: Sequence[str]) -> list[str]:
    """Returns the specialists among which the classifier may choose.

    What is forbidden stays so, whatever else is forced; what is forced leaves no others; where several are
    forced the classifier chooses among them.
    """
    forbidden = {name for match in matches if match.rule.effect == FORBID for name in match.rule.specialists}
    forced = {name for match in matches if match.rule.effect == FORCE for name in match.rule.specialists}
    left = [name for name in names if name not in forbidden]
    return [name for name in left if name in forced] or left


@dataclass(frozen=True)
class Overruled:
    """An example that rules send elsewhere than its specialist: allowed, and worth to be told.

    Attributes:
        rule: Name of the rule.
        specialist: Whose example it is.
        example: The example.
    """

    rule: str
    specialist: str
    example: str


def checked_rules(
    rules: Sequence[RouteRule], specialists: Collection[str], examples: Mapping[str, Sequence[str]]
) -> list[Overruled]:
    """Checks rules against each other, the specialists and their examples.

    Args:
        rules: All rules of a bundle.
        specialists: Names of its specialists.
        examples: Example requests by specialist.

    Returns:
        Examples that a rule keeps from their own specialist.

    Raises:
        InvalidRequest: DUPLICATE_RULE, UNKNOWN_SPECIALIST, BAD_PATTERN, BAD_RULE; RULE_FORBIDS_ALL: a rule
            leaves no specialist; RULE_CONFLICT: two rules have the same conditions or match the same example,
            and say different things.
    """
    by_name: dict[str, RouteRule] = {}
    for rule in rules:
        if rule.name in by_name:
            raise InvalidRequest(
                "DUPLICATE_RULE",
                f"two rules have the name {rule.name}: {by_name[rule.name].source} and {rule.source}",
            )
        by_name[rule.name] = rule
        unknown = sorted(set(rule.specialists) - set(specialists))
        if unknown:
            raise InvalidRequest(
                "UNKNOWN_SPECIALIST",
                f"rule {rule.name} names {', '.join(unknown)}; the specialists are "
                f"{', '.join(sorted(specialists))}",
            )
        if rule.effect == FORBID and set(rule.specialists) == set(specialists):
            raise InvalidRequest(
                "RULE_FORBIDS_ALL",
                f"rule {rule.name} forbids every specialist, so nobody could serve a step that it matches",
            )
    for one, other in combinations(rules, 2):
        if one.conditions == other.conditions and _contradict(one, other):
            raise InvalidRequest(
                "RULE_CONFLICT",
                f"rules {one.name} and {other.name} have the same conditions and say different things: "
                f"{_what(one)}, {_what(other)}",
            )
    ready = RuleSet(rules)
    overruled = []
    for specialist, texts in sorted(examples.items()):
        for text in texts:
            matches = ready.matches_alone(text)
            for one, other in combinations([match.rule for match in matches], 2):
                if _contradict(one, other):
                    raise InvalidRequest(
                        "RULE_CONFLICT",
                        f"rules {one.name} and {other.name} both match {text!r}, an example of {specialist}, "
                        f"and say different things: {_what(one)}, {_what(other)}",
                    )
            overruled += [
                Overruled(match.rule.name, specialist, text)
                for match in matches
                if (specialist in match.rule.specialists) != (match.rule.effect == FORCE)
            ]
    return overruled


def _contradict(one: RouteRule, other: RouteRule) -> bool:
    """Tells whether no route satisfies both rules."""
    match one.effect, other.effect:
        case ("force", "force"):
            return one.specialists != other.specialists
        case ("force", "forbid"):
            return one.specialists[0] in other.specialists
        case ("forbid", "force"):
            return other.specialists[0] in one.specialists
    return False


def _what(rule: RouteRule) -> str:
    return f"{rule.name} {'forces' if rule.effect == FORCE else 'forbids'} {', '.join(rule.specialists)}"


def _unquoted(span: Span, quotes: Sequence[Span]) -> list[Span]:
    pieces = []
    at, end = span
    for low, high in quotes:
        if high <= at or low >= end:
            continue
        if low > at:
            pieces.append((at, low))
        at = high
    if at < end:
        pieces.append((at, end))
    return pieces
