"""The contract's scalar functions in each dialect, with one meaning: numbers count alike, Sunday is 0."""

from __future__ import annotations

from sqlglot import exp

from narrowgauge.tools.sql.v1 import sql_pb2 as pb

__all__ = ["scalar_function"]

_STRFTIME: dict[int, str] = {
    pb.SCALAR_FUNCTION_YEAR: "%Y",
    pb.SCALAR_FUNCTION_MONTH: "%m",
    pb.SCALAR_FUNCTION_DAY: "%d",
    pb.SCALAR_FUNCTION_WEEKDAY: "%w",
    pb.SCALAR_FUNCTION_HOUR: "%H",
}
_EXTRACT: dict[int, str] = {
    pb.SCALAR_FUNCTION_YEAR: "YEAR",
    pb.SCALAR_FUNCTION_MONTH: "MONTH",
    pb.SCALAR_FUNCTION_DAY: "DAY",
    pb.SCALAR_FUNCTION_QUARTER: "QUARTER",
    pb.SCALAR_FUNCTION_WEEKDAY: "DOW",
    pb.SCALAR_FUNCTION_HOUR: "HOUR",
}
_SAME: dict[int, str] = {
    pb.SCALAR_FUNCTION_LOWER: "LOWER",
    pb.SCALAR_FUNCTION_UPPER: "UPPER",
    pb.SCALAR_FUNCTION_LENGTH: "LENGTH",
    pb.SCALAR_FUNCTION_ABS: "ABS",
    pb.SCALAR_FUNCTION_ROUND: "ROUND",
}
# Days from the epoch of Julian days to that of Unix time, at midnight.
_UNIX_EPOCH_JULIAN = "2440587.5"


def scalar_function(function: int, argument: exp.Expr, dialect: str) -> exp.Expr:
    """Builds a call of one of the contract's scalar functions."""
    if function in _SAME:
        return _call(_SAME[function], argument)
    return _sqlite(function, argument) if dialect == "sqlite" else _postgres(function, argument)


def _sqlite(function: int, argument: exp.Expr) -> exp.Expr:
    if function in _STRFTIME:
        return _cast(_call("STRFTIME", exp.Literal.string(_STRFTIME[function]), argument), "INTEGER")
    if function == pb.SCALAR_FUNCTION_QUARTER:
        month = _cast(_call("STRFTIME", exp.Literal.string("%m"), argument), "INTEGER")
        # Typed: a division of whole numbers, as SQLite's own.
        return exp.Div(
            this=exp.paren(exp.Add(this=month, expression=exp.Literal.number(2))),
            expression=exp.Literal.number(3),
            typed=True,
        )
    if function == pb.SCALAR_FUNCTION_YEAR_MONTH:
        return _call("STRFTIME", exp.Literal.string("%Y-%m"), argument)
    return _call("DATE" if function == pb.SCALAR_FUNCTION_DATE else "JULIANDAY", argument)


def _postgres(function: int, argument: exp.Expr) -> exp.Expr:
    time = _cast(argument, "TIMESTAMP")
    if function in _EXTRACT:
        return _cast(exp.Extract(this=exp.var(_EXTRACT[function]), expression=time), "INTEGER")
    if function == pb.SCALAR_FUNCTION_YEAR_MONTH:
        return _call("TO_CHAR", time, exp.Literal.string("YYYY-MM"))
    if function == pb.SCALAR_FUNCTION_DATE:
        return _cast(time, "DATE")
    seconds = exp.Extract(this=exp.var("EPOCH"), expression=time)
    days = exp.Div(this=seconds, expression=exp.Literal.number("86400.0"))
    return exp.paren(exp.Add(this=days, expression=exp.Literal.number(_UNIX_EPOCH_JULIAN)))


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _cast(argument: exp.Expr, kind: str) -> exp.Expr:
    return exp.Cast(this=argument, to=exp.DataType.build(kind))
