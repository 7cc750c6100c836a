"""Fields that the organisation computes when a record is written: closed, won, full names, times of events.

`derive` is called with a record as it is about to be stored and completes it in place. The rules are those
that Salesforce documents for the standard objects (Object Reference, fields that are not createable).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from typing import Any

__all__ = ["IncompleteEvent", "derive", "format_time", "parse_time"]

Record = dict[str, Any]
Lookup = Callable[[str], Record | None]
"""Returns the record that an id names, or None."""

_STAGES = {
    # Stage: probability in percent, forecast category, its name.
    "Prospecting": (10, "Pipeline", "Pipeline"),
    "Qualification": (10, "Pipeline", "Pipeline"),
    "Needs Analysis": (20, "Pipeline", "Pipeline"),
    "Value Proposition": (50, "Pipeline", "Pipeline"),
    "Id. Decision Makers": (60, "Pipeline", "Pipeline"),
    "Perception Analysis": (70, "Pipeline", "Pipeline"),
    "Proposal/Price Quote": (75, "Pipeline", "Pipeline"),
    "Negotiation/Review": (90, "Pipeline", "Pipeline"),
    "Closed Won": (100, "Closed", "Closed"),
    "Closed Lost": (0, "Omitted", "Omitted"),
}


class IncompleteEvent(ValueError):
    """An event whose time is not said."""


def format_time(moment: datetime) -> str:
    """Writes a UTC time as the REST API does: `2026-03-31T12:00:00.000+0000`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


def parse_time(text: str) -> datetime:
    """Reads what `format_time` wrote.

    Raises:
        ValueError: It is no such text.
    """
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def derive(object_name: str, record: Record, changed: Collection[str], now: datetime, lookup: Lookup) -> None:
    """Completes a record in place.

    Args:
        object_name: The object.
        record: All stored values; absent ones are None.
        changed: Names of the fields that this write sets.
        now: Time of the write, in UTC.
        lookup: Finds the records that this one refers to.

    Raises:
        IncompleteEvent: An event has neither a start with an end or duration, nor a day that it fills.
    """
    rule = _RULES.get(object_name)
    if rule is not None:
        rule(record, changed, now, lookup)


def _person(record: Record, changed: Collection[str], now: datetime, lookup: Lookup) -> None:
    parts = (record.get("FirstName"), record.get("LastName"))
    record["Name"] = " ".join(part for part in parts if part)


def _case(record: Record, changed: Collection[str], now: datetime, lookup: Lookup) -> None:
    closed = record.get("Status") == "Closed"
    if not closed:
        record["ClosedDate"] = None
    elif not record.get("ClosedDate"):
        record["ClosedDate"] = format_time(now)
    record["IsClosed"] = closed


def _opportunity(record: Record, changed: Collection[str], now: datetime, lookup: Lookup) -> None:
    stage = record.get("StageName")
    if stage in _STAGES and "StageName" in changed:
        default_probability, category, category_name = _STAGES[stage]
        record["LastStageChangeDate"] = format_time(now)
        record["ForecastCategory"] = category
        if "Probability" not in changed:
            record["Probability"] = default_probability
        if "ForecastCategoryName" not in changed:
            record["ForecastCategoryName"] = category_name
    record["IsClosed"] = stage in ("Closed Won", "Closed Lost")
    record["IsWon"] = stage == "Closed Won"
    amount, probability = record.get("Amount"), record.get("Probability")
    record["ExpectedRevenue"] = None
    if amount is not None and probability is not None:
        record["ExpectedRevenue"] = round(amount * probability / 100, 2)
    if record.get("CloseDate"):
        closes = date.fromisoformat(record["CloseDate"])
        record["FiscalYear"], record["FiscalQuarter"] = closes.year, (closes.month + 2) // 3


def _task(record: Record, changed: Collection[str], now: datetime, lookup: Lookup) -> None:
    closed = record.get("Status") == "Completed"
    record["IsClosed"] = closed
    record["IsHighPriority"] = record.get("Priority") == "High"
    if not closed:
        record["CompletedDateTime"] = None
    elif not record.get("CompletedDateTime"):
        record["CompletedDateTime"] = format_time(now)
    record["AccountId"] = _account_of_activity(record, lookup)


def _event(record: Record, changed: Collection[str], now: datetime, lookup: Lookup) -> None:
    record["AccountId"] = _account_of_activity(record, lookup)
    start = record.get("StartDateTime")
    if "ActivityDateTime" in changed and "StartDateTime" not in changed:
        start = record.get("ActivityDateTime")
    if start is None and record.get("IsAllDayEvent") and record.get("ActivityDate"):
        start = f"{record['ActivityDate']}T00:00:00.000+0000"
    if start is None:
        raise IncompleteEvent("Start date and time are required")
    begins = parse_time(start)
    minutes, ends_at = record.get("DurationInMinutes"), record.get("EndDateTime")
    if ends_at is not None and ("EndDateTime" in changed or minutes is None):
        minutes = int((parse_time(ends_at) - begins).total_seconds() // 60)
    elif minutes is None and record.get("IsAllDayEvent"):
        minutes = 24 * 60
    if minutes is None:
        raise IncompleteEvent("An end date and time or a duration is required")
    if minutes < 0:
        raise IncompleteEvent("End date and time must be after the start")
    record["StartDateTime"] = record["ActivityDateTime"] = format_time(begins)
    record["EndDateTime"] = format_time(begins + timedelta(minutes=minutes))
    record["DurationInMinutes"] = minutes
    record["ActivityDate"] = begins.date().isoformat()
    record["IsArchived"] = False


def _campaign_member(record: Record, changed: Collection[str], now: datetime, lookup: Lookup) -> None:
    responded = record.get("Status") == "Responded"
    record["HasResponded"] = responded
    if responded and not record.get("FirstRespondedDate"):
        record["FirstRespondedDate"] = now.date().isoformat()


def _account_of_activity(record: Record, lookup: Lookup) -> str | None:
    """An activity belongs to the account that it is about, or to that of the thing or person it is about."""
    for field in ("WhatId", "WhoId"):
        if record.get(field):
            target = lookup(record[field])
            if target is not None:
                if record[field].startswith("001"):
                    return str(record[field])
                account = target.get("AccountId") or target.get("Account__c")
                if account:
                    return str(account)
    return None


_RULES: dict[str, Callable[[Record, Collection[str], datetime, Lookup], None]] = {
    "CampaignMember": _campaign_member,
    "Case": _case,
    "Contact": _person,
    "Event": _event,
    "Lead": _person,
    "Opportunity": _opportunity,
    "Task": _task,
    "User": _person,
}
