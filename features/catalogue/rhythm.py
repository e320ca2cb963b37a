"""Rhythm: on which days does this customer pay, and how does this invoice's due date fall into them?"""

import numpy as np

from features.days import weekday
from features.featureset import feature
from features.history import Past
from features.totals import ratio


@feature(
    reason="payment_rhythm",
    unit="days",
    says="its usual weekday of payment is {value} days after the due weekday",
    direction="raises",
)
def days_from_due_to_pay_day(past: Past) -> np.ndarray:
    """Average wait from the weekday on which lateness starts to the weekdays on which the customer pays."""
    start = weekday(past.invoice.lateness_from)
    waits = [(day - start) % 7 * past.settled.sum(f"weekday_{day}", 365) for day in range(7)]
    return ratio(np.sum(waits, axis=0), past.settled.count(365))


@feature(
    reason="payment_rhythm",
    unit="share",
    says="{value} of its payments fall on its busiest weekday",
)
def pay_day_concentration(past: Past) -> np.ndarray:
    """Share of settlements on the customer's busiest weekday in the last year: near 1 is a weekly pay run."""
    days = [past.settled.sum(f"weekday_{day}", 365) for day in range(7)]
    return ratio(np.max(days, axis=0), past.settled.count(365))


@feature(
    reason="payment_rhythm",
    unit="share",
    says="{value} of its payments fall on the weekday from which lateness counts",
    direction="lowers",
)
def paid_on_due_weekday(past: Past) -> np.ndarray:
    """Share of settlements in the last year on the weekday from which lateness of this invoice counts."""
    start = weekday(past.invoice.lateness_from)
    same = np.zeros(len(start), np.int64)
    for day in range(7):
        same += np.where(start == day, past.settled.sum(f"weekday_{day}", 365), 0)
    return ratio(same, past.settled.count(365))


@feature(
    reason="payment_rhythm",
    unit="days",
    says="invoices due on this weekday were paid {value} days after due",
    direction="raises",
)
def mean_days_late_same_weekday(past: Past) -> np.ndarray:
    """Average days late of the customer's invoices that fell due on the same weekday."""
    return past.of("customer_weekday").settled.mean("days_late")


@feature(
    reason="payment_rhythm",
    unit="share",
    says="{value} of invoices due on this weekday were paid after due",
    direction="raises",
)
def past_due_share_same_weekday(past: Past) -> np.ndarray:
    """Share paid after due of the customer's invoices that fell due on the same weekday."""
    return past.of("customer_weekday").settled.mean("past_due", 365)


@feature(
    reason="payment_rhythm",
    unit="share",
    says="{value} of its payments fall at the turn of a month",
)
def month_end_share(past: Past) -> np.ndarray:
    """Share of settlements in the last year on the last two days or the first day of a month."""
    return past.settled.mean("at_month_end", 365)


@feature(
    reason="payment_rhythm",
    unit="share",
    says="{value} of its payments come within a day of the due date",
    direction="lowers",
)
def on_due_day_share(past: Past) -> np.ndarray:
    """Share of settlements in the last year within one day of the printed due date."""
    return past.settled.mean("on_due_day", 365)


@feature(
    reason="payment_rhythm",
    unit="days",
    says="its pay days are {value} days apart on average",
    direction="raises",
)
def mean_pay_day_gap(past: Past) -> np.ndarray:
    """Average days between the days on which we learned of money in the last year: the pay run's period."""
    return past.payment_days.mean("gap", 365, per="has_gap")


@feature(
    reason="payment_rhythm",
    unit="days",
    says="it is {value} days since its last payment",
)
def days_since_payment(past: Past) -> np.ndarray:
    """Days since we last learned of money from the customer."""
    return past.payment_days.days_since()


@feature(
    reason="payment_rhythm",
    unit="times",
    says="its silence is {value} times its usual gap between payments",
    direction="raises",
)
def silence_against_usual_gap(past: Past) -> np.ndarray:
    """Days since the last payment, as a multiple of the customer's usual gap between pay days."""
    gap = mean_pay_day_gap[0].compute(past)
    return past.payment_days.days_since() / np.maximum(gap, 1.0)


@feature(
    reason="payment_rhythm",
    unit="days",
    says="the next pay day in its rhythm falls {value} days after due",
    direction="raises",
)
def days_from_due_to_next_gap(past: Past) -> np.ndarray:
    """Days from the due day to the next pay day, if the customer keeps its usual gap from its last payment."""
    gap = np.maximum(mean_pay_day_gap[0].compute(past), 1.0)
    ahead = past.invoice.lateness_from - past.as_of + past.payment_days.days_since()
    return np.ceil(ahead / gap) * gap - ahead


@feature(
    reason="payment_rhythm",
    unit="days",
    says="invoices due in this part of the month were paid {value} days after due",
    direction="raises",
)
def mean_days_late_same_month_part(past: Past) -> np.ndarray:
    """Average days late of the customer's invoices due in the same part of the month (steps of four days)."""
    return past.of("customer_month_part").settled.mean("days_late")


@feature(
    reason="payment_rhythm",
    unit="share",
    says="{value} of invoices due in this part of the month were paid after due",
    direction="raises",
)
def past_due_share_same_month_part(past: Past) -> np.ndarray:
    """Share paid after due of the customer's invoices due in the same part of the month."""
    return past.of("customer_month_part").settled.mean("past_due")


@feature(
    reason="payment_rhythm",
    unit="share",
    says="{value} of the last five invoices due on this weekday were paid after due",
    direction="raises",
)
def past_due_share_same_weekday_last_5(past: Past) -> np.ndarray:
    """Share paid after due of the last five settled invoices that fell due on the same weekday."""
    return past.of("customer_weekday").settled.recent("past_due", 5)


@feature(
    reason="payment_rhythm",
    unit="share",
    says="{value} of its invoices with such terms and this due weekday were late",
    direction="raises",
)
def late_share_same_terms_and_weekday(past: Past) -> np.ndarray:
    """Share late of the customer's invoices with the same terms that fell due on the same weekday."""
    return past.of("customer_terms_weekday").matured.mean("late")


@feature(
    reason="payment_rhythm",
    unit="days",
    says="pays invoices with such terms and this due weekday {value} days after due",
    direction="raises",
)
def mean_days_late_same_terms_and_weekday(past: Past) -> np.ndarray:
    """Average days late of the customer's invoices with the same terms that fell due on the same weekday."""
    return past.of("customer_terms_weekday").settled.mean("days_late")


@feature(
    reason="payment_rhythm",
    unit="share",
    says="paid {value} of invoices with such terms and this due weekday after due",
    direction="raises",
)
def past_due_share_same_terms_and_weekday(past: Past) -> np.ndarray:
    """Share paid after due of the customer's invoices with the same terms and the same due weekday."""
    return past.of("customer_terms_weekday").settled.mean("past_due")
