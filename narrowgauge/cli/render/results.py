"""Tool results as tables, from their ProtoJSON: any contract's, with the built-in ones read best."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

__all__ = ["result_rows", "result_view"]

_MAX_ROWS = 20
_MAX_COLUMNS = 9
_MAX_CELL = 60


def result_view(text: str) -> tuple[str, RenderableType | None]:
    """Returns a few words about a result and its table; None where there is nothing to show.

    Args:
        text: The response message as ProtoJSON.
    """
    try:
        value = json.loads(text) if text else {}
    except ValueError:  # shortened for the model
        return "a shortened result", Text(text[:400], overflow="fold")
    if not value:
        return "an empty result", None
    if "headline" in value:
        return "a summary", _summary(value)
    rows = result_rows(value)
    if rows is None:
        return "a record", _record(value)
    columns, cells = rows
    count = f"{len(cells)} row{'' if len(cells) == 1 else 's'}"
    if value.get("truncated"):
        count += ", truncated"
    return count, _table(columns, cells) if cells else None


def result_rows(value: Mapping[str, Any]) -> tuple[Sequence[str], Sequence[Sequence[str]]] | None:
    """Returns column names and rows of a tabular result; None when it is not one."""
    columns, rows, records = (value.get(key) for key in ("columns", "rows", "records"))
    if isinstance(rows, list) and isinstance(columns, list):
        return [_column(column) for column in columns], [
            [_scalar(cell) for cell in row.get("values", ())] for row in rows
        ]
    if isinstance(columns, list) and not rows and records is None:
        return [_column(column) for column in columns], []
    lists = [entry for entry in value.values() if isinstance(entry, list)]
    if len(lists) != (2 if isinstance(columns, list) else 1) and records is None:
        return None
    entries = records if isinstance(records, list) else lists[0]
    if not all(isinstance(entry, dict) for entry in entries):
        return None
    fields = [entry["fields"] if isinstance(entry.get("fields"), dict) else entry for entry in entries]
    names = [_column(column) for column in columns] if isinstance(columns, list) else _names(fields)
    return names, [[_scalar(_reach(entry, name)) for name in names] for entry in fields]


def _names(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    names: dict[str, None] = {}
    for entry in entries:
        names.update(dict.fromkeys(entry))
    return list(names)


def _reach(entry: Mapping[str, Any], name: str) -> Any:
    """Returns a field, or the field of a parent that a path names."""
    if name in entry:
        return entry[name]
    value: Any = entry
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _column(column: Any) -> str:
    return str(column.get("name", "")) if isinstance(column, dict) else str(column)


def _scalar(value: Any) -> str:
    """Returns a value as text; a message that wraps one scalar is that scalar."""
    if isinstance(value, dict):
        if not value:
            return ""
        if len(value) == 1:
            return _scalar(next(iter(value.values())))
        return json.dumps(value, ensure_ascii=False)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> RenderableType:
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    shown = list(columns[:_MAX_COLUMNS])
    for position, name in enumerate(shown):
        numeric = bool(rows) and all(
            _is_number(row[position]) for row in rows if row[position : position + 1]
        )
        table.add_column(
            name, justify="right" if numeric else "left", overflow="ellipsis", max_width=_MAX_CELL
        )
    for row in rows[:_MAX_ROWS]:
        table.add_row(*(Text(cell) for cell in row[: len(shown)]))
    hidden = []
    if len(rows) > _MAX_ROWS:
        hidden.append(f"{len(rows) - _MAX_ROWS} more rows")
    if len(columns) > _MAX_COLUMNS:
        hidden.append("columns " + ", ".join(columns[_MAX_COLUMNS:]))
    return Group(table, Text("… " + "; ".join(hidden), style="dim")) if hidden else table


def _is_number(text: str) -> bool:
    try:
        float(text or "0")
    except ValueError:
        return False
    return True


def _record(value: Mapping[str, Any]) -> RenderableType:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(style="bold", no_wrap=True, overflow="ellipsis", max_width=30)
    table.add_column(overflow="fold")
    for name, entry in value.items():
        table.add_row(name, Text(_scalar(entry)))
    return table


def _summary(value: Mapping[str, Any]) -> RenderableType:
    lines: list[RenderableType] = [Text(str(value["headline"]), style="bold")]
    for point in value.get("keyPoints", value.get("key_points", ())):
        table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
        table.add_row("•", Text(str(point)))
        lines.append(table)
    figures = [str(figure.get("text", "")) for figure in value.get("figures", ())]
    if figures:
        lines.append(Text("figures: " + ", ".join(figures), style="dim"))
    return Group(*lines)
