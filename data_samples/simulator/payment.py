"""When is an invoice paid, and what happens on the way?

`payment_delay` is the only account of it in the simulator. With one future it tells what really happened;
with some hundred futures, started from the same habit and the same state at issue, the share of them that
is late is the true probability. Arrays have one row per invoice and one column per future.

The way of one invoice, with days against due: it is sent (0 to 20 days late) -> the payer's habit makes the
money ready (+4) -> it leaves with the next pay run (+7) unless it is overlooked or the run falls out (+14)
-> the supplier calls ahead, or reminds (+11) -> the payer answers: pays, promises, or disputes -> it is paid
in one sum, in parts, or bounces first.
"""

from __future__ import annotations

import numpy as np

from .calendar import NO_DAY, Days, Flags
from .course import CAUSES, Contact, Course, Draws, Stage, untroubled
from .customers import INDUSTRY_DAYS, Customer
from .diary import Diary
from .orders import Invoices

CAUSE_SHARES = ((0.4, 0.3, 0.3, 0.0), (0.15, 0.1, 0.1, 0.65))  # without, with a missing purchase order
DISPUTED_MORE = {"order_is_missing": 0.1, "invoiced_late": 0.02}
MONEY_IS_SHORT_FROM = 2.5  # units of strain above which some invoices get stuck
NO_ANSWER, WILL_PAY, PROMISED, DISPUTED = range(4)

AHEAD = Stage("call ahead", "call", -6, 0.6, 0.9, 0.15)
DUNNING = (
    Stage("reminder", "email", 4, 0.8, 0.8, 0.1),
    Stage("call", "call", 19, 0.65, 1.1, 0.6),
    Stage("letter", "letter", 34, 0.75, 1.0, 0.3),
)


def payment_delay(customer: Customer, invoices: Invoices, diary: Diary, draws: Draws) -> Course:
    """The course of every invoice in every future, given the payer's habit and its state at issue."""
    course = intended(customer, invoices, diary, draws)
    contact(course, AHEAD, customer, invoices, diary, draws)
    raise_disputes(course, customer, invoices, diary, draws)
    for stage in DUNNING:
        contact(course, stage, customer, invoices, diary, draws)
    pay_in_parts(course, customer, invoices, diary, draws)
    bounce(course, invoices, diary, draws)
    return course


def sent_days(customer: Customer, invoices: Invoices, diary: Diary, draws: Draws) -> Days:
    """Most invoices leave on the day of issue; by post a few days later; some lie about for weeks."""
    lies_about = np.where(invoices.division == 2, 0.14, 0.05)[:, None]
    chance = draws.uniform(len(invoices))
    lag = np.where(chance < lies_about, (chance / lies_about * 18 + 4).astype(np.int32), 0)
    lag += 2 * (customer.channel == "post")
    return diary.on(diary.supplier_works, invoices.issued[:, None] + lag)


def usual_delay(customer: Customer, invoices: Invoices, diary: Diary) -> np.ndarray:
    """Days against due at which the money for each invoice is ready on average, for this payer."""
    payer = customer.payer
    from_bad_month = np.cos((diary.month[invoices.rolled_due] - payer.bad_month) / 6 * np.pi)
    still_new = (customer.joined > 0) & (invoices.number < 4)
    return np.asarray(
        payer.usual_days
        + customer.market.days_later
        + INDUSTRY_DAYS.get(customer.industry, 1.0)
        + payer.strain_days * invoices.strain
        + payer.season_days * np.maximum(from_bad_month, 0) ** 2
        + 1.2 * np.maximum(invoices.relative_size, -1)
        + np.where(payer.habit == "new", 9.0, 2.0) * still_new
    )


def intended(customer: Customer, invoices: Invoices, diary: Diary, draws: Draws) -> Course:
    """When each invoice would be paid in one sum if nobody disputed, called or reminded."""
    count, payer = len(invoices), customer.payer
    sent = sent_days(customer, invoices, diary, draws)
    spread = payer.spread_days * customer.market.scatter * (1 + 0.3 * np.maximum(invoices.strain, 0))
    delay = usual_delay(customer, invoices, diary)[:, None] + spread[:, None] * draws.normal(count)
    delay += payer.counts_from_receipt * (sent - invoices.issued[:, None])
    row, future = draws.cells(0.6 * invoices.order_is_missing[:, None], count)
    delay[row, future] += draws.rng.uniform(4, 24, len(row))
    row, future = draws.cells(payer.forgets, count)
    delay[row, future] += 5 + draws.rng.exponential(22, len(row))
    stuck, delay = stuck_for_want_of_money(invoices, delay, draws)
    ready = np.maximum(invoices.rolled_due[:, None] + np.floor(delay).astype(np.int32), sent + 2)
    return untroubled(sent, paid_after(diary, ready, draws), stuck)


