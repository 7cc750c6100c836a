"""How people say Salesforce's picklist values, amounts, days and periods, and what calls store."""

from __future__ import annotations

import calendar
import datetime as dt
import random

__all__ = ["PAST_FIELDS", "amount", "day", "moment", "past_day", "percent", "period", "said_value"]

PAST_FIELDS = frozenset(
    (
        *("CreatedDate", "LastModifiedDate", "SystemModstamp", "ClosedDate", "ConvertedDate"),
        *("LastActivityDate", "CompletedDateTime", "LastStageChangeDate", "FirstRespondedDate"),
        *("LastLoginDate", "Birthdate"),
    )
)
"""Date fields that never lie ahead."""

# Beside the value itself and its lower case. Words that another value of the field could mean are left out.
_SAID: dict[str, dict[str, tuple[str, ...]]] = {
    "StageName": {
        "Qualification": ("qualification", "qualifying"),
        "Needs Analysis": ("needs analysis", "analysis of needs"),
        "Value Proposition": ("value proposition", "value prop"),
        "Id. Decision Makers": ("id decision makers", "identifying decision makers", "decision makers"),
        "Perception Analysis": ("perception analysis", "perception"),
        "Proposal/Price Quote": ("proposal", "price quote", "quote", "proposal/quote"),
        "Negotiation/Review": ("negotiation", "negotiations", "negotiation review", "review"),
        "Closed Won": ("closed won", "won", "closed/won"),
        "Closed Lost": ("closed lost", "lost", "closed/lost"),
    },
    "ForecastCategoryName": {"Best Case": ("best case", "best-case")},
    "Status": {
        "Open - Not Contacted": ("open", "not contacted", "open not contacted", "not yet contacted"),
        "Working - Contacted": ("working", "contacted", "working contacted", "working/contacted"),
        "Closed - Converted": ("closed converted", "converted"),
        "Closed - Not Converted": ("closed not converted", "not converted"),
        "Not Started": ("not started", "not yet started"),
        "In Progress": ("in progress", "in-progress"),
        "Completed": ("completed", "complete"),
        "Waiting on someone else": ("waiting on someone else", "waiting on someone", "waiting"),
        "Deferred": ("deferred",),
        "Aborted": ("aborted",),
    },
    "Status__c": {"In Negotiation": ("in negotiation", "negotiation", "negotiating")},
    "Type": {
        "Customer - Direct": ("direct customer", "customer direct", "customer - direct"),
        "Customer - Channel": ("channel customer", "customer channel"),
        "Channel Partner / Reseller": ("reseller", "channel partner", "channel partner/reseller"),
        "Installation Partner": ("installation partner",),
        "Technology Partner": ("technology partner", "tech partner"),
        "Existing Customer - Upgrade": ("existing customer upgrade", "upgrade"),
        "Existing Customer - Replacement": ("existing customer replacement", "replacement"),
        "Existing Customer - Downgrade": ("existing customer downgrade", "downgrade"),
        "New Customer": ("new customer", "new-customer"),
        "Public Relations": ("public relations", "PR"),
        "Trade Show": ("trade show", "tradeshow"),
        "Banner Ads": ("banner ads", "banner ad"),
        "Referral Program": ("referral program", "referral"),
    },
    "Industry": {
        "Food & Beverage": ("food and beverage", "food & beverage", "f&b"),
        "Not For Profit": ("not for profit", "non-profit", "nonprofit", "not-for-profit"),
        "Telecommunications": ("telecommunications", "telecoms", "telecom"),
        "Technology": ("technology", "tech"),
        "Biotechnology": ("biotechnology", "biotech"),
        "Healthcare": ("healthcare", "health care"),
        "Real Estate": ("real estate", "real-estate"),
        "Transportation": ("transportation", "transport"),
        "Manufacturing": ("manufacturing",),
    },
    "LeadSource": {
        "Phone Inquiry": ("phone inquiry", "phone enquiry"),
        "Partner Referral": ("partner referral", "referral from a partner"),
        "Purchased List": ("purchased list", "bought list"),
    },
    "Origin": {"Email": ("email", "e-mail"), "Phone": ("phone",), "Web": ("web",)},
    "Priority": {"High": ("high",), "Medium": ("medium",), "Normal": ("normal",), "Low": ("low",)},
    "ShowAs": {"OutOfOffice": ("out of office",)},
}
_SAID["AccountSource"] = _SAID["LeadSource"]
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def said_value(field: str, stored: str, rng: random.Random) -> str:
    """Writes a picklist's value as people do."""
    forms = _SAID.get(field, {}).get(stored, ())
    if forms and rng.random() < 0.7:
        return rng.choice(forms)
    return stored.lower() if rng.random() < 0.5 and stored != "None" else stored


