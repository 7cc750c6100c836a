"""Salesforce's record ids: 15 characters that tell case apart, and the 18 that need not.

The first three characters name the object (its key prefix), the rest is a counter in base 62. The
18-character form adds three characters; each says which of five characters are upper case, so that the id
survives systems that fold case.
"""

from __future__ import annotations

import re

__all__ = ["RECORD_ID", "long_id", "record_id"]

RECORD_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")
"""Matches the form of an id, 15 or 18 characters."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
# Four characters after the prefix name the instance that made the record.
_INSTANCE = "Ng00"


def record_id(prefix: str, number: int) -> str:
    """Returns the 18-character id of an object's record.

    Args:
        prefix: The object's key prefix, for example `001`.
        number: Number of the record within the object, from 1.
    """
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return long_id(f"{prefix}{_INSTANCE}{digits.rjust(8, '0')}")


def long_id(text: str) -> str:
    """Returns the 18-character form of an id of 15 or 18 characters.

    Raises:
        ValueError: The text is not an id, or its check characters are wrong.
    """
    if not RECORD_ID.fullmatch(text):
        raise ValueError(f"malformed id {text}")
    check = ""
    for start in (0, 5, 10):
        chunk = text[start : start + 5]
        check += _CHECK[sum(1 << place for place, char in enumerate(chunk) if char.isupper())]
    if len(text) == 18 and text[15:].upper() != check:
        raise ValueError(f"malformed id {text}")
    return text[:15] + check
