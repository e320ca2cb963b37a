"""What would we write to a case today? The facts of its recommended step, as a message speaks of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from features.days import NEVER, day_number, day_numbers, to_date
from features.ledger import minor_digits
from serving.messages import (
    STEP_KINDS,
    Cash,
    Discount,
    Dispute,
    Instalment,
    Item,
    MessageCase,
    Money,
    NextStep,
    Plan,
    Promise,
    SequenceStep,
)
from serving.messages.rendering import spoken
from serving.policy.help import places_for
from serving.policy.published import first_days
from serving.policy.spoken import opening_in, said_by
from serving.worklist import Case, Items

WELCOME = "introduce_ourselves"
"""The text that tells the steps in advance."""

if TYPE_CHECKING:
    from serving.desk import Record
    from serving.facts import Facts
    from serving.live import LiveScorer
    from serving.policy.reading import Parts
    from serving.scoring import Scorer


def message_case(
    live: LiveScorer, case: Case, items: Items, records: Iterable[Record], language: str = "en"
) -> MessageCase:
    """The facts of a case for a text in a language.

    `items` are the open invoices of the day, `records` what the desk keeps of the case.
    A message is about what the step covers; what of that is disputed is named beside it and not asked for.
    """
    day, kept = live.as_of, list(records)
    covered = {each.invoice_id for each in case.items if each.is_covered} or {
        each.invoice_id for each in case.items
    }
    mine = items.at(np.flatnonzero(np.isin(items.invoice_id.astype(str), sorted(covered))))
    scorers = [live.of_customer(each) for each in case.customers]
    facts = _facts_of(scorers[0], case.customers[0], day)
    parts, (spoken_in, _) = live.whole.policy.parts, spoken(language, case.template or case.action)
    opening, adds = opening_in(parts, case.action, case.opening, spoken_in)
    return MessageCase(
        written_on=day,
        customer=case.name,
        customer_number=case.case_id,
        contact_person=_latest(kept, "contacts", "contacted_on").get("person", ""),
        is_person=(is_person := _is_person(live, facts)),
        items=tuple(_item(live, mine, row) for row in range(len(mine))),
        pay_run_on=case.next_pay_run,
        promise=_promise(scorers, covered, kept, day),
        disputes=tuple(_disputes(scorers, covered, day)),
        cash=tuple(_cash(facts)),
        complaint=_open_complaint(kept),
        last_contact_on=_last_contact(facts, day),
        next_contact_on=_day(_latest(kept, "contacts", "contacted_on").get("next_contact_on")),
        terms_days=None,
        discount=_discount(live),
        assistance=_assistance(live, str(facts["country"]), language) if is_person else (),
        opening=opening,
        adds=adds,
        sequence=steps_ahead(parts, case, spoken_in) if case.template == WELCOME else (),
    )


def steps_ahead(parts: Parts, case: Case, language: str) -> tuple[SequenceStep, ...]:
    """The steps of a case's strategy after its own, to be told in advance; none where a language lacks any of them."""
    days = first_days(parts, parts.strategies[case.strategy])
    said = said_by(parts, language)
    told = {f"actions.{code}.told": day for code, day in days.items() if code != case.action}
    if not told.keys() <= said.keys():
        return ()
    return tuple(SequenceStep(day, said[place].strip().rstrip(".")) for place, day in told.items())


def agreement(
    live: LiveScorer, customer_id: str, contact: Record, promises: Sequence[Record], plan: Record | None
) -> MessageCase:
    """The facts of what was agreed in a contact, as a summary for the customer speaks of them.

    Several promises of one conversation are told as one: their sum, where all are for one day and currency.
    """
    facts = live.of_customer(customer_id).facts
    told = contact.content
    about = [each.content["invoice_id"] for each in promises]
    if plan is not None and plan.content.get("invoice_id"):
        about.append(plan.content["invoice_id"])
    back = told.get("confirmed_back")
    return MessageCase(
        written_on=live.as_of,
        customer=name_of(live, customer_id),
        customer_number=customer_id,
        contact_person=told.get("person") or "",
        items=tuple(_named(facts, each, live.as_of) for each in dict.fromkeys(about)),
        promise=_agreed_promise([each.content for each in promises]),
        plan=None if plan is None else _agreed_plan(plan.content),
        next_contact_on=_day(told.get("next_contact_on")),
        note=back if isinstance(back, str) else "",
    )


