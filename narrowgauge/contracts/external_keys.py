"""Whether a text gives a key of another system, such as a customer number.

A record can be referred to by such a key instead of its id. A constraint that offers the reference although
the request gives no key has one made up. Keys are not enumerated: which word is one, the model says.
"""

from __future__ import annotations

import re

__all__ = ["EXTERNAL_KEYS", "gives_key"]

EXTERNAL_KEYS = "external_keys"
"""Name of the closed set: `given` where the request or its context gives a key, and empty otherwise."""

# Letters and digits in one word, parted by - or / or _ (`C-1017`, `HX22/4`); no record id, which has names of
# its own, and no quantity, ordinal or time.
_CODE = re.compile(r"(?<![\w@.])(?=[\w/-]{0,40}?[0-9])(?=[\w/-]{0,40}?[A-Za-z])[A-Za-z0-9][\w/-]{1,39}")
_NO_CODE = re.compile(
    r"@?[0-9]+(st|nd|rd|th|k|m|bn|kg|g|km|cm|mm|h|hrs?|mins?|s|am|pm|x|z|%)?"
    r"|[0-9A-Za-z]{15}([0-9A-Za-z]{3})?|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}|[QqHh][1-4]|FY[0-9]{2,4}|[A-Za-z]+__[a-z]",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\b(?:number|no|id|code|key|reference|ref)\b[.:#\"' =]{1,4}[0-9]", re.IGNORECASE)


def gives_key(*texts: str) -> bool:
    """Returns whether one of the texts has a word that can be a key of another system."""
    return any(
        _NUMBERED.search(text) is not None
        or any(not _NO_CODE.fullmatch(found[0]) for found in _CODE.finditer(text))
        for text in texts
    )
