"""Words and literals of the surface, read by the grammar, the parser and the renderer alike.

```
query Lead: Id, Name where Country = "Spain" and IsConverted = false order by CreatedDate desc limit 5
get Case 500000000000001: Subject, Status
create Case: Subject = "Late delivery", Priority = "High"
update Opportunity 006000000000001: StageName = "Closed Won", NextStep = null
upsert Account Customer_Number__c "C-1": Name = "Acme"
delete Lead 00Q000000000001
query Case: Status, count(Id) where IsClosed = false
UNANSWERABLE
```

Where functions are shown, the other columns are what SOQL must group by, and `group by` is left out; it
stands only where a query groups otherwise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from narrowgauge.errors import InvalidRequest
from narrowgauge.tools.salesforce.v1 import salesforce_pb2 as pb

__all__ = [
    "AGGREGATES",
    "DATE",
    "DATETIME",
    "DATE_FUNCTIONS",
    "DATE_LITERAL",
    "FUNCTIONS",
    "GROUPS",
    "IDENTIFIER",
    "NULLS",
    "NUMBER",
    "OPERATORS",
    "PATH",
    "STRING",
    "UNANSWERABLE",
    "implied_keys",
    "number_text",
    "string_text",
]

UNANSWERABLE = "UNANSWERABLE"
"""No call, in the word that the surface `sql` has for it."""
OPERATORS = {
    pb.OPERATOR_EQUAL: "=",
    pb.OPERATOR_NOT_EQUAL: "!=",
    pb.OPERATOR_LESS: "<",
    pb.OPERATOR_LESS_OR_EQUAL: "<=",
    pb.OPERATOR_GREATER: ">",
    pb.OPERATOR_GREATER_OR_EQUAL: ">=",
}
AGGREGATES = {
    pb.FUNCTION_COUNT: "count",
    pb.FUNCTION_COUNT_DISTINCT: "count_distinct",
    pb.FUNCTION_SUM: "sum",
    pb.FUNCTION_AVG: "avg",
    pb.FUNCTION_MIN: "min",
    pb.FUNCTION_MAX: "max",
}
DATE_FUNCTIONS = {
    pb.FUNCTION_CALENDAR_YEAR: "calendar_year",
    pb.FUNCTION_CALENDAR_QUARTER: "calendar_quarter",
    pb.FUNCTION_CALENDAR_MONTH: "calendar_month",
    pb.FUNCTION_DAY_ONLY: "day_only",
}
FUNCTIONS = AGGREGATES | DATE_FUNCTIONS
GROUPS = {"any_of": "any", "all_of": "all", "none_of": "none"}
NULLS = {pb.NULLS_FIRST: " nulls first", pb.NULLS_LAST: " nulls last"}

IDENTIFIER = r"[A-Za-z][A-Za-z0-9_]*"
PATH = rf"{IDENTIFIER}(?:\.{IDENTIFIER}){{0,5}}"
# JSON's escapes in their canonical form; other control characters cannot be written.
STRING = r'"(?:[^"\\\x00-\x1f\x7f]|\\["\\nrt]){0,255}"'
# At most 15 significant digits: such numbers survive the way to a double and back.
NUMBER = r"(?:0|-?[1-9][0-9]{0,10})(?:\.[0-9]{0,3}[1-9])?|-0\.[0-9]{0,3}[1-9]"
_MONTH_DAY = (
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_LEAP_YEAR = r"(?:19|20)(?:0[48]|[2468][048]|[13579][26])|2000"
DATE = rf"(?:(?:19|20)[0-9]{{2}}-{_MONTH_DAY}|(?:{_LEAP_YEAR})-02-29)"
DATETIME = DATE + r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
_PERIOD = r"(?:WEEK|MONTH|QUARTER|YEAR|FISCAL_QUARTER|FISCAL_YEAR)"
_UNITS = r"(?:DAYS|WEEKS|MONTHS|QUARTERS|YEARS|FISCAL_QUARTERS|FISCAL_YEARS)"
DATE_LITERAL = (
    rf"YESTERDAY|TODAY|TOMORROW|(?:LAST|THIS|NEXT)_{_PERIOD}|(?:LAST|NEXT)_90_DAYS"
    rf"|(?:LAST|NEXT)_N_{_UNITS}:[1-9][0-9]{{0,3}}|N_{_UNITS}_AGO:[1-9][0-9]{{0,3}}"
)

_STRING = re.compile(STRING)
_NUMBER = re.compile(NUMBER)


def implied_keys(columns: Iterable[pb.Column]) -> list[pb.GroupKey]:
    """Returns the keys that a query groups by without saying so: none when no function is shown."""
    columns = list(columns)
    if not any(column.function for column in columns):
        return []
    shown = {(column.field, column.function): None for column in columns if column.function not in AGGREGATES}
    return [pb.GroupKey(field=field, function=function) for field, function in shown]


def string_text(value: str) -> str:
    """Writes a string in double quotes.

    Raises:
        InvalidRequest: It has a control character that the surface cannot write.
    """
    text = json.dumps(value, ensure_ascii=False)
    if not _STRING.fullmatch(text):
        raise InvalidRequest("NOT_WRITABLE", "the surface cannot write a string with control characters")
    return text


def number_text(value: float) -> str:
    """Writes a number without exponent and without trailing zeros.

    Raises:
        InvalidRequest: It has more digits than survive the way back.
    """
    text = str(int(value)) if value == int(value) else repr(value)
    if not _NUMBER.fullmatch(text):
        raise InvalidRequest("NOT_WRITABLE", f"the surface cannot write the number {value!r}")
    return text
