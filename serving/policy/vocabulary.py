"""Which facts may a policy look at, and what does each of them mean?"""

from typing import Any

from serving.conditions import Kind, Term

REQUIRED = "required"
WORKED_OUT = "worked out"
MISSING = float("nan")
EVIDENCE = ("none", "little", "some", "ample")
DEBTOR_TYPES = ("company", "sole_trader", "public_body")
REASON_CLASSES = ("cannot_pay", "will_not_pay", "forgot", "disputed", "process_delay")
DESK_FACTS = (
    "hardship",
    "vulnerability",
    "insolvency",
    "do_not_contact_until",
    "next_contact_on",
    "terms_accepted",
    "sequence_communicated",
    "preferred_channel",
    "margin_percent",
)
"""What the desk knows of customers beside the ledger; given to `Facts.cases` as `extra`."""
SCORES = ("p_late", "p_late_30", "p_late_90", "tier")
"""Names that move with the model's probabilities."""

_AMOUNT = "in the row's currency"
# name, kind, stands in when the column or a value is absent, meaning, how a sentence says it
TABLE: list[tuple[str, Kind, Any, str, str]] = [
    ("invoice_id", "text", "", "the invoice", ""),
    ("customer_id", "text", "", "the customer who owes it", ""),
    ("as_of", "date", REQUIRED, "the day the policy is asked, at its start", ""),
    ("due_on", "date", REQUIRED, "the printed due date", ""),
    (
        "days_to_due",
        "number",
        WORKED_OUT,
        "days until due; negative once past due",
        "the number of days until due",
    ),
    ("days_past_due", "number", WORKED_OUT, "days since due; negative before", "the number of days past due"),
    ("p_late", "share", REQUIRED, "chance of being late (1 once it is late)", "the chance of late payment"),
    ("p_late_30", "share", MISSING, "chance of over 30 days late", "the chance of over 30 days late"),
    ("p_late_90", "share", MISSING, "chance of over 90 days late", "the chance of over 90 days late"),
    ("amount_open", "number", REQUIRED, f"what is still open of the invoice, {_AMOUNT}", "the open amount"),
    ("currency", "text", "", "ISO code of the row's currency", "the currency"),
    (
        "customer_open",
        "number",
        MISSING,
        f"all that the customer has open, {_AMOUNT}",
        "the customer's total",
    ),
    (
        "customer_overdue",
        "number",
        MISSING,
        f"what the customer has past due, {_AMOUNT}",
        "the customer's past due total",
    ),
    ("group_id", "text", "", "the top parent of the customer, or the customer", ""),
    (
        "group_open",
        "number",
        MISSING,
        f"all that the customer's group has open, {_AMOUNT}",
        "the group's total",
    ),
    ("evidence", "text", "", "how much settled history stands behind the score", "the evidence"),
    ("is_disputed", "flag", False, "a dispute on the invoice is open", "the invoice is disputed"),
    ("disputed_amount", "number", MISSING, f"the disputed part, {_AMOUNT}; 0 or absent: all of it", ""),
    ("undisputed_open", "number", WORKED_OUT, "amount_open without the disputed part", "the undisputed rest"),
    (
        "promise_pending",
        "flag",
        False,
        "a promise to pay is made and its day not past",
        "a promise is pending",
    ),
    ("promised_on", "date", None, "the day of the latest promise", ""),
    ("promise_broken", "flag", False, "the latest promise passed unkept", "the latest promise passed unkept"),
    ("days_since_promised", "number", WORKED_OUT, "days since promised_on; negative before", ""),
    ("days_since_contact", "number", MISSING, "days since the customer was contacted; absent: never", ""),
    (
        "ever_contacted",
        "flag",
        WORKED_OUT,
        "the customer was contacted before",
        "we have been in touch before",
    ),
    ("contacts_90", "number", 0, "contacts in the last 90 days", "the number of contacts in 90 days"),
    ("contacts_ever", "number", 0, "contacts with the customer so far", "the number of contacts so far"),
    (
        "group_contacts_90",
        "number",
        0,
        "contacts with all customers of the group in the last 90 days",
        "the group's number of contacts in 90 days",
    ),
    (
        "last_outcome",
        "text",
        "",
        "what came of the latest contact, as recorded; `call_ended_call_back` after a heated call",
        "the outcome of the latest contact",
    ),
    (
        "next_contact_on",
        "date",
        None,
        "the day on which we said we would be in touch again (from the desk)",
        "",
    ),
    ("days_to_next_contact", "number", WORKED_OUT, "days until next_contact_on; negative after", ""),
    ("plan_offered", "flag", False, "a payment plan was offered or agreed before", "a plan was offered"),
    (
        "nonpayment_reason",
        "text",
        "",
        "why the invoice was not paid, as the latest entry says; never inferred",
        "the recorded reason",
    ),
    (
        "reason_class",
        "text",
        WORKED_OUT,
        "the class of nonpayment_reason by the policy's `reasons`; missing: none recorded",
        "the class of the recorded reason",
    ),
    ("unapplied_cash", "number", 0, f"cash not yet matched to invoices, {_AMOUNT}", "the unapplied cash"),
    (
        "credit_on_account",
        "number",
        0,
        f"credit notes within unapplied_cash, {_AMOUNT}",
        "the open credit notes",
    ),
    ("plan_running", "flag", False, "a payment plan is agreed and running", "a payment plan is running"),
    ("complaint_open", "flag", False, "a complaint of the customer is open", "a complaint is open"),
    ("key_account", "flag", False, "a customer with an account manager", "the customer is a key account"),
    ("debtor_type", "text", "", "kind of customer", "the kind of customer"),
    (
        "late_share_customer",
        "share",
        MISSING,
        "the customer's share paid late, last year",
        "its own late share",
    ),
    ("settled_count", "number", MISSING, "the customer's settled invoices", "the number of settled invoices"),
    (
        "credit_limit",
        "number",
        MISSING,
        "the limit granted, in its own currency; absent: none is set",
        "the limit",
    ),
    (
        "utilisation",
        "number",
        MISSING,
        "what is open over the limit (1 = fully used; a limit of 0 is exceeded by anything); absent: no limit",
        "the use of the limit",
    ),
    ("terms_accepted", "flag", False, "evidence that our terms were accepted", "our terms were accepted"),
    (
        "sequence_communicated",
        "flag",
        False,
        "the customer was told our sequence of steps (from the desk)",
        "the customer knows our steps",
    ),
    ("hardship", "flag", False, "a hardship is recorded (from the desk)", "a hardship is recorded"),
    ("vulnerability", "flag", False, "special care is recorded (from the desk)", "special care is recorded"),
    ("insolvency", "flag", False, "an insolvency is recorded (from the desk)", "an insolvency is recorded"),
    (
        "do_not_contact_until",
        "date",
        None,
        "before this day nobody contacts the customer (from the desk)",
        "",
    ),
    (
        "days_to_contact_again",
        "number",
        WORKED_OUT,
        "days until do_not_contact_until; 0 or less: contact is possible",
        "",
    ),
    (
        "preferred_channel",
        "text",
        "",
        "how the customer likes to hear from us (from the desk)",
        "the preferred channel",
    ),
    ("country", "text", "", "ISO code of the customer's country", "the country"),
    (
        "terms_days",
        "number",
        MISSING,
        "days between issue and due date",
        "the days to pay",
    ),
    (
        "days_late_usual",
        "number",
        MISSING,
        "average days late of the customer's settlements of the last year; negative: before due",
        "the usual days late",
    ),
    (
        "discount_cost",
        "number",
        WORKED_OUT,
        "what the policy's early payment discount would cost us a year (0.08 is 8 %)",
        "the yearly cost of the early payment discount",
    ),
    (
        "discount_pays",
        "flag",
        WORKED_OUT,
        "that cost is below the policy's cost of capital: it brings money that would come later",
        "an early payment discount pays",
    ),
    (
        "margin_percent",
        "number",
        MISSING,
        "the customer's gross margin in percent of what it buys (from the desk)",
        "the margin in percent",
    ),
]
_VALUES = {"evidence": EVIDENCE, "debtor_type": DEBTOR_TYPES, "reason_class": REASON_CLASSES}

CASE_TERMS = {
    name: Term(meaning, kind, _VALUES.get(name, ()), ranked=name == "evidence", said=said)
    for name, kind, _, meaning, said in TABLE
}
CASE_COLUMNS = {name: term.meaning for name, term in CASE_TERMS.items()}
"""Every name a condition may use, and what it means; `decide` needs only the REQUIRED_COLUMNS."""
REQUIRED_COLUMNS = tuple(name for name, _, neutral, *_ in TABLE if neutral is REQUIRED)
