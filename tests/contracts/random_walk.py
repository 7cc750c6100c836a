"""Random walks through a token mask, one byte a token, that lean towards the end as they grow."""

from __future__ import annotations

import random
from functools import cache

from llguidance import LLMatcher, LLTokenizer

# Bytes in the order in which they end things: lines, objects, lists, strings.
_CLOSERS = tuple(map(ord, '\n}]")'))


@cache
def byte_tokenizer() -> LLTokenizer:
    """Returns llguidance's tokenizer with a token a byte."""
    return LLTokenizer("byte")


def matcher_of(grammar: str) -> LLMatcher:
    """Makes a matcher and fails on a grammar that the engine does not accept."""
    matcher = LLMatcher(byte_tokenizer(), LLMatcher.grammar_from_lark(grammar), log_level=0)
    assert not matcher.get_error(), matcher.get_error()
    return matcher


def accepts(matcher: LLMatcher, text: str) -> bool:
    """Says whether the whole of `text` is in the grammar; the matcher is fresh again afterwards."""
    tokens = list(text.encode())
    consumed = matcher.try_consume_tokens(tokens)
    accepted = consumed == len(tokens) and matcher.is_accepting()
    assert matcher.reset(), matcher.get_error()
    return accepted


def walk(matcher: LLMatcher, source: random.Random, *, lean_bytes: int, most_bytes: int = 20_000) -> str:
    """Returns a random text of the grammar; the matcher is fresh again afterwards.

    Args:
        matcher: A fresh matcher.
        source: Randomness.
        lean_bytes: From this length on, whatever ends something is taken.
        most_bytes: A walk that is longer fails: decoding would not end.
    """
    found = bytearray()
    while len(found) <= most_bytes:
        mask = matcher.compute_bitmask()
        assert not matcher.get_error(), (matcher.get_error(), bytes(found))
        allowed = [byte for byte in range(256) if mask[byte >> 3] >> (byte & 7) & 1]
        if matcher.is_accepting() and (not allowed or len(found) >= lean_bytes or source.random() < 0.3):
            assert matcher.reset()
            return found.decode()
        assert allowed, f"dead end after {bytes(found)!r}"
        byte = _choose(allowed, len(found) >= lean_bytes, source)
        assert matcher.consume_token(byte), matcher.get_error()
        found.append(byte)
    raise AssertionError(f"no end after {most_bytes} bytes: {bytes(found[-200:])!r}")


def _choose(allowed: list[int], leaning: bool, source: random.Random) -> int:
    if leaning or source.random() < 0.06:
        for closer in _CLOSERS:
            if closer in allowed:
                return closer
    # One high byte for all of them: otherwise nearly all characters would be beyond ASCII.
    low = [byte for byte in allowed if byte < 0x80]
    high = [byte for byte in allowed if byte >= 0x80]
    if low and (not high or source.random() < 0.9):
        return source.choice(low)
    return source.choice(high)
