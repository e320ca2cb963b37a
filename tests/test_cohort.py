"""Which questions are asked of the past, and are their outcomes only what had matured?"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

from features.days import day_number, to_date
from features.history import History
from features.lateness import LatenessRule
from features.ledger import LedgerSettings
from tests.ledger_rows import INVOICE, PAYMENT, ledger
from tests.oracle import Book
from tests.random_ledgers import DAYS, START, Draw, ledger_of, random_rows, random_settings
from training.cohort import Cohort, ask, issued_between, open_weekly, replay

SISTER = INVOICE | {"invoice_id": "B"}
TARGETS = ("p_late", "p_late_30", "p_late_90")


ALL: tuple[Literal["issue", "weekly", "both"], ...] = ("issue", "weekly", "both")


def day(text: str) -> date:
    return date.fromisoformat(text)


def cohort_of(
    *invoices: dict[str, Any],
    cut: str,
    at: Literal["issue", "weekly", "both"] = "both",
    rule: LatenessRule | None = None,
    settings: LedgerSettings | None = None,
    **tables: list[dict[str, Any]],
) -> Cohort:
    return replay(History(ledger(*invoices, settings=settings, **tables), rule), day(cut), at)


def asked_on(cohort: Cohort) -> list[str]:
    return [to_date(number).isoformat()[5:] for number in cohort.as_of]


def outcomes(cohort: Cohort, target: str = "p_late") -> list[int | None]:
    return [None if np.isnan(value) else int(value) for value in cohort.outcomes[target]]


def payment(paid_on: str, amount: str = "100.00", **more: str) -> dict[str, Any]:
    return PAYMENT | {"paid_on": paid_on, "amount": amount} | more


class TestOutcomes:
    """Invoice A is due on Wednesday 31 January 2024: late after 5, 30, 90 days is after 5 Feb, 1 Mar, 30 Apr."""

    @pytest.mark.parametrize(
        ("paid", "cut", "expected"),
        [
            ([payment("2024-01-15")], "2024-02-05", None),
            ([payment("2024-01-15")], "2024-02-06", 0),
            ([payment("2024-02-05")], "2024-02-06", 0),
            ([payment("2024-02-06")], "2024-02-07", 1),
            ([], "2024-02-05", None),
            ([], "2024-02-06", 1),
            ([payment("2024-02-05", known_on="2024-02-10")], "2024-02-10", 1),
            ([payment("2024-02-05", known_on="2024-02-10")], "2024-02-11", 0),
            ([payment("2024-01-15", "99.99")], "2024-02-06", 1),
            ([payment("2024-01-15", "99.99"), payment("2024-02-06", "0.01")], "2024-03-01", 1),
            ([payment("2024-01-15", "60"), payment("2024-02-02", "40")], "2024-03-01", 0),
        ],
    )
    def test_wait_for_the_horizon_and_say_what_was_known_by_then(
        self, paid: list[dict[str, Any]], cut: str, expected: int | None
    ) -> None:
        assert outcomes(cohort_of(cut=cut, at="issue", payments=paid)) == [expected]

    def test_the_early_payer_tells_no_more_than_its_late_sister(self) -> None:
        pair, paid = (INVOICE, SISTER), [payment("2024-01-10")]
        before = cohort_of(*pair, cut="2024-02-05", at="issue", payments=paid)
        after = cohort_of(*pair, cut="2024-02-06", at="issue", payments=paid)
        assert outcomes(before) == [None, None]
        assert outcomes(after) == [0, 1]

    @pytest.mark.parametrize(
        ("cut", "expected"),
        [
            ("2024-02-06", [1, None, None]),
            ("2024-03-01", [1, None, None]),
            ("2024-03-02", [1, 1, None]),
            ("2024-04-30", [1, 1, None]),
            ("2024-05-01", [1, 1, 0]),
        ],
    )
    def test_each_horizon_matures_on_its_own_day(self, cut: str, expected: list[int | None]) -> None:
        cohort = cohort_of(cut=cut, at="issue", payments=[payment("2024-03-20", known_on="2024-03-21")])
        assert [outcomes(cohort, target)[0] for target in TARGETS] == expected

    @pytest.mark.parametrize(
        ("credit", "paid", "expected"),
        [
            ("100", [], [None] * 3),
            ("60", [], [1, 1, 1]),
            ("60", [payment("2024-02-20", "40")], [1, 0, 0]),
            ("60", [payment("2024-01-20", "40"), payment("2024-02-20", "-40")], [1, 1, 1]),
        ],
    )
    def test_closed_by_credit_alone_says_nothing_on_how_the_customer_pays(
        self, credit: str, paid: list[dict[str, Any]], expected: list[int | None]
    ) -> None:
        notes = [{"invoice_id": "A", "credited_on": "2024-01-12", "amount": credit}]
        cohort = cohort_of(cut="2024-06-01", at="issue", payments=paid, credit_notes=notes)
        assert [outcomes(cohort, target)[0] for target in TARGETS] == expected

    def test_a_bounced_payment_takes_the_verdict_back(self) -> None:
        paid = [payment("2024-01-10"), payment("2024-02-20", "-100.00")]
        assert outcomes(cohort_of(cut="2024-02-20", at="issue", payments=paid)) == [0]
        assert outcomes(cohort_of(cut="2024-02-21", at="issue", payments=paid)) == [1]

    def test_an_invoice_that_nobody_knew_of_yet_is_not_asked_about(self) -> None:
        late_entry = INVOICE | {"known_on": "2024-06-10"}
        assert outcomes(cohort_of(late_entry, cut="2024-06-10", at="issue")) == []
        assert outcomes(cohort_of(late_entry, cut="2024-06-11", at="issue")) == [1]

    @pytest.mark.parametrize(
        ("country", "calendar_days", "due_on", "last_day_in_time"),
        [
            ("DE", False, "2024-02-14", "2024-02-19"),  # a Wednesday stays
            ("DE", False, "2024-02-17", "2024-02-24"),  # Saturday to Monday 19
            ("DE", False, "2024-03-29", "2024-04-07"),  # Good Friday to Tuesday after Easter, 2 April
            ("DE", True, "2024-03-29", "2024-04-03"),
            (None, False, "2024-03-29", "2024-04-03"),  # no country: weekends only
            (None, False, "2024-03-30", "2024-04-06"),
            ("US", False, "2024-07-04", "2024-07-10"),
        ],
    )
    def test_lateness_is_counted_from_a_working_day(
        self, country: str | None, calendar_days: bool, due_on: str, last_day_in_time: str
    ) -> None:
        just_late = (day(last_day_in_time) + timedelta(1)).isoformat()
        cohort = cohort_of(
            INVOICE | {"due_on": due_on},
            SISTER | {"due_on": due_on},
            cut="2024-12-31",
            at="issue",
            rule=LatenessRule(calendar_days=calendar_days),
            settings=LedgerSettings(country=country),
            payments=[payment(last_day_in_time), payment(just_late, invoice_id="B")],
        )
        assert outcomes(cohort) == [0, 1]

    def test_equal_horizons_have_equal_outcomes(self) -> None:
        cohort = cohort_of(cut="2024-12-31", rule=LatenessRule(30), payments=[payment("2024-03-01")])
        assert outcomes(cohort) == outcomes(cohort, "p_late_30") == [0] * 9


class TestQuestions:
    """Invoice A is issued on Monday 1 January 2024, so its weeks begin on Mondays."""

    @pytest.mark.parametrize(
        ("paid", "cut", "expected"),
        [
            # A payment of the day itself is not known at its start: the invoice is still asked about.
            ([payment("2024-01-15")], "2024-12-31", ["01-01", "01-08", "01-15"]),
            ([payment("2024-01-14")], "2024-12-31", ["01-01", "01-08"]),
            ([payment("2024-01-14", known_on="2024-01-20")], "2024-12-31", ["01-01", "01-08", "01-15"]),
            ([payment("2024-01-14", "50")], "2024-01-23", ["01-01", "01-08", "01-15", "01-22"]),
            ([], "2024-01-15", ["01-01", "01-08"]),
            ([], "2024-01-16", ["01-01", "01-08", "01-15"]),
            ([], "2024-01-01", []),
            # Settled, bounced on the 24th, open again from the 25th.
            (
                [payment("2024-01-10"), payment("2024-01-24", "-100.00")],
                "2024-02-06",
                ["01-01", "01-08", "01-29", "02-05"],
            ),
        ],
    )
    def test_come_at_issue_and_weekly_while_open(
        self, paid: list[dict[str, Any]], cut: str, expected: list[str]
    ) -> None:
        assert asked_on(cohort_of(cut=cut, payments=paid)) == expected

    @pytest.mark.parametrize(
        ("late_after", "last"), [(5, "04-29"), (90, "04-29"), (100, "05-06"), (365, "12-30")]
    )
    def test_end_with_the_longest_horizon(self, late_after: int, last: str) -> None:
        assert asked_on(cohort_of(cut="2024-12-31", rule=LatenessRule(late_after)))[-1] == last

    def test_an_invoice_past_every_horizon_when_issued_is_not_asked_about(self) -> None:
        overdue_at_birth = INVOICE | {"due_on": "2023-09-01"}
        assert len(cohort_of(overdue_at_birth, cut="2024-12-31")) == 0

    def test_at_issue_and_weekly_together_are_all(self) -> None:
        paid = [payment("2024-01-16")]
        found = {at: asked_on(cohort_of(cut="2024-03-01", at=at, payments=paid)) for at in ALL}
        assert found == {
            "issue": ["01-01"],
            "weekly": ["01-08", "01-15"],
            "both": ["01-01", "01-08", "01-15"],
        }

    def test_an_invoice_is_not_asked_about_in_the_weeks_before_it_was_known(self) -> None:
        late_entry = INVOICE | {"known_on": "2024-01-15"}
        assert asked_on(cohort_of(late_entry, cut="2024-01-30")) == ["01-01", "01-22", "01-29"]

    def test_are_sorted_by_day_and_then_by_invoice(self) -> None:
        cohort = cohort_of(INVOICE, SISTER | {"issued_on": "2024-01-08"}, cut="2024-01-16")
        table = cohort.table()
        assert list(zip(table["as_of"].dt.strftime("%d"), table["invoice_id"], strict=True)) == [
            ("01", "A"),
            ("08", "A"),
            ("08", "B"),
            ("15", "A"),
            ("15", "B"),
        ]

    def test_weigh_less_the_older_the_invoice_is(self) -> None:
        cohort = cohort_of(cut="2024-01-23")
        assert cohort.weeks_open.tolist() == [0, 1, 2, 3]
        assert cohort.weight.tolist() == [1, 1 / 2, 1 / 3, 1 / 4]

    @pytest.mark.parametrize(
        ("target", "last"), [("p_late", "02-05"), ("p_late_30", "02-26"), ("p_late_90", "04-29")]
    )
    def test_teach_a_horizon_only_while_it_is_not_decided(self, target: str, last: str) -> None:
        cohort = cohort_of(cut="2024-12-31")
        taught = cohort.where(cohort.teaches(target, day_number(date(2024, 12, 31))))
        assert asked_on(taught)[-1] == last
        assert set(outcomes(taught, target)) == {1}

    def test_teach_nobody_who_looks_before_the_outcome_is_known(self) -> None:
        cohort = cohort_of(cut="2024-12-31")
        assert not cohort.teaches("p_late", day_number(date(2024, 2, 5))).any()
        assert cohort.teaches("p_late", day_number(date(2024, 2, 6))).sum() == 6


class TestAsking:
    PAIR = (INVOICE, SISTER | {"issued_on": "2024-01-10", "due_on": "2024-02-09"})

    def history(self) -> History:
        return History(ledger(*self.PAIR, payments=[payment("2024-01-17")]))

    def test_given_questions_get_the_outcomes_known_by_a_day(self) -> None:
        history = self.history()
        rows, as_of = np.array([1, 0]), np.array([day_number(date(2024, 1, 20))] * 2)
        assert outcomes(ask(history, rows, as_of, day("2024-02-06"))) == [None, 0]
        assert outcomes(ask(history, rows, as_of, day("2024-02-20"))) == [1, 0]

    @pytest.mark.parametrize(
        ("begin", "end", "expected"),
        [
            ("2024-01-01", "2024-01-11", [0, 1]),
            ("2024-01-01", "2024-01-10", [0]),
            ("2024-01-02", "2024-01-11", [1]),
            ("2024-01-11", "2024-02-11", []),
        ],
    )
    def test_issued_between_includes_the_first_day_and_not_the_last(
        self, begin: str, end: str, expected: list[int]
    ) -> None:
        history = self.history()
        rows, as_of = issued_between(history, day(begin), day(end))
        assert rows.tolist() == expected
        assert as_of.tolist() == history.invoices["issued_on"][expected].tolist()

    def test_open_weekly_asks_every_seventh_day_of_what_is_open(self) -> None:
        rows, as_of = open_weekly(self.history(), day("2024-01-03"), day("2024-01-25"))
        found = list(zip([to_date(number).day for number in as_of], rows.tolist(), strict=True))
        # On the 10th B is not known yet; A is paid on the 17th, which is known on the 18th.
        assert found == [(3, 0), (10, 0), (17, 0), (17, 1), (24, 1)]

    def test_open_weekly_of_an_empty_window_is_empty(self) -> None:
        rows, as_of = open_weekly(self.history(), day("2024-01-03"), day("2024-01-03"))
        assert rows.shape == as_of.shape == (0,)


def random_history(seed: int) -> History:
    rule = LatenessRule((0, 5, 30, 60)[seed % 4], calendar_days=seed % 3 == 0)
    return History(ledger_of(random_rows(seed), random_settings(seed)), rule)


def random_cut(seed: int) -> date:
    return START + timedelta(Draw(seed).day(60, DAYS))


def lines(cohort: Cohort, mask: np.ndarray | None = None) -> pd.DataFrame:
    table = cohort.table()
    return table if mask is None else table[mask].reset_index(drop=True)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_an_earlier_replay_asks_a_later_one_asks_too(seed: int) -> None:
    history, cut = random_history(seed), random_cut(seed)
    earlier, later = replay(history, cut), replay(history, cut + timedelta(50))
    asked = set(zip(earlier.rows.tolist(), earlier.as_of.tolist(), strict=True))
    asked_later = set(zip(later.rows.tolist(), later.as_of.tolist(), strict=True))
    assert asked and asked <= asked_later
    added = np.array(sorted(asked_later - asked), dtype=np.int64).reshape(-1, 2)
    was_known = history.invoices["seen_on"][added[:, 0]] < day_number(cut)
    assert (added[was_known, 1] >= day_number(cut)).all()


@pytest.mark.parametrize("seed", range(12))
def test_what_teaches_is_the_same_without_the_facts_of_later_days(seed: int) -> None:
    history, cut = random_history(seed), random_cut(seed)
    truncated = History(history.ledger.known_before(cut), history.rule)
    whole, known = replay(history, cut), replay(truncated, cut)
    for target in TARGETS:
        taught = [cohort.where(cohort.teaches(target, day_number(cut))) for cohort in (whole, known)]
        columns = ["invoice_id", "as_of", f"outcome_{target}"]
        pd.testing.assert_frame_equal(lines(taught[0])[columns], lines(taught[1])[columns])


@pytest.mark.parametrize("seed", range(12))
def test_a_slow_loop_over_plain_objects_agrees(seed: int) -> None:
    history, cut = random_history(seed), random_cut(seed).toordinal()
    book = Book(history.ledger, history.rule)
    expected = {}
    for invoice in book.invoices.values():
        if invoice.seen_on >= cut:
            continue
        last = min(invoice.lateness_from + max(history.rule.horizons.values()), cut - 1)
        for as_of in range(invoice.issued_on, last + 1, 7):
            before, now = invoice.state(as_of - 1), invoice.state(cut - 1)
            if as_of > invoice.issued_on and (before is None or not before.is_open):
                continue
            verdicts = []
            for days in history.rule.horizons.values():
                limit = invoice.lateness_from + days
                is_known = limit < cut and now is not None and not now.says_nothing
                late = now is not None and (now.settled_on is None or now.settled_on > limit)
                verdicts.append(int(late) if is_known else None)
            expected[invoice.invoice_id, as_of] = verdicts
    cohort = replay(history, date.fromordinal(cut))
    table = cohort.table()
    keys = list(zip(table["invoice_id"], [each.toordinal() for each in table["as_of"]], strict=True))
    assert sorted(keys) == sorted(expected)
    found = list(zip(*(outcomes(cohort, target) for target in TARGETS), strict=True))
    assert [list(each) for each in found] == [expected[key] for key in keys]
