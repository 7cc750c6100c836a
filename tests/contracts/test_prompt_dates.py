"""What a prompt says of dates."""

from __future__ import annotations

import pytest

from narrowgauge.contracts.catalogue_text import holds_dates
from narrowgauge.contracts.prompts import build_prompt, chat_format
from narrowgauge.contracts.shots import Shot
from narrowgauge.v1.catalogue_pb2 import Catalogue, Entity, EntityField

TODAY = "2026-03-02"


def turn(request: str, *, shots: tuple[Shot, ...] = (), today: str = TODAY) -> str:
    """The text of a turn without its context, in the format `chatml`."""
    parts = build_prompt(chat_format("chatml"), "Call.", shots, request=request, today=today)
    return parts.turn.removesuffix("<|im_end|>\n<|im_start|>assistant\n")


@pytest.mark.parametrize(
    "request_text", ["list the customers in Germany", "top 5 orders over 2000", "open 2026-04-01 cases", ""]
)
def test_a_request_without_dates_stands_alone(request_text: str) -> None:
    """The current date does not change its prompt by a byte."""
    assert turn(request_text) == turn(request_text, today="") == f"Request: {request_text}"


def test_a_word_that_depends_on_the_date_brings_it_along() -> None:
    """Also where code resolves none of the words."""
    assert turn("the latest orders") == "Today: 2026-03-02\nRequest: the latest orders"
    assert turn("due today") == "Today: 2026-03-02\nRequest: due today"


def test_each_phrase_is_told_in_a_line() -> None:
    """Periods have two days, days one; a date with its year does not need the current one."""
    assert turn("orders of last month due next Friday") == (
        "Today: 2026-03-02\nlast month: 2026-02-01 to 2026-02-28\nnext friday: 2026-03-13\n"
        "Request: orders of last month due next Friday"
    )
    assert turn("on 4 March 2025") == "4 march 2025: 2025-03-04\nRequest: on 4 March 2025"
    assert turn("closing 15 April") == "Today: 2026-03-02\n15 april: 2026-04-15\nRequest: closing 15 April"


def test_a_prompt_tells_four_phrases_at_most() -> None:
    """The first four of a request."""
    lines = turn("in 2019, in 2020, in 2021, in 2022 and in 2023").splitlines()
    assert [line.partition(":")[0] for line in lines] == ["2019", "2020", "2021", "2022", "Request"]


def test_examples_without_dates_keep_dates_out() -> None:
    """A model that is not tuned reads no line that its examples lack."""
    assert turn("due tomorrow", shots=(Shot("list all", "SELECT 1"),)) == "Request: due tomorrow"
    assert "tomorrow: 2026-03-03" in turn("due tomorrow", shots=(Shot("of last year", "SELECT 1"),))


def test_where_no_date_can_be_a_value_none_is_computed() -> None:
    """A table of texts and numbers has its dates as they are written; a column of dates changes that."""
    texts = Entity(name="races", fields=[EntityField(name="date", type="text"), EntityField(name="laps")])
    catalogue = Catalogue(entities=[texts])
    assert not holds_dates(catalogue)
    parts = build_prompt(
        chat_format("chatml"), "", (), request="won on May 6, 2006", today=TODAY, dated=holds_dates(catalogue)
    )
    assert parts.turn.startswith("Request: won on May 6, 2006")
    for kind in ("date", "timestamp with time zone", "datetime", "year"):
        texts.fields[0].type = kind
        assert holds_dates(Catalogue(entities=[texts]))
    assert holds_dates(Catalogue())
