"""Do the simple rules say what their names promise, and also of customers that nobody knows?"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from features.catalogue import CATALOGUE
from features.days import day_number
from features.history import History
from features.lateness import LatenessRule
from tests.ledger_rows import INVOICE, PAYMENT, ledger
from training.baselines import AGEING_BUCKETS, NAMES, Baselines
from training.model import RiskModel
from training.model.fitting import Lesson

TARGETS = ("p_late", "p_late_30", "p_late_90")
ASKED_ON = date(2024, 3, 20)


def values_of(rows: int, **columns: Any) -> np.ndarray:
    values = np.zeros((rows, len(CATALOGUE.names)))
    for name, column in columns.items():
        values[:, CATALOGUE.names.index(name)] = column
    return values


def taught(values: np.ndarray, late: Any) -> Lesson:
    nothing = np.zeros(len(values), np.int64)
    return Lesson(values, np.asarray(late, float), np.ones(len(values)), nothing, nothing, nothing, nothing)


def baselines(target: str = "p_late", lesson: Lesson | None = None, late_after: int = 5) -> Baselines:
    given = lesson if lesson is not None else taught(values_of(0), [])
    return Baselines(target, given, CATALOGUE, LatenessRule(late_after))


def small_book(late_after: int) -> tuple[History, np.ndarray]:
    """Ten invoices due on 31 January 2024, and two new ones of 20 March that are asked about.

    Customer C pays on the due day, 10 days late, 44 days late and on the due day; X pays its six in time;
    Z is new.
    """
    paid_on = dict(zip("ABDE", ("2024-01-31", "2024-02-10", "2024-03-15", "2024-01-31"), strict=True))
    paid_on |= dict.fromkeys("JKLMNO", "2024-01-31")
    issued = [
        INVOICE | {"invoice_id": name, "customer_id": "C" if name in "ABDE" else "X"} for name in paid_on
    ]
    new = {"issued_on": ASKED_ON.isoformat(), "due_on": "2024-04-19"}
    issued += [INVOICE | new | {"invoice_id": f"new {name}", "customer_id": name} for name in "CZ"]
    payments = [PAYMENT | {"invoice_id": name, "paid_on": day} for name, day in paid_on.items()]
    history = History(ledger(*issued, payments=payments), LatenessRule(late_after))
    ids = history.tables["invoices"]["invoice_id"]
    rows = np.flatnonzero(ids.str.startswith("new"))
    return history, CATALOGUE.compute(history, rows, np.full(2, day_number(ASKED_ON)))


# The book's rate starts at 10 %, 3 % and 1 % with the weight of 20 invoices, the customer's at the book's
# with the weight of 8. On 20 March nothing is decided after 90 days yet.
BOOK = {"p_late": (2 + 2) / 30, "p_late_30": (1 + 0.6) / 30, "p_late_90": 0.01}
OWN = {
    "p_late": (2 + 8 * BOOK["p_late"]) / 12,
    "p_late_30": (1 + 8 * BOOK["p_late_30"]) / 12,
    "p_late_90": 0.01,
}


class TestCustomerRate:
    @pytest.mark.parametrize("target", TARGETS)
    def test_is_the_customers_own_smoothed_rate_of_the_same_target(self, target: str) -> None:
        _, values = small_book(5)
        known, cold = baselines(target).predict(values)["customer_rate"]
        assert known == pytest.approx(OWN[target], abs=1e-12)
        assert cold == pytest.approx(BOOK[target], abs=1e-12)

    def test_of_late_after_thirty_is_that_of_thirty_days(self) -> None:
        _, values = small_book(30)
        known, _ = baselines("p_late", late_after=30).predict(values)["customer_rate"]
        # The same one late invoice, but a book of which 10 % are late to begin with.
        assert known == pytest.approx((1 + 8 * (1 + 2) / 30) / 12, abs=1e-12)

    def test_reads_one_column_only(self) -> None:
        rates = {"late_rate": 0.3, "late_rate_of_30": 0.2, "late_rate_of_90": 0.1}
        found = {
            target: baselines(target).predict(values_of(1, **rates))["customer_rate"][0] for target in TARGETS
        }
        assert found == {"p_late": 0.3, "p_late_30": 0.2, "p_late_90": 0.1}


class TestColdCustomers:
    def test_get_a_probability_from_everyone_and_evidence_none(self, small_model: RiskModel) -> None:
        _, values = small_book(5)
        assert small_model.evidence(values).tolist() == ["little", "none"]
        cold = values[1:]
        given = [small_model.predict(cold).to_numpy()]
        given += [np.array(list(baselines(target).predict(cold).values())) for target in TARGETS]
        for p in given:
            assert ((p > 0) & (p < 1)).all()


class TestAgeing:
    def test_is_the_late_rate_of_the_bucket_drawn_towards_all(self) -> None:
        waited = [-40] * 10 + [-30] * 10 + [3] * 20
        late = [0] * 20 + [1] * 10 + [0] * 10
        rule = baselines(lesson=taught(values_of(40, days_past_due=waited), late))
        given = rule.predict(values_of(5, days_past_due=[-100, -30, -29, 1, 5]))["ageing"]
        # -30 is the last day of its bucket; nobody taught anything about -29, so it gets the rate of all.
        expected = [(0 + 2.5) / 30, (0 + 2.5) / 30, 0.25, (10 + 2.5) / 30, (10 + 2.5) / 30]
        assert given == pytest.approx(expected, abs=1e-12)

    def test_has_a_rate_for_every_wait(self) -> None:
        rule = baselines("p_late_90", taught(values_of(4, days_past_due=[-5, 1, 8, 20]), [0, 0, 1, 1]))
        given = rule.predict(values_of(200, days_past_due=np.arange(-110, 90)))["ageing"]
        assert ((given > 0) & (given < 1)).all()
        assert len(np.unique(given)) <= len(AGEING_BUCKETS) + 1


class TestLogistic:
    def test_learns_what_separates(self) -> None:
        random = np.random.default_rng(2)
        rate = random.random(600)
        late = random.random(600) < rate
        rule = baselines(lesson=taught(values_of(600, late_rate=rate), late))
        given = rule.predict(values_of(3, late_rate=[0.1, 0.5, 0.9]))["logistic"]
        assert given == pytest.approx([0.1, 0.5, 0.9], abs=0.12)
        assert (np.diff(given) > 0).all()

    def test_does_not_mind_what_is_unknown(self) -> None:
        values = values_of(40, late_rate=np.linspace(0, 1, 40), mean_days_late=np.nan)
        values[::3] = np.nan
        given = baselines(lesson=taught(values, [0, 1] * 20)).predict(values)["logistic"]
        assert np.isfinite(given).all()

    @pytest.mark.parametrize("late", [[], [0] * 6, [1] * 6])
    def test_falls_back_to_the_rate_where_there_is_nothing_to_separate(self, late: list[int]) -> None:
        rule = baselines(lesson=taught(values_of(len(late), late_rate=0.5), late))
        assert rule.predict(values_of(2, late_rate=[0.1, 0.7]))["logistic"].tolist() == [0.1, 0.7]


@pytest.mark.parametrize(("target", "last"), [("p_late", 5), ("p_late_30", 30), ("p_late_90", 90)])
def test_all_are_sure_once_the_horizon_has_passed(target: str, last: int) -> None:
    given = baselines(target).predict(values_of(2, days_past_due=[last, last + 1], late_rate=0.2))
    assert set(given) == set(NAMES) == {"customer_rate", "ageing", "logistic"}
    for p in given.values():
        assert p[0] < 1
        assert p[1] == 1
