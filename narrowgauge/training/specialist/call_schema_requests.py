"""Requests worded from functions that nobody has asked for: descriptions become orders, arguments phrases.

Thousands of functions with their own names teach what a few dozen invented ones cannot: to take the arguments
from the signature at hand. Values are those that an argument's description gives as examples, or are drawn by
the argument's name and type.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from narrowgauge.errors import InvalidRequest, Unsupported
from narrowgauge.evaluation.json_schema_contract import Function
from narrowgauge.training.specialist.call_requests import CallTask, function_task
from narrowgauge.training.specialist.entities import draw_entity, kind_of
from narrowgauge.training.specialist.refusals import unrelated_requests
from narrowgauge.training.specialist.spellings import day_styles

__all__ = ["schema_tasks", "word_call"]

_OPTIONAL = 0.35
_REFUSED = 0.25
_SEVERAL = 0.2
_REQUESTS = (2, 3, 3, 4)
_FUNCTIONS = (1, 1, 2, 3)
_MOST_ARGUMENTS = 5
_FIRST_DAY = date(1990, 1, 1)

_ASKING = re.compile(r"^(retrieve|get|fetch|provide|show|find|obtain|access)s?\b\s*", re.IGNORECASE)
_ASK_HEADS = (
    "Retrieve|Get|Get me|Tell me|Provide|Provide me with|Give me|Show me|Find|I need|I want|Please retrieve|"
    "Please provide|Can you give me|I would like to have"
)
_DO_HEADS = (
    "{}|{}|{}|Please {}|Please {}|I want to {}|I need to {}|Can you {}|Could you {}|I would like to {}|"
    "Help me {}"
)
_VAGUE = re.compile(r"\b(?:a|an|the) (?:specific|particular|given|specified|certain) ")
_TRAILER = re.compile(r"\s+(?:based on|with|using|for|from|in|by) (?:the )?(?:specified|given|provided)\b.*$")
_EXAMPLES = re.compile(r"\((?:e\.g\.|such as|for example|like)[,:]?\s*([^()]*)\)")
_USELESS = re.compile(r"YYYY|HH|etc\b|\.\.\.|name of|unique|format")
# By the words of an argument's name, the more telling first: how its value is put.
_PHRASES = (
    (
        r"^(start|from|begin)\w*_(date|time|year)|^check_in|^departure_date",
        "from {}|starting {}|beginning {}|between {}",
    ),
    (r"^(end|to|until)_(date|time|year)|^check_out|^return_date", "to {}|until {}|and {}|ending {}"),
    (r"date$|deadline", "on {}|for {}|dated {}|on the date {}"),
    (r"_?year$", "in {}|for the year {}|in the year {}|for {}"),
    (r"^time$|_time$", "at {}|at the time {}|{w} {}"),
    (
        r"_?(id|code|number)$",
        'with the {w} "{}"|with {w} {}|with the {w} \'{}\'|identified by "{}"|{w} {}|with {w} "{}"',
    ),
    (r"^(location|city|country|region|place|state|area)$", "in {}|for {}|of {}|near {}"),
    (r"^(destination|recipient|receiver|to)s?$", "to {}|for {}|with the {w} {}"),
    (r"^(origin|source|sender)$", "from {}|with the {w} {}"),
    (r"e?mail", 'to {}|with the {w} "{}"|{w} {}'),
    (r"^(language|currency|format|unit)s?$", "in {}|in the {w} {}|using {}"),
    (r"platform|channel|system|server", "on {}|for the {w} {}|using {}"),
    (
        r"^(topic|subject|keyword|query|category|genre|field)s?$",
        'about {}|on {}|with the {w} "{}"|on the {w} of {}',
    ),
    (r"^(author|artist|manufacturer|composer|director)$", "by {}|from {}|of {}"),
    (r"duration|period|interval|timeframe", "for {}|over {}|with a {w} of {}|lasting {}"),
    (r"^age$", "who is {} years old|aged {}|of age {}"),
    (
        r"method|technique|algorithm|tool|model|mode|style|approach",
        "using {}|using the {} {w}|by {}|with the {w} {}",
    ),
    (r"name$|^title$", 'named "{}"|called {}|with the {w} "{}"|"{}"|for {}|{}'),
    (
        r"^(text|message|content|comment|description|note|data)s?$",
        'with the {w} "{}"|"{}"|saying \'{}\'|for the {w} "{}"',
    ),
)
_KINDS = (
    ("country|nation", "country"),
    ("city|location|place|region|destination", "city"),
    ("author|artist|composer|director|performer|donor|member", "person"),
)
_PLAIN = (
    'with a {w} of {}|with the {w} {}|with the {w} "{}"|{w} {}|and the {w} {}|for {}|the {w} is {}|'
    "where the {w} is {}|of the {w} {}|for the {w} '{}'"
)
_OPENINGS = (
    ("First, ", "Then, ", "Finally, "),
    ("", "Then ", "Also, "),
    ("", "", ""),
    ("", "After that, ", "Lastly, "),
)


def schema_tasks(functions: Sequence[Function], *, seed: int) -> Iterator[CallTask]:
    """Yields groups of functions with requests worded from their descriptions, without end.

    Args:
        functions: Those that may be drawn; at least three.
        seed: The same seed gives the same tasks.
    """
    rng = random.Random(f"schemas/{seed}")
    while True:
        chosen = rng.sample(list(functions), rng.choice(_FUNCTIONS))
        if any(len(function.parameters) > _MOST_ARGUMENTS for function in chosen):
            continue
        rows: list[tuple[str, list[tuple[str, dict[str, Any]]]]] = []
        for _ in range(rng.choice(_REQUESTS)):
            asked = [rng.choice(chosen)]
            if len(chosen) > 1 and rng.random() < _SEVERAL:
                asked = rng.sample(chosen, len(chosen))
            worded = [word_call(function, rng) for function in asked]
            calls = [(function.name, given) for function, (_, given) in zip(asked, worded, strict=True)]
            rows.append((_joined([text for text, _ in worded], rng), calls))
        if rng.random() < _REFUSED:
            rows.append((_stranger(functions, chosen, rng), []))
        try:
            yield function_task(chosen, rows)
        except (InvalidRequest, Unsupported):
            continue  # a schema that no message can say, or a value that its own schema forbids: not drawn


def word_call(function: Function, rng: random.Random) -> tuple[str, dict[str, Any]]:
    """Words a call of a function, with all arguments that it must have and some of the others.

    Returns:
        The request, and the arguments that it names.
    """
    given: dict[str, Any] = {}
    parts = []
    for name, schema in function.parameters.items():
        if name in function.required or rng.random() < _OPTIONAL:
            value, words = _value(name, schema, rng)
            given[name] = value
            parts.append(_said(name, value, words, rng))
    if len(parts) > 1 and rng.random() < 0.2 and not any("and" in part.split()[:1] for part in parts):
        rng.shuffle(parts)
    joint = rng.choice((" ", " ", ", ", " and "))
    body = " ".join([_head(function.description, rng), joint.join(parts)]).strip()
    body = body.replace(" and and ", " and ")
    return body + rng.choice((".", ".", ".", "", "?" if body.startswith(("Can", "Could")) else ".")), given


def _head(description: str, rng: random.Random) -> str:
    text = _TRAILER.sub("", " ".join(description.split()).rstrip("."))
    text = _VAGUE.sub(lambda found: rng.choice(("the ", found.group())), text)
    asking = _ASKING.match(text)
    if asking and text[asking.end() :]:
        return f"{rng.choice(_ASK_HEADS.split('|'))} {text[asking.end() :]}"
    head = rng.choice(_DO_HEADS.split("|"))
    return head.format(text if head.startswith("{") else text[:1].lower() + text[1:])


def _said(name: str, value: Any, words: str, rng: random.Random) -> str:
    label = name.replace("_", " ")
    if label.endswith(" id") or label == "id":
        label = rng.choice(("ID", label[:-2] + "ID"))
    if isinstance(value, bool):
        return f"with {label}" if value else f"without {label}"
    own = next((phrases for pattern, phrases in _PHRASES if re.search(pattern, name.lower())), "")
    phrase = rng.choice((own if own and rng.random() < 0.75 else _PLAIN).split("|"))
    return phrase.replace("{w}", label).replace("{}", words)


def _value(name: str, schema: Any, rng: random.Random) -> tuple[Any, str]:
    """Draws a value of an argument's type with the words for it."""
    kind, description = str(schema.get("type", "str")), str(schema.get("description", ""))
    if kind.startswith("bool"):
        return rng.random() < 0.6, ""
    if kind in ("int", "integer", "float", "number", "double"):
        return _number(name, description, kind, rng)
    lowered = name.lower()
    if re.search(r"date|deadline", lowered) and "update" not in lowered:
        day = _FIRST_DAY + timedelta(days=rng.randrange(13500))
        words = rng.choice((*day_styles[:6], day_styles[1], day_styles[1])).write(day)
        assert words is not None
        return day.isoformat(), words
    if re.search(r"(^|_)(id|code|key|token|password|username)s?$", lowered) and rng.random() < 0.8:
        code = "".join(rng.choices(string.ascii_letters + string.digits, k=rng.randint(6, 12)))
        return code, code
    if re.search(r"(^|_)time$", lowered) and rng.random() < 0.6:
        clock = f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}"
        return clock, clock
    if lowered == "year":
        year = str(rng.randint(1990, 2030))
        return year, year
    if "mail" in lowered and rng.random() < 0.7:
        address = "".join(rng.choices(string.ascii_letters + string.digits, k=9)) + "@gmail.com"
        return address, address
    listed = _listed(description)
    if listed and rng.random() < 0.8:
        value = rng.choice(listed)
        return value, value
    text = draw_entity(_entity_of(name, description, rng), rng)
    return text, text


