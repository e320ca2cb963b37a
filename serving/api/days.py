"""Which day does a text name?"""

from __future__ import annotations

import re
from datetime import date

EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)
"""Outside these an as-of day is a slip of the pen, and day arithmetic would leave the calendar."""


def parse_day(text: object) -> date:
    """The date of a text like 2026-03-31 and of nothing else; raises ValueError saying how to write one."""
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("write the day as YYYY-MM-DD, such as 2026-03-31.")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError("no calendar has this day.") from None
    if not EARLIEST <= day <= LATEST:
        raise ValueError(f"give a day from {EARLIEST} to {LATEST}.")
    return day
