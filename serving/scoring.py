"""What does duecourse say about open invoices? Ledger, champion and policy give the score rows.

The API, the pages and the nightly command all use this one `Scorer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from datetime import date, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.catalogue import CATALOGUE
from features.days import day_number, to_date
from features.history import History
from features.ledger import Ledger, written_amount
from features.paydays import pay_days
from serving.alone import ledger_of
from serving.decided import Decided
from serving.desk_facts import DeskFacts
from serving.facts import Facts
from serving.in_force import load_policy
from serving.policy import Policy
from serving.priors import priors
from serving.score_rows import ranked as ranked
from serving.score_rows import records
from serving.written import as_written, not_known_yet, written_open
from training.champion import champion_folder
from training.model import Explanation, RiskModel, load_model, ranges, recalibrated, recalibration_day

TARGETS = ("p_late", "p_late_30", "p_late_90")
DATES = ("expected_paid_on", "paid_on_p10", "paid_on_p90")
COLUMNS = (
    "invoice_id",
    "customer_id",
    "as_of",
    "amount_open",
    "currency",
    "days_past_due",
    "p_late",
    "p_late_30",
    "p_late_90",
    *DATES,
    "evidence",
    "tier",
    "action",
    "action_by",
    "reasons",
    "model_version",
    "policy_version",
    "p_late_low",
    "p_late_high",
)
"""The score row, in the order of the contract; the range of `p_late` came later and stands at the end."""
RECOMMENDATION = (
    *("who", "channel", "objective", "opening", "action_rule", "guards", "why"),
    *("tier_rule", "segment", "strategy", "tone", "template", "commitment", "person_decides"),
)
"""What comes with an action beside the score row."""
FULL = (*RECOMMENDATION, "prior")
"""What the full score row adds: the recommendation, and what carried the score where evidence is short."""
RECALIBRATIONS = 8
"""So many weeks' models are kept; each is made again from ledger and model when asked for."""


def default_as_of(ledger: Ledger) -> date:
    """The day after the latest fact: everything recorded is in the past. Raises ValueError without any fact."""
    latest = ledger.latest_fact
    if latest is None:
        raise ValueError("the ledger holds no dated fact: give it invoices, or name a day with --as-of")
    return latest + timedelta(days=1)


class UnknownIdError(KeyError):
    """Nothing of that id was known on the day."""


class NotOpenError(ValueError):
    """The invoice was settled before the day; the text says so."""


