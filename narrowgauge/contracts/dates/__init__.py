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

from narrowgauge.contracts.dates.resolve import ResolvedDate, dates_in

__all__ = ["ResolvedDate", "dates_in"]
