"""The grammar of the surface over one organisation's catalogue, in llguidance's Lark dialect.

The object comes before its fields, so that only its own fields can follow, each with the kind of value that
its type holds: a picklist takes its own values, a number no text. Written fields stand in the catalogue's
order, each at most once, and a new record has its required fields. A record is referred to by an external id
only where the request or its context gives a key. Record ids are those of the request and
its context, by their short names (`RecordAliases`), where an id of their object can stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from narrowgauge.contracts.constraint.lark import Lark, literal
from narrowgauge.contracts.surfaces.salesforce import words
from narrowgauge.contracts.surfaces.salesforce.fields import Field, Fields
from narrowgauge.contracts.surfaces.surface import ClosedSets
from narrowgauge.errors import FailedPrecondition

__all__ = ["MAX_GROUP", "salesforce_grammar"]

MAX_COLUMNS, MAX_CONDITIONS, MAX_GROUP, MAX_VALUES, MAX_KEYS = 24, 8, 6, 16, 3
_STRING_IN_LIST = words.STRING.replace("{0,255}", "{1,120}")


def salesforce_grammar(sets: ClosedSets) -> str:
    """Returns the grammar of all calls that name what the catalogue has.

    Raises:
        FailedPrecondition: The catalogue has no entities.
    """
    entities = sets.get("entities", ())
    if not entities:
        raise FailedPrecondition("NO_CATALOGUE", "the surface salesforce needs a catalogue with objects")
    return _Grammar(sets).text(entities)


class _Grammar:
    def __init__(self, sets: ClosedSets) -> None:
        self.sets = sets
        self.lark = Lark()
        # The empty string is null's business, except in comparisons, where both mean the same to nobody.
        self.string = self.lark.terminal(f"/{words.STRING.replace('{0,255}', '{1,255}')}/")
        self.list_string = self.lark.terminal(f"/{_STRING_IN_LIST}/")
        self.number = self.lark.terminal(f"/{words.NUMBER}/")
        self.boolean = self.lark.rule('"true" | "false"')
        self.date = self.lark.terminal(f"/{words.DATE}/")
        self.datetime = self.lark.terminal(f"/{words.DATETIME}/")
        self.date_literal = self.lark.terminal(f"/{words.DATE_LITERAL}/")
        self.count = self.lark.terminal("/[1-9][0-9]{0,2}|1[0-9]{3}|2000/")
        self.equality = self.lark.rule('" = " | " != "')
        self.operator = self.lark.rule(_any(literal(f" {text} ") for text in words.OPERATORS.values()))
        self.fields = Fields(sets)
        self.paths = {entity: self.fields.paths(entity) for entity in sets["entities"]}

    def text(self, entities: Sequence[str]) -> str:
        """Returns the whole grammar."""
        methods = [literal(words.UNANSWERABLE)]
        for entity in entities:
            name = literal(entity)
            methods.append(f'"query " {name} ": " {self._query(entity)}')
            identifier = self._identifier(entity)
            if identifier and self.sets.get(f"type:{entity}.Id"):
                methods.append(f'"get " {name} " " {identifier} {self._shown(entity)}')
                if self.sets.get(f"writable:{entity}"):
                    methods.append(f'"delete " {name} " " {identifier}')
            methods += self._writes(entity, name, identifier)
        return self.lark.text(self.lark.rule(_any(methods)))

    def _identifier(self, entity: str) -> str:
        """Rule for a record of the entity; nothing when the texts have none."""
        ids = self.fields.ids_of(entity)
        return self.lark.rule(_any(map(literal, ids))) if ids else ""

    def _writes(self, entity: str, name: str, identifier: str) -> list[str]:
        writable = self.fields.written(entity)
        if not writable:
            return []
        required = frozenset(self.sets.get(f"required:{entity}", ()))
        create_only = self.sets.get(f"create_only:{entity}", ())
        changeable = [field for field in writable if field.name not in create_only]
        some = self._assignments(changeable, frozenset()) if changeable else ""
        methods = [f'"create " {name} ": " {self._assignments(writable, required)}']
        if identifier and some:
            methods.append(f'"update " {name} " " {identifier} ": " {some}')
        keys = self.sets.get(f"external_ids:{entity}", ())
        if keys and some:
            key = self.lark.rule(_any(map(literal, keys)))
            methods.append(f'"upsert " {name} " " {key} " " {self.list_string} ": " {some}')
        return methods

    def _assignments(self, fields: Sequence[Field], required: frozenset[str]) -> str:
        """Rules for a list of assignments in order; the list is not empty and has the required fields."""
        # `rest` follows an assignment, `first` begins the list; both are built from the last field backwards.
        rest, first = '""', ""
        for field in reversed(fields):
            item = self.lark.rule(f"{literal(field.name + ' = ')} {self._stored(field)}")
            with_item = self.lark.rule(f"{item} {rest}")
            if field.name in required:
                rest = self.lark.rule(f'", " {with_item}')
                first = with_item
            else:
                rest = self.lark.rule(f'", " {with_item} | {rest}')
                first = self.lark.rule(f"{with_item} | {first}") if first else with_item
        return first

    def _stored(self, field: Field) -> str:
        kinds = {
            "number": self.number,
            "boolean": self.boolean,
            "date": self.date,
            "datetime": self.datetime,
            "text": self.string,
        }
        if field.kind == "boolean":
            return self.boolean
        if field.kind == "reference" and not field.values:
            return '"null"'
        value = kinds.get(field.kind) or self._values(field)
        return value if field.never_empty else self.lark.rule(f'{value} | "null"')

    def _values(self, field: Field) -> str:
        return self.lark.rule(_any(literal(words.string_text(value)) for value in field.values))

    def _shown(self, entity: str) -> str:
        columns = self._columns(self.paths[entity])
        return self.lark.rule(f'"" | ": " {columns}')

    def _columns(self, paths: Sequence[Field], *further: str) -> str:
        """A select list: Salesforce refuses a field that stands there twice."""
        own = [literal(field.name) for field in paths if "." not in field.name]
        related = self._names(field for field in paths if "." in field.name)
        return self.lark.distinct_list(own, _any(filter(None, [related, *further])), MAX_COLUMNS // 2)

    def _query(self, entity: str) -> str:
        paths = self.paths[entity]
        column, key = self._column(paths), self._group_key(paths)
        single = self._condition(paths)
        group = self.lark.rule(f'{single} ("; " {single}){{0,{MAX_GROUP - 1}}}')
        grouped = (f'{literal(word + "(")} {group} ")"' for word in words.GROUPS.values())
        condition = self.lark.rule(_any([single, *grouped]))
        # Apart, since the lexer cannot step back from ` desc nulls` to ` desc`.
        direction = '(" desc")? (" nulls first" | " nulls last")?'
        aggregate = self._aggregate(paths)
        having = self.lark.rule(f"{aggregate} {self.operator} {self.number}")
        columns = self._columns(paths, aggregate, self._dated(paths))
        where = self.lark.rule(f'(" where " {condition} (" and " {condition}){{0,{MAX_CONDITIONS - 1}}})?')
        groups = self.lark.rule(f'" group by " {key} (", " {key}){{0,{MAX_KEYS - 1}}}')
        tests = self.lark.rule(f'" having " {having} (" and " {having}){{0,{MAX_KEYS - 1}}}')
        sorting = f'(" order by " {column} {direction} (", " {column} {direction}){{0,{MAX_KEYS - 1}}})?'
        rest = self.lark.rule(f'{sorting} (" limit " {self.count})? (" offset " {self.count})?')
        # Conditions on groups need groups: those that are said, or a query that ends in an aggregate.
        plain = f"{columns} {where} ({groups} {tests}?)? {rest}"
        return self.lark.rule(f'{plain} | ({columns} ", ")? {aggregate} {where} {tests} {rest}')

    def _names(self, paths: Iterable[Field], *kinds: str) -> str:
        names = [literal(field.name) for field in paths if not kinds or field.kind in kinds]
        return self.lark.rule(_any(names)) if names else ""

    def _aggregate(self, paths: Sequence[Field]) -> str:
        numbers, comparable = self._names(paths, "number"), self._names(paths, "number", "date", "datetime")
        counted = self._names(paths)
        alternatives = [f'("count" | "count_distinct") "(" {counted} ")"']
        if numbers:
            alternatives.append(f'("sum" | "avg") "(" {numbers} ")"')
        if comparable:
            alternatives.append(f'("min" | "max") "(" {comparable} ")"')
        return self.lark.rule(_any(alternatives))

    def _dated(self, paths: Sequence[Field]) -> str:
        """Date functions on the entity's date fields, or nothing when it has none."""
        days, times = self._names(paths, "date", "datetime"), self._names(paths, "datetime")
        alternatives = []
        if days:
            parts = (text for text in words.DATE_FUNCTIONS.values() if text != "day_only")
            alternatives.append(f'({_any(map(literal, parts))}) "(" {days} ")"')
        if times:
            alternatives.append(f'"day_only(" {times} ")"')
        return self.lark.rule(_any(alternatives)) if alternatives else ""

    def _column(self, paths: Sequence[Field]) -> str:
        parts = (self._names(paths), self._aggregate(paths), self._dated(paths))
        return self.lark.rule(_any(filter(None, parts)))

    def _group_key(self, paths: Sequence[Field]) -> str:
        return self.lark.rule(_any(filter(None, (self._names(paths), self._dated(paths)))))

    def _condition(self, paths: Sequence[Field]) -> str:
        """One comparison, match or membership on a field of the kind that allows it."""
        more = f'(", " {self.list_string}){{0,{MAX_VALUES - 1}}}'
        membership = f'(" in (" | " not in (") {self.list_string} {more} ")"'
        alternatives = [f'{self._names(paths)} {self.equality} "null"']
        if text := self._names(paths, "text"):
            alternatives += [
                f"{text} {self.operator} {self.string}",
                f'{text} " like " {self.string}',
                f"{text} {membership}",
            ]
        if numbers := self._names(paths, "number"):
            alternatives.append(f"{numbers} {self.operator} {self.number}")
        if flags := self._names(paths, "boolean"):
            alternatives.append(f"{flags} {self.equality} {self.boolean}")
        if days := self._names(paths, "date"):
            alternatives.append(f"{days} {self.operator} ({self.date} | {self.date_literal})")
        if times := self._names(paths, "datetime"):
            alternatives.append(f"{times} {self.operator} ({self.datetime} | {self.date_literal})")
        closed = [field for field in paths if field.kind in ("pick", "multi", "reference") and field.values]
        alternatives += map(self._closed, closed)
        return self.lark.rule(_any(alternatives))

    def _closed(self, field: Field) -> str:
        """Conditions on a picklist or reference, whose values are known."""
        value = self._values(field)
        listed = f'{value} (", " {value}){{0,{MAX_VALUES - 1}}} ")"'
        name = literal(field.name)
        if field.kind == "multi":
            return self.lark.rule(f'{name} (" includes (" | " excludes (") {listed}')
        return self.lark.rule(f'{name} ({self.equality} {value} | (" in (" | " not in (") {listed})')


def _any(alternatives: Iterable[str]) -> str:
    return " | ".join(alternatives)
