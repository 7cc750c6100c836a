"""Words of a request that say in which system it is meant: `in Salesforce`, `from our CRM`.

Whoever answers already knows. To a small model such a name is one like others, and the cases `in Salesforce`
become those of an account of that name; so the request is put to it without these words. A name that is a
value stays: one in quotation marks, of a record (`called Salesforce`, `for Salesforce`, `at Salesforce`), in
a longer name (`Salesforce Tower`, `salesforce.com`), or in what a record is about.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache

from narrowgauge.contracts.grounded_values import ReadsOpenValues

__all__ = ["request_shown", "without_places"]

_DETERMINER = r"(?:(?:the|our|my|your|their|this) )?"
# What stands behind the name of a system and is the system all the same.
_SYSTEM = r"orgs?|organi[sz]ation|instance|system|database|environment|sandbox|tenant|platform|data"
# Behind the name they make it the name of one of them.
_OF_ONE = (
    r"accounts?|compan(?:y|ies)|customers?|clients?|deals?|opportunit(?:y|ies)|leads?|contacts?|campaigns?|cases?|"
    r"tickets?|contracts?|orders?|quotes?|renewals?|projects?|teams?|groups?|offices?|towers?|buildings?|charts?|"
    r"events?|tasks?|meetings?|calls?|products?|licen[cs]es?|subscriptions?|assets?|partners?|vendors?|suppliers?|"
    r"prospects?|migrations?|integrations?|rollouts?|trainings?|admins?|administrators?|consultants?|developers?|"
    r"upgrades?|implementations?|users?|records?"
)
_SEVERAL = (
    "accounts|contacts|leads|opportunities|cases|tickets|tasks|events|campaigns|contracts|orders|products|assets|"
    "users|records|objects|customers"
)
_ONE = "account|contact|lead|opportunity|case|ticket|task|event|campaign|contract|order|record|user"
# Behind the name: nothing that makes it longer, and no name of its own.
_WHOLE = r"(?![\w@-]|['’]\w|\.\w| [A-Z])"
_ANYWHERE = "in|into|on|onto|within|inside|across|from|out of|via|using|to"
_QUOTED = r"\"[^\"]*\"|“[^“”]*”|'[^']+'(?!\w)"
_PUNCTUATION = ",.;!?"
# How many characters before a name are looked at: a clause has hardly more.
_REACH = 160

# Behind these words the rest of a clause is what a record is called or about.
_INTRODUCING = re.compile(
    r":|\b(?:about|regarding|concerning|called|named|titled|entitled|labell?ed|saying|says|reads?|reading"
    r"|contain(?:s|ing)?|mention(?:s|ing)?"
    r"|with (?:the |a )?(?:subject|title|name|description|comment|note|word)"
    r"|(?:task|to-?do|reminder|remind|note|event|meeting|appointment)\b.{0,60}? to(?= [a-z]))\b",
    re.IGNORECASE,
)
_ADDING = re.compile(
    r"\b(?:add|log|save|upload|import|push|sync|enter|post|put|insert|copy)\b", re.IGNORECASE
)
# Who is from somewhere is from a company; so is a name that stands beside another one.
_SOMEBODY = re.compile(
    r"(?:\b[A-Z]\S*|\b(?i:people|persons?|someone|somebody|anyone|anybody|employees|staff|colleagues?))$"
)
_NEW_PERSON = re.compile(r"\b(?:new|create|add|enter|register|set up)\b.*\b(?:lead|contact)\b", re.IGNORECASE)
_BESIDE = re.compile(r"\b[A-Z]\S*,? (?:and|or) $")
_LEFT_AT_START = re.compile(r"^[\s,;:–-]+")


def request_shown(request: str, surface: object) -> str:
    """Returns a request as its prompt has it, when a specialist is served and when one is trained.

    Args:
        request: A sub-task.
        surface: The specialist's compiled surface; one without free values leaves the request as it is.
    """
    return without_places(request, surface.place_words) if isinstance(surface, ReadsOpenValues) else request


def without_places(request: str, names: Collection[str]) -> str:
    """Returns a request without the words that only say in which system it is meant.

    Args:
        request: A sub-task.
        names: What people call the system, in lower case; none leaves the request as it is.
    """
    if not names:
        return request
    told = _pattern(frozenset(names)).sub(_told, request)
    if told == request:
        return request
    told = _LEFT_AT_START.sub("", told).rstrip()
    return told if re.search(r"\w", told) else request


@cache
def _pattern(names: frozenset[str]) -> re.Pattern[str]:
    system = (
        rf"(?:{'|'.join(map(re.escape, sorted(names)))})\b(?: (?:{_SYSTEM}|{'|'.join(sorted(names))})\b)*"
    )
    return re.compile(
        rf"{_QUOTED}"
        rf"|(?P<opening>^(?:please )?(?i:use|open|go to|log ?in ?to) (?i:{_DETERMINER}{system}) (?:to|and) )"
        rf"|(?P<searched>\b(?i:search|query|check|browse|scan) )"
        rf"(?i:{_DETERMINER}{system})(?:(?=[:,])| (?=(?:for|whether|if|which|what|how)\b))"
        rf"|(?P<where>(?:^| )(?P<preposition>(?i:{_ANYWHERE})) "
        rf"(?i:{_DETERMINER}{system}){_WHOLE}(?! (?i:{_OF_ONE})\b))"
        rf"|(?P<several>(?<![\w@.-])(?i:{system}) (?=(?i:{_SEVERAL})\b))"
        rf"|(?P<one>\b(?i:an?|new|another|each|every|any) )(?i:{system}) (?=(?i:{_ONE})\b)"
    )


def _told(match: re.Match[str]) -> str:
    """What is left of a place or a quotation."""
    before = match.string[max(0, match.start() - _REACH) : match.start()]
    clause = before[1 + max(before.rfind(sign) for sign in _PUNCTUATION) :]
    if match.lastgroup is None or _INTRODUCING.search(clause):
        return match[0]
    match match.lastgroup:
        case "searched" | "one":
            return match[match.lastgroup]
        case "several":
            return match[0] if _BESIDE.search(before) else ""
        case "opening":
            return ""
        case _:
            return match[0] if _is_elsewhere(match["preposition"].lower(), before, clause) else ""


def _is_elsewhere(preposition: str, before: str, clause: str) -> bool:
    """Whether what stands behind a preposition is no system."""
    if preposition == "from":
        return _SOMEBODY.search(clause) is not None or _NEW_PERSON.search(before) is not None
    return preposition == "to" and not _ADDING.search(clause)
