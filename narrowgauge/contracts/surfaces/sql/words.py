"""Words of the canonical SQL text: keywords, operators, functions, identifiers and literals.

The text has one way to say each thing: upper-case keywords, single spaces, no redundant parentheses. What is
listed here is read by the grammar, the parser and the renderer, so that they cannot disagree.
"""

from __future__ import annotations

import re
from decimal import Decimal

from narrowgauge.errors import InvalidRequest
from narrowgauge.tools.sql.v1 import sql_pb2

__all__ = [
    "AGGREGATES",
    "ARITHMETIC",
    "CALL_END",
    "CALL_START",
    "COMPARATORS",
    "CONSTANT",
    "DATE",
    "INTEGER",
    "JOINS",
    "MAX_COLUMNS",
    "MAX_DERIVED_COLUMNS",
    "NUMBER",
    "SET_OPERATORS",
    "UNANSWERABLE",
    "derived_column",
    "identifier",
    "instance_name",
    "integer_text",
    "number_text",
    "string_text",
]

UNANSWERABLE = "UNANSWERABLE"
MAX_COLUMNS = 12
MAX_DERIVED_COLUMNS = 2

AGGREGATES = {
    sql_pb2.AGGREGATE_FUNCTION_COUNT: "COUNT",
    sql_pb2.AGGREGATE_FUNCTION_SUM: "SUM",
    sql_pb2.AGGREGATE_FUNCTION_AVG: "AVG",
    sql_pb2.AGGREGATE_FUNCTION_MIN: "MIN",
    sql_pb2.AGGREGATE_FUNCTION_MAX: "MAX",
}
ARITHMETIC = {
    sql_pb2.ARITHMETIC_OPERATOR_ADD: " + ",
    sql_pb2.ARITHMETIC_OPERATOR_SUBTRACT: " - ",
    sql_pb2.ARITHMETIC_OPERATOR_MULTIPLY: " * ",
    sql_pb2.ARITHMETIC_OPERATOR_DIVIDE: " / ",
}
COMPARATORS = {
    sql_pb2.COMPARATOR_EQUAL: " = ",
    sql_pb2.COMPARATOR_NOT_EQUAL: " <> ",
    sql_pb2.COMPARATOR_LESS: " < ",
    sql_pb2.COMPARATOR_LESS_OR_EQUAL: " <= ",
    sql_pb2.COMPARATOR_GREATER: " > ",
    sql_pb2.COMPARATOR_GREATER_OR_EQUAL: " >= ",
}
SET_OPERATORS = {
    sql_pb2.SET_OPERATOR_UNION: " UNION ",
    sql_pb2.SET_OPERATOR_INTERSECT: " INTERSECT ",
    sql_pb2.SET_OPERATOR_EXCEPT: " EXCEPT ",
    sql_pb2.SET_OPERATOR_UNION_ALL: " UNION ALL ",
}
JOINS = {
    sql_pb2.JOIN_KIND_INNER: " JOIN ",
    sql_pb2.JOIN_KIND_LEFT: " LEFT JOIN ",
    sql_pb2.JOIN_KIND_CROSS: " CROSS JOIN ",
}
# MySQL's date functions read best and need no format; year and month together are SQLite's.
CALL_START = {
    sql_pb2.SCALAR_FUNCTION_YEAR: "YEAR(",
    sql_pb2.SCALAR_FUNCTION_MONTH: "MONTH(",
    sql_pb2.SCALAR_FUNCTION_DAY: "DAY(",
    sql_pb2.SCALAR_FUNCTION_QUARTER: "QUARTER(",
    sql_pb2.SCALAR_FUNCTION_WEEKDAY: "WEEKDAY(",
    sql_pb2.SCALAR_FUNCTION_HOUR: "HOUR(",
    sql_pb2.SCALAR_FUNCTION_YEAR_MONTH: "STRFTIME('%Y-%m', ",
    sql_pb2.SCALAR_FUNCTION_DATE: "DATE(",
    sql_pb2.SCALAR_FUNCTION_JULIAN_DAY: "JULIANDAY(",
    sql_pb2.SCALAR_FUNCTION_LOWER: "LOWER(",
    sql_pb2.SCALAR_FUNCTION_UPPER: "UPPER(",
    sql_pb2.SCALAR_FUNCTION_LENGTH: "LENGTH(",
    sql_pb2.SCALAR_FUNCTION_ABS: "ABS(",
    sql_pb2.SCALAR_FUNCTION_ROUND: "ROUND(",
}
CALL_END = ")"

