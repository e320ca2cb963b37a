"""Which figures are there, and what is the formula of each? The formulas of the trade, in words.

`{name}` in a text stands for one of the settings, or for `late_after_days` of the book's rule of lateness.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Definition:
    """What a figure is called, in which unit it is told, and how it is computed."""

    title: str
    unit: str
    formula: str
    is_state: bool = False
    """Whether it describes the day and no period."""


_OPEN = "open receivables by days past the printed due date"
_DUE = "invoices that fell due in the period"
_SETTLED = "settled by money in the period"
_JUDGED = "promises whose day and {promise_grace_days} days of grace ended in the period"
_LATE = "more than {late_after_days} days after due, counted from the next working day"

DEFINITIONS: dict[str, Definition] = {
    "dso": Definition(
        "days sales outstanding", "days", "open receivables ÷ net credit sales of the period × its days"
    ),
    "bpdso": Definition(
        "best possible days sales outstanding",
        "days",
        "receivables not past due ÷ net credit sales of the period × its days",
    ),
    "add": Definition(
        "average days delinquent", "days", "days sales outstanding − best possible days sales outstanding"
    ),
    "countback_dso": Definition(
        "countback days sales outstanding",
        "days",
        "from the open receivables take the latest month's net credit sales and count its days, then the month "
        "before, and so on; the last month in proportion",
        True,
    ),
    "cei": Definition(
        "collection effectiveness index",
        "percent",
        "(beginning receivables + net credit sales − ending receivables) ÷ "
        "(beginning receivables + net credit sales − ending receivables not past due) × 100",
    ),
    "ageing": Definition("open receivables by age", "money", _OPEN, True),
    "ageing_share": Definition(
        "share of open receivables by age", "percent", f"{_OPEN} ÷ all open receivables", True
    ),
    "overdue_share": Definition(
        "share past due",
        "percent",
        "open receivables past the printed due date ÷ all open receivables",
        True,
    ),
    "roll_rate": Definition(
        "roll rates",
        "percent",
        "balance in the next bucket at the end of the last full calendar month ÷ balance in the bucket at the end "
        "of the month before",
    ),
    "dbt": Definition(
        "days beyond terms",
        "days",
        f"mean of (day settled − printed due date) of invoices {_SETTLED}, weighted by amount",
    ),
    "payment_index": Definition(
        "payment index",
        "points",
        f"points of each invoice {_SETTLED} by its days beyond terms, mean weighted by amount: 80 when due, 70 for "
        "15 days, 60 for 22, 50 for 30, 40 for 60, 30 for 90, 20 for 120; 90 and 100 for 20 and 30 days early",
    ),
    "largest_customer_share": Definition(
        "share owed by the largest customer",
        "percent",
        "open receivables of the customer that owes most ÷ all open receivables",
        True,
    ),
    "top_customers_share": Definition(
        "share owed by the largest customers",
        "percent",
        "open receivables of the {top_customers} customers that owe most ÷ all open receivables",
        True,
    ),
    "customers_owing_80_percent": Definition(
        "customers that owe four fifths",
        "count",
        "fewest customers whose open receivables make up at least 80 % of the whole",
        True,
    ),
    "cash_at_risk": Definition(
        "cash at risk of coming late",
        "money",
        "sum of what is open × the chance that it comes late; chances are those of the score rows",
        True,
    ),
    "promise_kept_rate": Definition("promises kept", "percent", f"kept ÷ (kept + broken), {_JUDGED}"),
    "promise_kept_rate_amount": Definition(
        "promised money kept", "percent", f"promised amounts kept ÷ (kept + broken), {_JUDGED}"
    ),
    "promises": Definition(
        "promises by status", "count", "promises still open or judged in the period, by status"
    ),
    "disputed": Definition(
        "disputed money by cause",
        "money",
        "disputed part of open receivables; the whole invoice where no amount is stated",
        True,
    ),
    "disputed_by_age": Definition(
        "disputed money by days in dispute",
        "money",
        "disputed part of open receivables, by days since the dispute was opened",
        True,
    ),
    "days_to_resolve": Definition(
        "days to resolve a dispute", "days", "mean of (closed − opened) of disputes closed in the period"
    ),
    "overdue_in_dispute": Definition(
        "share of the overdue that is disputed",
        "percent",
        "disputed part of what is past due ÷ all that is past due",
        True,
    ),
    "disputes_before_due": Definition(
        "disputes that surfaced before due",
        "percent",
        "disputes opened on or before the invoice's due date ÷ disputes opened in the period",
    ),
    "days_of_notice": Definition(
        "days of notice given",
        "days",
        f"mean of (due date − first outgoing contact before it) of {_DUE} and were spoken of before",
    ),
    "noticed_share": Definition(
        "invoices spoken of before due",
        "percent",
        f"with an outgoing contact before the due date ÷ {_DUE}",
    ),
    "money_without_chase": Definition(
        "money paid without a chase",
        "percent",
        f"amount of invoices {_SETTLED} with no outgoing contact between due date and settlement ÷ amount of all",
    ),
    "customers_without_chase": Definition(
        "customers paid without a chase",
        "percent",
        f"customers none of whose invoices {_SETTLED} was chased ÷ customers who settled one",
    ),
    "contacts_avoided": Definition(
        "unnecessary contacts avoided",
        "count",
        f"invoices {_SETTLED}, past due but at most {{late_after_days}} days late, which a fixed calendar would "
        "have chased and nobody did",
    ),
    "contacts_per_collected": Definition(
        "contacts per collected amount",
        "per 10,000 collected",
        "outgoing contacts in the period with customers of the group ÷ money collected on its invoices × 10,000",
    ),
    "contacts_without_need": Definition(
        "contacts with nothing open",
        "count",
        "outgoing contacts in the period with a customer who had no open invoice at the end of that day",
    ),
    "review_coverage": Definition(
        "review coverage",
        "percent",
        "accounts reviewed within the days of their tier ({review_cycle}) ÷ accounts with an open invoice or one "
        "issued within a year",
    ),
    "speed_after_contact": Definition(
        "change of payment speed after contacts",
        "days",
        "(mean days beyond terms of invoices settled in the {speed_days} days after a customer's latest contact of "
        "the last year) − (in the {speed_days} days before): median over customers, and the range of the middle "
        "eight in ten; it says what happened after contacts, not that they caused it",
        True,
    ),
    "invoicing_lag": Definition(
        "invoicing lag",
        "days",
        "mean days between the two steps, of invoices that came into the books in the period",
    ),
    "sent_late_share": Definition(
        "invoices sent late",
        "percent",
        "sent more than {sent_late_after_days} days after issue ÷ invoices of the period that were sent",
    ),
    "late_money_by_cause": Definition(
        "late money by cause",
        "percent",
        f"amount of invoices with the mark ÷ amount of all that became late in the period ({_LATE}); an invoice may "
        "carry several marks",
    ),
    "late_rate_by_cause": Definition(
        "late rate with and without each cause",
        "percent",
        f"late ({_LATE}) ÷ invoices that could be judged in the period; association, not cause",
    ),
}
"""Every figure by code, in the order of the page."""

TREND = ("dso", "bpdso", "add", "cei", "overdue_share", "dbt", "payment_index", "promise_kept_rate")
"""The figures that are told month by month."""

SECTIONS = {
    "How quickly money comes": ("dso", "bpdso", "add", "countback_dso", "cei", "dbt", "payment_index"),
    "How old and how concentrated it is": (
        "ageing", "ageing_share", "overdue_share", "roll_rate", "largest_customer_share", "top_customers_share",
        "customers_owing_80_percent", "cash_at_risk",
    ),
    "Promises and disputes": (
        "promise_kept_rate", "promise_kept_rate_amount", "promises", "disputed", "disputed_by_age", "days_to_resolve",
        "overdue_in_dispute", "disputes_before_due",
    ),
    "How seldom and how early we ask": (
        "days_of_notice", "noticed_share", "money_without_chase", "customers_without_chase", "contacts_avoided",
        "contacts_per_collected", "contacts_without_need", "review_coverage", "speed_after_contact",
    ),
    "Where lateness begins": ("invoicing_lag", "sent_late_share", "late_money_by_cause", "late_rate_by_cause"),
}  # fmt: skip
"""Every figure, in the order of the page."""
