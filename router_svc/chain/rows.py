"""A tool's result as rows, by the form of its message alone: no knowledge of any contract.

- A repeated `columns` of messages with a `name` beside repeated `rows` with repeated `values`: a table.
- One repeated message field: its messages are the rows.
- One message field and nothing else: its rows, or itself as the only row.
- Anything else is one row: the message.

A row is a JSON object. A message whose fields all stand in one oneof is the value that is set (null when
none is); a `Struct` beside scalar fields gives the row its members. A `Struct` is a map without order: where
names in `columns` stand beside the rows its members stand in their order, elsewhere by name, so that the same
result is the same text each time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

__all__ = ["Row", "is_tabular", "message_json", "row_of", "rows_of", "text_of_row", "text_of_rows"]

Row = dict[str, Any]
"""Column name to JSON value."""

STRUCT = "google.protobuf.Struct"

_CONTROLS = {code: " " for code in (*range(0x20), *range(0x7F, 0xA0))}
"""Control characters, which a database may hold and a specialist refuses; a line feed would end a row."""


def message_json(message: Message, pool: DescriptorPool) -> str:
    """Returns the canonical ProtoJSON of a message, without white space outside strings."""
    value = json_format.MessageToDict(message, descriptor_pool=pool)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_CONTROLS)


def is_tabular(message: Message) -> bool:
    """Tells whether messages of this type have rows of their own, perhaps none."""
    return _rows_field(_descriptor(message)) is not None


def rows_of(message: Message, pool: DescriptorPool) -> list[Row]:
    """Returns the rows of a message."""
    field = _rows_field(_descriptor(message))
    if field is None:
        return [row_of(message, pool)]
    if field.message_type is not None and not _repeated(field):
        return rows_of(getattr(message, field.name), pool)
    rows = list(getattr(message, field.name))
    columns = _columns(message)
    if columns is None:
        return [row_of(row, pool, _listed(message)) for row in rows]
    return [dict(zip(columns, (_value(value, pool) for value in row.values), strict=False)) for row in rows]


def text_of_row(row: Mapping[str, Any]) -> str:
    """Returns a row as lines of `name: value`."""
    return "\n".join(f"{name}: {_plain(value)}" for name, value in row.items())


def text_of_rows(rows: Sequence[Mapping[str, Any]], max_chars: int) -> str:
    """Returns rows as a table of ` | ` and lines; what is left out is counted in a last line."""
    if not rows:
        return "no rows"
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [" | ".join(names)]
    length = len(lines[0])
    for index, row in enumerate(rows):
        line = " | ".join(_plain(row.get(name)) for name in names)
        if length + len(line) + 1 > max_chars:
            lines.append(f"… and {len(rows) - index} more rows")
            break
        lines.append(line)
        length += len(line) + 1
    return "\n".join(lines)


def _descriptor(message: Message) -> Descriptor:
    return cast(Descriptor, message.DESCRIPTOR)  # or its C twin, which has the same interface


def _rows_field(descriptor: Descriptor) -> FieldDescriptor | None:
    fields = list(descriptor.fields)
    if _is_table(descriptor):
        return descriptor.fields_by_name["rows"]
    repeated = [field for field in fields if field.message_type is not None and _repeated(field)]
    if len(repeated) == 1:
        return repeated[0]
    if len(fields) == 1 and fields[0].message_type is not None and not _repeated(fields[0]):
        inner = fields[0].message_type
        # a message that holds but itself would be walked for ever
        return fields[0] if inner.full_name != descriptor.full_name else None
    return None


def _is_table(descriptor: Descriptor) -> bool:
    columns, rows = descriptor.fields_by_name.get("columns"), descriptor.fields_by_name.get("rows")
    if columns is None or rows is None or columns.message_type is None or rows.message_type is None:
        return False
    values = rows.message_type.fields_by_name.get("values")
    return "name" in columns.message_type.fields_by_name and values is not None and _repeated(values)


def _columns(message: Message) -> list[str] | None:
    if not _is_table(_descriptor(message)):
        return None
    return [column.name for column in cast(Any, message).columns]


def _listed(message: Message) -> Sequence[str]:
    """Names of columns that a message lists as plain texts; none for most."""
    field = _descriptor(message).fields_by_name.get("columns")
    if field is None or not _repeated(field) or field.type != FieldDescriptor.TYPE_STRING:
        return ()
    return tuple(cast(Any, message).columns)


def _repeated(field: FieldDescriptor) -> bool:
    return bool(field.is_repeated) and not _is_map(field)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def row_of(message: Message, pool: DescriptorPool, columns: Sequence[str] = ()) -> Row:
    """Returns a message as one row.

    Args:
        message: The message.
        pool: Descriptors of what its `Any` fields may hold.
        columns: The order of a `Struct`'s members; others follow by name.
    """
    value = _value(message, pool)
    if not isinstance(value, dict):
        return {"value": value}
    structs = [
        field.name
        for field in message.DESCRIPTOR.fields
        if field.message_type is not None and field.message_type.full_name == STRUCT
    ]
    if len(structs) == 1:
        members = value.pop(structs[0], {})
        names = [*(name for name in columns if name in members), *sorted(members.keys() - set(columns))]
        return {**value, **{name: members[name] for name in names}}
    return value


def _value(value: Any, pool: DescriptorPool) -> Any:
    if not isinstance(value, Message):
        return value
    fields = value.DESCRIPTOR.fields
    oneofs = value.DESCRIPTOR.oneofs
    is_choice = len(oneofs) == 1 and len(fields) > 1 and all(field.containing_oneof for field in fields)
    if is_choice and value.DESCRIPTOR.file.package != "google.protobuf":
        chosen = value.WhichOneof(oneofs[0].name)
        return None if chosen is None else _scalar(getattr(value, chosen), pool)
    return json_format.MessageToDict(value, preserving_proto_field_name=True, descriptor_pool=pool)


def _scalar(value: Any, pool: DescriptorPool) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return _value(value, pool)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.translate(_CONTROLS)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)