def _named(facts: Facts, invoice_id: str, day: date) -> Item:
    place, own = facts.position(invoice_id), facts.history.invoices
    currency = str(facts.named["currency"][place])
    owed = facts.amount_open(np.array([place]), np.array([day_number(day) + 1]))[0]
    return Item(
        invoice_id,
        to_date(int(own["issued_on"][place])),
        to_date(int(own["due_on"][place])),
        _money(int(owed), currency) if facts.amount_known(np.array([place]))[0] else None,
    )


def _agreed_promise(promises: Sequence[Mapping[str, Any]]) -> Promise | None:
    days, currencies = ({each.get(name) for each in promises} for name in ("promised_on", "currency"))
    if len(days) != 1:
        return None
    amounts = [each.get("amount") for each in promises]
    money = None
    if len(currencies) == 1 and None not in currencies and None not in amounts:
        money = Money(sum((Decimal(str(each)) for each in amounts), Decimal(0)), str(currencies.pop()))
    first = promises[0]
    return Promise(_day(first["promised_on"]), money, first.get("person") or "", _day(first["made_on"]))


def _agreed_plan(plan: Mapping[str, Any]) -> Plan:
    parts = (
        Instalment(date.fromisoformat(each["due_on"]), Money(Decimal(each["amount"]), plan["currency"]))
        for each in plan["instalments"]
    )
    return Plan(tuple(parts), _day(plan["agreed_on"]), plan.get("person") or "")


def approved_step(records: Iterable[Record]) -> NextStep | None:
    """The step of a firm kind that a person decided on last for a customer; without one, nothing of it is said."""
    taken = [
        each
        for each in records
        if each.kind == "decisions" and each.status != "withdrawn" and each.content["chosen"] in STEP_KINDS
    ]
    if not taken:
        return None
    last = max(taken, key=lambda each: (each.content["decided_on"], each.number))
    on = date.fromisoformat(last.content["decided_on"])
    return NextStep(last.content["chosen"], on, last.changed_by, on)


def name_of(live: LiveScorer, customer_id: str) -> str:
    """What a customer is called; "" where nobody knows."""
    scorer = live.of_customer(customer_id)
    code = scorer.history.customer_codes(pd.Series([customer_id], dtype="str"))
    return str(scorer.facts.master(code, day_number(live.as_of) + 1)["name"].iat[0]) if code[0] >= 0 else ""


def _facts_of(scorer: Scorer, customer_id: str, day: date) -> dict[str, Any]:
    """What the policy's facts say of a customer's first open invoice, those of the customer above all."""
    code = scorer.history.customer_codes(pd.Series([customer_id], dtype="str"))
    rows = scorer.facts.rows_of(code)
    rows = rows[scorer.facts.is_open(rows, day_number(day) + 1)][:1]
    return {name: column[0] for name, column in scorer.facts.cases(rows, day, scorer.desk_facts).items()}


def _is_person(live: LiveScorer, facts: Mapping[str, Any]) -> bool:
    policy = live.whole.policy
    natural = policy.parts.natural_persons
    if natural is None:
        return False
    columns = policy.columns({name: np.array([value]) for name, value in {**facts, "p_late": 0.0}.items()})
    return bool(np.asarray(natural.when.holds(columns)).reshape(-1)[0])


def _discount(live: LiveScorer) -> Discount | None:
    terms = live.whole.policy.parts.discount
    return None if terms is None else Discount(Decimal(str(terms.percent)), terms.within_days)


def _assistance(live: LiveScorer, country: str, language: str) -> tuple[str, ...]:
    """The places of help that the policy names for a person of a country."""
    places = places_for(live.whole.policy.parts.places_of_help, country, language)
    return tuple(place.line for place in places)


