"""Do the sections about whole customers hold together: their tiers, credit, reviews, hand-over and write-down?"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from serving.conditions import Condition, Term, nearest
from serving.policy.accounts import (
    ACCOUNT_TERMS,
    DECISIONS,
    OUTCOMES,
    Check,
    Credit,
    CreditRule,
    CustomerTiers,
    Exits,
    Factor,
    Reviews,
)
from serving.policy.located import Path
from serving.policy.reading_steps import StepsReader
from serving.policy.rules import Rule

MOST_DAYS = 3650
Numbers = Mapping[str, Any]
Accounts = tuple[CustomerTiers | None, Credit | None, Reviews | None, Exits | None]


class AccountsReader(StepsReader):
    """Reads the sections about whole customers; a section may be left out."""

    def accounts(self, numbers: Numbers, tiers: Sequence[str], roles: Sequence[str]) -> Accounts:
        self.account_terms = dict(ACCOUNT_TERMS) | {
            name: Term("a number of the policy", "number") for name in numbers
        }
        return (
            self.customer_tiers(numbers),
            self.credit(numbers, roles),
            self.reviews(numbers, tiers, roles),
            self.exits(roles),
        )

    def section(self, name: str, required: set[str]) -> dict[str, Any]:
        entry = self.mapping((name,))
        if entry:
            self.keys((name,), required, set())
        return entry

    def customer_tiers(self, numbers: Numbers) -> CustomerTiers | None:
        here: Path = ("customer_tiers",)
        wanted = {"enough_share", "enough_amount", "lower_by", "better_after_days"}
        if not (entry := self.section("customer_tiers", wanted)):
            return None
        self.choice((*here, "enough_amount"), entry, numbers)
        self.whole((*here, "better_after_days"), entry, MOST_DAYS)
        return CustomerTiers(
            self.share((*here, "enough_share"), entry),
            str(entry.get("enough_amount")),
            self.share((*here, "lower_by"), entry),
            entry.get("better_after_days", 0),
        )

    def credit(self, numbers: Numbers, roles: Sequence[str]) -> Credit | None:
        here: Path = ("credit",)
        days = ("usual_terms_days", "room_days", "reports_are_old_after_days")
        wanted = {*days, "factors", "rules", "first_limit", "old_reports_count", "who"}
        if not (entry := self.section("credit", wanted)):
            return None
        self.choice((*here, "first_limit"), entry, numbers)
        self.choice((*here, "who"), entry, roles)
        for name in days:
            self.whole((*here, name), entry, MOST_DAYS)
        factors = self.factors()
        rules = tuple(self.credit_rules())
        return Credit(
            factors,
            rules,
            str(entry.get("first_limit")),
            entry.get("usual_terms_days", 0),
            entry.get("room_days", 0),
            entry.get("reports_are_old_after_days", 0),
            self.share((*here, "old_reports_count"), entry),
            str(entry.get("who")),
        )

    def factors(self) -> dict[str, Factor]:
        result = {}
        for name, entry in self.mapping(("credit", "factors")).items():
            here: Path = ("credit", "factors", name)
            self.new_name(here, name)
            if not isinstance(entry, dict):
                self.report(here, "has no fields", "add when and says")
                continue
            self.keys(here, {"when", "says"}, set())
            condition = self.condition((*here, "when"), self.account_terms) if "when" in entry else None
            self.filled_sentence((*here, "says"), entry)
            self.account_terms[name] = Term("a factor of the credit decision", "flag")
            if condition:
                result[name] = Factor(condition, " ".join(str(entry.get("says")).split()))
        return result

    def filled_sentence(self, path: Path, entry: Mapping[str, Any]) -> None:
        """A sentence with {names} of accounts in it, which stand for figures."""
        text = str(entry.get(str(path[-1]), ""))
        for name in re.findall(r"{(.*?)}", text):
            if name not in ACCOUNT_TERMS:
                self.report(path, f"there is no {{{name}}} to fill in", nearest(name, ACCOUNT_TERMS))
        self.sentence(path, {**entry, str(path[-1]): re.sub(r"{.*?}", "7", text)}, self.never_say)

    def credit_rules(self) -> list[CreditRule]:
        section: Path = ("credit", "rules")
        if not isinstance(self.at(("credit",)), dict):
            return []
        more = ("limit_share", "terms_days", "prepayment_share")
        made = self.table(section, "decision", DECISIONS, more)
        result = []
        for n, (rule, entry) in enumerate(zip(made, self.at(section) or [], strict=False)):
            here: Path = (*section, n)
            if "terms_days" in entry:
                self.whole((*here, "terms_days"), entry, 365)
            limit_share = self.share((*here, "limit_share"), {"limit_share": 1} | entry, 10)
            prepayment = self.share((*here, "prepayment_share"), entry)
            result.append(
                CreditRule(
                    rule.id,
                    rule.outcome,
                    rule.because,
                    rule.when,
                    limit_share,
                    entry.get("terms_days"),
                    prepayment,
                )
            )
        return result

    def table(
        self, section: Path, outcome: str, known: Sequence[str], more: Sequence[str] = ()
    ) -> list[Rule]:
        """A table of rules about whole customers."""
        return self.rules(section, outcome, known, more=more, vocabulary=self.account_terms)

    def reviews(self, numbers: Numbers, tiers: Sequence[str], roles: Sequence[str]) -> Reviews | None:
        here: Path = ("reviews",)
        if not (entry := self.section("reviews", {"every_days", "contact_cost", "outcomes", "who"})):
            return None
        self.choice((*here, "contact_cost"), entry, numbers)
        self.choice((*here, "who"), entry, roles)
        every = self.mapping((*here, "every_days"))
        self.keys((*here, "every_days"), set(tiers), set())
        for tier in every:
            self.whole((*here, "every_days", tier), every, MOST_DAYS)
        self.account_terms["tier"] = Term(
            "the customer's tier", "text", tuple(tiers), ranked=True, said="the customer's tier"
        )
        outcomes = tuple(self.table((*here, "outcomes"), "outcome", OUTCOMES))
        return Reviews(dict(every), str(entry.get("contact_cost")), outcomes, str(entry.get("who")))

    def exits(self, roles: Sequence[str]) -> Exits | None:
        here: Path = ("exits",)
        wanted = {"hand_over", "write_down", "cost_share", "follow_up_days", "checklist", "who"}
        if not (entry := self.section("exits", wanted)):
            return None
        self.choice((*here, "who"), entry, roles)
        self.whole((*here, "follow_up_days"), entry, MOST_DAYS)
        cost = self.share((*here, "cost_share"), entry)
        return Exits(
            self.exit_rule("hand_over"),
            self.exit_rule("write_down"),
            cost,
            entry.get("follow_up_days", 0),
            self.checklist(),
            str(entry.get("who")),
        )

    def exit_rule(self, name: str) -> Rule:
        here: Path = ("exits", name)
        entry = self.mapping(here)
        self.keys(here, {"id", "when", "because"}, set())
        self.new_id(here, entry)
        self.text((*here, "because"), entry)
        when = self.fact_condition((*here, "when"), entry)
        return Rule(str(entry.get("id")), name, str(entry.get("because")), when)

    def fact_condition(self, path: Path, entry: Mapping[str, Any]) -> Condition | None:
        when = self.condition(path) if "when" in entry or "needs" in entry else None
        self.no_scores(path, when, "an exit is decided on what happened")
        return when

    def checklist(self) -> tuple[Check, ...]:
        result = []
        for n, entry in enumerate(self.entries(("exits", "checklist"))):
            here: Path = ("exits", "checklist", n)
            self.keys(here, {"id", "needs", "says"}, set())
            self.new_id(here, entry)
            self.text((*here, "says"), entry)
            needs = self.fact_condition((*here, "needs"), entry)
            if needs:
                result.append(Check(str(entry.get("id")), needs, str(entry.get("says"))))
        return tuple(result)
