"""Guesses are checked in the pass that reads them, and change nothing of what is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from engine_grammars import SYSTEM, check_call, request, texts
from test_engine import decode, engine

from narrowgauge.errors import LimitExceeded
from narrowgauge.models.draft_table import DraftTable
from specialist_svc.engine.backend import Decoded, DecodeRequest
from specialist_svc.engine.drafting import Copies, Drafter

COPIES = Copies([(3, "ella"), (4, " West"), (9, ","), (5, " (")])


def _table(calls: Sequence[Decoded]) -> DraftTable:
    """A table of these calls, each seen often."""
    tokens = [call.written.tokens for call in calls]
    return DraftTable.learn([(call, [True] * len(call)) for call in tokens] * 20)


def test_what_the_prompt_says_is_copied() -> None:
    """The longest match wins, then the last one; one token alone is no match."""
    drafter = Drafter([5, 1, 2, 3, 9, 1, 2, 4, 8, 2, 7], None, COPIES)
    assert drafter.guess([1, 2])[0] == 4  # type: ignore[index]
    assert drafter.guess([5, 1, 2])[0] == 3  # type: ignore[index]
    assert drafter.guess([6, 2]) is None
    assert drafter.guess([]) is None


def test_the_rest_of_a_word_is_surer_than_what_follows_it() -> None:
    """Longer matches are surer; a new word is less sure than the rest of one, and a sign least."""
    for length in (2, 3, 4, 5):
        assert COPIES.chance(3, length) > COPIES.chance(4, length) > COPIES.chance(9, length)
    assert COPIES.chance(3, 2) < COPIES.chance(3, 5)


def test_the_likelier_source_is_followed() -> None:
    """What the table has nearly always seen beats a short match; agreement is as sure as the surer one."""
    drafter = Drafter([1, 2, 3], DraftTable({}), COPIES)
    assert drafter.guess([1, 2]) == (3, COPIES.chance(3, 2))
    seen = DraftTable.learn([([1, 2, 6], [True] * 3)] * 20)
    assert Drafter([1, 2, 3], seen, COPIES).guess([1, 2])[0] == 6  # type: ignore[index]
    same = Drafter([1, 2, 6], seen, COPIES).guess([1, 2])
    assert same == seen.guess([1, 2])


def test_right_guesses_save_passes_and_change_nothing(tiny_prepared_model: Path) -> None:
    """Guesses from the calls themselves are nearly all right: the same texts in half the passes."""
    asked = [request(text) for text in texts(6)]
    with engine(tiny_prepared_model, drafts=False) as backend:
        plain = decode(backend, asked)
        plain_passes = backend.counters().passes
    assert all(call.guessed_tokens == 0 for call in plain)
    table = _table(plain)
    with engine(tiny_prepared_model) as backend:
        drafted = decode(backend, [request(text, drafts=table) for text in texts(6)])
        passes = backend.counters().passes
    assert [call.written.text for call in drafted] == [call.written.text for call in plain]
    assert [call.written.tokens for call in drafted] == [call.written.tokens for call in plain]
    assert all(call.guessed_tokens > 0 for call in drafted)
    assert passes < 0.6 * plain_passes


def test_wrong_guesses_change_nothing(tiny_prepared_model: Path) -> None:
    """A table of other calls guesses what the model does not write."""
    with engine(tiny_prepared_model, drafts=False) as backend:
        plain = decode(backend, [request(text) for text in texts(6)])
    reversed_calls = [(call.written.tokens[::-1], [True] * len(call.written.tokens)) for call in plain]
    wrong = DraftTable.learn(reversed_calls * 20)
    with engine(tiny_prepared_model) as backend:
        drafted = decode(backend, [request(text, drafts=wrong) for text in texts(6)])
    for one, other in zip(drafted, plain, strict=True):
        check_call(one.written.text)
        assert one.written.text == other.written.text


def test_drafted_calls_are_the_same_alone_and_together(tiny_prepared_model: Path) -> None:
    """Whether to guess depends on the request alone: same tokens, read by the same kernels, in any company
    and with forced tokens one by one.
    """
    with engine(tiny_prepared_model, drafts=False) as backend:
        table = _table(decode(backend, [request(text) for text in texts(8)][:4]))
    asked = [request(text, drafts=table) for text in texts(8)]
    with engine(tiny_prepared_model) as backend:
        together = [call.written for call in decode(backend, asked)]
    with engine(tiny_prepared_model) as backend:
        alone = [decode(backend, [one])[0].written for one in asked]
    with engine(tiny_prepared_model, forced_runs=False) as backend:
        slowly = [call.written for call in decode(backend, asked)]
    assert together == alone == slowly


def test_guesses_stay_within_the_slot(tiny_prepared_model: Path) -> None:
    """What is forced behind a guess may be longer than the call: without room for it, it is not read."""
    forced = " one two three four five six seven eight nine ten eleven twelve"
    with engine(tiny_prepared_model) as backend:
        prompt = (SYSTEM, "go\n")
        length = backend.count_tokens(prompt)
        first, then = (
            [backend.tokenizer.encode_part(word)[0] for word in words]
            for words in (("left", "right"), (" up", " down"))
        )
    # Whichever word the model writes, the table is sure of the next one.
    calls = [((token, then[0]), (True, True)) for token in first] * 40
    most = 8
    grammar = f'start: ("left" | "right") (" up" | " down") "{forced}" ("x" | "y")'
    asked = DecodeRequest(prompt, grammar, max_tokens=most, drafts=DraftTable.learn(calls))
    with engine(tiny_prepared_model, slots=1, slot_tokens=length + most) as backend:
        with pytest.raises(LimitExceeded) as caught:
            decode(backend, [asked])
        assert caught.value.reason == "CALL_TOO_LONG"
        assert backend.counters().free_slots == 1