def amount(rng: random.Random, *, large: bool = False, rounded: bool = False) -> tuple[str, float]:
    """Draws money.

    Args:
        rng: Source of choice.
        large: Whether it is a company's revenue.
        rounded: Whether it is a bound, which people round.
    """
    if large:
        number = rng.choice((1, 2, 3, 4, 5, 8, 12, 15, 20, 30, 45, 60, 75, 120, 250)) * 1_000_000
        if rng.random() < 0.3:
            number += rng.choice((200_000, 400_000, 500_000, 700_000))
    elif rounded:
        number = (
            rng.choice((1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 80, 100, 120, 150, 200, 250, 500)) * 1000
        )
    else:
        number = rng.choice(
            (
                rng.randrange(2, 100) * 1000,
                rng.randrange(2, 100) * 1000,
                rng.randrange(5, 90) * 100,
                rng.randrange(10, 40) * 10_000,
                rng.randrange(300, 30_000),
            )
        )
    plain, grouped = str(number), f"{number:,}"
    forms = [plain, grouped, grouped, f"${grouped}", f"${plain}", f"{grouped} dollars", f"{plain} USD"]
    forms += [f"€{grouped}", f"{grouped} EUR", f"{plain} euros", f"EUR {grouped}", f"£{grouped}"]
    if number % 100 == 0 and 1000 <= number < 1_000_000:
        thousands = f"{number / 1000:g}"
        forms += [f"{thousands}k", f"{thousands}k", f"${thousands}k", f"{thousands}K", f"€{thousands}k"]
        forms += [f"{thousands} thousand"] if number % 1000 == 0 else []
    if number >= 1_000_000 and number % 100_000 == 0:
        millions = f"{number / 1_000_000:g}"
        forms = [f"{millions} million", f"{millions}m", f"${millions}M", f"{millions} million euros", grouped]
    return rng.choice(forms), float(number)


def percent(rng: random.Random) -> tuple[str, float]:
    """Draws a percentage."""
    number = rng.choice(
        (3, 5, 7, 8, 10, 12, 15, 18, 20, 25, 30, 35, 40, 45, 50, 60, 65, 70, 75, 80, 85, 90, 95)
    )
    return rng.choice((f"{number}%", f"{number}%", f"{number} percent", f"{number} %")), float(number)


def day(today: dt.date, rng: random.Random) -> tuple[str, dt.date]:
    """Draws a day from today on."""
    near = rng.random()
    if near < 0.15:
        words, days = rng.choice(
            (("today", 0), ("tomorrow", 1), ("tomorrow", 1), ("the day after tomorrow", 2))
        )
        return words, today + dt.timedelta(days=days)
    if near < 0.35:
        return _on_weekday(today, rng)
    if near < 0.45:
        words, days = rng.choice(
            (
                *(("in two weeks", 14), ("in 2 weeks", 14), ("in three weeks", 21), ("in 10 days", 10)),
                *(("a week from today", 7), ("in a week", 7), ("in 30 days", 30), ("in five days", 5)),
            )
        )
        return words, today + dt.timedelta(days=days)
    if near < 0.6:
        return _end(today, rng)
    date = today + dt.timedelta(days=rng.randint(8, 300))
    return _written(date, today, rng), date


