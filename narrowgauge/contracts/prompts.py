"""The text that a specialist reads, at run time and in training.

```
<system> instruction
<user> catalogue, context, dates, request  } the examples; none for a tuned specialist
<assistant> call                           }
<user> catalogue                           -- the part that all requests on one catalogue share
       context, dates, links, request
<assistant> …
```

A prompt is made of three parts, `shared`, `catalogue` and `turn`. Each is tokenised by itself, so that its KV
cache can be kept and shared; training must tokenise in the same way. A conversation goes on with `follow_up`
texts.

Text that others wrote (request, context, catalogue, errors) cannot contain a model's special tokens: `<|` is
written as `< |`, and the mark of a message in the format `messages` as a space, so that no document can close
the user's turn and speak in another role's name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from narrowgauge.contracts.amounts import amounts_in
from narrowgauge.contracts.dates import dates_in
from narrowgauge.contracts.schema_links import SchemaLink
from narrowgauge.contracts.shots import Shot
from narrowgauge.errors import InvalidRequest, Unsupported
from narrowgauge.v1.specialist_pb2 import ContextDocument

__all__ = [
    "MESSAGE_BEGIN",
    "ROLE_END",
    "ChatFormat",
    "PromptParts",
    "build_prompt",
    "chat_format",
    "context_row",
    "context_text",
    "follow_up",
    "quoted_call",
    "refers_to_date",
]


@dataclass(frozen=True)
class ChatFormat:
    """How a model family marks who speaks.

    Attributes:
        start: Before the first message.
        header: Before a message; `{role}` is `system`, `user` or `assistant`.
        end: After a message.
    """

    start: str
    header: str
    end: str

    def opened(self, role: str) -> str:
        """Returns the begin of a message."""
        return self.header.format(role=role)

    def message(self, role: str, text: str) -> str:
        """Returns a whole message."""
        return self.opened(role) + text + self.end


MESSAGE_BEGIN, ROLE_END = "\x1e", "\x1f"
"""Marks of the format `messages`, whose texts are taken apart again: ASCII's record and unit separator."""

_FORMATS = {
    "messages": ChatFormat("", f"{MESSAGE_BEGIN}{{role}}{ROLE_END}", ""),
    "chatml": ChatFormat("", "<|im_start|>{role}\n", "<|im_end|>\n"),
    "llama3": ChatFormat("<|begin_of_text|>", "<|start_header_id|>{role}<|end_header_id|>\n\n", "<|eot_id|>"),
}


def chat_format(name: str) -> ChatFormat:
    """Returns the format of a model family.

    Raises:
        Unsupported: It is unknown.
    """
    try:
        return _FORMATS[name]
    except KeyError:
        raise Unsupported(
            "CHAT_FORMAT",
            f"the model's chat format {name!r} is unknown; known are {', '.join(sorted(_FORMATS))}",
        ) from None


@dataclass(frozen=True)
class PromptParts:
    """A prompt in the parts whose KV caches are kept.

    Attributes:
        shared: What all prompts of a specialist begin with.
        catalogue: What all its prompts on one catalogue go on with; may be empty.
        turn: What belongs to this request alone.
    """

    shared: str
    catalogue: str
    turn: str

    @property
    def texts(self) -> tuple[str, ...]:
        """The parts that are not empty."""
        return tuple(part for part in (self.shared, self.catalogue, self.turn) if part)


def build_prompt(
    chat: ChatFormat,
    instruction: str,
    shots: Sequence[Shot],
    *,
    request: str,
    catalogue: str = "",
    context: str = "",
    today: str = "",
    dated: bool = True,
    links: Sequence[SchemaLink] = (),
) -> PromptParts:
    """Builds the prompt of a conversation's first turn.

    Args:
        chat: The model family's format.
        instruction: The specialist's system text; empty for none.
        shots: Shown before the request.
        request: The sub-task.
        catalogue: Text of the catalogue, or empty.
        context: Text of the context documents (`context_text`), or empty.
        today: YYYY-MM-DD; written with what the request's words for dates mean, only where it refers to one,
            and where there are examples, only when one of them does: a line that no example has makes a model
            that is not tuned lose the thread.
        dated: Whether dates can be values of a call (`holds_dates`); if not, a request's dates are texts like
            others, and are not computed.
        links: What words of the request name (`schema_links`), for a specialist that was trained with them.

    Raises:
        ValueError: `today` is not a date.
    """
    if shots and not any(refers_to_date(shot.request) for shot in shots):
        today = ""
    shared = [chat.start]
    if instruction:
        shared.append(chat.message("system", instruction))
    for shot in shots:
        shared.append(chat.opened("user") + _catalogue(shot.catalogue))
        shared.append(_question(shot.request, shot.context, today) + chat.end)
        shared.append(chat.message("assistant", shot.call))
    shared.append(chat.opened("user"))
    turn = _question(request, context, today, links, dated=dated) + chat.end + chat.opened("assistant")
    return PromptParts("".join(shared), _catalogue(catalogue), turn)


