"""The entities that a rule may ask for, each as patterns; see `patterns` for what a match is."""

from __future__ import annotations

__all__ = ["ENTITIES"]

_MONTH = (
    "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?"
    "|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DAY = "(?:0?[1-9]|[12][0-9]|3[01])(?:st|nd|rd|th)?"
_YEAR = "(?:19|20)[0-9]{2}"
_AMOUNT = r"[0-9]{1,3}(?:[,. '][0-9]{3})*(?:[.,][0-9]{1,2})?|[0-9]+(?:[.,][0-9]{1,2})?"

ENTITIES: dict[str, tuple[str, ...]] = {
    # Key prefixes of standard objects begin with 0, those of custom objects with a letter and a digit; a
    # word of fifteen letters does neither.
    "salesforce_id": (
        "(?:0[0-9a-z]|[a-z][0-9])[0-9a-z][0-9a-z]{12}",
        "(?:0[0-9a-z]|[a-z][0-9])[0-9a-z][0-9a-z]{15}",
    ),
    "email": (r"[a-z0-9][a-z0-9._%+-]*@[a-z0-9](?:[a-z0-9-]*\.)+[a-z]{2,}",),
    "url": (r"https?://[^\s<>]+[a-z0-9/]", r"www\.[^\s<>]+[a-z0-9/]"),
    "date": (
        f"{_YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])",
        rf"[0-9]{{1,2}}[/.][0-9]{{1,2}}[/.](?:{_YEAR}|[0-9]{{2}})",
        rf"{_MONTH}\.? {_DAY}(?:,? {_YEAR})?",
        rf"{_DAY} (?:of )?{_MONTH}\.?(?: {_YEAR})?",
        f"{_MONTH} {_YEAR}",
    ),
    "money": (
        rf"[$€£¥] ?(?:{_AMOUNT})",
        rf"(?:{_AMOUNT}) ?[€£¥$]",
        rf"(?:usd|eur|gbp|chf|jpy) ?(?:{_AMOUNT})",
        rf"(?:{_AMOUNT}) ?(?:usd|eur|gbp|chf|jpy|dollars?|euros?|pounds?|francs?)",
    ),
    "phone_number": (
        r"\+[0-9]{1,3}(?:[ .()/-]{0,2}[0-9]{1,5}){2,6}",
        r"\(?[0-9]{3}\)?[ .-][0-9]{3}[ .-][0-9]{4}",
    ),
    "uuid": ("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",),
}
"""Patterns by name, any of which makes the entity: fields of a closed form, not of meaning."""
