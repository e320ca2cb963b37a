"""Is expected credit loss what the ledger's own history says, with honest ranges, and nothing known too early?"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data_samples.simulator import Book as Simulated
from data_samples.simulator import simulate
from features.history import History
from features.lateness import LatenessRule
from features.ledger import Ledger
from serving.credit_loss import BANDS, Matrix, Provision, matrix, provision
from serving.credit_loss.bands import FIRST, LAST, band_of, path_of, step_of
from serving.credit_loss.rolls import Rolls, rolls
from serving.facts import Facts
from serving.policy import Policy, PolicyError
from tests.ledger_rows import ledger
from tests.oracle.facts import Book, Invoice
from tests.random_ledgers import START, iso, later_facts, ledger_of, random_rows, random_settings

POLICY_TEXT = (Path(__file__).parents[1] / "serving" / "policy.yaml").read_text(encoding="utf-8")
DUE = date(2024, 3, 1)


def policy(**changes: Any) -> Policy:
    """The packaged policy with other settings of its section."""
    begin = POLICY_TEXT.index("\nexpected_credit_loss:")
    end = POLICY_TEXT.index("\n# ----", begin)
    section = "".join(f"  {name}: {value}\n" for name, value in changes.items())
    return Policy.read(POLICY_TEXT[:begin] + f"\nexpected_credit_loss:\n{section}" + POLICY_TEXT[end:])


@pytest.mark.parametrize(
    ("days", "step", "band"),
    [(-400, FIRST, "current"), (-30, -1, "current"), (-29, 0, "current"), (0, 0, "current"), (1, 1, "1-30"),
     (30, 1, "1-30"), (31, 2, "31-60"), (90, 3, "61-90"), (91, 4, "91-180"), (180, 6, "91-180"),
     (181, 7, "181-360"), (360, 12, "181-360"), (361, LAST, "360+"), (4000, LAST, "360+")],
)  # fmt: skip
def test_every_age_has_its_step_and_band(days: int, step: int, band: str) -> None:
    assert step_of(np.array([days])).tolist() == [step]
    assert BANDS[band_of(np.array([days]))[0]].name == band


def test_what_is_not_due_is_followed_from_its_due_date_on() -> None:
    assert path_of(1, 3) == [1, 2, 3] and path_of(0, 3) == [0, 1, 2, 3] and path_of(-1, 3) == [-1, 0, 1, 2, 3]
    assert path_of(LAST, 3) == [LAST] * 3 and path_of(LAST - 1, 3) == [LAST - 1, LAST, LAST]


def test_the_worked_example_of_a_balance_that_stays() -> None:
    invoice = {"invoice_id": "A", "customer_id": "C", "issued_on": "2024-02-01", "due_on": "2024-03-01"}
    book = ledger(
        invoice | {"amount": "100.00", "currency": "EUR"},
        payments=[{"invoice_id": "A", "paid_on": "2024-04-20", "amount": "40.00"}],
        credit_notes=[{"invoice_id": "A", "credited_on": "2024-04-25", "amount": "10.00"}],
    )
    found = rolls(Facts(History(book)), date(2024, 7, 1))
    told = {
        step + FIRST: (found.at_risk[0, step], found.stayed[0, step])
        for step in np.flatnonzero(found.looks[0]).tolist()
    }
    assert told == {0: (10000, 10000), 1: (10000, 10000), 2: (9000, 5000), 3: (5000, 5000), 4: (5000, 5000)}


def never_paying(customers: int, share: float, **more: str) -> Ledger:
    """Customers with one invoice of 100 each, a share of which is never paid and the rest 10 days after due."""
    rows = [
        {
            "invoice_id": f"I{n}",
            "customer_id": f"C{n}",
            "issued_on": (DUE - timedelta(days=30)).isoformat(),
            "due_on": DUE.isoformat(),
            "amount": "100.00",
            "currency": "EUR",
        }
        | more
        for n in range(customers)
    ]
    paid = (DUE + timedelta(days=10)).isoformat()
    payments = [
        {"invoice_id": f"I{n}", "paid_on": paid, "amount": "100.00"}
        for n in range(int(customers * (1 - share)))
    ]
    return ledger(*rows, payments=payments)


def made(book: Ledger, day: date, rules: Policy | None = None) -> Provision:
    return provision(Facts(History(book)), day, rules or Policy.load())


def test_a_loss_that_had_its_time_is_counted_and_ranged() -> None:
    found = made(never_paying(100, 0.2), DUE + timedelta(days=800))
    line = found.lines[0]
    assert [(each.band, each.open) for each in found.lines] == [("360+", 200_000)]
    assert line.rate.share == 1.0 and line.loss(line.rate.share) == 200_000
    looked = rolls(Facts(History(never_paying(100, 0.2))), DUE + timedelta(days=800))
    current = Matrix(looked, ["all"] * 100, 12, 20).rates("EUR", "all")[0]
    assert current.share == pytest.approx(0.2) and not current.is_at_most
    # The spread of a share of 100 like customers: 1.96 x sqrt(0.2 x 0.8 / 99).
    assert current.high - current.share == pytest.approx(1.96 * (0.16 / 99) ** 0.5, rel=1e-6)
    assert (current.customers, current.basis) == (100, ("segment",))


def test_where_nothing_was_lost_three_in_so_many_may_be() -> None:
    history = Facts(History(never_paying(100, 0.0)))
    rate = Matrix(rolls(history, DUE + timedelta(days=800)), ["all"] * 100, 12, 30).rates("EUR", "all")[0]
    assert (rate.share, rate.low) == (0, 0) and rate.high == pytest.approx(0.03)


def test_young_balances_are_held_against_nobody_and_what_is_not_known_is_said() -> None:
    day = DUE + timedelta(days=5)  # nobody has paid yet, and nobody had the time to
    rate = made(never_paying(100, 0.2), day).lines[0].rate
    assert rate.is_at_most and (rate.share, rate.low, rate.high) == (1, 0, 1)
    assert "none" in rate.basis
    assert "at most" in made(never_paying(100, 0.2), day).sentence


def test_old_ages_of_which_few_tell_are_looked_at_together() -> None:
    """12 of 40 customers pay 80 to 172 days late, so that each later age is told of by fewer than ten."""
    late = [
        {"invoice_id": f"I{n}", "paid_on": f"2024-0{5 + n % 4}-20", "amount": "100.00"} for n in range(28, 40)
    ]
    book = ledger(*never_rows(40), payments=paid_rows(28) + late)
    looked = rolls(Facts(History(book)), DUE + timedelta(days=800))
    rates = Matrix(looked, ["all"] * 40, 3, 30).rates("EUR", "all")
    # Looked at 20, 50, 80, 110, 140 and 170 days past due there were 12, 12, 12, 9, 6, 3 left, then none.
    # 9 customers tell of the last three, too few even together: the age before is taken in.
    pooled = (9 + 6 + 3 + 0) / (12 + 9 + 6 + 3)
    assert rates[3].share == pytest.approx(9 / 12 * pooled**2) and rates[3].basis == ("currency", "ages")
    assert rates[2].share == pytest.approx(9 / 12 * pooled) and not rates[3].is_at_most


def test_what_is_credited_is_no_loss_and_what_is_disputed_stands_apart() -> None:
    tables = {"credit_notes": [{"invoice_id": "I39", "credited_on": "2024-03-20", "amount": "100.00"}]}
    tables["disputes"] = [
        {"dispute_id": "D1", "invoice_id": "I38", "opened_on": "2024-03-20", "amount": "30.00"},
        {"dispute_id": "D2", "invoice_id": "I37", "opened_on": "2024-03-20"},
    ]
    given = ledger(*never_rows(40), payments=paid_rows(20), **tables)
    line = made(given, DUE + timedelta(days=800)).lines[0]
    assert (line.invoices, line.open, line.disputed) == (19, 177_000, 13_000)
    rates = Matrix(rolls(Facts(History(given)), DUE + timedelta(days=800)), ["all"] * 40, 12, 30)
    assert rates.rates("EUR", "all")[0].share == pytest.approx(19 / 39)


def never_rows(customers: int) -> list[dict[str, Any]]:
    issued = (DUE - timedelta(days=30)).isoformat()
    return [
        {"invoice_id": f"I{n}", "customer_id": f"C{n}", "issued_on": issued, "due_on": DUE.isoformat()}
        | {"amount": "100.00", "currency": "EUR"}
        for n in range(customers)
    ]


def paid_rows(many: int) -> list[dict[str, Any]]:
    on = (DUE + timedelta(days=10)).isoformat()
    return [{"invoice_id": f"I{n}", "paid_on": on, "amount": "100.00"} for n in range(many)]


def test_a_segment_speaks_for_itself_where_enough_customers_tell() -> None:
    customers = [
        {"customer_id": f"C{n}", "debtor_type": "company" if n < 60 else "sole_trader"} for n in range(100)
    ]
    given = ledger(*never_rows(100), payments=paid_rows(60), customers=customers)
    facts, day = Facts(History(given)), DUE + timedelta(days=800)
    for enough, share, basis in ((30, 1.0, "segment"), (50, 0.4, "currency")):
        table = provision(facts, day, policy(enough_customers=enough))
        assert [line.segment for line in table.lines] == ["sole_trader"]
        looked = rolls(facts, day)
        names = facts.history.customers[looked.customer]
        segments = ["company" if int(name[1:]) < 60 else "sole_trader" for name in names]
        rate = Matrix(looked, segments, 12, enough).rates("EUR", "sole_trader")[0]
        assert rate.share == pytest.approx(share) and basis in rate.basis


# -- an oracle: one invoice after the other, in plain numbers

Seen = dict[tuple[str, str, int], list[int]]


def balance(invoice: Invoice, day: int) -> int:
    """What was open at the start of a day, in the invoice's own currency."""
    state = invoice.state(day - 1)
    if state is None or not state.is_open:
        return 0
    paid = sum(money.amount for money in invoice.money if money.known_on < day)
    return min(max(invoice.amount - paid, 0), invoice.amount)