INTEGER = r"0|-?[1-9][0-9]{0,14}"
# Fifteen digits in all: as many as a double always keeps.
NUMBER = r"(0|[1-9][0-9]{0,8})\.([0-9]{0,5}[1-9]|0)"
# What a calculation can have on its right: at least a millionth, below a thousand million.
CONSTANT = r"[1-9][0-9]{0,8}|0\.[0-9]{0,5}[1-9]|[1-9][0-9]{0,8}\.([0-9]{0,5}[1-9]|0)"
DATE = (
    r"[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|"
    r"02-(0[1-9]|1[0-9]|2[0-8]))|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29"
)

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DERIVED = re.compile(r"v[1-9][0-9]?")
# Words that would read as something else in the canonical text, or that SQLite or PostgreSQL reserve.
_RESERVED_WORDS = """
ABS ALL ANALYSE ANALYZE AND ANY ARRAY AS ASC ASYMMETRIC AUTHORIZATION AVG BETWEEN BINARY BOTH CASE CAST
CHECK COLLATE COLLATION COLUMN CONCURRENTLY CONSTRAINT COUNT CREATE CROSS CURRENT_DATE CURRENT_ROLE
CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DATE DAY DEFAULT DEFERRABLE DELETE DESC DISTINCT DO DROP ELSE
END EXCEPT EXISTS FALSE FETCH FOR FOREIGN FREEZE FROM FULL GRANT GROUP HAVING HOUR ILIKE IN INDEX
INITIALLY INNER INSERT INTERSECT INTO IS ISNULL JOIN JULIANDAY LATERAL LEADING LEFT LENGTH LIKE LIMIT
LOCALTIME LOCALTIMESTAMP LOWER MAX MIN MONTH NATURAL NOT NOTNULL NULL OFFSET ON ONLY OR ORDER OUTER
OVERLAPS PLACING PRIMARY QUARTER REFERENCES RETURNING RIGHT ROUND SELECT SESSION_USER SET SIMILAR SOME
STRFTIME SUM SYMMETRIC TABLE TABLESAMPLE THEN TO TRAILING TRANSACTION TRUE UNANSWERABLE UNION UNIQUE
UPDATE UPPER USER USING VALUES VARIADIC VERBOSE WEEKDAY WHEN WHERE WINDOW WITH YEAR
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())


def identifier(name: str) -> str:
    """Writes a name: bare where that is clear, else in double quotes."""
    if _BARE.fullmatch(name) and name.upper() not in _RESERVED and not _DERIVED.fullmatch(name):
        return name
    return '"' + name.replace('"', '""') + '"'


def instance_name(table: str, instance: int) -> str:
    """Name under which an occurrence of a table is reached; unquoted."""
    return table if instance == 0 else f"{table}_{instance}"


def derived_column(position: int) -> str:
    """Name of a derived table's column by its position from 1."""
    return f"v{position}"


def string_text(value: str) -> str:
    """Writes a text in single quotes."""
    return "'" + value.replace("'", "''") + "'"


def integer_text(value: int) -> str:
    """Writes a whole number."""
    return str(value)


def number_text(value: float) -> str:
    """Writes a number with a fraction, without exponent.

    Raises:
        InvalidRequest: The number has over nine digits before the point or six after it, or is not finite.
    """
    text = format(Decimal(repr(value)), "f")
    if "." not in text:
        text += ".0"
    if not re.fullmatch(f"-?({NUMBER})", text) or text == "-0.0":
        raise InvalidRequest("NOT_EXPRESSIBLE", f"{value!r} has more digits than SQL text carries here")
    return text