_MAX_ERROR_CHARS = 400


def follow_up(chat: ChatFormat, error: str) -> str:
    """Returns the text between a call that failed and the next one.

    Args:
        chat: The model family's format.
        error: Why it failed: the tool's own words, or the rule that the call broke; a long one is cut.
    """
    if len(error) > _MAX_ERROR_CHARS:
        error = error[:_MAX_ERROR_CHARS] + " …"
    text = f"Error: {_plain(error)}\nWrite the call again without this error."
    return chat.end + chat.message("user", text) + chat.opened("assistant")


def quoted_call(text: str) -> str:
    """Returns a call that the caller says was made, as it stands in the prompt before `follow_up`."""
    return _plain(text)


def context_text(documents: Sequence[ContextDocument], *, max_rows: int | None = None) -> str:
    """Writes context documents for a prompt: texts as they are, tabular results as a header and a line a row.

    Args:
        documents: The documents. max_rows: Rows of each tabular result that are written; the others are
        counted in a last line. None for
            all.
    """
    return "\n".join(filter(None, (_document(document, max_rows) for document in documents)))


def _document(document: ContextDocument, max_rows: int | None) -> str:
    title = f"{document.title}:\n" if document.title else ""
    if not document.rows_json:
        return title + document.text if document.text else ""
    rows = [context_row(text) for text in document.rows_json]
    shown = rows if max_rows is None else rows[:max_rows]
    columns = list(dict.fromkeys(key for row in shown for key in row))
    if len(rows) == 1:
        return title + ", ".join(f"{key}: {_cell(value)}" for key, value in rows[0].items())
    lines = [" | ".join(columns)]
    lines += [" | ".join(_cell(row.get(column)) for column in columns) for row in shown]
    if len(shown) < len(rows):
        lines.append(f"({len(rows) - len(shown)} more rows)")
    return title + "\n".join(lines)


def context_row(text: str) -> dict[str, object]:
    """Reads one of a context document's rows.

    Raises:
        InvalidRequest: BAD_ROW: it is not a JSON object.
    """
    try:
        row = json.loads(text)
    except ValueError as exc:
        raise InvalidRequest("BAD_ROW", f"a context row is not JSON: {exc}") from exc
    if not isinstance(row, dict):
        raise InvalidRequest("BAD_ROW", "a context row is not a JSON object")
    return row


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_DATE_WORDS = re.compile(
    r"\b(today|yesterday|tomorrow|now|current(ly)?|this|last|next|past|previous|recent(ly)?|ago|since|until|till|"
    r"overdue|due|upcoming|latest|newest|days?|weeks?|months?|quarters?|years?|mondays?|tuesdays?|wednesdays?|"
    r"thursdays?|fridays?|saturdays?|sundays?|weekend|tonight|morning|afternoon|evening|noon)\b",
    re.IGNORECASE,
)


# A request that speaks of more days has them written out.
_MOST_DATES = 4


def refers_to_date(request: str) -> bool:
    """Whether a request has a word whose meaning can depend on the current date."""
    return _DATE_WORDS.search(request) is not None


def _catalogue(text: str) -> str:
    return f"{_plain(text.rstrip())}\n" if text else ""


def _question(
    request: str, context: str, today: str, links: Sequence[SchemaLink] = (), *, dated: bool = True
) -> str:
    lines = []
    if context:
        lines.append(f"{_plain(context)}\n")
    lines += _date_lines(request, today) if today and dated else ()
    lines += [f"{phrase}: {digits}\n" for phrase, digits in amounts_in(request)]
    lines += [f"{link.phrase}: {_plain(' or '.join(link.targets))}\n" for link in links]
    lines.append(f"Request: {_plain(request.strip())}")
    return "".join(lines)


def _date_lines(request: str, today: str) -> list[str]:
    """Returns the current date and what words mean on it, as `last month: 2026-02-01 to 2026-02-28`."""
    found = dates_in(request, date.fromisoformat(today))
    lines = []
    if refers_to_date(request) or any(entry.relative for entry in found):
        lines.append(f"Today: {today}\n")
    # What `today` means has just been said.
    for entry in [entry for entry in found if entry.phrase != "today"][:_MOST_DATES]:
        last = "" if entry.first == entry.last else f" to {entry.last}"
        lines.append(f"{entry.phrase}: {entry.first}{last}\n")
    return lines


def _plain(text: str) -> str:
    return text.replace("<|", "< |").replace(MESSAGE_BEGIN, " ")