def past_day(today: dt.date, rng: random.Random) -> tuple[str, dt.date]:
    """Draws a day before today."""
    date = today - dt.timedelta(days=rng.randint(5, 420))
    return _written(date, today, rng), date


def _on_weekday(today: dt.date, rng: random.Random) -> tuple[str, dt.date]:
    """A working day by its name: the coming one, or the one of next week."""
    monday = today - dt.timedelta(days=today.weekday())
    if rng.random() < 0.55:
        date = rng.choice([d for d in (today + dt.timedelta(days=n) for n in range(1, 7)) if d.weekday() < 5])
        forms = ["this {d}", "this {d}", "{d}"]
        if date < monday + dt.timedelta(days=7):
            forms.append("{d} this week")
        return rng.choice(forms).format(d=_WEEKDAYS[date.weekday()]), date
    index = rng.randrange(0, 5)
    form = rng.choice(("next {d}", "next {d}", "{d} next week"))
    return form.format(d=_WEEKDAYS[index]), monday + dt.timedelta(days=7 + index)


def _written(date: dt.date, today: dt.date, rng: random.Random) -> str:
    """Writes a day; one that is the nearest of its name to today perhaps without its year."""
    month, number = calendar.month_name[date.month], date.day
    suffix = "th" if 4 <= number <= 20 or 24 <= number <= 30 else ("st", "nd", "rd")[number % 10 - 1]
    forms = [str(date), str(date), f"{month} {number}, {date.year}", f"{number} {month} {date.year}"]
    forms += (
        [f"{number} {month[:3]} {date.year}", f"{number}.{date.month}.{date.year}"] if number > 12 else []
    )
    if abs((date - today).days) <= 180:
        forms += [
            f"{number} {month}",
            f"{month} {number}",
            f"{month} {number}{suffix}",
            f"{number} {month[:3]}",
        ]
        forms += [f"the {number}{suffix} of {month}", f"{number}{suffix} {month}"]
    return rng.choice(forms)


