"""Questions over a schema with the SQL that answers them: a grammar with many wordings of each meaning."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from narrowgauge.training.specialist.noise import roughen
from narrowgauge.training.specialist.sql_conditions import Phrase, condition, number_words
from narrowgauge.training.specialist.sql_periods import draw_today
from narrowgauge.training.specialist.sql_schema import Column, Link, Schema, Table, singular

__all__ = ["Question", "questions"]


@dataclass(frozen=True)
class Question:
    """A question and its answer.

    Attributes:
        text: The question.
        sql: The query that answers it, or None when the schema cannot.
        kind: The rule that made it; train and dev are split by wording, so dev names are its own.
        today: The date on which it is asked.
    """

    text: str
    sql: str | None
    kind: str
    today: dt.date


def questions(schema: Schema, *, seed: int) -> Iterator[Question]:
    """Yields questions without end; the same seed gives the same questions."""
    rng = random.Random(seed)
    makers = _makers()
    names = list(makers)
    weights = [makers[name][1] for name in names]
    while True:
        kind = rng.choices(names, weights)[0]
        today = draw_today(rng)
        made = makers[kind][0](schema, today, rng)
        if made is not None:
            text, sql = made
            yield Question(roughen(_tidy(text), rng), sql, kind, today)


_Made = tuple[str, str | None] | None
_Maker = Callable[[Schema, dt.date, random.Random], _Made]


def _makers() -> dict[str, tuple[_Maker, float]]:
    return {
        "list": (_list, 3.0),
        "columns": (_columns, 2.0),
        "count": (_count, 2.0),
        "aggregate": (_aggregate, 1.5),
        "top": (_top, 3.0),
        "top_parent": (_top_parent, 2.5),
        "group": (_group, 1.5),
        "group_parent": (_group_parent, 2.0),
        "most": (_most, 1.0),
        "children_of": (_children_of, 2.0),
        "parents_with": (_parents_with, 1.5),
        "without": (_without, 0.6),
        "above_average": (_above_average, 0.4),
        "distinct": (_distinct, 0.5),
        "unanswerable": (_unanswerable, 1.0),
    }


def _tidy(text: str) -> str:
    return " ".join(text.split()).replace(" ,", ",").replace(" ?", "?").replace(" .", ".")


def _table(schema: Schema, rng: random.Random) -> Table:
    return rng.choice(list(schema.tables.values()))


def _conditions(
    table: Table, today: dt.date, rng: random.Random, weights: tuple[int, ...] = (4, 5, 2)
) -> list[Phrase]:
    """Draws none to two conditions on different columns, at most one of which stands before the noun."""
    wanted = rng.choices(range(len(weights)), weights)[0]
    result: list[Phrase] = []
    for _ in range(wanted * 3):
        made = condition(table, today, rng)
        if made is None or len(result) == wanted:
            break
        columns = {phrase.sql.split()[0] for phrase in result}
        if made.sql.split()[0] in columns or (made.before and any(p.before for p in result)):
            continue
        result.append(made)
    return result


def _noun(words: str, phrases: list[Phrase]) -> str:
    before = " ".join(p.before for p in phrases if p.before)
    after = " and ".join(p.after for p in phrases if p.after)
    return f"{before} {words} {after}"


def _where(phrases: list[Phrase]) -> str:
    return " WHERE " + " AND ".join(p.sql for p in phrases) if phrases else ""


_SHOW = (
    *("list", "show", "show me", "give me", "get", "find", "display", "fetch", "return", "pull up", "I need"),
    *("can you list", "could you show me", "what are", "which are", "look up", "list out", "I want to see"),
)


def _list(schema: Schema, today: dt.date, rng: random.Random) -> _Made:
    table = _table(schema, rng)
    phrases = _conditions(table, today, rng)
    show = rng.choice((*_SHOW, "which", "which"))
    every = rng.choice(("", "", "all ", "all the ", "the ", "every "))
    if show == "which":
        after = [p for p in phrases if p.after]
        every, show = "", "which" if after else "list"
    words = table.one if every == "every " else table.many
    return f"{show} {every}{_noun(words, phrases)}", f"SELECT * FROM {table.name}{_where(phrases)}"


def _join_words(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def _columns(schema: Schema, today: dt.date, rng: random.Random) -> _Made:
    table = _table(schema, rng)
    free = [c for c in table.columns if c.role not in ("key", "link")]
    if len(free) < 2:
        return None
    chosen = rng.sample(free, min(len(free), rng.choice((1, 1, 2, 2, 3))))
    phrases = _conditions(table, today, rng, (2, 5, 1))
    names = _join_words([c.words for c in chosen])
    noun = _noun(table.many, phrases)
    forms = (
        "what are the {c} of {n}",
        "{s} the {c} of {n}",
        "{s} the {c} of all {n}",
        "{s} the {c} for {n}",
        "{s} {c} of {n}",
        "{n}: {c}",
        "{s} {n} with their {c}",
        "for {n}, show the {c}",
    )
    text = rng.choice(forms).format(s=rng.choice(_SHOW[:10]), c=names, n=noun)
    return text, f"SELECT {', '.join(c.sql for c in chosen)} FROM {table.name}{_where(phrases)}"


def _count(schema: Schema, today: dt.date, rng: random.Random) -> _Made:
    table = _table(schema, rng)
    phrases = _conditions(table, today, rng, (2, 5, 2))
    noun = _noun(table.many, phrases)
    forms = (
        "how many {n} are there",
        "how many {n} do we have",
        "how many {n}",
        "count the {n}",
        "count {n}",
        "number of {n}",
        "what is the number of {n}",
        "what's the total number of {n}",
        "give me the count of {n}",
        "tell me how many {n} there are",
    )
    return rng.choice(forms).format(n=noun), f"SELECT COUNT(*) FROM {table.name}{_where(phrases)}"


_AGGREGATES = {
    "AVG": ("average", "mean", "average"),
    "SUM": ("total", "sum of the", "total", "combined"),
    "MAX": ("highest", "maximum", "largest", "biggest"),
    "MIN": ("lowest", "minimum", "smallest"),
}


def _aggregate(schema: Schema, today: dt.date, rng: random.Random) -> _Made:
    table = _table(schema, rng)
    numbers = table.of("number")
    if not numbers:
        return None
    function = rng.choice(list(_AGGREGATES))
    column = rng.choice(numbers)
    phrases = [p for p in _conditions(table, today, rng, (3, 5, 1)) if column.sql not in p.sql]
    word = rng.choice(_AGGREGATES[function])
    forms = (
        "what is the {w} {c} of {n}",
        "what's the {w} {c} of all {n}",
        "{w} {c} of {n}",
        "give me the {w} {c} for {n}",
        "calculate the {w} {c} of {n}",
        "tell me the {w} {c} of {n}",
        "{w} {c} across {n}",
    )
    text = rng.choice(forms).format(w=word, c=column.words, n=_noun(table.many, phrases))
    return text, f"SELECT {function}({column.sql}) FROM {table.name}{_where(phrases)}"


def _superlative(column: Column, rng: random.Random) -> tuple[str, str] | None:
    """Returns words for an order over a column and its direction."""
    if column.role == "number":
        money = any(part in column.words for part in ("price", "cost"))
        pairs = [
            ("with the {h} {c}", "DESC", ("highest", "largest", "biggest", "greatest", "most")),
            ("by {c}", "DESC", ("",)),
            ("with the {h} {c}", "ASC", ("lowest", "smallest", "least")),
        ]
        template, direction, words = rng.choices(pairs, (4, 2, 2))[0]
        if money and rng.random() < 0.5:
            return rng.choice((("~most expensive", "DESC"), ("~cheapest", "ASC")))
        adjective = rng.choice(words)
        if adjective in ("most", "least") and column.words not in ("quantity", "stock", "units"):
            adjective = "highest" if direction == "DESC" else "lowest"
        return template.format(h=adjective, c=column.words), direction
    if column.role == "date":
        return rng.choice(
            (
                ("~newest", "DESC"),
                ("~latest", "DESC"),
                ("~most recent", "DESC"),
                ("~oldest", "ASC"),
                ("~earliest", "ASC"),
                (f"with the latest {column.words}", "DESC"),
                (f"with the earliest {column.words}", "ASC"),
            )
        )
    return None


def _top(schema: Schema, today: dt.date, rng: random.Random) -> _Made:
    table = _table(schema, rng)
    keys = table.of("number", "date")
    if not keys:
        return None
    column = rng.choice(keys)
    made = _superlative(column, rng)
    if made is None or (column.role == "date" and column != table.of("date")[0] and made[0].startswith("~")):
        return None
    words, direction = made
    phrases = [p for p in _conditions(table, today, rng, (5, 4)) if column.sql not in p.sql]
    count = rng.choice((1, 2, 3, 3, 5, 5, 5, 7, 10, 10, 20))
    shown = "" if count == 1 else number_words(count, rng)
    before, after = (words[1:], "") if words.startswith("~") else ("", words)
    noun = _noun(table.one if count == 1 else table.many, phrases)
    lead = rng.choice(("top ", "")) if not before and direction == "DESC" else ""
    lead = "" if count == 1 else lead
    order = f"{shown} {before}" if rng.random() < 0.7 else f"{before} {shown}"
    fields = "*"
    fields_words = ""
    named = [c for c in table.columns if c.role not in ("key", "link")]
    if rng.random() < 0.3 and len(named) > 2:
        chosen = rng.sample(named, 2)
        fields, fields_words = ", ".join(c.sql for c in chosen), f": {_join_words([c.words for c in chosen])}"
    text = f"{rng.choice(_SHOW[:12])} the {lead}{order} {noun} {after}{fields_words}"
    return (
        text,
        f"SELECT {fields} FROM {table.name}{_where(phrases)} ORDER BY {column.sql} {direction} LIMIT {count}",
    )


def _link(schema: Schema, rng: random.Random) -> tuple[Table, Table, Link] | None:
    between = [
        link
        for link in schema.links
        if link.child != link.parent and {link.child, link.parent} <= schema.tables.keys()
    ]
    if not between:
        return None
    link = rng.choice(between)
    return schema.tables[link.child], schema.tables[link.parent], link


def _join(link: Link, first: str) -> str:
    second = link.parent if first == link.child else link.child
    return f"{first} JOIN {second} ON {link.join}"


def _top_parent(schema: Schema, today: dt.date, rng: random.Random) -> _Made:
    """`The five customers with the largest unpaid invoices`: single rows, or their total a parent."""
    found = _link(schema, rng)
    if found is None:
        return None
    child, parent, link = found
    phrases = _conditions(child, today, rng, (4, 5))
    count = rng.choice((1, 3, 3, 5, 5, 5, 10, 10))
    shown = "" if count == 1 else number_words(count, rng)
    nouns = parent.one if count == 1 else parent.many
    show = rng.choice(_SHOW[:12])
    numbers = [c for c in child.of("number") if not any(c.sql in p.sql for p in phrases)]
    kind = rng.choice(("row", "sum", "count"))
    source = f"{_join(link, link.parent)}{_where(phrases)}"
    display = parent.display.sql
    noun = _noun(child.many, phrases)
    if kind == "row" and numbers:
        column = rng.choice(numbers)
        words = rng.choice(("largest", "biggest", "highest"))
        many = (
            child.many
            if column.words in ("amount", "total", "total amount")
            else f"{child.one} {column.words}"
        )
        text = f"{show} the {shown} {nouns} with the {words} {_noun(many, phrases)}"
        return text, f"SELECT {display}, {column.sql} FROM {source} ORDER BY {column.sql} DESC LIMIT {count}"
    if kind == "sum" and numbers:
        column = rng.choice(numbers)
        words = rng.choice(("highest total", "largest total", "most total", "biggest total"))
        text = (
            f"{show} the {rng.choice(('top ', ''))}{shown} {nouns} with the {words} {column.words} of {noun}"
        )
        if rng.random() < 0.4:
            text = f"{show} the top {shown} {nouns} by total {column.words} of {noun}"
        total = f"SUM({column.sql})"
        return (
            text,
            f"SELECT {display}, {total} FROM {source} GROUP BY {display} ORDER BY {total} DESC LIMIT {count}",
        )
    text = rng.choice(
        (
            f"{show} the {shown} {nouns} with the most {noun}",
            f"which {shown} {nouns} have the most {noun}",
            f"top {shown} {nouns} by number of {noun}",
        )
    )
    return (
        text,
        f"SELECT {display}, COUNT(*) FROM {source} GROUP BY {display} ORDER BY COUNT(*) DESC LIMIT {count}",
    )


def _group(schema: Schema, today: dt.date, rng: random.Random) -> _Made:
    table = _table(schema, rng)
    keys = table.of("category", "place")
    if not keys:
        return None
    key = rng.choice(keys)
    phrases = [p for p in _conditions(table, today, rng, (5, 3)) if key.sql not in p.sql]
    per = rng.choice(("per", "by", "for each", "grouped by"))
    where = _where(phrases)
    noun = _noun(table.many, phrases)
    numbers = [c for c in table.of("number") if not any(c.sql in p.sql for p in phrases)]
    if numbers and rng.random() < 0.5:
        column = rng.choice(numbers)
        function = rng.choice(("AVG", "SUM", "MAX", "MIN"))
        word = rng.choice(_AGGREGATES[function])
        lead = rng.choice(("what is the ", "", "show the ", "give me the "))
        text = f"{lead}{word} {column.words} of {noun} {per} {key.words}"
        return text, f"SELECT {key.sql}, {function}({column.sql}) FROM {table.name}{where} GROUP BY {key.sql}"
    lead = rng.choice(
        ("how many {n} are there {p} {k}", "number of {n} {p} {k}", "count {n} {p} {k}", "{n} {p} {k}")
    )
    if lead.startswith("{n}") and per != "per":
        return None
    text = lead.format(n=noun, p=per, k=key.words)
    return text, f"SELECT {key.sql}, COUNT(*) FROM {table.name}{where} GROUP BY {key.sql}"


def _group_parent(schema: Schema, today: dt.date, rng: random.Random) -> _Made:
    found = _link(schema, rng)
    if found is None:
        return None
    child, parent, link = found
    phrases = _conditions(child, today, rng, (4, 4))
    display = parent.display.sql
    source = f"{_join(link, link.parent)}{_where(phrases)}"
    numbers = [c for c in child.of("number") if not any(c.sql in p.sql for p in phrases)]
    per = rng.choice(("per", "by", "for each"))
    noun = _noun(child.many, phrases)
    if numbers and rng.random() < 0.6:
        column = rng.choice(numbers)
        function = rng.choice(("SUM", "SUM", "AVG", "MAX"))
        word = rng.choice(_AGGREGATES[function])
        lead = rng.choice(("what is the ", "", "show the ", "show me the "))
        text = f"{lead}{word} {column.words} of {noun} {per} {parent.one}"
        return text, f"SELECT {display}, {function}({column.sql}) FROM {source} GROUP BY {display}"
    text = rng.choice(
        (f"number of {noun} {per} {parent.one}", f"how many {noun} does each {parent.one} have")
    )
    return text, f"SELECT {display}, COUNT(*) FROM {source} GROUP BY {display}"


def _most(schema: Schema, today: dt.date, rng: random.Random) -> _Made:
    table = _table(schema, rng)
    keys = table.of("category", "place")
    if not keys:
        return None
    key = rng.choice(keys)
    phrases = [p for p in _conditions(table, today, rng, (5, 3)) if key.sql not in p.sql]
    word, direction = rng.choice((("most", "DESC"), ("most", "DESC"), ("fewest", "ASC")))
    noun = _noun(table.many, phrases)
    text = rng.choice((f"which {key.words} has the {word} {noun}", f"what {key.words} has the {word} {noun}"))
    return text, (
        f"SELECT {key.sql} FROM {table.name}{_where(phrases)} GROUP BY {key.sql} "
        f"ORDER BY COUNT(*) {direction} LIMIT 1"
    )


def _children_of(schema: Schema, today: dt.date, rng: random.Random) -> _Made:
    found = _link(schema, rng)
    if found is None:
        return None
    child, parent, link = found
    display = parent.display
    if not display.values or display.role == "key":
        return None
    value = str(rng.choice(display.values))
    phrases = _conditions(child, today, rng, (5, 4))
    noun = _noun(child.many, phrases)
    quoted = value.replace("'", "''")
    conditions = " AND ".join([f"{display.sql} = '{quoted}'", *(p.sql for p in phrases)])
    source = f"{_join(link, link.child)} WHERE {conditions}"
    of = rng.choice(("of {v}", "for {v}", "from {v}", "belonging to {v}", "of {p} {v}", "for the {p} {v}"))
    tail = of.format(v=value, p=parent.one)
    if rng.random() < 0.3:
        text = rng.choice(("how many {n} are there {t}", "number of {n} {t}", "how many {n} {t}"))
        return text.format(n=noun, t=tail), f"SELECT COUNT(*) FROM {source}"
    show = rng.choice(_SHOW)
    text = f"{show} {rng.choice(('all ', 'the ', ''))}{noun} {tail}"
    return text, f"SELECT {_plain(child)} FROM {source}"


def _plain(table: Table) -> str:
    """The columns that a person wants of a joined table: all but keys and links, five at most."""
    return ", ".join([c.sql for c in table.columns if c.role not in ("key", "link")][:5])


def _parents_with(schema: Schema, today: dt.date, rng: random.Random) -> _Made:
    found = _link(schema, rng)
    if found is None:
        return None
    child, parent, link = found
    phrases = _conditions(child, today, rng, (0, 5, 1))
    if not phrases:
        return None
    noun = _noun(child.many, phrases)
    show = rng.choice((*_SHOW[:10], "which"))
    every = "" if show == "which" else rng.choice(("", "the ", "all "))
    have = "have" if show == "which" else rng.choice(("with", "that have"))
    text = f"{show} {every}{parent.many} {have} {noun}"
    display = parent.display.sql
    return text, f"SELECT DISTINCT {display} FROM {_join(link, link.parent)}{_where(phrases)}"


def _without(schema: Schema, today: dt.date, rng: random.Random) -> _Made:
    found = _link(schema, rng)
    if found is None:
        return None
    child, parent, link = found
    text = rng.choice(
        (
            f"which {parent.many} have no {child.many}",
            f"{rng.choice(_SHOW[:10])} {parent.many} without any {child.many}",
            f"{parent.many} that have never had a {child.one}",
        )
    )
    inner = f"SELECT {link.child}.{link.child_column} FROM {link.child}"
    column = f"{link.parent}.{link.parent_column}"
    return text, f"SELECT {parent.display.sql} FROM {parent.name} WHERE {column} NOT IN ({inner})"


def _above_average(schema: Schema, today: dt.date, rng: random.Random) -> _Made:
    table = _table(schema, rng)
    numbers = table.of("number")
    if not numbers:
        return None
    column = rng.choice(numbers)
    word, operator = rng.choice((("above", ">"), ("below", "<"), ("higher than", ">"), ("lower than", "<")))
    text = f"{rng.choice(_SHOW[:10])} {table.many} whose {column.words} is {word} average"
    inner = f"SELECT AVG({column.sql}) FROM {table.name}"
    return text, f"SELECT * FROM {table.name} WHERE {column.sql} {operator} ({inner})"


def _distinct(schema: Schema, today: dt.date, rng: random.Random) -> _Made:
    table = _table(schema, rng)
    keys = table.of("category", "place")
    if not keys:
        return None
    key = rng.choice(keys)
    if rng.random() < 0.4:
        text = f"how many different {key.words} values are there among {table.many}"
        return text, f"SELECT COUNT(DISTINCT {key.sql}) FROM {table.name}"
    text = rng.choice(
        (
            f"what are the different {key.words} values of {table.many}",
            f"distinct {key.words} of {table.many}",
        )
    )
    return text, f"SELECT DISTINCT {key.sql} FROM {table.name}"


_ELSEWHERE = (
    *(
        "blood type",
        "shoe size",
        "favourite colour",
        "passport number",
        "horsepower",
        "altitude",
        "battery level",
    ),
    *("twitter handle", "marital status", "screen resolution", "fuel consumption", "wind speed", "calories"),
    *(
        "vaccination date",
        "parking space",
        "voting record",
        "download speed",
        "IBAN",
        "godparents",
        "zodiac sign",
    ),
)
_THINGS = (
    *(
        "spaceships",
        "recipes",
        "football matches",
        "patients",
        "flights",
        "hotel bookings",
        "podcasts",
        "volcanoes",
    ),
    *(
        "lawsuits",
        "blog posts",
        "parking tickets",
        "vaccines",
        "wifi hotspots",
        "sensors",
        "playlists",
        "elections",
    ),
)


def _unanswerable(schema: Schema, today: dt.date, rng: random.Random) -> _Made:
    """Asks for what the schema does not hold: a foreign attribute of its own things, or foreign things."""
    names = {word for table in schema.tables.values() for c in table.columns for word in c.words.split()}
    if rng.random() < 0.6:
        table = _table(schema, rng)
        attribute = rng.choice(_ELSEWHERE)
        if names & set(attribute.split()):
            return None
        text = rng.choice(
            (
                f"what is the {attribute} of each {table.one}",
                f"{rng.choice(_SHOW[:10])} the {attribute} of all {table.many}",
                f"{rng.choice(_SHOW[:10])} {table.many} by {attribute}",
                f"which {table.one} has the highest {attribute}",
            )
        )
        return text, None
    thing = rng.choice(_THINGS)
    if singular(thing) in names or thing in schema.tables:
        return None
    return rng.choice(
        (f"how many {thing} are there", f"list all {thing}", f"show me the newest {thing}")
    ), None
