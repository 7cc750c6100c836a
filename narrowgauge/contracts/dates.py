"""Dates that a request speaks of, resolved: `last month` on 2 March 2026 is 1 to 28 February.

A small model copies a date well and computes none. So code reads the English words for days and periods and
the prompt tells what they mean (`prompts.build_prompt`). What is not understood has no entry; the model then
reads the words alone.

Weeks are Monday to Sunday. `next Friday` is the Friday of next week, a bare or `this` one the coming one.
`last 7 days` are the days from seven days ago until today, likewise weeks and months; `last month` is the
calendar's. A day, month or quarter without its year is the one nearest to today, after `since` the latest
that has begun, after `end of` the first that is not over. Text in quotation marks is a value, and so are ISO
dates.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

__all__ = ["ResolvedDate", "dates_in"]


@dataclass(frozen=True)
class ResolvedDate:
    """A day or period that a request speaks of.

    Attributes:
        phrase: The words as the request has them, in lower case.
        first: The first day.
        last: The last day; the same for a single day.
        relative: Whether the words mean something else on another day.
    """

    phrase: str
    first: date
    last: date
    relative: bool


_Days = tuple[date, date]
_Reader = Callable[[re.Match[str], date], _Days]
# Where it begins and ends in the request, its days, and whether they are relative to today.
_Found = tuple[int, int, _Days, bool]

_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_MONTH_NUMBERS = (
    _MONTHS | {name[:3]: number for name, number in _MONTHS.items()} | {"sept": _MONTHS["september"]}
)
_WEEKDAYS = {name.lower(): number for number, name in enumerate(calendar.day_name)}
_COUNTS = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
_NUMBERS = {"a": 1, "an": 1, "thirty": 30, "sixty": 60, "ninety": 90} | {
    word: number for number, word in enumerate(_COUNTS, start=1)
}
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}
_STEPS = {"this": 0, "current": 0, "last": -1, "previous": -1, "prior": -1, "next": 1, "following": 1}
_SIZES = {"month": 1, "quarter": 3, "half": 6, "year": 12}

_MONTH_WORD = rf"(?:{'|'.join(sorted(_MONTH_NUMBERS, key=len, reverse=True))})\b(?:\.(?= ?\d))?"
_MONTH = rf"(?P<month>{_MONTH_WORD})"
_YEAR = r"(?:19[5-9]\d|20\d\d)(?![\d%]|[.,:/-]\d)"
_OF_YEAR = (
    rf"(?:(?:,| of|,? in|/|-)? ?(?P<year>{_YEAR})|,?(?: of| in)? (?P<which_year>this|last|next|the) year\b)"
)
_WEEKDAY = rf"(?P<weekday>{'|'.join(_WEEKDAYS)})\b"
_NUMBER = rf"(?P<number>\d{{1,4}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
_UNIT = r"(?P<unit>day|week|month|quarter|year)s?\b"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"


def dates_in(request: str, today: date) -> list[ResolvedDate]:
    """Finds the days and periods that a request speaks of.

    Args:
        request: The request.
        today: The date that relative words refer to.

    Returns:
        Them in the order of the request, each phrase once. Of words that overlap the longest are taken.
    """
    text = _QUOTED.sub(lambda quoted: "\0" * len(quoted[0]), request)
    if not _ANY.search(text):
        return []
    found: list[_Found] = [
        (start, end, days, relative)
        for pattern, reader in _READERS
        for match in pattern.finditer(text)
        for start, end, days, relative in _read(match, reader, today)
    ]
    found += _edges(text, found, today)
    taken: list[_Found] = []
    for entry in sorted(found, key=lambda entry: (entry[0] - entry[1], entry[0])):
        if all(entry[1] <= other[0] or other[1] <= entry[0] for other in taken):
            taken.append(entry)
    resolved: dict[str, ResolvedDate] = {}
    for start, end, (first, last), relative in sorted(taken):
        phrase = request[start:end].lower()
        resolved.setdefault(phrase, ResolvedDate(phrase, first, last, relative))
    return list(resolved.values())


def _read(match: re.Match[str], reader: _Reader, today: date) -> list[_Found]:
    """Reads one match; none when its words are no date after all, such as 31 February."""
    name = "phrase" if "phrase" in match.re.groupindex else 0
    start, end = match.span(name)
    try:
        first, last = reader(match, today)
    except (ValueError, OverflowError):
        return []
    relative = not match.groupdict().get("year")
    return [(start, end, (first, last), relative)] if first <= last else []


def _edges(text: str, found: list[_Found], today: date) -> list[_Found]:
    """Reads `end of June`: the first or last day of a period that stands behind it."""
    edges: list[_Found] = []
    for match in _EDGE.finditer(text):
        ends = match["edge"].lower() in ("end", "last day")
        periods = [(end, 1, days, relative) for start, end, days, relative in found if start == match.end()]
        unit = _EDGE_UNIT.match(text, match.end())
        if unit:
            periods.append((unit.end(), 0, _calendar(unit["unit"].lower(), today, 0), True))
        year = _EDGE_YEAR.match(text, match.end())
        if year:
            periods.append((year.end(), 1, _span(int(year["year"]) * 12, 12), False))
        named = _EDGE_NAMED.match(text, match.end())
        if named:
            size, number = (3, int(named["quarter"]) - 1) if named["quarter"] else (1, _number_of(named))
            days = (_coming if ends else _nearest)(size, number, today)
            periods.append((named.end(), 2, days, True))
        if periods:
            end, _, (first, last), relative = max(periods, key=lambda period: period[:2])
            day = last if ends else first
            edges.append((match.start(), end, (day, day), relative))
    return edges


def _number_of(match: re.Match[str], group: str = "month") -> int:
    """Returns a month's place in the year, from 0."""
    return _MONTH_NUMBERS[match[group].lower().rstrip(".")] - 1


