"""The grammar of canonical SQL text over one catalogue, in llguidance's Lark dialect.

SQL names columns before the tables that they belong to. The grammar still lets a column stand only where its
table is in FROM: the rules of a SELECT carry a 64-bit parameter (llguidance's parametric rules,
https://github.com/guidance-ai/llguidance/blob/main/docs/parametric.md). The select list notes in it which
tables are needed, FROM must bring such tables, and what follows FROM sees only those. A parameter goes down
and never up, so the rules of the select list and of FROM are written in continuation-passing style: each ends
with what comes next.

llguidance does not compare parameters when a rule is complete: two alternatives that both wait for one rule
at one place, with different parameters, are taken for each other. So wherever a rule is followed by more,
text alone decides its parameter.

A SELECT has one of two shapes: from tables, whose columns are always written with their table, or from a
derived table with the columns `v1` and `v2`. A select list leaves open whether tables are joined: FROM has to
bring those that it named, and can bring more.
"""

from __future__ import annotations

from collections.abc import Iterable

from narrowgauge.contracts.surfaces.sql.clauses import add_clauses
from narrowgauge.contracts.surfaces.sql.parameter import SOURCES
from narrowgauge.contracts.surfaces.sql.rules import Rules, quoted
from narrowgauge.contracts.surfaces.sql.select_list import add_select
from narrowgauge.contracts.surfaces.sql.tables import tables_of
from narrowgauge.contracts.surfaces.sql.words import (
    ARITHMETIC,
    CALL_START,
    COMPARATORS,
    CONSTANT,
    DATE,
    INTEGER,
    JOINS,
    NUMBER,
    SET_OPERATORS,
    UNANSWERABLE,
)
from narrowgauge.contracts.surfaces.surface import ClosedSets
from narrowgauge.errors import FailedPrecondition
from narrowgauge.tools.sql.v1 import sql_pb2

__all__ = ["TERMINALS", "sql_grammar"]

_CHARACTER = r"[^'\x00-\x1f\x7f]"


def sql_grammar(closed_sets: ClosedSets) -> str:
    """Returns the grammar of all requests over a catalogue.

    Raises:
        FailedPrecondition: The catalogue has no table with columns, or more than the grammar can follow.
    """
    tables = tables_of(closed_sets)
    if len(tables) > SOURCES:
        raise FailedPrecondition(
            "CATALOGUE_TOO_LARGE",
            f"the catalogue has {len(tables)} tables and the SQL grammar follows {SOURCES}: "
            "prune it to what the request can need",
        )
    rules = Rules(tables)
    rules.rule("start", [quoted(UNANSWERABLE), '"SELEC" first_select::0'], parameter=False)
    add_select(rules)
    add_clauses(rules)
    return rules.text() + TERMINALS


def _words(name: str, texts: Iterable[str]) -> str:
    return f"{name}: {' | '.join(map(quoted, texts))}\n"


def _calls(name: str, *functions: sql_pb2.ScalarFunction.ValueType) -> str:
    return _words(name, (CALL_START[function] for function in functions))


TERMINALS = "".join(
    (
        _words("ARITHMETIC", ARITHMETIC.values()),
        _words("COMPARE", COMPARATORS.values()),
        _words("EQUAL", (COMPARATORS[sql_pb2.COMPARATOR_EQUAL], COMPARATORS[sql_pb2.COMPARATOR_NOT_EQUAL])),
        _words("SET_OPERATOR", SET_OPERATORS.values()),
        _words("JOIN", (JOINS[sql_pb2.JOIN_KIND_INNER], JOINS[sql_pb2.JOIN_KIND_LEFT])),
        _words("IN", (" IN ", " NOT IN ")),
        _words("BETWEEN", (" BETWEEN ", " NOT BETWEEN ")),
        _words("LIKE", (" LIKE ", " NOT LIKE ")),
        _words("IS_NULL", (" IS NULL", " IS NOT NULL")),
        _words("BOOLEAN", ("TRUE", "FALSE")),
        _words("TOTAL", ("SUM(", "AVG(")),
        _words("EXTREME", ("MIN(", "MAX(")),
        _calls(
            "DATE_CALL",
            sql_pb2.SCALAR_FUNCTION_YEAR,
            sql_pb2.SCALAR_FUNCTION_MONTH,
            sql_pb2.SCALAR_FUNCTION_DAY,
            sql_pb2.SCALAR_FUNCTION_QUARTER,
            sql_pb2.SCALAR_FUNCTION_WEEKDAY,
            sql_pb2.SCALAR_FUNCTION_HOUR,
            sql_pb2.SCALAR_FUNCTION_JULIAN_DAY,
        ),
        _calls("DATE_TEXT_CALL", sql_pb2.SCALAR_FUNCTION_YEAR_MONTH),
        _calls("DAY_CALL", sql_pb2.SCALAR_FUNCTION_DATE),
        _calls("TEXT_CALL", sql_pb2.SCALAR_FUNCTION_LOWER, sql_pb2.SCALAR_FUNCTION_UPPER),
        _calls("LENGTH_CALL", sql_pb2.SCALAR_FUNCTION_LENGTH),
        _calls("NUMBER_CALL", sql_pb2.SCALAR_FUNCTION_ABS, sql_pb2.SCALAR_FUNCTION_ROUND),
        "LIMIT: /[1-9][0-9]{0,2}|1000/\n",
        f"CONSTANT: /{CONSTANT}/\n",
        # Minus zero with a fraction is no number of its own.
        rf"NUMERAL: /{INTEGER}|{NUMBER}|-0\.[0-9]{{0,5}}[1-9]|-[1-9][0-9]{{0,8}}\.([0-9]{{0,5}}[1-9]|0)/"
        "\n",
        rf"DATE: /'({DATE})'/" "\n",
        # A time of a day that exists; seconds may be left out.
        rf"TIME: /'({DATE}) ([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?'/" "\n",
        rf"PATTERN: /'({_CHARACTER}|''){{1,80}}'/" "\n",
        rf"ANY_STRING: /'({_CHARACTER}|''){{0,160}}'/" "\n",
        "DATE_LIKE: /'[0-9]{4}-[0-9]{2}-[0-9]{2}'/\n",
        # A text that looks like a date is one, or none at all.
        "STRING: (ANY_STRING & ~DATE_LIKE) | DATE\n",
    )
)
