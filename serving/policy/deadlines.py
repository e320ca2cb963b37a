"""By which day should a step be done?"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.days import public_holidays

Days = NDArray[np.datetime64]
MARGIN_YEARS = 2  # a deadline in the last days of December runs into the next year


def action_by(
    start: Days, working_days: NDArray[Any], as_of: Days, not_after: Days, country: NDArray[Any]
) -> Days:
    """The day `working_days` after `start`, but not after `not_after` if a working day since `as_of` is left.

    All arrays have shape (n,). Weekends and the country's public holidays do not count; an unknown country
    has weekends only. Missing `working_days` (NaN) give no date, a missing `start` counts from `as_of`.
    """
    result = np.full(len(as_of), "NaT", dtype="datetime64[D]")
    codes, names = pd.factorize(country)
    for code, name in enumerate(names):
        rows = (codes == code) & ~np.isnan(working_days)
        if rows.any():
            calendar = _calendar(str(name), as_of[rows], start[rows])
            result[rows] = _counted(
                start[rows], working_days[rows].astype(int), as_of[rows], not_after[rows], calendar
            )
    return result


def _calendar(country: str, *days: Days) -> np.busdaycalendar:
    present = np.concatenate(days)
    years = present[~np.isnat(present)].astype("datetime64[Y]").astype(int) + 1970
    span = range(int(years.min()), int(years.max()) + MARGIN_YEARS) if country else range(0)
    free = [day for year in span for day in public_holidays(country, year)]
    return np.busdaycalendar(holidays=np.array(free, dtype="datetime64[D]"))


def _counted(
    start: Days, steps: NDArray[Any], as_of: Days, not_after: Days, calendar: np.busdaycalendar
) -> Days:
    start = np.where(np.isnat(start), as_of, start)
    earliest = np.busday_offset(as_of, 0, roll="forward", busdaycal=calendar)
    counted = np.busday_offset(start, steps, roll="backward", busdaycal=calendar)
    latest = np.full(len(start), "NaT", dtype="datetime64[D]")
    bound = ~np.isnat(not_after)
    latest[bound] = np.busday_offset(not_after[bound], 0, roll="backward", busdaycal=calendar)
    result: Days = np.maximum(np.fmin(counted, latest), earliest)
    return result
