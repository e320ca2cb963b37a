"""What should be done about each open invoice: which tier, which step, by whom, by when, and why?"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from features.ledger import spelt
from serving.policy.cases import account_columns, case_columns
from serving.policy.columns import Columns, first_match
from serving.policy.content import content
from serving.policy.credit import CreditDecision, credit_decisions
from serving.policy.customer_tiers import customer_tiers
from serving.policy.discount import with_discount
from serving.policy.exits import ExitAdvice, Recovery, exits
from serving.policy.located import PolicyError, Problem
from serving.policy.published import published
from serving.policy.reading import Parts, read
from serving.policy.reviews import ReviewDue, ReviewOutcome, review_outcomes, reviews_due
from serving.policy.sentences import sentences
from serving.policy.verdicts import Verdict, deadlines, verdicts
from serving.policy.vocabulary import CASE_TERMS

SAID = (
    "segment",
    "strategy",
    "action",
    "action_rule",
    "who",
    "channel",
    "tone",
    "objective",
    "opening",
    "template",
    "commitment",
    "person_decides",
    "guards",
    "why",
)
DECIDED = ("tier", "tier_rule", *SAID[:4], "action_by", *SAID[4:])
"""The columns that a decision adds to a case."""


class NotInPolicy(ValueError):  # noqa: N818 - a state to report
    """The policy has no section that would answer this."""


@dataclass(frozen=True)
class Policy:
    """A checked policy; `version` changes with its content, not with comments or spacing."""

    parts: Parts
    content: Mapping[str, Any]
    version: str
    written: str = field(default="", repr=False, compare=False)
    """The text that it was read from, with its comments."""

    @classmethod
    def load(cls, path: Path | None = None) -> "Policy":
        """The policy of a file, or the packaged one; raises PolicyError with every problem."""
        source = files("serving").joinpath("policy.yaml") if path is None else path
        try:
            text = source.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            problem = Problem(1, "", f"cannot be read: {error}", "give a YAML file in UTF-8")
            raise PolicyError([problem], str(source)) from None
        return cls.read(text, source.name)

    @classmethod
    def read(cls, text: str, source: str = "policy") -> "Policy":
        """The policy written in a YAML text; raises PolicyError with every problem.

        One text is read once: pages, commands and studies ask for the policy in force again and again.
        """
        return _read(text, source)

    def as_dict(self) -> dict[str, Any]:
        """The policy as plain data, with its version."""
        return {"version": self.version, **json.loads(json.dumps(self.content))}

    def text(self) -> str:
        """The policy as YAML that reads back as the same version; comments are gone."""
        return yaml.safe_dump(json.loads(json.dumps(self.content)), sort_keys=False, allow_unicode=True)

    @property
    def tiers(self) -> list[str]:
        """The tiers from best to worst."""
        return list(self.parts.tiers)

    def sentences(self) -> list[str]:
        """The policy as plain sentences, in the order in which it is applied."""
        return sentences(self.parts)

    def decide(self, cases: pd.DataFrame) -> pd.DataFrame:
        """`cases` (columns: CASE_COLUMNS) with the decision added, same index.

        Adds the columns of DECIDED: tier and the rule that gave it, segment and strategy, the step with the
        rule or guard that chose it, who does it how and by when, what closes it, guards (a list of those that
        changed the step) and why. Steps without a deadline, such as none_needed, have no action_by.
        Raises ValueError for cases that cannot be decided.
        """
        dtypes: dict[str, Any] = {"guards": object, "action_by": "datetime64[s]", "person_decides": bool}
        decided = self.decisions(cases)
        return cases.assign(
            **{
                name: pd.Series(values, cases.index, dtypes.get(name, "str"))
                for name, values in decided.items()
            }
        )

    def decisions(self, cases: pd.DataFrame | Mapping[str, Any]) -> dict[str, list[Any] | NDArray[Any]]:
        """What `decide` adds, as plain columns; `cases` may be columns too, which for one case is far faster."""
        columns = self.columns(cases)
        tier_rule = first_match(self.parts.tier_rules, columns)
        tiers = np.array([self.parts.tiers.index(rule.outcome) for rule in self.parts.tier_rules])
        columns.known["tier"] = tiers[tier_rule].astype(float)
        made, which = verdicts(self.parts, columns)
        decided: dict[str, Any] = {
            "tier": [self.parts.tier_rules[n].outcome for n in tier_rule],
            "tier_rule": [self.parts.tier_rules[n].id for n in tier_rule],
            "action_by": deadlines([verdict.action for verdict in made], which, columns),
        }
        said = [self._said(verdict) for verdict in made]
        decided |= {name: [said[n][name] for n in which] for name in SAID}
        return {name: decided[name] for name in DECIDED}

    def _said(self, verdict: Verdict) -> dict[str, Any]:
        """A verdict as the columns of a decision."""
        action = verdict.action
        return {
            "segment": verdict.segment.id,
            "strategy": verdict.segment.outcome,
            "action": action.code,
            "action_rule": verdict.action_rule,
            "who": verdict.who,
            "channel": action.channel,
            "tone": self.parts.registers[action.firmness].name,
            "objective": action.objective,
            "opening": verdict.opening,
            "template": action.template,
            "commitment": action.commitment,
            "person_decides": verdict.person_decides,
            "guards": list(verdict.guards),
            "why": verdict.why,
        }

    def customer_tiers(
        self,
        decided: pd.DataFrame | Mapping[str, Any],
        as_of: date,
        previous: pd.DataFrame | None = None,
        best_since: Mapping[str, date] | None = None,
    ) -> pd.DataFrame:
        """The tiers of customers and groups today; see `serving/policy/customer_tiers.py`."""
        rules = self._section("customer_tiers")
        return customer_tiers(decided, previous, as_of, self.tiers, rules, self.parts.numbers, best_since)

    def credit_decisions(self, accounts: pd.DataFrame | Mapping[str, Any]) -> list[CreditDecision]:
        """A credit recommendation per account, known or new (columns: ACCOUNT_COLUMNS, none required)."""
        return credit_decisions(account_columns(accounts), self.parts, self._section("credit"), self.version)

    def exits(
        self, cases: pd.DataFrame | Mapping[str, Any], recovery: Recovery | None = None
    ) -> list[ExitAdvice]:
        """Cases for which a hand-over or a write-down may be considered; never a default, a person decides."""
        return exits(self.columns(cases), self.parts, self._section("exits"), recovery)

    def reviews_due(
        self, tiers: Mapping[str, str], last_reviewed: Mapping[str, date], as_of: date
    ) -> list[ReviewDue]:
        """When each account is due for a review, the longest overdue first."""
        return reviews_due(tiers, last_reviewed, as_of, self._section("reviews"))

    def review_outcomes(
        self, accounts: pd.DataFrame | Mapping[str, Any], tiers: Mapping[str, str]
    ) -> list[ReviewOutcome]:
        """What a review of each account might come to: keep, restrict or exit."""
        return review_outcomes(account_columns(accounts), tiers, self.parts, self._section("reviews"))

    def published(self, strategy: str, language: str = "en") -> list[str]:
        """A strategy as customers may read it in advance; ValueError for one that is not there in the language."""
        if strategy not in self.parts.strategies:
            known = ", ".join(self.parts.strategies)
            raise ValueError(f"the policy has no strategy '{strategy}'; it has {known}")
        return published(self.parts, self.parts.strategies[strategy], self.version, language)

    def _section(self, name: str) -> Any:
        section = getattr(self.parts, name)
        if section is None:
            raise NotInPolicy(f"the policy has no section '{name}'; take it from the packaged policy.yaml")
        return section

    def columns(self, cases: pd.DataFrame | Mapping[str, Any]) -> Columns:
        """The columns of cases, with the policy's numbers, facts and classes of reasons; no tier yet."""
        known = case_columns(cases)
        known["reason_class"] = _classes(known["nonpayment_reason"], self._class_of)
        known |= with_discount(known, self.parts.discount)
        return Columns(known, CASE_TERMS, self.parts.numbers, self.parts.facts)

    @cached_property
    def _class_of(self) -> dict[str, str]:
        return {spelt(word): name for name, words in self.parts.reasons.items() for word in words}


@lru_cache(maxsize=8)
def _read(text: str, source: str) -> Policy:
    data, parts = read(text, source)
    plain = content(parts, str(data.get("about", "")))
    canonical = json.dumps(plain, sort_keys=True, ensure_ascii=False)
    return Policy(parts, plain, hashlib.sha256(canonical.encode()).hexdigest()[:12], text)


def _classes(reasons: NDArray[Any], class_of: Mapping[str, str]) -> NDArray[Any]:
    """The class of each recorded reason, "" for none: a class is recorded, never guessed."""
    codes, words = pd.factorize(reasons)
    classes = [class_of.get(spelt(word), "") for word in words]
    return np.array([*classes, ""], dtype=object)[codes]
