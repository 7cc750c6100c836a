"""SOQL text to a syntax tree. What the grammar has and the server does not execute is refused by name.

Source: SOQL and SOSL Reference, "SOQL SELECT Syntax".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Never

from tool_svc.salesforce.local_server.faults import Fault, at
from tool_svc.salesforce.local_server.soql_tree import (
    AGGREGATES,
    DATE_FUNCTIONS,
    All,
    AnyOf,
    Comparison,
    Condition,
    Expression,
    Literal,
    Negation,
    Order,
    Query,
    SemiJoin,
    SubSelect,
)

__all__ = ["parse_soql", "string_value"]

# The value itself, in an organisation with one language and one currency.
PLAIN_FUNCTIONS = frozenset(("TOLABEL", "FORMAT", "CONVERTCURRENCY", "CONVERTTIMEZONE"))

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)(?![\w:])
    | (?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+))(?![\w.])
    | (?P<literal>[A-Za-z_]+:\d+)
    | (?P<name>[A-Za-z]\w*(?:\.[A-Za-z]\w*)*)
    | (?P<operator><=|>=|!=|<>|=|<|>)
    | (?P<punctuation>[(),])
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
_DATE_LITERALS = re.compile(
    r"YESTERDAY|TODAY|TOMORROW|(?:LAST|THIS|NEXT)_(?:FISCAL_)?(?:WEEK|MONTH|QUARTER|YEAR)|(?:LAST|NEXT)_90_DAYS"
)
_CLAUSES = frozenset(
    ("FROM", "WHERE", "WITH", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "USING", "UPDATE", "ALL")
)
_CONNECTIVES = frozenset(("AND", "OR", "NOT", "ASC", "DESC", "NULLS"))
_MAX_DEPTH = 32


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int


def parse_soql(text: str) -> Query:
    """Parses a query.

    Raises:
        Fault: MALFORMED_QUERY, with the place.
    """
    parser = _Parser(text, _tokens(text))
    query = parser.query(0)
    parser.expect_end()
    return query


def string_value(raw: str, *, keep_wildcards: bool = False) -> str:
    """Returns what a string literal stands for.

    Args:
        raw: The literal without its quotation marks.
        keep_wildcards: Leave `\\%`, `\\_` and `\\\\` escaped, for LIKE.
    """

    def character(match: re.Match[str]) -> str:
        escape = match[1]
        if escape[0] in "uU" and len(escape) == 5:
            return chr(int(escape[1:], 16))
        if escape in "%_\\":
            return f"\\{escape}" if keep_wildcards else escape
        return _ESCAPES.get(escape.lower(), escape)

    return re.sub(r"\\([uU][0-9A-Fa-f]{4}|.)", character, raw, flags=re.DOTALL)


_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while True:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            place = position + len(text[position:]) - len(text[position:].lstrip())
            raise at(text, place, "MALFORMED_QUERY", f"unexpected token: '{text[place : place + 1]}'")
        kind = match.lastgroup
        tokens.append(_Token(kind, match[kind], match.start(kind)))
        if kind == "end":
            return tokens
        position = match.end()


@dataclass
class _Parser:
    text: str
    tokens: list[_Token]
    index: int = field(default=0)

    @property
    def token(self) -> _Token:
        return self.tokens[self.index]

    def fail(self, token: _Token | None = None, complaint: str = "") -> Never:
        token = token or self.token
        shown = "<EOF>" if token.kind == "end" else f"'{token.text}'"
        raise at(self.text, token.position, "MALFORMED_QUERY", complaint or f"unexpected token: {shown}")

    def is_word(self, *words: str) -> bool:
        return self.token.kind == "name" and self.token.text.upper() in words

    def take(self) -> _Token:
        token = self.token
        self.index += 1
        return token

    def take_word(self, *words: str) -> bool:
        if self.is_word(*words):
            self.index += 1
            return True
        return False

    def take_mark(self, mark: str) -> bool:
        if self.token.kind == "punctuation" and self.token.text == mark:
            self.index += 1
            return True
        return False

    def expect_word(self, word: str) -> None:
        if not self.take_word(word):
            self.fail()

    def expect_mark(self, mark: str) -> None:
        if not self.take_mark(mark):
            self.fail()

    def expect_end(self) -> None:
        if self.token.kind != "end":
            self.fail()

    def unsupported(self, what: str) -> Never:
        raise Fault(400, "MALFORMED_QUERY", f"this local organisation does not execute {what}")

    def query(self, depth: int) -> Query:
        self.expect_word("SELECT")
        select = [self.select_item(depth)]
        while self.take_mark(","):
            select.append(self.select_item(depth))
        self.expect_word("FROM")
        if self.token.kind != "name" or self.is_word(*_CLAUSES, *_CONNECTIVES):
            self.fail()
        source = self.take()
        alias = ""
        if self.token.kind == "name" and not self.is_word(*_CLAUSES, *_CONNECTIVES):
            alias = self.take().text
        if self.take_word("USING"):
            self.expect_word("SCOPE")
            if not self.take_word("EVERYTHING"):
                self.unsupported(f"USING SCOPE {self.token.text}")
        where = None
        if self.take_word("WHERE"):
            where = self.condition(0)
        self.security()
        group_by: list[Expression] = []
        having = None
        if self.take_word("GROUP"):
            self.expect_word("BY")
            group_by.append(self.expression())
            while self.take_mark(","):
                group_by.append(self.expression())
            if self.take_word("HAVING"):
                having = self.condition(0)
        order_by: list[Order] = []
        if self.take_word("ORDER"):
            self.expect_word("BY")
            order_by.append(self.order())
            while self.take_mark(","):
                order_by.append(self.order())
        limit = self.count() if self.take_word("LIMIT") else None
        offset = self.count() if self.take_word("OFFSET") else 0
        if self.take_word("FOR") and not self.take_word("VIEW", "REFERENCE", "UPDATE"):
            self.fail()
        return Query(
            self.text,
            tuple(select),
            source.text,
            source.position,
            alias,
            where,
            tuple(group_by),
            having,
            tuple(order_by),
            limit,
            offset,
        )

    def security(self) -> None:
        if self.take_word("WITH"):
            if self.is_word("DATA"):
                self.unsupported("WITH DATA CATEGORY")
            # Every field and record of this organisation is visible to every session.
            if not self.take_word("SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE"):
                self.fail()

    def select_item(self, depth: int) -> Expression | SubSelect:
        if self.take_mark("("):
            if depth:
                self.fail(complaint="only one level of child sub-queries is supported")
            query = self.query(depth + 1)
            self.expect_mark(")")
            return SubSelect(query)
        if self.is_word("TYPEOF"):
            self.unsupported("TYPEOF")
        expression = self.expression()
        if self.token.kind == "name" and not self.is_word(*_CLAUSES, *_CONNECTIVES):
            alias = self.take()
            if "." in alias.text:
                self.fail(alias)
            return Expression(expression.path, expression.function, expression.position, alias.text)
        return expression

    def expression(self) -> Expression:
        token = self.token
        if token.kind != "name" or self.is_word("FROM", "WHERE", "AND", "OR"):
            self.fail()
        self.index += 1
        if not self.take_mark("("):
            return Expression(tuple(token.text.split(".")), "", token.position)
        function = token.text.upper()
        if function in ("ROLLUP", "CUBE", "GROUPING", "DISTANCE", "GEOLOCATION"):
            self.unsupported(function)
        if function == "FIELDS":
            which = self.take()
            self.expect_mark(")")
            return Expression((which.text,), function, token.position)
        if function not in AGGREGATES | DATE_FUNCTIONS | PLAIN_FUNCTIONS:
            self.fail(token, f"Unknown function: {token.text}")
        if self.take_mark(")"):
            if function != "COUNT":
                self.fail(token)
            return Expression((), function, token.position)
        inner = self.expression()
        self.expect_mark(")")
        if function in PLAIN_FUNCTIONS:
            return Expression(inner.path, inner.function, token.position)
        if inner.function:
            self.fail(token, f"functions cannot be nested: {token.text}")
        return Expression(inner.path, function, token.position)

    def condition(self, depth: int) -> Condition:
        if depth > _MAX_DEPTH:
            self.fail(complaint="conditions are nested too deeply")
        first = self.term(depth)
        for word, kind in (("AND", All), ("OR", AnyOf)):
            if self.is_word(word):
                terms = [first]
                while self.take_word(word):
                    terms.append(self.term(depth))
                # Salesforce wants parentheses where AND and OR meet.
                if self.is_word("AND", "OR"):
                    self.fail()
                return kind(tuple(terms))
        return first

    def term(self, depth: int) -> Condition:
        if self.take_word("NOT"):
            return Negation(self.term(depth + 1))
        if self.take_mark("("):
            inner = self.condition(depth + 1)
            self.expect_mark(")")
            return inner
        return self.comparison()

    def comparison(self) -> Condition:
        left = self.expression()
        token = self.take()
        word = token.text.upper()
        if token.kind == "operator":
            return Comparison(left, "!=" if word == "<>" else word, (self.value(),))
        if token.kind != "name" or word not in ("LIKE", "IN", "NOT", "INCLUDES", "EXCLUDES"):
            self.fail(token)
        if word == "LIKE":
            return Comparison(left, word, (self.value(),))
        if word == "NOT":
            self.expect_word("IN")
            word = "NOT IN"
        self.expect_mark("(")
        if word in ("IN", "NOT IN") and self.is_word("SELECT"):
            query = self.query(1)
            self.expect_mark(")")
            return SemiJoin(left, word == "NOT IN", query)
        values = [self.value()]
        while self.take_mark(","):
            values.append(self.value())
        self.expect_mark(")")
        return Comparison(left, word, tuple(values))

    def value(self) -> Literal:
        token = self.take()
        if token.kind == "string":
            return Literal("string", token.text[1:-1], token.position)
        if token.kind in ("number", "date", "datetime", "literal"):
            return Literal(token.kind, token.text, token.position)
        if token.kind == "name":
            word = token.text.upper()
            if word in ("TRUE", "FALSE"):
                return Literal("boolean", word, token.position)
            if word == "NULL":
                return Literal("null", word, token.position)
            if _DATE_LITERALS.fullmatch(word):
                return Literal("literal", word, token.position)
            if re.fullmatch(r"[A-Z]{3}\d+", word):
                self.unsupported("amounts in a named currency")
        return self.fail(token)

    def order(self) -> Order:
        by = self.expression()
        descending = self.take_word("DESC")
        if not descending:
            self.take_word("ASC")
        nulls_last = None
        if self.take_word("NULLS"):
            nulls_last = self.take_word("LAST")
            if not nulls_last:
                self.expect_word("FIRST")
        return Order(by, descending, nulls_last)

    def count(self) -> int:
        token = self.take()
        if token.kind != "number" or not token.text.isdigit():
            self.fail(token)
        return int(token.text)
