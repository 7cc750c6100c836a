"""What words for days and periods mean: a pattern and a function for each form of them.

A reader raises ValueError where its words are no date after all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

from narrowgauge.contracts.dates.periods import (
    SIZES,
    Days,
    begun,
    calendar_period,
    has_day,
    month_index,
    months_after,
    months_from,
    nearest,
    years_around,
)
from narrowgauge.contracts.dates.words import (
    DAY,
    LATER_YEAR,
    MONTH,
    MONTH_WORD,
    NUMBER,
    NUMBERS,
    OF_YEAR,
    ON_WEEKDAY,
    ORDINALS,
    RANGE,
    STEPS,
    UNIT,
    WEEKDAY,
    WEEKDAYS,
    YEAR,
    compiled,
    month_number,
)

__all__ = ["READERS", "Reader"]

Reader = Callable[[re.Match[str], date], Days]


def _before(match: re.Match[str]) -> str:
    """Returns the word before a match, in lower case."""
    words = match.string[max(0, match.start() - 12) : match.start()].lower().split()
    return words[-1] if words else ""


def _year(match: re.Match[str], today: date) -> int | None:
    if match["year"]:
        return int(match["year"])
    which = match.groupdict().get("which_year")
    return today.year + STEPS.get(which.lower(), 0) if which else None


def _of_year(match: re.Match[str], today: date, size: int, number: int) -> Days:
    year = _year(match, today)
    if year is not None:
        return months_from(year * 12 + number * size, size)
    return (begun if _before(match) == "since" else nearest)(size, number, today)


def _day_words(match: re.Match[str], today: date) -> Days:
    steps = {"today": 0, "tonight": 0, "yesterday": -1, "tomorrow": 1}
    steps |= {"day after tomorrow": 2, "day before yesterday": -2}
    return calendar_period("day", today, steps[match["words"].lower()])


def _calendar_words(match: re.Match[str], today: date) -> Days:
    return calendar_period(match["unit"].lower(), today, STEPS[match["which"].lower()])


def _count(match: re.Match[str]) -> int:
    said = (match["number"] or "1").lower()
    return NUMBERS[said] if said in NUMBERS else int(said)


def _moved(match: re.Match[str], today: date, sign: int) -> date:
    """Returns the day that lies so many days, weeks or months from today."""
    number, unit = sign * _count(match), match["unit"].lower()
    if unit in ("day", "week"):
        return today + timedelta(days=number * (7 if unit == "week" else 1))
    return months_after(today, number * SIZES[unit])


def _last_units(match: re.Match[str], today: date) -> Days:
    return _moved(match, today, -1), today


def _next_units(match: re.Match[str], today: date) -> Days:
    return today, _moved(match, today, 1)


def _ago(match: re.Match[str], today: date) -> Days:
    day = _moved(match, today, -1)
    return day, day


def _ahead(match: re.Match[str], today: date) -> Days:
    if match["number"].lower() in ("a", "an") and match["unit"].lower() != "week":
        raise ValueError("how often, as in `twice in a month`")
    day = _moved(match, today, 1)
    return day, day


def _weekday(match: re.Match[str], today: date) -> Days:
    wanted, which = WEEKDAYS[match["weekday"].lower()], (match["which"] or "").lower()
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
    return calendar_period("day", today, ahead)


def _weekday_of_week(match: re.Match[str], today: date) -> Days:
    monday = calendar_period("week", today, STEPS[match["which"].lower()])[0]
    day = monday + timedelta(days=WEEKDAYS[match["weekday"].lower()])
    return day, day


def _one_day(match: re.Match[str], today: date) -> Days:
    """Reads a day and month; of a range such as `9 to 12 June` also the first day."""
    month, number, before = month_number(match) + 1, int(match["day"]), _before(match)
    if before in ("top", "first", "last", "next", "limit"):
        raise ValueError("a number of things")
    if match["month"] == "may" and not match["year"] and match.start("month") < match.start("day"):
        raise ValueError("a verb")
    year = _year(match, today)
    if year is None:
        # `4 March to 10 April 2025`: the year is said once, for the last day.
        later = LATER_YEAR.match(match.string, match.end())
        if later:
            year = int(later["year"]) - (month_number(later, "one" if later["one"] else "two") + 1 < month)
    if year is None:
        # Nine years, so that one of them has a 29 February.
        years = [y for y in range(today.year - 4, today.year + 5) if has_day(y, month, number)]
        days = [date(y, month, number) for y in years]
        day = min((d for d in days if before != "since" or d <= today), key=lambda d: abs(d - today))
    else:
        day = date(year, month, number)
    from_day = match["from_day"]
    return (day.replace(day=int(from_day)) if from_day else day), day


def _in_figures(match: re.Match[str], today: date) -> Days:
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


def _month(match: re.Match[str], today: date) -> Days:
    number, which = month_number(match), (match["which"] or "").lower()
    if which:
        if match["month"] == "may":
            raise ValueError("a verb")
        first, last = months_from(today.year * 12 + number, 1)
        away = month_index(first) - month_index(today)
        if which == "last" and away >= 0:
            return months_from(month_index(first) - 12, 1)
        if which == "next" and away <= 0:
            return months_from(month_index(first) + 12, 1)
        return first, last
    if _DAY_BEFORE.search(match.string, max(0, match.start() - 12), match.start()):
        raise ValueError("a day that the month does not have")
    if _year(match, today) is None:
        name = _NAME_NEXT.match(match.string, match.end())
        if name or (_before(match) not in _BEFORE_MONTHS and match["month"] not in _PLAIN_MONTHS):
            raise ValueError("perhaps no month")
    return _of_year(match, today, 1, number)


def _months(match: re.Match[str], today: date) -> Days:
    """Reads `March to May 2025`: the year is said once, for the last month."""
    number = month_number(match)
    first, last = _of_year(match, today, 1, number)
    return months_from(month_index(first) - (number - month_number(match, "from_month")) % 12, 1)[0], last


def _quarter(match: re.Match[str], today: date) -> Days:
    year, groups = _year(match, today), match.groupdict()
    if year is None and _NAME_NEXT.match(match.string, match.end()):
        raise ValueError("a name")
    said = (groups["quarter"] or groups["ordinal"]).lower()
    if said in ("last", "final"):
        if year is None:
            raise ValueError("not of a year")
        said = "4"
    return _of_year(match, today, 3, (ORDINALS.get(said) or int(said)) - 1)


def _half(match: re.Match[str], today: date) -> Days:
    said = (match["half"] or match["ordinal"]).lower()
    return _of_year(match, today, 6, (ORDINALS.get(said) or int(said)) - 1)


def _whole_year(match: re.Match[str], today: date) -> Days:
    last = months_from(int(match["year"]) * 12, 12)
    from_year = match.groupdict().get("from_year")
    return months_from(int(from_year or match["year"]) * 12, 12)[0], last[1]


def _unit_end(match: re.Match[str], today: date) -> Days:
    if _NAME_NEXT.match(match.string, match.end()):
        raise ValueError("a name")
    last = calendar_period(match["unit"].lower(), today, 0)[1]
    return last, last


def _new_year(match: re.Match[str], today: date) -> Days:
    month, day = (12, 31) if (match["eve"] or "").lower() == "eve" else (1, 1)
    if not match["year"] and not match["eve"] and _before(match) not in _BEFORE_MONTHS:
        raise ValueError("perhaps a wish")
    years = (int(match["year"]),) if match["year"] else years_around(today)
    near = min((date(year, month, day) for year in years), key=lambda day: abs(day - today))
    return near, near


_FROM_DAY = rf"(?:(?P<from_day>[0-3]?\d)(?:st|nd|rd|th)?{RANGE})?"
_WHICH_YEAR = r"(?:in|during|since|before|after|until|till|through|throughout|within)"
_NO_AMOUNT = r"(?! ?(?:dollars|euros?|usd|eur|units|pieces|items|kg)\b)"
READERS: tuple[tuple[re.Pattern[str], Reader], ...] = tuple(
    (compiled(pattern), reader)
    for pattern, reader in (
        (r"(?P<words>today|tonight|yesterday|tomorrow|day after tomorrow|day before yesterday)", _day_words),
        (rf"(?P<which>{'|'.join(STEPS)}) (?P<unit>week|weekend|month|quarter|year)", _calendar_words),
        (r"past (?P<number>)(?P<unit>week|month|quarter|year)", _last_units),
        (r"(?:coming|upcoming) (?P<number>)(?P<unit>week|month|quarter|year)", _next_units),
        (rf"(?:last|past|previous|prior) {NUMBER} {UNIT}", _last_units),
        (rf"(?:next|coming|following|upcoming) {NUMBER} {UNIT}", _next_units),
        (rf"within {NUMBER} {UNIT}(?! of\b)", _next_units),
        (rf"{NUMBER} {UNIT} ago", _ago),
        (rf"in {NUMBER} {UNIT}", _ahead),
        (rf"{NUMBER} {UNIT} from (?:today|now)", _ahead),
        (rf"(?:(?P<which>this|next|last|past|previous|coming) )?{WEEKDAY}", _weekday),
        (rf"{WEEKDAY}(?: of)? (?P<which>this|next|last) week", _weekday_of_week),
        (rf"(?P<which>this|next|last) week(?: on)? {WEEKDAY}", _weekday_of_week),
        (rf"{ON_WEEKDAY}{_FROM_DAY}{DAY}(?: of | ?[/-]? ?|\. ?){MONTH}(?:{OF_YEAR})?", _one_day),
        (
            rf"{ON_WEEKDAY}{MONTH} (?:the )?{_FROM_DAY}{DAY}(?:{OF_YEAR})?(?!%|[.,:]\d)",
            _one_day,
        ),
        (rf"(?P<one>[0-3]?\d)(?P<mark>[./])(?P<two>[0-3]?\d)(?P=mark)(?P<year>{YEAR})", _in_figures),
        (rf"(?:(?P<which>this|next|last) )?{MONTH}(?! ?\d)(?P<year>)(?P<which_year>)", _month),
        (rf"(?P<which>){MONTH}{OF_YEAR}", _month),
        (rf"(?P<from_month>{MONTH_WORD}){RANGE}{MONTH}(?! \d)(?P<year>)(?P<which_year>)", _months),
        (rf"(?P<from_month>{MONTH_WORD}){RANGE}{MONTH}{OF_YEAR}", _months),
        (
            rf"(?:Q(?P<quarter>[1-4])|(?P<ordinal>{'|'.join(ORDINALS)}|last|final) quarter)(?:{OF_YEAR})?",
            _quarter,
        ),
        (rf"(?P<year>{YEAR})[-\x20]?Q(?P<quarter>[1-4])", _quarter),
        (rf"(?:H(?P<half>[12])|(?P<ordinal>first|second|1st|2nd) half){OF_YEAR}", _half),
        (rf"{_WHICH_YEAR} (?:the )?(?P<phrase>(?:year )?(?P<year>{YEAR})){_NO_AMOUNT}", _whole_year),
        (rf"(?P<phrase>year (?P<year>{YEAR}))", _whole_year),
        (rf"from (?P<phrase>(?P<from_year>{YEAR}){RANGE}(?P<year>{YEAR})){_NO_AMOUNT}", _whole_year),
        (r"(?P<unit>month|quarter|year)[-\x20]end", _unit_end),
        (rf"new year(?:'?s)?(?: (?P<eve>day|eve))?(?: (?P<year>{YEAR}))?", _new_year),
    )
)