class Scorer:
    """Scores of a ledger's open invoices as of any day, by one model and one policy.

    Safe to use from several threads: what is kept between questions is made once and never changed.
    """

    def __init__(
        self,
        ledger: Ledger,
        model: RiskModel,
        policy: Policy,
        as_of: date | None = None,
        desk_facts: DeskFacts | None = None,
    ) -> None:
        self.ledger, self.policy = ledger, policy
        self.desk_facts = desk_facts or {}
        self.as_of = as_of or default_as_of(ledger)
        self._use(model, History(ledger, model.rule))

    @classmethod
    def load(cls, home: Path, ledger: Path, as_of: date | None = None, policy: Path | None = None) -> Scorer:
        """The champion of `home`, verified, on the ledger of a folder."""
        model = load_model(champion_folder(home))
        return cls(Ledger.load(ledger), model, load_policy(home, policy), as_of)

    def with_model(self, model: RiskModel) -> Scorer:
        """The same book and policy, scored by another model; what the book has sorted is shared where it can be."""
        other = copy(self)
        other._use(model, self.history if model.rule == self.model.rule else History(self.ledger, model.rule))
        return other

    def with_policy(self, policy: Policy) -> Scorer:
        """The same book and model under another policy."""
        other = copy(self)
        other.policy = policy
        return other

    def with_book(self, ledger: Ledger, desk_facts: DeskFacts) -> Scorer:
        """The same model and policy on a ledger of some customers; totals and recalibration stay the book's."""
        other = copy(self)
        other.desk_facts = desk_facts
        other.ledger = ledger
        other.history = History(ledger, self.model.rule, context=self.history)
        other.facts = Facts(other.history)
        return other

    def _use(self, model: RiskModel, history: History) -> None:
        if getattr(self, "history", None) is not history:
            self.history, self.facts = history, Facts(history)
        self.model = model
        self._of_monday = lru_cache(RECALIBRATIONS)(lambda day: recalibrated(model, history, day))

    @property
    def trained_before(self) -> date:
        """The model knows facts before this day."""
        return date.fromisoformat(self.model.card["trained_on_facts_before"])

    def model_on(self, day: date) -> RiskModel:
        """The model as the loaded book's outcomes had recalibrated it by the Monday of a day."""
        return self._of_monday(recalibration_day(day))

    def context_as_of(self, as_of: date | None = None) -> date:
        """The day as of which the loaded book's totals answer a question: no later than its facts reach."""
        return min(as_of or self.as_of, self._facts_reach)

    @cached_property
    def _facts_reach(self) -> date:
        return default_as_of(self.ledger) if self.ledger.latest_fact else self.as_of

    def warm_up(self) -> None:
        """Sort the book for questions about one invoice, so that the first caller does not wait for it."""
        self.model_on(self.as_of)
        is_open = self.history.open_on(day_number(self.as_of))
        if len(is_open):
            customer_id = str(self.facts.named["customer_id"][is_open[0]])
            self.customer(customer_id)
            ledger_of(self.facts, customer_id)
            self.explain(str(self.facts.named["invoice_id"][is_open[0]]))
            for name in ("promises", "disputes"):
                self.facts.about_invoices(is_open[:1], name)

    def score_open(self, as_of: date | None = None, full: bool = False) -> pd.DataFrame:
        """One score row per invoice open on the day, ordered by invoice id; `full` adds the recommendation."""
        day = as_of or self.as_of
        return pd.DataFrame(self._score(self.facts, self.history.open_on(day_number(day)), day, full))

    def decide_open(self, as_of: date | None = None) -> Decided:
        """The decisions on every invoice open on the day: a small part of the work of `score_open`."""
        day = as_of or self.as_of
        return self.decide_in(self.facts, self.history.open_on(day_number(day)), day)

    def decide(self, rows: np.ndarray, as_of: date | None = None) -> Decided:
        """The decisions on some invoices open on the day, by their positions; none is explained or dated."""
        return self.decide_in(self.facts, rows, as_of or self.as_of)

    def decide_in(
        self, facts: Facts, rows: np.ndarray, day: date, desk_facts: DeskFacts | None = None
    ) -> Decided:
        """The same in the facts of another ledger, with what the desk knows of its customers."""
        values = CATALOGUE.compute(facts.history, rows, np.full(len(rows), day_number(day)))
        model = self.model_on(day)
        chances = model.predict(values)
        given = {name: chances[name].to_numpy() for name in TARGETS} | {"evidence": model.evidence(values)}
        cases = facts.cases(rows, day, self.desk_facts if desk_facts is None else desk_facts) | given
        return Decided(day, rows, values, chances, cases, self.policy.decisions(cases))

    def score_invoices(self, invoice_ids: list[str], as_of: date | None) -> tuple[list[dict], list[dict]]:
        """Score rows of the open ones among the named invoices, in the order asked, and what was not scored."""
        day = as_of or self.as_of
        rows, problems = [], []
        for place, invoice_id in enumerate(invoice_ids):
            position = self.facts.position(invoice_id)
            code, detail, mend = self._not_scored(invoice_id, position, day)
            if code:
                where = {"pointer": f"/invoice_ids/{place}", "value": invoice_id}
                problems.append(where | {"code": code, "detail": detail, "mend": mend})
            else:
                rows.append(position)
        return records(self._score(self.facts, np.array(rows, dtype=np.int64), day)), problems

    def _not_scored(self, invoice_id: str, position: int, day: date) -> tuple[str, str, str]:
        """Why an invoice has no score on a day: code, detail and mend; empty texts where it has one."""
        row = np.array([position])
        if position < 0 or not self.facts.is_known(row, day_number(day))[0]:
            detail = f"no invoice {invoice_id!r} is known before {day}"
            return "unknown_id", detail, "Load a ledger that holds it, or send its ledger in the body."
        if not self.facts.is_open(row, day_number(day))[0]:
            detail = f"invoice {invoice_id!r} was settled before {day}"
            return "invoice_not_open", detail, "Ask as of an earlier day."
        return "", "", ""

    def score_ledger(
        self, rows: Mapping[str, list[Mapping[str, Any]]], as_of: date
    ) -> tuple[list[dict], list[dict]]:
        """Score rows of every open invoice of a small ledger; segment totals come from the loaded book.

        Exchange rates do too where the rows hold none. Raises LedgerError where the rows cannot be read.
        """
        ledger = Ledger.from_rows(self._rates_for(rows) | dict(rows), self.ledger.settings)
        facts = Facts(History(ledger, self.model.rule, context=self.history), self.facts)
        scored = self._score(facts, facts.history.open_on(day_number(as_of)), as_of)
        problems = [
            {
                "pointer": f"/ledger{problem.pointer}",
                "code": problem.code,
                "detail": problem.message,
                "mend": problem.mend,
            }
            for problem in ledger.problems
            if problem.table in rows
        ]
        return records(scored), problems + not_known_yet(facts, rows, as_of)

    def _rates_for(self, rows: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
        """The book's rates of the currencies in a body: an invoice is converted alike here and there."""
        wanted = {row.get("currency") for row in rows.get("invoices", []) if isinstance(row, Mapping)}
        return {"exchange_rates": [row for row in self._rates if row["currency"] in wanted]}

    @cached_property
    def _rates(self) -> list[Mapping[str, Any]]:
        table = self.ledger.tables["exchange_rates"]
        columns = {str(name): as_written(table[name]) for name in table.columns}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def score_of(self, invoice_id: str, as_of: date | None = None) -> dict[str, Any]:
        """The score row of one invoice with its recommendation; UnknownIdError, NotOpenError."""
        day = as_of or self.as_of
        position = self._position(invoice_id, day)
        return records(self._score(self.facts, np.array([position]), day, full=True))[0]

    def _position(self, invoice_id: str, day: date) -> int:
        position = self.facts.position(invoice_id)
        code, detail, mend = self._not_scored(invoice_id, position, day)
        if code == "unknown_id":
            raise UnknownIdError(invoice_id)
        if code:
            raise NotOpenError(f"{detail}. {mend}")
        return position

    def explain(self, invoice_id: str, as_of: date | None = None) -> tuple[dict[str, Any], Explanation]:
        """The score row of one invoice with the ranges of all horizons, and its full explanation.

        Raises UnknownIdError, NotOpenError.
        """
        day = as_of or self.as_of
        found = self.decide(np.array([self._position(invoice_id, day)]), day)
        model = self.model_on(day)
        explanations = model.explain(found.values)
        low_and_high = ranges(model, found.values, found.chances)
        between = {name: [float(bound[0]) for bound in of] for name, of in low_and_high.items()}
        row = records(self._told(self.facts, found, explanations, full=True))[0]
        return row | {"ranges": between}, explanations[0]

    def customer(self, customer_id: str, as_of: date | None = None) -> dict[str, Any]:
        """How a customer pays and what it owes, with the scores of its open invoices; UnknownIdError."""
        day = as_of or self.as_of
        code = self.history.customer_codes(pd.Series([customer_id], dtype="str"))
        if code[0] < 0 or not self.facts.is_known_customer(int(code[0]), day_number(day)):
            raise UnknownIdError(customer_id)
        invoices = self.facts.rows_of(code)
        mine = invoices[self.facts.is_open(invoices, day_number(day))]
        return {
            "customer_id": customer_id,
            "as_of": day.isoformat(),
            **self.master(code, day),
            "payment_behaviour": self._behaviour(invoices[:1], day),
            "open": self.owed(mine, day),
            "scores": records(self._score(self.facts, mine, day)),
        }

    def master(self, code: np.ndarray, day: date) -> dict[str, Any]:
        """What the master data say of a customer, by its number; what is blank is left out."""
        row = self.facts.master(code, day_number(day)).iloc[0]
        names = ("name", "parent_id", "debtor_type", "country", "industry")
        return {name: row[name] for name in names if row[name]}

    def _behaviour(self, rows: np.ndarray, day: date) -> dict[str, Any]:
        """How the customer of these invoice positions (one, or none) pays."""
        if not len(rows):
            return {"settled_invoices": 0}
        past = self.history.past(rows, np.array([day_number(day)]))
        return {
            "settled_invoices": int(past.settled.count()[0]),
            "late_share_of_last_12": _rounded(past.matured.recent("late", 12)[0]),
            "mean_days_late_90": _rounded(past.settled.mean("days_late", 90)[0]),
            "mean_days_late": _rounded(past.settled.mean("days_late")[0]),
            "overdue_invoices": int(past.overdue.count()[0]),
        }

    def owed(self, rows: np.ndarray, day: date) -> list[dict[str, Any]]:
        """What is open of some invoice positions at the start of the day, per currency."""
        owed = self.facts.amount_open(rows, np.full(len(rows), day_number(day)))
        totals = pd.Series(owed).groupby(self.facts.named["currency"][rows]).agg(["sum", "count"])
        return [
            {
                "currency": str(currency),
                "amount": written_amount(int(row["sum"]), str(currency)),
                "invoices": int(row["count"]),
            }
            for currency, row in totals.iterrows()
        ]

    def model_card(self) -> dict[str, Any]:
        """What is known of the model that scores."""
        return {"model_version": self.model.version, **self.model_on(self.as_of).card}

    def policy_card(self) -> dict[str, Any]:
        """The policy that decides, with its version and its rules as sentences."""
        return {
            "policy_version": self.policy.version,
            **self.policy.as_dict(),
            "sentences": self.policy.sentences(),
        }

    def _dates(
        self, history: History, rows: np.ndarray, as_of: np.ndarray, values: np.ndarray, given: pd.DataFrame
    ) -> dict[str, list[date | None]]:
        """The expected day of payment and its range; None from a model that knows none."""
        if self.model.timing is None:
            return {name: [None] * len(rows) for name in DATES}
        days = self.model.payment_days(values, pay_days(history, rows, as_of), self.model.anchors(given))
        return {
            name: [to_date(day) for day in days[:, k].tolist()]
            for k, name in ((1, DATES[0]), (0, DATES[1]), (2, DATES[2]))
        }

    def _score(
        self, facts: Facts, rows: np.ndarray, day: date, full: bool = False
    ) -> dict[str, list[Any] | np.ndarray]:
        """The columns of the score rows of some invoice positions."""
        found = self.decide_in(facts, rows, day)
        return self._told(facts, found, self.model_on(day).explain(found.values), full)

    def _told(
        self, facts: Facts, found: Decided, explanations: list[Explanation], full: bool
    ) -> dict[str, list[Any] | np.ndarray]:
        """The same of what is decided and explained already."""
        day, rows, model = found.day, found.rows, self.model_on(found.day)
        as_of = np.full(len(rows), day_number(day))
        values, probabilities, decided = found.values, found.chances, found.decisions
        low, high = ranges(model, values, probabilities)["p_late"]
        scored = {
            **{name: facts.named[name][rows] for name in ("invoice_id", "customer_id", "currency")},
            "as_of": [day] * len(rows),
            "amount_open": written_open(facts, rows, as_of),
            "days_past_due": as_of - facts.history.invoices["due_on"][rows],
            **{name: found.cases[name] for name in (*TARGETS, "evidence")},
            **self._dates(facts.history, rows, as_of, values, probabilities),
            **{name: decided[name] for name in ("tier", "action", "action_by", *RECOMMENDATION)},
            "reasons": [explanation.reasons for explanation in explanations],
            "model_version": [model.version] * len(rows),
            "policy_version": [self.policy.version] * len(rows),
            "p_late_low": low,
            "p_late_high": high,
        }
        if full:
            scored["prior"] = priors(facts.history, rows, as_of, found.cases["evidence"], explanations)
        return {name: scored[name] for name in (*COLUMNS, *(FULL if full else ()))}


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
