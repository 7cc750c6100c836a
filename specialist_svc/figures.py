"""A summary's figures must stand in its source.

The constraint lets figures fields take figures of the source only, and `engine.digits` keeps runs of digits
in free text to runs of the source. What is left (two runs joined to a new figure, a unit changed) is found
here, in the finished call.
"""

from __future__ import annotations

import re

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from narrowgauge.contracts.closed_sets import FIGURES, figures_in
from narrowgauge.v1 import options_pb2
from specialist_svc.derived import messages_of

__all__ = ["digit_runs", "unsupported_figures"]

_SEPARATORS = re.compile(r"(?<=\d)[,'’ ](?=\d{3})")
_NUMBER = re.compile(r"\d[\d.,:/T-]*\d|\d")
_DIGITS = re.compile(r"[0-9]+")


def digit_runs(source: str) -> frozenset[str]:
    """Returns all runs of digits in a text."""
    return frozenset(_DIGITS.findall(source))


def unsupported_figures(request: Message, source: str) -> list[str]:
    """Returns the figures that a call's free text quotes and its source does not have.

    A figure counts as the same with or without currency, per cent sign and thousands separators.
    """
    known = {_plain(figure) for figure in figures_in(source)}
    return [
        figure for text in _free_texts(request) for figure in figures_in(text) if _plain(figure) not in known
    ]


def _free_texts(request: Message) -> list[str]:
    texts: list[str] = []
    for message in messages_of(request):
        for field, value in message.ListFields():
            if field.type == FieldDescriptor.TYPE_STRING and not _is_figure(field):
                texts.extend(value if field.is_repeated else [value])
    return texts


def _is_figure(field: FieldDescriptor) -> bool:
    return bool(field.GetOptions().Extensions[options_pb2.value].values_from == FIGURES)


def _plain(figure: str) -> str:
    number = _NUMBER.search(_SEPARATORS.sub("", figure))
    return number.group() if number else figure
