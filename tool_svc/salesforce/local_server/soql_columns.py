"""Field paths to SQL columns: each relationship on the way becomes a LEFT JOIN, once."""

from __future__ import annotations

from dataclasses import dataclass, field

from tool_svc.salesforce.local_server.faults import at
from tool_svc.salesforce.local_server.schema import Field, ObjectType, Schema
from tool_svc.salesforce.local_server.soql_tree import Expression

__all__ = ["ADVICE", "Column", "Source", "quoted"]

ADVICE = "Please reference your WSDL or the describe call for the appropriate names."
# What a polymorphic parent (Who, What) offers; `Type` is the parent's object.
_NAME_FIELDS = ("Id", "Name", "FirstName", "LastName", "Title", "Email", "Phone", "Type")


def quoted(name: str) -> str:
    """Quotes a name of the schema for SQL; names from requests are looked up there first."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        sql: SQL expression of its value.
        field: The field that it shows.
        path: Its path in the schema's own spelling, without the query's alias.
    """

    sql: str
    field: Field
    path: tuple[str, ...]


@dataclass(frozen=True)
class Parent:
    """A joined parent: one table, or several when the reference is polymorphic."""

    tables: tuple[tuple[str, ObjectType], ...]

    @property
    def id_sql(self) -> str:
        """SQL expression of the parent's id; NULL where there is none."""
        return _coalesce([f'{alias}."Id"' for alias, _ in self.tables])

    @property
    def type_sql(self) -> str:
        """SQL expression of the parent's object."""
        cases = " ".join(
            f"WHEN {alias}.\"Id\" IS NOT NULL THEN '{entry.name}'" for alias, entry in self.tables
        )
        return f"(CASE {cases} END)"


@dataclass
class Source:
    """The FROM clause of one query: its object and the parents that were asked for.

    Attributes:
        schema: The organisation's objects.
        soql: The whole query, for error messages.
        root: The queried object.
        alias: The query's name for it, or empty.
        prefix: Begins the names of SQL aliases, so that nested queries differ.
    """

    schema: Schema
    soql: str
    root: ObjectType
    alias: str = ""
    prefix: str = "t"
    parents: dict[tuple[str, ...], Parent] = field(default_factory=dict)
    _joins: list[str] = field(default_factory=list)
    _count: int = 0

    @property
    def table(self) -> str:
        """SQL alias of the queried object."""
        return f"{self.prefix}0"

    @property
    def sql(self) -> str:
        """The FROM clause without its word."""
        return " ".join((f"{quoted(self.root.name)} AS {self.table}", *self._joins))

    def column(self, expression: Expression) -> Column:
        """Resolves an expression's path; its function is the caller's affair.

        Raises:
            Fault: INVALID_FIELD: no such field or relationship.
        """
        path = list(expression.path)
        if len(path) > 1:
            # `Account.Name` is the object's own field in a query of accounts, unless a relationship has
            # the name.
            own = path[0].lower() == self.root.name.lower() and self.root.relationship(path[0]) is None
            if own or path[0].lower() == self.alias.lower():
                path.pop(0)
        steps, name = path[:-1], path[-1]
        parent = Parent(((self.table, self.root),))
        spelled: tuple[str, ...] = ()
        for step in steps:
            parent, spelled = self._follow(parent, spelled, step, expression)
        return self._read(parent, spelled, name, expression)

    def _follow(
        self, parent: Parent, spelled: tuple[str, ...], step: str, expression: Expression
    ) -> tuple[Parent, tuple[str, ...]]:
        alias, entry = parent.tables[0]
        reference = entry.relationship(step) if len(parent.tables) == 1 else None
        if reference is None or reference.relationship is None:
            raise at(
                self.soql,
                expression.position,
                "INVALID_FIELD",
                f"Didn't understand relationship '{step}' in field path. If you are attempting to use a "
                "custom relationship, be sure to append the '__r' after the custom relationship name. "
                f"{ADVICE}",
            )
        spelled = (*spelled, reference.relationship)
        known = self.parents.get(spelled)
        if known is None:
            tables: list[tuple[str, ObjectType]] = []
            for target in reference.references:
                other = self.schema.object(target)
                if other is None:
                    continue
                self._count += 1
                name = f"{self.prefix}{self._count}"
                tables.append((name, other))
                self._joins.append(
                    f"LEFT JOIN {quoted(other.name)} AS {name} "
                    f'ON {name}."Id" = {alias}.{quoted(reference.name)}'
                )
            known = self.parents[spelled] = Parent(tuple(tables))
        return known, spelled

    def _read(self, parent: Parent, spelled: tuple[str, ...], name: str, expression: Expression) -> Column:
        if len(parent.tables) == 1:
            alias, entry = parent.tables[0]
            known = entry.field(name)
            if known is None:
                raise self._no_such_column(name, entry.name, expression)
            return Column(f"{alias}.{quoted(known.name)}", known, (*spelled, known.name))
        spelling = next((known for known in _NAME_FIELDS if known.lower() == name.lower()), None)
        if spelling is None:
            raise self._no_such_column(name, "Name", expression)
        model = _NAME_FIELD_TYPES[spelling]
        if spelling == "Type":
            return Column(parent.type_sql, model, (*spelled, spelling))
        parts: list[str] = []
        for alias, entry in parent.tables:
            known = entry.field((entry.name_field or "Id") if spelling == "Name" else spelling)
            if known is not None:
                parts.append(f"{alias}.{quoted(known.name)}")
        return Column(_coalesce(parts), model, (*spelled, spelling))

    def _no_such_column(self, name: str, entity: str, expression: Expression) -> Exception:
        return at(
            self.soql,
            expression.position,
            "INVALID_FIELD",
            f"No such column '{name}' on entity '{entity}'. If you are attempting to use a custom field, be "
            f"sure to append the '__c' after the custom field name. {ADVICE}",
        )


def _coalesce(parts: list[str]) -> str:
    if not parts:
        return "NULL"
    return parts[0] if len(parts) == 1 else f"COALESCE({', '.join(parts)})"


def _name_field(name: str) -> Field:
    return Field(
        name=name,
        label=name,
        type="reference" if name == "Id" else "string",
        length=255,
        scale=0,
        createable=False,
        updateable=False,
        nillable=True,
        defaulted=False,
        default=None,
        filterable=True,
        sortable=True,
        groupable=True,
        aggregatable=True,
        unique=False,
        external_id=False,
        restricted=False,
        auto_number=False,
        custom=False,
        values=(),
        references=(),
        relationship=None,
    )


_NAME_FIELD_TYPES = {name: _name_field(name) for name in _NAME_FIELDS}