def stuck_for_want_of_money(invoices: Invoices, delay: np.ndarray, draws: Draws) -> tuple[Flags, np.ndarray]:
    """Which invoices lie for months because there is no money, and the delays with theirs put in."""
    short_of_money = np.clip(0.26 * (invoices.strain - MONEY_IS_SHORT_FROM), 0, 0.75)
    row, future = draws.cells(short_of_money[:, None], len(invoices))
    stuck = np.zeros(delay.shape, dtype=bool)
    stuck[row, future] = True
    delay[row, future] += draws.rng.lognormal(np.log(150), 0.8, len(row))
    return stuck, delay


def paid_after(diary: Diary, ready: Days, draws: Draws) -> Days:
    """The pay day after the money is ready; a week without payments is shared by all invoices of a future."""
    paid = diary.on(diary.pays, diary.on(diary.ready, ready))
    falls_out = draws.uniform(len(diary.run_falls_out)) < diary.run_falls_out[:, None]
    waits = falls_out[paid // 7, np.arange(draws.futures)]
    return np.where(waits, diary.on(diary.pays, paid + 7), paid)


def contact(
    course: Course, stage: Stage, customer: Customer, invoices: Invoices, diary: Diary, draws: Draws
) -> None:
    """Take one step of dunning where the supplier gets round to it, and move the payments it moves."""
    count, payer = len(invoices), customer.payer
    reached, after_due = plan_of(stage, customer, invoices, diary)
    lucky = draws.uniform(count) < reached
    slip = 7 * (draws.uniform(count) < 0.2)
    day = diary.on(diary.supplier_reminds, invoices.rolled_due[:, None] + after_due + slip)
    in_dispute = day <= course.closed + 3  # also just before it opens: the goods are being looked into
    row, future = np.nonzero(lucky & (course.paid > day) & (course.sent < day) & ~in_dispute)
    day, heading = day[row, future], course.paid[row, future]
    outcome, promised = answers(stage, customer, day, course.stuck[row, future], draws)
    objects = (outcome == WILL_PAY) & (draws.rng.random(len(row)) < payer.disputes * 0.5)
    objects &= course.opened[row, future] == NO_DAY
    outcome[objects] = DISPUTED
    keeps = draws.rng.random(len(row)) < payer.keeps
    moves = ((outcome == WILL_PAY) | ((outcome == PROMISED) & keeps)) & ~course.stuck[row, future]
    target = np.where(outcome == PROMISED, promised, day + draws.rng.integers(1, 7, len(row)))
    leaves = diary.on(diary.pays, diary.on(diary.ready, target))
    moved_to = np.where(moves, np.minimum(heading, leaves), heading)
    course.paid[row, future] = moved_to
    course.contacts.append(Contact(stage, row, future, day, outcome, promised, heading, moved_to))
    opened = day[objects] + draws.rng.integers(0, 4, int(objects.sum()))
    open_disputes(course, row[objects], future[objects], opened, invoices, diary, draws)


def plan_of(
    stage: Stage, customer: Customer, invoices: Invoices, diary: Diary
) -> tuple[np.ndarray, np.ndarray]:
    """The chance that each invoice is contacted in this stage, and how many days after due; columns.

    A supplier that acts on scores calls nearly all risky invoices ahead, none of the others, and reminds of
    risky ones three days after everybody else's due day has passed rather than four.
    """
    reached = stage.reached * worth_contacting(stage, customer, invoices) * customer.market.attention
    risky, treated = is_risky(customer, invoices, diary), is_treated(invoices, diary)
    if stage is AHEAD:
        reached = np.where(treated, np.where(risky, 0.9, 0.0), reached)
    after_due = np.where(treated & risky & (stage is not AHEAD), stage.after_due - 3, stage.after_due)
    return reached[:, None], after_due[:, None]


def is_treated(invoices: Invoices, diary: Diary) -> Flags:
    """Issued while the supplier acts on scores."""
    begins, ends = diary.helps
    return (invoices.issued >= begins) & (invoices.issued < ends)


def is_risky(customer: Customer, invoices: Invoices, diary: Diary) -> Flags:
    """What a good score would call risky: usually ready late, or often overlooked (27 days each time)."""
    return np.asarray(usual_delay(customer, invoices, diary) + 27 * customer.payer.forgets > 1)


def worth_contacting(stage: Stage, customer: Customer, invoices: Invoices) -> np.ndarray:
    """How much of the supplier's attention each invoice gets: calls go to large ones and key accounts."""
    if stage.channel != "call":
        return np.ones(len(invoices))
    large = np.clip(np.log10(invoices.amount / 100) - 2.2, 0.1, 1)
    attention = np.maximum(large, 0.9 * customer.key_account)
    return np.where(attention > 0.8, attention, 0.0) * 0.5 if stage is AHEAD else attention


def answers(
    stage: Stage, customer: Customer, day: Days, stuck: Flags, draws: Draws
) -> tuple[np.ndarray, Days]:
    """What the customer says to each contact, and the promised day where it promises."""
    rng, count = draws.rng, len(day)
    answered = rng.random(count) < customer.payer.answers * stage.strength
    promises = rng.random(count) < np.where(stuck, 0.9, stage.promises)
    outcome = np.where(answered, np.where(promises, PROMISED, WILL_PAY), NO_ANSWER)
    promised = np.where(outcome == PROMISED, day + rng.integers(3, 15, count), NO_DAY)
    return outcome, promised.astype(np.int32)


def raise_disputes(
    course: Course, customer: Customer, invoices: Invoices, diary: Diary, draws: Draws
) -> None:
    """Disputes that the customer raises of its own accord, from the receipt to shortly after due."""
    chance = customer.payer.disputes + DISPUTED_MORE["order_is_missing"] * invoices.order_is_missing
    chance = chance + DISPUTED_MORE["invoiced_late"] * (invoices.issued - invoices.delivered > 5)
    row, future = draws.cells(chance[:, None], len(invoices))
    around_due = invoices.rolled_due[row] + draws.rng.integers(-14, 4, len(row))
    opened = np.maximum(around_due, course.sent[row, future] + 2)
    open_disputes(course, row, future, opened, invoices, diary, draws)


def open_disputes(
    course: Course,
    row: np.ndarray,
    future: np.ndarray,
    opened: np.ndarray,
    invoices: Invoices,
    diary: Diary,
    draws: Draws,
) -> None:
    """Open disputes on these cells, if still unpaid; close each after some weeks, pay only then."""
    still_unpaid = opened < course.paid[row, future]
    row, future, opened = row[still_unpaid], future[still_unpaid], opened[still_unpaid]
    rng, count, cell = draws.rng, len(row), (row, future)
    opened = diary.on(diary.supplier_works, opened)
    closed = diary.on(
        diary.supplier_works, opened + rng.lognormal(np.log(26), 0.8, count).astype(np.int32) + 2
    )
    share = np.where(rng.random(count) < 0.4, 1.0, rng.uniform(0.1, 0.7, count))
    granted = np.where(rng.random(count) < 0.4, 1.0, rng.uniform(0.2, 0.7, count))
    before = course.paid[cell]
    after = np.maximum(before, diary.on(diary.pays, closed + rng.integers(2, 10, count)))
    splits = (share < 1) & (rng.random(count) < 0.5) & (before > opened) & (after > before)
    course.opened[cell], course.closed[cell], course.disputed_share[cell] = opened, closed, share
    course.credited_share[cell] = np.where(rng.random(count) < 0.32, share * granted, 0.0)
    course.first_paid[cell] = np.where(splits, before, NO_DAY)
    course.first_share[cell] = np.where(splits, 1 - share, 0.0)
    course.paid[cell] = np.where(course.is_settled_by_credit[cell], closed, after)
    shares = np.cumsum(CAUSE_SHARES, axis=1)[invoices.order_is_missing[row].astype(int)]
    course.cause[cell] = np.minimum((rng.random(count)[:, None] > shares).sum(axis=1), len(CAUSES) - 1)


def pay_in_parts(course: Course, customer: Customer, invoices: Invoices, diary: Diary, draws: Draws) -> None:
    """Some undisputed invoices are paid in two parts, more often when money is short."""
    chance = np.clip(customer.payer.pays_in_parts * (1 + 0.5 * np.maximum(invoices.strain, 0)), 0, 0.6)
    row, future = draws.cells(chance[:, None], len(invoices))
    plain = course.opened[row, future] == NO_DAY
    row, future = row[plain], future[plain]
    cell, first = (row, future), course.paid[row, future]
    rest = diary.on(diary.pays, first + draws.rng.integers(8, 40, len(row)))
    course.first_paid[cell] = first
    course.first_share[cell] = draws.rng.choice([0.3, 0.4, 0.5, 0.5, 0.6, 0.75], len(row))
    course.paid[cell] = rest


def bounce(course: Course, invoices: Invoices, diary: Diary, draws: Draws) -> None:
    """A few payments are returned by the bank and made again, more often when money is short."""
    chance = 0.002 + 0.012 * np.clip(invoices.strain - 1, 0, 4)
    row, future = draws.cells(chance[:, None], len(invoices))
    whole = (course.first_paid[row, future] == NO_DAY) & (course.credited_share[row, future] == 0)
    row, future = row[whole], future[whole]
    cell, first = (row, future), course.paid[row, future]
    back = diary.on(diary.working, first + draws.rng.integers(2, 6, len(row)))
    course.bounced[cell], course.reversed[cell] = first, back
    course.paid[cell] = diary.on(diary.pays, back + draws.rng.integers(4, 25, len(row)))
