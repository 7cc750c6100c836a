"""Results of the SQL and Salesforce tools, drawn for summaries."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable

from narrowgauge.training.specialist.summary_results import Result, text_of_result
from narrowgauge.training.specialist.summary_salesforce_rows import (
    draw_cases,
    draw_leads,
    draw_opportunities,
    draw_written,
)
from narrowgauge.training.specialist.summary_sql_rows import (
    draw_customers,
    draw_employees,
    draw_groups,
    draw_invoices,
    draw_orders,
    draw_products,
    draw_scalar,
    draw_shipments,
    draw_tickets,
)

__all__ = ["draw_result"]


def draw_result(today: dt.date, rng: random.Random) -> Result:
    """Draws a result of one to twelve rows, short enough for a training prompt, with days around today."""
    while True:
        result = rng.choices(list(_MAKERS), list(_MAKERS.values()))[0](today, rng)
        if len(text_of_result(result.rows)) <= _MAX_CHARS:
            return result


_MAX_CHARS = 330
_MAKERS: dict[Callable[[dt.date, random.Random], Result], float] = {
    draw_customers: 5.0,
    draw_invoices: 2.0,
    draw_orders: 1.5,
    draw_shipments: 0.7,
    draw_products: 2.0,
    draw_employees: 1.0,
    draw_tickets: 1.5,
    draw_groups: 2.5,
    draw_scalar: 1.2,
    draw_cases: 3.0,
    draw_opportunities: 1.5,
    draw_leads: 1.0,
    draw_written: 2.0,
}