def _number(name: str, description: str, kind: str, rng: random.Random) -> tuple[Any, str]:
    if "year" in name:
        low, high = 1990, 2030
    elif "age" in name.split("_"):
        low, high = 3, 95
    else:
        low, high = 1, rng.choice((12, 100, 100, 1000))
    if kind in ("int", "integer"):
        number = rng.randint(low, high)
        return number, str(number)
    number_with_point = round(rng.uniform(low, high), rng.choice((0, 1, 1, 2)))
    return number_with_point, f"{number_with_point:g}"


def _listed(description: str) -> list[str]:
    found = _EXAMPLES.search(description)
    if not found:
        return []
    values = [re.sub(r"^(or|and)\s+", "", part.strip()).strip("'\" ") for part in found.group(1).split(",")]
    return [value for value in values if value and len(value) < 40 and not _USELESS.search(value)]


def _entity_of(name: str, description: str, rng: random.Random) -> str:
    for pattern, kind in _KINDS:
        if re.search(pattern, name):
            return kind
    return kind_of(name, description, "X") or rng.choice(("person", "company", "product", "topic", "topic"))


def _joined(texts: Sequence[str], rng: random.Random) -> str:
    if len(texts) == 1:
        return texts[0]
    openings = rng.choice(_OPENINGS)
    parts = []
    for text, opening in zip(texts, openings, strict=False):
        body = text.rstrip(".? ")
        lowered = body if body.startswith("I ") else body[:1].lower() + body[1:]
        parts.append(f"{opening}{lowered if opening else body}.")
    return " ".join(parts)


def _stranger(functions: Sequence[Function], chosen: Sequence[Function], rng: random.Random) -> str:
    """Returns a request that none of the functions serves: another function's, or small talk."""
    words = {word for function in chosen for word in re.findall(r"[a-z]+", function.description.lower())}
    small_talk = unrelated_requests(rng, words)
    if small_talk and rng.random() < 0.4:
        return small_talk[0]
    other = rng.choice(functions)
    own = set(re.findall(r"[a-z]{5,}", other.description.lower())) - {"retrieve", "information"}
    if other in chosen or own & words:
        return small_talk[0] if small_talk else "What can you do?"
    return word_call(other, rng)[0]
