"""Which facts about a customer as a whole may credit and review rules look at, and what are those rules made of?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from serving.conditions import Condition, Kind, Term
from serving.policy.rules import Rule
from serving.policy.vocabulary import DEBTOR_TYPES, MISSING

Decision = Literal["open_terms", "reduced_limit", "part_prepayment", "cash_on_delivery"]
DECISIONS = get_args(Decision)
OUTCOMES = ("keep", "restrict", "exit")
MOST_REASONS = 4
"""So many principal reasons are given, and no more: a longer list explains less."""

_MONEY = "in the row's currency"
# name, kind, stands in when absent, meaning, how a sentence says it
ACCOUNT_TABLE: list[tuple[str, Kind, Any, str, str]] = [
    ("customer_id", "text", "", "the customer", ""),
    ("currency", "text", "", "ISO code of the limit's currency, in which the row's money is", "the currency"),
    ("debtor_type", "text", "", "kind of customer", "the kind of customer"),
    ("country", "text", "", "ISO code of the customer's country", "the country"),
    ("key_account", "flag", False, "a customer with an account manager", "the customer is a key account"),
    ("customer_age_days", "number", MISSING, "days since the relationship began", "the days we know each other"),
    ("credit_limit", "number", MISSING, f"the limit granted, {_MONEY}; absent: none is set", "the limit"),
    ("has_limit", "flag", False, "a limit is set (it may be 0)", "a limit is set"),
    ("exposure", "number", 0, f"what the customer has open, {_MONEY}", "the exposure"),
    ("utilisation", "number", MISSING, "exposure over limit (1 = fully used)", "the use of the limit"),
    ("overdue_open", "number", 0, f"what of it is past due, {_MONEY}", "the past due amount"),
    ("overdue_share", "share", MISSING, "overdue_open over exposure", "the share past due"),
    ("oldest_overdue_days", "number", MISSING, "days past due of the oldest open invoice", "the oldest delay in days"),
    ("group_exposure", "number", MISSING, f"what the whole group has open, {_MONEY}", "the group's exposure"),
    ("group_limit", "number", MISSING, f"the limits of the group's members together, {_MONEY}", "the group's limits"),
    ("purchases_365", "number", 0, f"invoiced in the last 365 days, {_MONEY}", "the purchases of a year"),
    ("terms_days", "number", MISSING, "agreed days to pay", "the days to pay"),
    ("settled_count", "number", 0, "settled invoices", "the number of settled invoices"),
    ("judged_365", "number", 0, "invoices of the last year whose outcome is known", "the number of judged invoices"),
    ("late_share", "share", MISSING, "share of them that were paid late", "the share paid late"),
    ("late_share_before", "share", MISSING, "the same a year earlier", "the share paid late a year earlier"),
    ("days_late_90", "number", MISSING, "average days late of 90 days' settlements", "the days late of a quarter"),
    ("days_late_365", "number", MISSING, "the same of the last 365 days", "the days late of a year"),
    ("slower_by_days", "number", MISSING, "days_late_90 less days_late_365", "the slowing in days"),
    ("broken_promises_365", "number", 0, "promises that passed unkept in a year", "the number of unkept promises"),
    ("contacts_365", "number", 0, "contacts in the last year", "the number of contacts of a year"),
    ("report_age_days", "number", MISSING, "days since the latest credit report", "the age of the report in days"),
    ("report_score", "number", MISSING, "its score, on the agency's own scale", "the report's score"),
    ("report_limit", "number", MISSING, f"the limit it recommends, {_MONEY}", "the report's limit"),
    ("reference_age_days", "number", MISSING, "days since the latest trade reference", "the age of the reference"),
    ("reference_rating", "text", "", "what it says, in small letters as recorded", "the reference's rating"),
    ("references_count", "number", 0, "trade references of the last two years", "the number of references"),
    ("terms_accepted", "flag", False, "evidence that our terms were accepted", "our terms were accepted"),
    ("hardship", "flag", False, "a hardship is recorded (from the desk)", "a hardship is recorded"),
    ("insolvency", "flag", False, "an insolvency is recorded (from the desk)", "an insolvency is recorded"),
    ("requested_limit", "number", MISSING, f"the limit asked for, {_MONEY}", "the limit asked for"),
    ("cost_to_collect", "number", MISSING, "contacts_365 times the policy's contact_cost", "the cost to collect"),
    ("margin_percent", "number", MISSING, "gross margin in percent of sales (from the desk)", "the margin in percent"),
    ("margin_365", "number", MISSING, f"margin_percent of purchases_365, {_MONEY}", "the margin of a year"),
    ("cost_of_margin", "number", MISSING, "cost_to_collect over margin_365, where that is above 0",
     "the part of the margin that collecting takes"),
]  # fmt: skip
ACCOUNT_TERMS = {
    name: Term(meaning, kind, DEBTOR_TYPES if name == "debtor_type" else (), said=said)
    for name, kind, _, meaning, said in ACCOUNT_TABLE
}
ACCOUNT_COLUMNS = {name: term.meaning for name, term in ACCOUNT_TERMS.items()}
"""Every name that credit and review conditions may use, and what it means; none is required."""


@dataclass(frozen=True)
class Factor:
    """A named fact of the credit decision and the sentence that gives it as a reason."""

    when: Condition
    says: str


@dataclass(frozen=True)
class CreditRule(Rule):
    """Leads to one of the DECISIONS; the recommended limit is so many times what the customer needs."""

    limit_share: float = 1.0
    terms_days: int | None = None
    prepayment_share: float = 0.0


@dataclass(frozen=True)
class Credit:
    """How credit is granted; see `serving/policy/credit.py`."""

    factors: Mapping[str, Factor]
    rules: tuple[CreditRule, ...]
    first_limit: str
    usual_terms_days: int
    room_days: int
    reports_are_old_after_days: int
    old_reports_count: float
    who: str


@dataclass(frozen=True)
class CustomerTiers:
    """How a customer's tier follows from its invoices' tiers, and how slowly it gets better."""

    enough_share: float
    enough_amount: str
    lower_by: float
    better_after_days: int


@dataclass(frozen=True)
class Reviews:
    """How often each tier is reviewed, what a contact costs, and what a review may come to."""

    every_days: Mapping[str, int]
    contact_cost: str
    outcomes: tuple[Rule, ...]
    who: str


@dataclass(frozen=True)
class Check:
    """One line of a checklist: what has to hold, and how it is said."""

    id: str
    needs: Condition
    says: str


@dataclass(frozen=True)
class Exits:
    """When a hand-over or a write-down may be considered, what has to be done before, and what it costs."""

    hand_over: Rule
    write_down: Rule
    cost_share: float
    follow_up_days: int
    checklist: tuple[Check, ...] = field(default=())
    who: str = ""