def _money(minor: int, currency: str) -> Money:
    return Money(Decimal(minor).scaleb(-minor_digits(currency)), currency)


def _item(live: LiveScorer, items: Items, row: int) -> Item:
    number, currency = str(items.invoice_id[row]), str(items.currency[row])
    scorer = live.of_invoice(number)
    place = scorer.facts.position(number)
    own, table = scorer.history.invoices, scorer.history.tables["invoices"].iloc[place]
    disputed = int(items.disputed[row])
    return Item(
        number,
        to_date(int(own["issued_on"][place])),
        to_date(int(own["due_on"][place])),
        _money(int(items.open[row]), currency) if items.amount_known[row] else None,
        _text(table["purchase_order"]),
        _text(table["division"]),
        _money(disputed, currency) if disputed else None,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _promise(
    scorers: Iterable[Scorer], invoices: set[str], records: Iterable[Record], day: date
) -> Promise | None:
    """The latest promise for any of the invoices."""
    persons = {each.record_id: each.content.get("person", "") for each in records if each.kind == "promises"}
    found = [
        row
        for scorer in dict.fromkeys(scorers)
        for row in _known(scorer, "promises", "made_on", invoices, day)
    ]
    if not found:
        return None
    last = max(found, key=lambda row: (row["made_on"], str(row["promise_id"])))
    amount = None if pd.isna(last["amount"]) else _money(int(last["amount"]), last["currency"])
    return Promise(
        last["promised_on"].date(), amount, persons.get(last["promise_id"], ""), last["made_on"].date()
    )


def _disputes(scorers: Iterable[Scorer], invoices: set[str], day: date) -> Iterable[Dispute]:
    for scorer in dict.fromkeys(scorers):
        for row in _known(scorer, "disputes", "opened_on", invoices, day):
            if pd.isna(row["closed_on"]) or row["closed_on"].date() > day:
                stated = None if pd.isna(row["amount"]) else _money(int(row["amount"]), row["currency"])
                yield Dispute(row["invoice_id"], stated, _text(row["reason"]).replace("_", " "))


def _known(scorer: Scorer, name: str, dated: str, invoices: set[str], day: date) -> list[dict[Any, Any]]:
    """Rows about some invoices known by the end of a day, with the currency of their invoice."""
    positions = scorer.facts.positions(sorted(invoices))
    table = scorer.facts.about_invoices(positions[positions >= 0], name)
    known = np.maximum(day_numbers(table[dated]), day_numbers(table["known_on"])) <= day_number(day)
    rows = table[known]
    places = [scorer.facts.position(each) for each in rows["invoice_id"]]
    currencies = scorer.facts.named["currency"][np.array(places, dtype=np.int64)]
    return rows.assign(currency=currencies).to_dict("records")


def _cash(facts: Mapping[str, Any]) -> Iterable[Cash]:
    """Money on the account that is matched to no invoice yet."""
    currency = str(facts["currency"])
    minor = round(float(facts["unapplied_cash"]) * 10 ** minor_digits(currency))
    if minor > 0:
        yield Cash(_money(minor, currency))


def _open_complaint(records: Iterable[Record]) -> str:
    told = [each.content for each in records if each.kind == "complaints" and each.status == "open"]
    return str(told[-1].get("topic") or "") if told else ""


def _latest(records: Iterable[Record], kind: str, dated: str) -> dict[str, Any]:
    found = [each.content for each in records if each.kind == kind and each.status != "cancelled"]
    return max(found, key=lambda content: str(content[dated]), default={})


def _last_contact(facts: Mapping[str, Any], day: date) -> date | None:
    since = float(facts["days_since_contact"])
    ahead = day_number(day) - since
    return to_date(int(ahead)) if np.isfinite(since) and ahead < NEVER else None


def _day(text: Any) -> date | None:
    return date.fromisoformat(text) if isinstance(text, str) else None