def _span(index: int, size: int) -> _Days:
    """Returns so many months, the first one counted since year 0."""
    first = date(index // 12, index % 12 + 1, 1)
    after = index + size
    return first, date(after // 12, after % 12 + 1, 1) - timedelta(days=1)


def _index(day: date) -> int:
    return day.year * 12 + day.month - 1


def _months_after(day: date, months: int) -> date:
    index = _index(day) + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _calendar(unit: str, today: date, step: int) -> _Days:
    """Returns the calendar's day, week, month, quarter or year that lies `step` from the current one."""
    if unit == "day":
        return today + timedelta(days=step), today + timedelta(days=step)
    if unit in ("week", "weekend"):
        monday = today - timedelta(days=today.weekday()) + timedelta(weeks=step)
        return monday + timedelta(days=5 if unit == "weekend" else 0), monday + timedelta(days=6)
    size = _SIZES[unit]
    return _span(_index(today) // size * size + step * size, size)


def _nearest(size: int, number: int, today: date) -> _Days:
    """Returns a period of the year that is said without its year, the earlier of two that are as near."""
    now = _index(today) // size
    places = [year * 12 // size + number for year in _years(today)]
    return _span(size * min(places, key=lambda place: abs(place - now)), size)


def _coming(size: int, number: int, today: date) -> _Days:
    """Returns the first one that is not over."""
    this_year = _span(today.year * 12 + number * size, size)
    return this_year if this_year[1] >= today else _span(today.year * 12 + 12 + number * size, size)


def _begun(size: int, number: int, today: date) -> _Days:
    """Returns the latest one that has begun."""
    this_year = _span(today.year * 12 + number * size, size)
    return this_year if this_year[0] <= today else _span(today.year * 12 - 12 + number * size, size)


def _before(match: re.Match[str]) -> str:
    """Returns the word before a match, in lower case."""
    words = match.string[max(0, match.start() - 12) : match.start()].lower().split()
    return words[-1] if words else ""


def _year(match: re.Match[str], today: date) -> int | None:
    if match["year"]:
        return int(match["year"])
    which = match.groupdict().get("which_year")
    return today.year + _STEPS.get(which.lower(), 0) if which else None


def _of_year(match: re.Match[str], today: date, size: int, number: int) -> _Days:
    year = _year(match, today)
    if year is not None:
        return _span(year * 12 + number * size, size)
    return (_begun if _before(match) == "since" else _nearest)(size, number, today)


def _day_words(match: re.Match[str], today: date) -> _Days:
    steps = {"today": 0, "tonight": 0, "yesterday": -1, "tomorrow": 1}
    steps |= {"day after tomorrow": 2, "day before yesterday": -2}
    return _calendar("day", today, steps[match["words"].lower()])


def _calendar_words(match: re.Match[str], today: date) -> _Days:
    return _calendar(match["unit"].lower(), today, _STEPS[match["which"].lower()])


def _count(match: re.Match[str]) -> int:
    said = (match["number"] or "1").lower()
    return _NUMBERS[said] if said in _NUMBERS else int(said)


def _moved(match: re.Match[str], today: date, sign: int) -> date:
    """Returns the day that lies so many days, weeks or months from today."""
    number, unit = sign * _count(match), match["unit"].lower()
    if unit in ("day", "week"):
        return today + timedelta(days=number * (7 if unit == "week" else 1))
    return _months_after(today, number * _SIZES[unit])


def _last_units(match: re.Match[str], today: date) -> _Days:
    return _moved(match, today, -1), today


def _next_units(match: re.Match[str], today: date) -> _Days:
    return today, _moved(match, today, 1)


def _ago(match: re.Match[str], today: date) -> _Days:
    day = _moved(match, today, -1)
    return day, day


def _ahead(match: re.Match[str], today: date) -> _Days:
    if match["number"].lower() in ("a", "an") and match["unit"].lower() != "week":
        raise ValueError("how often, as in `twice in a month`")
    day = _moved(match, today, 1)
    return day, day


def _weekday(match: re.Match[str], today: date) -> _Days:
    wanted, which = _WEEKDAYS[match["weekday"].lower()], (match["which"] or "").lower()
    before = _before(match)
    if before in ("every", "each", "any"):
        raise ValueError("no one day")
    ahead = (wanted - today.weekday()) % 7
    if which in ("last", "past", "previous") or (not which and before == "since"):
        ahead = ahead - 7
    elif which == "next":
        ahead = 7 - today.weekday() + wanted
    elif which != "this" and ahead == 0:
        ahead = 7
    return _calendar("day", today, ahead)


def _weekday_of_week(match: re.Match[str], today: date) -> _Days:
    monday = _calendar("week", today, _STEPS[match["which"].lower()])[0]
    day = monday + timedelta(days=_WEEKDAYS[match["weekday"].lower()])
    return day, day


def _one_day(match: re.Match[str], today: date) -> _Days:
    """Reads a day and month; of a range such as `9 to 12 June` also the first day."""
    month, number, before = _number_of(match) + 1, int(match["day"]), _before(match)
    if before in ("top", "first", "last", "next", "limit"):
        raise ValueError("a number of things")
    if match["month"] == "may" and not match["year"] and match.start("month") < match.start("day"):
        raise ValueError("a verb")
    year = _year(match, today)
    if year is None:
        # `4 March to 10 April 2025`: the year is said once, for the last day.
        later = _LATER_YEAR.match(match.string, match.end())
        if later:
            year = int(later["year"]) - (_number_of(later, "one" if later["one"] else "two") + 1 < month)
    if year is None:
        # Nine years, so that one of them has a 29 February.
        years = [y for y in range(today.year - 4, today.year + 5) if _has(y, month, number)]
        days = [date(y, month, number) for y in years]
        day = min((d for d in days if before != "since" or d <= today), key=lambda d: abs(d - today))
    else:
        day = date(year, month, number)
    from_day = match["from_day"]
    return (day.replace(day=int(from_day)) if from_day else day), day


def _years(today: date) -> tuple[int, int, int]:
    return today.year - 1, today.year, today.year + 1


def _has(year: int, month: int, day: int) -> bool:
    return 1 <= day <= calendar.monthrange(year, month)[1]


def _in_figures(match: re.Match[str], today: date) -> _Days:
    """Reads 30.6.2026, and 30/6/2026 where it can be read in one way only."""
    one, two, year = int(match["one"]), int(match["two"]), int(match["year"])
    if match["mark"] == "." or one > 12 or one == two:
        day = date(year, two, one)
    elif two > 12:
        day = date(year, one, two)
    else:
        raise ValueError("day or month first")
    return day, day


# Months that are also names or verbs, or short for one.
_PLAIN_MONTHS = frozenset(("January", "February", "July", "September", "October", "November", "December"))
_BEFORE_MONTHS = frozenset(
    (
        *("in", "since", "during", "before", "after", "until", "till", "through", "throughout", "by", "for"),
        *("from", "of", "between", "early", "mid", "late", "end", "start", "beginning"),
    )
)
_DAY_BEFORE = re.compile(r"\d(?:st|nd|rd|th)?(?: of)? $", re.IGNORECASE)
_NAME_NEXT = re.compile(r" [A-Z][a-z]")


def _month(match: re.Match[str], today: date) -> _Days:
    number, which = _number_of(match), (match["which"] or "").lower()
    if which:
        if match["month"] == "may":
            raise ValueError("a verb")
        first, last = _span(today.year * 12 + number, 1)
        away = _index(first) - _index(today)
        if which == "last" and away >= 0:
            return _span(_index(first) - 12, 1)
        if which == "next" and away <= 0:
            return _span(_index(first) + 12, 1)
        return first, last
    if _DAY_BEFORE.search(match.string, max(0, match.start() - 12), match.start()):
        raise ValueError("a day that the month does not have")
    if _year(match, today) is None:
        name = _NAME_NEXT.match(match.string, match.end())
        if name or (_before(match) not in _BEFORE_MONTHS and match["month"] not in _PLAIN_MONTHS):
            raise ValueError("perhaps no month")
    return _of_year(match, today, 1, number)


def _months(match: re.Match[str], today: date) -> _Days:
    """Reads `March to May 2025`: the year is said once, for the last month."""
    number = _number_of(match)
    first, last = _of_year(match, today, 1, number)
    return _span(_index(first) - (number - _number_of(match, "from_month")) % 12, 1)[0], last


def _quarter(match: re.Match[str], today: date) -> _Days:
    year, groups = _year(match, today), match.groupdict()
    if year is None and _NAME_NEXT.match(match.string, match.end()):
        raise ValueError("a name")
    said = (groups["quarter"] or groups["ordinal"]).lower()
    if said in ("last", "final"):
        if year is None:
            raise ValueError("not of a year")
        said = "4"
    return _of_year(match, today, 3, (_ORDINALS.get(said) or int(said)) - 1)


def _half(match: re.Match[str], today: date) -> _Days:
    said = (match["half"] or match["ordinal"]).lower()
    return _of_year(match, today, 6, (_ORDINALS.get(said) or int(said)) - 1)


def _whole_year(match: re.Match[str], today: date) -> _Days:
    last = _span(int(match["year"]) * 12, 12)
    from_year = match.groupdict().get("from_year")
    return _span(int(from_year or match["year"]) * 12, 12)[0], last[1]


def _unit_end(match: re.Match[str], today: date) -> _Days:
    if _NAME_NEXT.match(match.string, match.end()):
        raise ValueError("a name")
    last = _calendar(match["unit"].lower(), today, 0)[1]
    return last, last


def _new_year(match: re.Match[str], today: date) -> _Days:
    month, day = (12, 31) if (match["eve"] or "").lower() == "eve" else (1, 1)
    if not match["year"] and not match["eve"] and _before(match) not in _BEFORE_MONTHS:
        raise ValueError("perhaps a wish")
    years = (int(match["year"]),) if match["year"] else _years(today)
    near = min((date(year, month, day) for year in years), key=lambda day: abs(day - today))
    return near, near


def _compiled(pattern: str) -> re.Pattern[str]:
    pattern = pattern.replace(" ?", r"\x20*").replace(" ", r"\x20+")
    # Only ASCII letters and digits count as such, so that a matched word is a key of the tables above.
    return re.compile(rf"(?<![\w-])(?<!\d[.,]){pattern}(?!\w)", re.IGNORECASE | re.ASCII)


_RANGE = r"(?: ?[-–] ?| (?:to|and|until|till|through) (?:the )?)"
_ON_WEEKDAY = rf"(?:(?:{'|'.join(_WEEKDAYS)}),? )?(?:the )?"
_FROM_DAY = rf"(?:(?P<from_day>[0-3]?\d)(?:st|nd|rd|th)?{_RANGE})?"
_WHICH_YEAR = r"(?:in|during|since|before|after|until|till|through|throughout|within)"
_NO_AMOUNT = r"(?! ?(?:dollars|euros?|usd|eur|units|pieces|items|kg)\b)"
_READERS: tuple[tuple[re.Pattern[str], _Reader], ...] = tuple(
    (_compiled(pattern), reader)
    for pattern, reader in (
        (r"(?P<words>today|tonight|yesterday|tomorrow|day after tomorrow|day before yesterday)", _day_words),
        (rf"(?P<which>{'|'.join(_STEPS)}) (?P<unit>week|weekend|month|quarter|year)", _calendar_words),
        (r"past (?P<number>)(?P<unit>week|month|quarter|year)", _last_units),
        (r"(?:coming|upcoming) (?P<number>)(?P<unit>week|month|quarter|year)", _next_units),
        (rf"(?:last|past|previous|prior) {_NUMBER} {_UNIT}", _last_units),
        (rf"(?:next|coming|following|upcoming) {_NUMBER} {_UNIT}", _next_units),
        (rf"within {_NUMBER} {_UNIT}(?! of\b)", _next_units),
        (rf"{_NUMBER} {_UNIT} ago", _ago),
        (rf"in {_NUMBER} {_UNIT}", _ahead),
        (rf"{_NUMBER} {_UNIT} from (?:today|now)", _ahead),
        (rf"(?:(?P<which>this|next|last|past|previous|coming) )?{_WEEKDAY}", _weekday),
        (rf"{_WEEKDAY}(?: of)? (?P<which>this|next|last) week", _weekday_of_week),
        (rf"(?P<which>this|next|last) week(?: on)? {_WEEKDAY}", _weekday_of_week),
        (rf"{_ON_WEEKDAY}{_FROM_DAY}{_DAY}(?: of | ?[/-]? ?|\. ?){_MONTH}(?:{_OF_YEAR})?", _one_day),
        (
            rf"{_ON_WEEKDAY}{_MONTH} (?:the )?{_FROM_DAY}{_DAY}(?:{_OF_YEAR})?(?!%|[.,:]\d)",
            _one_day,
        ),
        (rf"(?P<one>[0-3]?\d)(?P<mark>[./])(?P<two>[0-3]?\d)(?P=mark)(?P<year>{_YEAR})", _in_figures),
        (rf"(?:(?P<which>this|next|last) )?{_MONTH}(?! ?\d)(?P<year>)(?P<which_year>)", _month),
        (rf"(?P<which>){_MONTH}{_OF_YEAR}", _month),
        (rf"(?P<from_month>{_MONTH_WORD}){_RANGE}{_MONTH}(?! \d)(?P<year>)(?P<which_year>)", _months),
        (rf"(?P<from_month>{_MONTH_WORD}){_RANGE}{_MONTH}{_OF_YEAR}", _months),
        (
            rf"(?:Q(?P<quarter>[1-4])|(?P<ordinal>{'|'.join(_ORDINALS)}|last|final) quarter)(?:{_OF_YEAR})?",
            _quarter,
        ),
        (rf"(?P<year>{_YEAR})[-\x20]?Q(?P<quarter>[1-4])", _quarter),
        (rf"(?:H(?P<half>[12])|(?P<ordinal>first|second|1st|2nd) half){_OF_YEAR}", _half),
        (rf"{_WHICH_YEAR} (?:the )?(?P<phrase>(?:year )?(?P<year>{_YEAR})){_NO_AMOUNT}", _whole_year),
        (rf"(?P<phrase>year (?P<year>{_YEAR}))", _whole_year),
        (rf"from (?P<phrase>(?P<from_year>{_YEAR}){_RANGE}(?P<year>{_YEAR})){_NO_AMOUNT}", _whole_year),
        (r"(?P<unit>month|quarter|year)[-\x20]end", _unit_end),
        (rf"new year(?:'?s)?(?: (?P<eve>day|eve))?(?: (?P<year>{_YEAR}))?", _new_year),
    )
)
_LATER_YEAR = re.compile(
    _compiled(
        rf"{_RANGE}{_ON_WEEKDAY}(?:[0-3]?\d(?:st|nd|rd|th)?(?: of)? (?P<one>{_MONTH_WORD})"
        rf"|(?P<two>{_MONTH_WORD}) [0-3]?\d(?:st|nd|rd|th)?),?(?: of)? (?P<year>{_YEAR})"
    ).pattern.removeprefix(r"(?<![\w-])"),
    re.IGNORECASE | re.ASCII,
)
_EDGE = re.compile(
    _compiled(r"(?:the )?(?P<edge>end|start|beginning|first day|last day) of(?: the)?").pattern + r"\x20+",
    re.IGNORECASE | re.ASCII,
)
_EDGE_UNIT = _compiled(r"(?P<unit>week|month|quarter|year)")
_EDGE_YEAR = _compiled(rf"(?:year )?(?P<year>{_YEAR})")
_EDGE_NAMED = _compiled(rf"(?:Q(?P<quarter>[1-4])|{_MONTH})")
_QUOTED = re.compile(r"\"[^\"\n]*\"|“[^”]*”|«[^»]*»|`[^`]*`|(?<!\w)'[^'\n]*'(?!\w)|(?<!\w)‘[^’\n]*’(?!\w)")
# Without one of these no pattern matches.
_ANY = re.compile(
    r"day|week|month|quarter|year|tonight|tomorrow|q[1-4]|(?:19|20)\d\d"
    rf"|{'|'.join(name[:3] for name in _MONTHS)}",
    re.IGNORECASE | re.ASCII,
)
