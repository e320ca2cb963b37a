"""Is this text a policy? If so, its parts; if not, every reason why not, with line, value and mend."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from serving.agreements import PROMISE_GRACE_DAYS
from serving.alerts.reading import read_alerts
from serving.alerts.rules import AlertSettings
from serving.conditions import Condition, Term
from serving.messages.rendering import NEEDS_APPROVAL
from serving.policy.accounts import ACCOUNT_TERMS, Credit, CustomerTiers, Exits, Reviews
from serving.policy.columns import OTHERWISE
from serving.policy.discount import SECTION as DISCOUNT
from serving.policy.discount import Discount, check_discount, read_discount
from serving.policy.help import SECTION as HELP
from serving.policy.help import PlaceOfHelp, read_places
from serving.policy.located import Path, PolicyError, locate
from serving.policy.losses import SECTION as LOSSES
from serving.policy.losses import CreditLoss, read_credit_loss
from serving.policy.reading_accounts import AccountsReader
from serving.policy.rules import (
    CHANNELS,
    COMMITMENTS,
    COUNTED_FROM,
    HOLDS_BACK,
    PROMISE_OR_NEXT_CONTACT,
    Action,
    Guard,
    NaturalPersons,
    Reasons,
    Register,
    Rule,
    Strategy,
)
from serving.policy.spoken import SECTION as OTHER_LANGUAGES
from serving.policy.spoken import heard, read_other_languages
from serving.policy.vocabulary import CASE_TERMS, REASON_CLASSES
from serving.policy.workday import SECTION, Workday, read_workday

SECTIONS = {"tiers", "tier_rules", "roles", "actions", "wording"}
PLANS = {"rules", "segments", "strategies"}
ACCOUNT_SECTIONS = {"customer_tiers", "credit", "reviews", "exits"}
OPTIONAL_SECTIONS = {"about", "numbers", "facts", "reasons", "natural_persons", "firmness", "guards"}
OPTIONAL_SECTIONS |= {"alerts", LOSSES, DISCOUNT, HELP, OTHER_LANGUAGES, SECTION}
MOST_WORKING_DAYS = 260
GRACE, MOST_GRACE_DAYS = "promise_grace_days", 30
FIRMEST_AUTOMATIC = 1
ONE_REGISTER = (Register("at your service", None),)
_BLANK_ACTION: dict[str, Any] = {"who": "", "channel": "", "firmness": 0, "objective": "", "opening": ""}


@dataclass(frozen=True)
class Parts:
    """The checked parts of a policy; account sections that the file does not have are None."""

    numbers: Mapping[str, Mapping[str, float]]
    facts: Mapping[str, Condition]
    reasons: Reasons
    tiers: tuple[str, ...]
    tier_rules: tuple[Rule, ...]
    roles: tuple[str, ...]
    registers: tuple[Register, ...]
    natural_persons: NaturalPersons | None
    actions: Mapping[str, Action]
    guards: tuple[Guard, ...]
    segments: tuple[Rule, ...]
    strategies: Mapping[str, Strategy]
    never_say: tuple[str, ...]
    customer_tiers: CustomerTiers | None
    credit: Credit | None
    reviews: Reviews | None
    exits: Exits | None
    alerts: AlertSettings
    workday: Workday
    credit_loss: CreditLoss
    discount: Discount | None
    places_of_help: tuple[PlaceOfHelp, ...]
    other_languages: Mapping[str, Mapping[str, str]]
    """What customers read or hear in other languages than English; see spoken.py."""

    @property
    def promise_grace_days(self) -> int:
        """A promise is judged so many days after its day, by figures, alerts and the desk alike."""
        return self.alerts.promise_grace_days


def read(text: str, source: str = "policy") -> tuple[dict[str, Any], Parts]:
    """The plain content of a policy text and its parts; raises PolicyError with all problems."""
    found = locate(text)
    parts = None
    if isinstance(found.data, dict):
        parts = _Reader(found).parts()
    elif not found.problems:
        found.report((), "holds no sections", "start from the packaged policy.yaml")
    if found.problems or parts is None:
        raise PolicyError(found.problems, source)
    return found.data, parts


class _Reader(AccountsReader):
    """Reads section after section; each may use the names of those before it."""

    def parts(self) -> Parts:
        plans = {"rules"} if not self.data.keys() & {"segments", "strategies"} else {"segments", "strategies"}
        self.keys((), SECTIONS | plans, OPTIONAL_SECTIONS | ACCOUNT_SECTIONS | PLANS)
        self.text(("about",), self.data)
        numbers = self.numbers()
        tiers = self.words(("tiers",))
        self.vocabulary["tier"] = Term("the tier of the invoice", "text", tiers, ranked=True, said="the tier")
        reasons = self.reasons()
        self.read_facts()
        roles = self.words(("roles",))
        self.never_say = self.wording()
        registers = self.registers()
        natural = self.natural_persons(len(registers))
        actions = self.actions(roles, len(registers))
        guards = self.guards(actions, roles)
        tier_rules = tuple(self.rules(("tier_rules",), "tier", tiers, {"tier"}))
        segments, strategies = self.plans(actions)
        accounts = self.accounts(numbers, tiers, roles)
        workday = read_workday(self, roles, actions, tiers)
        discount = read_discount(self)
        check_discount(self, strategies, discount)
        self.check_scores(tier_rules, tiers, strategies, actions)
        return Parts(
            numbers,
            self.facts,
            reasons,
            tiers,
            tier_rules,
            roles,
            registers,
            natural,
            actions,
            guards,
            segments,
            strategies,
            self.never_say,
            *accounts,
            replace(read_alerts(self), promise_grace_days=_grace_days(numbers)),
            workday,
            read_credit_loss(self),
            discount,
            read_places(self),
            read_other_languages(self, heard(actions.values(), guards, strategies.values())),
        )

    def numbers(self) -> dict[str, dict[str, float]]:
        result = {}
        for name, value in self.mapping(("numbers",)).items():
            self.new_name(("numbers", name), name)
            self.vocabulary[name] = Term("a number of the policy", "number")
            by_currency = value if isinstance(value, dict) else {OTHERWISE: value}
            if OTHERWISE not in by_currency:
                self.report(
                    ("numbers", name), f"no '{OTHERWISE}' for other currencies", f"add {OTHERWISE}: 50"
                )
            for currency, number in by_currency.items():
                if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) < 1e15:
                    self.report(("numbers", name, currency), f"'{number}' is no number", "write 1500 or 0.5")
                if currency != OTHERWISE and not re.fullmatch("[A-Z]{3}", currency):
                    self.report(("numbers", name, currency), "is no currency code", "write EUR")
            result[name] = by_currency
        if GRACE in result:
            self.whole(("numbers", GRACE), {GRACE: result[GRACE].get(OTHERWISE)}, MOST_GRACE_DAYS)
        return result

    def reasons(self) -> dict[str, tuple[str, ...]]:
        """Classes of reasons and their words; a word stands in one class only."""
        result: dict[str, tuple[str, ...]] = {}
        given = self.mapping(("reasons",))
        if given:
            self.keys(("reasons",), set(), set(REASON_CLASSES))
        class_of: dict[str, str] = {}
        for name in given:
            result[name] = self.phrases(("reasons", name))
            for n, word in enumerate(result[name]):
                if class_of.setdefault(word, name) != name:
                    self.report(
                        ("reasons", name, n), f"'{word}' also stands in {class_of[word]}", "keep one of them"
                    )
        return result

    def read_facts(self) -> None:
        for name in self.mapping(("facts",)):
            self.new_name(("facts", name), name)
            condition = self.condition(("facts", name))
            if condition:
                self.facts[name] = condition
            self.vocabulary[name] = Term("a fact of the policy", "flag")

    def wording(self) -> tuple[str, ...]:
        if self.mapping(("wording",)):
            self.keys(("wording",), {"never_say"}, set())
        return self.phrases(("wording", "never_say"))

    def registers(self) -> tuple[Register, ...]:
        result = []
        for n, entry in enumerate(self.entries(("firmness",))):
            here: Path = ("firmness", n)
            self.keys(here, {"name"}, {"needs"})
            needs = self.condition((*here, "needs")) if "needs" in entry else None
            self.no_scores((*here, "needs"), needs, "firmness is earned by facts")
            if n == 0 and needs:
                self.report((*here, "needs"), "the kindest firmness needs nothing", "remove it")
            result.append(Register(str(entry.get("name")), needs))
        return tuple(result) or ONE_REGISTER

    def natural_persons(self, firmest: int) -> NaturalPersons | None:
        here: Path = ("natural_persons",)
        entry = self.mapping(here)
        if not entry:
            return None
        self.keys(here, {"when", "most_firmness", "because"}, set())
        of_customers = {name: term for name, term in CASE_TERMS.items() if name in ACCOUNT_TERMS}
        when = self.condition((*here, "when"), of_customers) if "when" in entry else None
        self.whole((*here, "most_firmness"), entry, firmest - 1)
        self.text((*here, "because"), entry)
        return (
            NaturalPersons(when, entry.get("most_firmness", 0), str(entry.get("because"))) if when else None
        )

    def actions(self, roles: Sequence[str], firmest: int) -> dict[str, Action]:
        result = {}
        for code, entry in self.mapping(("actions",)).items():
            here: Path = ("actions", code)
            self.word(here, code)
            if not isinstance(entry, dict):
                self.report(here, "has no fields", "add who, channel, firmness, objective, opening")
                entry = self.data["actions"][code] = {}
            self.keys(here, set(_BLANK_ACTION), _OPTIONAL_OF_ACTIONS)
            self.choice((*here, "who"), entry, roles)
            self.choice((*here, "channel"), entry, CHANNELS)
            self.choice((*here, "counted_from"), entry, COUNTED_FROM)
            self.choice((*here, "not_after_due"), entry, (True, False))
            self.choice((*here, "commitment"), entry, COMMITMENTS)
            self.choice((*here, "automatic"), entry, (True, False))
            self.whole((*here, "within_working_days"), entry, MOST_WORKING_DAYS)
            self.whole((*here, "firmness"), entry, firmest - 1)
            self.text((*here, "objective"), entry)
            self.sentence((*here, "opening"), entry, self.never_say)
            self.sentence((*here, "told"), entry, self.never_say)
            if "template" in entry:
                self.word((*here, "template"), str(entry["template"]))
            self.check_action(here, entry)
            result[code] = _action(code, entry)
        return result

    def check_action(self, here: Path, entry: Mapping[str, Any]) -> None:
        is_internal = entry.get("channel") == "internal"
        if is_internal and entry.get("firmness") not in (0, None):
            self.report((*here, "firmness"), "an internal step is not heard by the customer", "write 0")
        if entry.get("automatic") is True:
            self.check_automatic(here, entry)
        asks = not is_internal and (entry.get("channel") == "phone" or entry.get("firmness"))
        if asks and entry.get("commitment") == "none":
            mend = f"write {PROMISE_OR_NEXT_CONTACT}, or leave it out"
            self.report((*here, "commitment"), "a step that asks ends with a promise or a next contact", mend)

    def check_automatic(self, here: Path, entry: Mapping[str, Any]) -> None:
        """Only kind e-mails leave by themselves: nothing firm, and nothing that a person has to say."""
        if entry.get("channel") != "email":
            self.report(
                (*here, "automatic"), "only an email can leave by itself", "remove it, or write email"
            )
        if entry.get("firmness") not in range(FIRMEST_AUTOMATIC + 1):
            mend = f"remove it; firmness {FIRMEST_AUTOMATIC} is the most for a text that nobody looks at"
            self.report((*here, "automatic"), "nothing firm leaves by itself", mend)
        if entry.get("template", here[-1]) in (NEEDS_APPROVAL, "support_call"):
            self.report((*here, "automatic"), "a person says this, no machine", "remove it")

    def guards(self, actions: Mapping[str, Action], roles: Sequence[str]) -> tuple[Guard, ...]:
        result = []
        for n, entry in enumerate(self.entries(("guards",))):
            here: Path = ("guards", n)
            self.keys(here, {"id", "when", "because"}, {"then", "who", "adds", "holds_back"})
            condition = self.condition((*here, "when")) if "when" in entry else None
            self.no_scores((*here, "when"), condition, "a guard protects by facts")
            self.choice((*here, "then"), entry, actions)
            self.choice((*here, "who"), entry, roles)
            self.choice((*here, "holds_back"), entry, HOLDS_BACK)
            self.sentence((*here, "adds"), entry, self.never_say)
            self.text((*here, "because"), entry)
            self.new_id(here, entry)
            self.check_guard(here, entry, actions)
            if condition:
                known = {key: value for key, value in entry.items() if key in Guard.__dataclass_fields__}
                result.append(Guard(**{"id": "", "because": ""} | known | {"when": condition}))
        return tuple(result)

    def check_guard(self, here: Path, entry: Mapping[str, Any], actions: Mapping[str, Action]) -> None:
        if not entry.keys() & {"then", "who", "adds"}:
            self.report(here, "a guard without effect", "give it then, who or adds")
        if "then" in entry and entry.keys() & {"who", "adds"}:
            self.report(here, "'then' replaces the step, so who or adds cannot shape it", "make two guards")
        if "holds_back" in entry and "then" not in entry:
            self.report((*here, "holds_back"), "is for guards with 'then'", "remove it")
        step = actions.get(str(entry.get("then")))
        if step and step.firmness:
            self.report(
                (*here, "then"), f"'{step.code}' has firmness {step.firmness}", "guards lead to firmness 0"
            )


def _grace_days(numbers: Mapping[str, Mapping[str, float]]) -> int:
    given = numbers.get(GRACE, {}).get(OTHERWISE)
    return given if isinstance(given, int) else PROMISE_GRACE_DAYS


_OPTIONAL_OF_ACTIONS = {
    "within_working_days",
    "counted_from",
    "not_after_due",
    "template",
    "commitment",
    "told",
    "automatic",
}


def _action(code: str, entry: Mapping[str, Any]) -> Action:
    """An action with its defaults: its own template, and a commitment wherever a customer hears of it."""
    known = {key: value for key, value in entry.items() if key in Action.__dataclass_fields__}
    is_contact = entry.get("channel") != "internal"
    defaults = {"template": code, "commitment": PROMISE_OR_NEXT_CONTACT if is_contact else "none"}
    return Action(**_BLANK_ACTION | defaults | known | {"code": code})