def _end(today: dt.date, rng: random.Random) -> tuple[str, dt.date]:
    """The end of a month, quarter or year that is not over."""

    def last(months: int) -> dt.date:
        year, month = divmod(today.year * 12 + today.month - 1 + months, 12)
        return dt.date(year, month + 1, calendar.monthrange(year, month + 1)[1])

    to_quarter = -today.month % 3
    quarters = rng.randrange(0, 4)
    quarter = last(to_quarter + 3 * quarters)
    named = last(rng.randrange(1, 11))
    name = calendar.month_name[named.month]
    nearest = f"{name} {named.day}" if (named - today).days <= 180 else f"{name} {named.day}, {named.year}"
    return rng.choice(
        (
            (rng.choice(("the end of the month", "end of the month", "the end of this month")), last(0)),
            (rng.choice(("the end of next month", "end of next month")), last(1)),
            (rng.choice((f"the end of {name}", f"end of {name}", nearest)), named),
            (rng.choice((f"the end of {name}", f"the last day of {name}")), named),
            (rng.choice(("the end of the quarter", "the end of this quarter")), last(to_quarter)),
            (rng.choice(("the end of next quarter", "end of next quarter")), last(to_quarter + 3)),
            (rng.choice(("the end of Q{q}", "end of Q{q}")).format(q=quarter.month // 3), quarter),
            (rng.choice(("the end of the year", "the end of this year", "year end")), last(12 - today.month)),
        )
    )


def moment(today: dt.date, rng: random.Random) -> tuple[str, str]:
    """Draws a time from tomorrow on, said without a time zone and stored as UTC."""
    words, date = day(today, rng)
    while date <= today or "end" in words or "last day" in words:
        words, date = day(today, rng)
    hour, minute = rng.randint(8, 18), rng.choice((0, 0, 0, 15, 30, 30, 45))
    twelve, half = (hour - 1) % 12 + 1, "am" if hour < 12 else "pm"
    clock = [f"{hour}:{minute:02}", f"{twelve}:{minute:02} {half}", f"{hour:02}:{minute:02}"]
    clock += [f"{twelve}{half}", f"{twelve} {half}"] if minute == 0 else [f"{twelve}:{minute:02}{half}"]
    clock += ["noon"] if (hour, minute) == (12, 0) else []
    form = rng.choice(("{d} at {c}", "{d} at {c}", "{d}, {c}", "{d} {c}"))
    return form.format(d=words, c=rng.choice(clock)), f"{date}T{hour:02}:{minute:02}:00Z"


def period(
    field: str, kind: str, today: dt.date, rng: random.Random, direction: str = "period"
) -> tuple[str, str, str]:
    """Draws when a date field lies.

    Args:
        field: The field's name, which tells whether it may lie ahead.
        kind: The field's type, `date` or `datetime`.
        today: The date that words refer to; relative ones become date literals.
        rng: Source of choice.
        direction: `past`, `future` or `period` for what the field allows.

    Returns:
        Words such as `last month` or `before 15 April`, the operator, and a date literal or date.
    """
    past_only = direction == "past" or (direction == "period" and field in PAST_FIELDS)
    ways = [
        *(() if direction == "future" else ("last", "last", "this")),
        *(() if past_only else ("next", "this")),
    ]
    way = rng.choice(ways)
    if rng.random() < 0.14:
        return _bound(kind, today, rng, past=way == "last" or past_only)
    if way == "this":
        word = rng.choice(("week", "month", "month", "quarter", "quarter", "year", "day"))
        return ("today", "=", "TODAY") if word == "day" else (f"this {word}", "=", f"THIS_{word.upper()}")
    number = rng.choice((3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180))
    unit = "DAYS"
    if rng.random() < 0.25:
        number, unit = rng.choice((2, 3, 4, 6)), "MONTHS"
    counted = f"{number} {unit.lower()}"
    if way == "last":
        choice = rng.random()
        if choice < 0.13:
            return "yesterday", "=", "YESTERDAY"
        if choice < 0.6:
            word = rng.choice(("week", "month", "month", "quarter", "year", "year"))
            return (
                rng.choice((f"last {word}", f"last {word}", f"in the previous {word}")),
                "=",
                f"LAST_{word.upper()}",
            )
        form = rng.choice(("in the last {c}", "in the last {c}", "over the past {c}", "in the past {c}"))
        return form.format(c=counted), "=", f"LAST_N_{unit}:{number}"
    choice = rng.random()
    if choice < 0.13:
        return "tomorrow", "=", "TOMORROW"
    if choice < 0.6:
        word = rng.choice(("week", "week", "month", "month", "quarter", "year"))
        return f"next {word}", "=", f"NEXT_{word.upper()}"
    form = rng.choice(("in the next {c}", "within the next {c}", "over the next {c}", "in the coming {c}"))
    return form.format(c=counted), "=", f"NEXT_N_{unit}:{number}"


def _bound(kind: str, today: dt.date, rng: random.Random, *, past: bool) -> tuple[str, str, str]:
    date = today + dt.timedelta(days=rng.randint(-400, -3) if past else rng.randint(10, 250))
    words = _written(date, today, rng)
    if kind == "datetime":
        word, operator = rng.choice((("since", ">="), ("before", "<"))) if past else ("before", "<")
        return f"{word} {words}", operator, f"{date}T00:00:00Z"
    word, operator = rng.choice((("before", "<"), ("after", ">"), ("since", ">=") if past else ("by", "<=")))
    return f"{word} {words}", operator, str(date)