@cache
def looks(seed: int, day: int) -> Seen:
    """By customer, currency and step: at risk, stayed, and how many looks."""
    book = Book(ledger_of(random_rows(seed, invoices=80), random_settings(seed)), LatenessRule())
    found: Seen = defaultdict(lambda: [0, 0, 0])
    for invoice in book.invoices.values():
        if not invoice.amount_known:
            continue
        at = day - 30
        while at > invoice.seen_on:
            owed, later = balance(invoice, at), balance(invoice, at + 30)
            came = sum(m.amount for m in invoice.money if m.is_payment and at <= m.known_on < at + 30)
            at_risk = max(owed - max(owed - later - came, 0), 0)
            age = at - invoice.due_on
            step = min(max((age + 29) // 30 if age > 0 else -((-age) // 30), FIRST), LAST)
            place = found[invoice.customer_id, invoice.currency, step]
            for n, value in enumerate((at_risk, later, int(at_risk > 0))):
                place[n] += value
            at -= 30
    return found


@pytest.mark.parametrize("seed", range(8))
def test_a_slow_loop_sees_the_same_looks(seed: int) -> None:
    given = ledger_of(random_rows(seed, invoices=80), random_settings(seed))
    facts = Facts(History(given))
    for days in (200, 333, 470):
        day = START + timedelta(days=days)
        expected = {key: value for key, value in looks(seed, day.toordinal()).items() if any(value)}
        found = rolls(facts, day)
        names = facts.history.customers[found.customer]
        told = {
            (names[row], str(found.currency[row]), step + FIRST): [
                int(found.at_risk[row, step]), int(found.stayed[row, step]), int(found.looks[row, step])
            ]
            for row, step in zip(*np.nonzero(found.at_risk + found.stayed), strict=True)
        }  # fmt: skip
        assert told == expected, day


@pytest.mark.parametrize("seed", range(8))
def test_a_slow_product_gives_the_same_rates(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "FEWEST_CUSTOMERS", 2)
    day = START + timedelta(days=470)
    seen = looks(seed, day.toordinal())
    facts = Facts(History(ledger_of(random_rows(seed, invoices=80), random_settings(seed))))
    found = rolls(facts, day)
    table = Matrix(found, ["all"] * len(found.customer), 6, 2)
    for currency in {currency for _, currency, _ in seen}:
        rates = table.rates(currency, "all")
        for band, rate in zip(BANDS, rates, strict=True):
            assert rate.share == pytest.approx(slow_rate(seen, currency, list(band.steps)), abs=1e-9), band
            assert 0 <= rate.low <= rate.share + 1e-12 and rate.share <= rate.high + 1e-12 <= 1 + 1e-9


def slow_rate(seen: Seen, currency: str, steps: list[int]) -> float:
    """The rate of a band: of each step what its way down loses, weighed by what stood in the step."""
    worth = {
        code: sum(v[0] for (_, c, _), v in seen.items() if c == code)
        / max(sum(v[2] for (_, c, _), v in seen.items() if c == code), 1)
        for code in {code for _, code, _ in seen}
    }

    def roll(step: int) -> float:
        for codes in ({currency}, set(worth)):
            mine = [
                (who, v, worth[c]) for (who, c, s), v in seen.items() if s == step and c in codes and v[0] > 0
            ]
            if len({who for who, _, _ in mine}) >= 2:
                scale = {c: 1.0 if len(codes) == 1 else worth[c] for c in codes}
                stayed = sum(v[1] / scale[c] for (_, c, s), v in seen.items() if s == step and c in codes)
                at_risk = sum(v[0] / scale[c] for (_, c, s), v in seen.items() if s == step and c in codes)
                return min(stayed / at_risk, 1.0)
        return pooled(step)

    def whole(steps: list[int]) -> tuple[set[str], float, float]:
        mine = [(who, v, worth[c]) for (who, c, s), v in seen.items() if s in steps]
        tell = {who for who, v, _ in mine if v[0] > 0}
        return tell, sum(v[1] / scale for _, v, scale in mine), sum(v[0] / scale for _, v, scale in mine)

    def pooled(step: int) -> float:
        """Of steps of which one customer tells, all on the same side of the due date together."""
        pool = [s for s in range(FIRST, LAST + 1) if (s > 0) == (step > 0) and len(whole([s])[0]) == 1]
        if step not in pool:
            return 1.0
        while step > 0 and min(pool) > 1 and len(whole(pool)[0]) < 2:
            pool.append(min(pool) - 1)
        tell, stayed, at_risk = whole(pool)
        return min(stayed / at_risk, 1.0) if len(tell) >= 2 else 1.0

    weight = {
        step: sum(v[0] for (_, c, s), v in seen.items() if s == step and c == currency) for step in steps
    }
    total = sum(weight.values())
    rate = 0.0
    for step in steps:
        lost = 1.0
        for each in range(step, step + (6 if step > 0 else 7 - step)):
            lost *= roll(min(each, LAST))
        rate += lost * (weight[step] / total if total else 1 / len(steps))
    return rate


@pytest.mark.parametrize("seed", range(6))
def test_nothing_known_on_the_day_or_later_moves_a_figure(seed: int) -> None:
    rows, settings = random_rows(seed, invoices=80), random_settings(seed)
    day = START + timedelta(days=300)
    before = made(ledger_of(rows, settings), day)
    after = made(ledger_of(later_facts(rows, iso(300), set(), seed), settings), day)
    assert before.as_dict() == after.as_dict() and before.lines


# -- against the truth of simulated books, in which some customers stop paying for good


@cache
def simulated() -> Simulated:
    return simulate(400, 30, 11, futures=0)


def with_losses(share: float, seed: int) -> dict[str, pd.DataFrame]:
    """The book, in which a share of the invoices that are over 20 days late is never paid at all."""
    tables, truth = dict(simulated().tables), simulated().truth["invoices"]
    late = (pd.to_datetime(truth["settled_on"]) - pd.to_datetime(truth["rolled_due_on"])).dt.days > 20
    ids = truth["invoice_id"][late & (np.random.default_rng(seed).random(len(truth)) < share)]
    payments = tables["payments"]
    return tables | {"payments": payments[~payments["invoice_id"].isin(ids)]}


@cache
def losing() -> Facts:
    """A simulated book of which it is known what it loses."""
    return Facts(History(as_ledger(with_losses(0.15, 3))))


def as_ledger(tables: dict[str, pd.DataFrame]) -> Ledger:
    rows = {
        name: table.astype("str").replace({"nan": "", "NaT": "", "None": "", "<NA>": ""})
        for name, table in tables.items()
    }
    return Ledger.from_rows({name: table.to_dict("records") for name, table in rows.items()})


def test_the_expected_loss_is_what_a_simulated_book_loses() -> None:
    facts, day = losing(), date(2025, 12, 1)
    rules = policy(follow_up_days=180, segments="none")
    told = provision(facts, day, rules)
    expected = low = high = 0.0
    rows = facts.history.open_on((day - date(1970, 1, 1)).days)
    assert len(rows) > 500
    for line in told.lines:
        expected += line.loss(line.rate.share) * (line.currency == "EUR")
        low += line.loss(line.rate.low) * (line.currency == "EUR")
        high += line.loss(line.rate.high) * (line.currency == "EUR")
    lost = truly_lost(facts, rows, day, 180)
    assert lost > 0 and low <= lost <= high
    assert expected == pytest.approx(lost, rel=0.1)


def truly_lost(facts: Facts, rows: np.ndarray, day: date, follow_up: int) -> float:
    """Minor units of EUR open on the day for which neither money nor a credit came in the time that followed."""
    from serving.credit_loss.provision import _disputed

    today = (day - date(1970, 1, 1)).days
    at = np.full(len(rows), today)
    owed = facts.amount_open(rows, at)
    end = np.maximum(at, facts.history.invoices["due_on"][rows]) + follow_up
    left = np.minimum(facts.amount_open(rows, end), owed)
    mine = (facts.named["currency"][rows] == "EUR") & (_disputed(facts, rows, at, owed) == 0)
    return float(left[mine].sum())


def test_the_range_is_that_of_leaving_one_customer_out() -> None:
    found = rolls(losing(), date(2025, 12, 1))
    eur = np.flatnonzero(found.currency == "EUR")
    whole = of_accounts(found, eur)
    without = np.array([of_accounts(found, np.delete(eur, n)).share for n in range(len(eur))])
    many = len(eur)
    spread = 1.96 * np.sqrt((many - 1) / many * ((without - without.mean()) ** 2).sum())
    assert whole.high - whole.share == pytest.approx(spread, rel=0.1)


def of_accounts(found: Rolls, accounts: np.ndarray) -> matrix.Rate:
    part = Rolls(*(getattr(found, name)[accounts] for name in Rolls.__dataclass_fields__))
    return Matrix(part, ["all"] * len(accounts), 6, 2).rates("EUR", "all")[1]


def test_a_section_that_makes_no_sense_is_told_with_its_line() -> None:
    with pytest.raises(PolicyError) as told:
        policy(segments="region", follow_up_days=45, enough_customers=1, outlook=1.2, days=3)
    said = str(told.value)
    for part in ("unknown segments 'region'", "'45' is no number of days", "'1' is not from 2", "unknown key 'days'",
                 "another outlook than the past needs its reason"):  # fmt: skip
        assert part in said, said


def test_the_outlook_moves_every_rate_and_never_above_all() -> None:
    book, day = never_paying(100, 0.2), DUE + timedelta(days=100)
    usual, worse = (
        made(book, day, policy(outlook=factor, outlook_because="orders fall")).totals()[0]["expected_loss"]
        for factor in (0.5, 3.0)
    )
    assert (usual, worse) == ("1000.00", "2000.00")
    assert policy(outlook=1.0).version == Policy.load().version
