"""What do the numbers of a policy mean to people: what each is called, in which unit it is written, and why it is so?

A share stands in the policy as 0.30 and is shown and written as 30 %; whatever is written becomes the policy's number
again before it is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from babel.numbers import NumberFormatError, parse_decimal

from serving.desk import Flaw, RecordError
from serving.languages import gettext, language
from serving.languages.formats import spelt
from serving.languages.retelling import retold
from serving.pages.rendering import capital, sentence, words
from serving.policy import Policy
from serving.policy.amending import GROUPS, Number, numbers_of
from serving.policy.columns import OTHERWISE
from serving.policy.sentences import chapters, spaced
from serving.policy.vocabulary import CASE_TERMS

SHARE, MONEY = "share", "money"
PERCENT = Decimal(100)
UNITS: dict[str, Callable[[], str]] = {
    SHARE: lambda: "%",
    MONEY: lambda: "",
    "days": lambda: gettext("days"),
    "working_days": lambda: gettext("working days"),
    "customers": lambda: gettext("customers a day"),
    "contacts": lambda: gettext("contacts in 90 days"),
    "times": lambda: gettext("times"),
    "": lambda: "",
}
CALLED: dict[str, tuple[Callable[[], str], str]] = {
    "worklist.capacity_per_day": (lambda: gettext("Places on the day’s list"), "customers"),
    "worklist.capacity_by_skill": (lambda: gettext("At most so many places for a role"), "customers"),
    "worklist.cost_per_contact": (lambda: gettext("What one contact costs"), MONEY),
    "worklist.late_money_costs": (lambda: gettext("What money costs that comes late"), SHARE),
    "worklist.effect_of_contact": (lambda: gettext("What a contact saves of what is at stake"), SHARE),
    "worklist.urgency_half_life_days": (lambda: gettext("Half as urgent when due later by"), "days"),
    "worklist.pay_run_lead_days": (lambda: gettext("Reach them before a pay run by"), "working_days"),
    "worklist.pay_run_factor": (lambda: gettext("More urgent before a pay run by"), "times"),
    "worklist.starvation_days": (lambda: gettext("A place is kept after waiting for"), "days"),
    "worklist.share_for_waiting": (lambda: gettext("Places for those who waited"), SHARE),
    "worklist.share_for_minimum_touch": (lambda: gettext("Places for kind words and reviews"), SHARE),
    "numbers.small_amount": (lambda: gettext("A small amount is below"), MONEY),
    "numbers.large_amount": (lambda: gettext("A large amount is from"), MONEY),
    "numbers.contact_cost": (lambda: gettext("What one contact costs, all told"), MONEY),
    "numbers.first_limit": (lambda: gettext("Credit limit of a customer we hardly know"), MONEY),
    "numbers.quiet_days": (lambda: gettext("Quiet after a contact for"), "days"),
    "numbers.contacts_per_quarter": (lambda: gettext("Most contacts with a customer"), "contacts"),
    "numbers.group_contacts_per_quarter": (lambda: gettext("Most contacts with a group"), "contacts"),
    "numbers.promise_grace_days": (lambda: gettext("A promise is judged after its day by"), "days"),
    "numbers.cooling_days": (lambda: gettext("Quiet after a call that was ended for"), "days"),
}
"""What a number is called, and its unit; one that is not here is called by its key, without a unit."""
PARTS: dict[str, Callable[[], str]] = {
    "before_due": lambda: gettext("not yet due"),
    "past_due": lambda: gettext("up to 30 days past due"),
    "month_past_due": lambda: gettext("up to 90 days past due"),
    "quarter_past_due": lambda: gettext("more than 90 days past due"),
}
SIGNS: dict[str, Callable[[], str]] = {
    ">=": lambda: gettext("%(what)s, at least"),
    "<=": lambda: gettext("%(what)s, at most"),
    ">": lambda: gettext("%(what)s, above"),
    "<": lambda: gettext("%(what)s, below"),
    "==": lambda: gettext("%(what)s, exactly"),
}


def plain_numbers(text: str) -> dict[str, list[dict[str, Any]]]:
    """The numbers of the day's work and those the rules name, by section: each with its parts and its reason."""
    found = numbers_of(text)
    sections = {name: [each for each in found if each.group == name] for name in GROUPS[:2]}
    return {name: _entries(numbers) for name, numbers in sections.items() if numbers}


def _entries(numbers: Iterable[Number]) -> list[dict[str, Any]]:
    by_key: dict[str, list[Number]] = {}
    for each in numbers:
        by_key.setdefault(_key(each.place), []).append(each)
    return [_entry(key, mine) for key, mine in by_key.items()]


def _entry(key: str, numbers: list[Number]) -> dict[str, Any]:
    """One entry: a single number, or one for each currency, channel, or age and tier."""
    called, _ = CALLED.get(key, (lambda: sentence(key.partition(".")[2]), ""))
    told = [_told(each, _part(each.place)) for each in numbers]
    return {
        "key": key,
        "label": called(),
        "why": numbers[0].comment,
        "is_one": numbers[0].place == key,
        "numbers": sorted(told, key=lambda each: not each["place"].endswith(f".{OTHERWISE}"))
        if unit_of(numbers[0]) == MONEY
        else told,
    }


def ruled_numbers(text: str, policy: Policy) -> list[dict[str, Any]]:
    """The rules of the tiers in their order, each with its sentence and the numbers in it."""
    numbers = [each for each in numbers_of(text) if each.group == GROUPS[2]]
    said = chapters(policy.parts)["Tiers"]
    return [
        {
            "rule": rule,
            "sentence": next((each for each in said if f"({rule})" in each), rule),
            "why": next(each.comment for each in numbers if each.rule == rule),
            "numbers": [_told(each, _compared(each)) for each in numbers if each.rule == rule],
        }
        for rule in dict.fromkeys(each.rule for each in numbers)
    ]


def labels_of(plain: Mapping[str, list[dict[str, Any]]], rules: list[dict[str, Any]]) -> dict[str, str]:
    """What each number is called where it stands alone, away from its entry or rule."""
    called = [(entry["label"], entry["numbers"]) for entries in plain.values() for entry in entries]
    called += [(sentence(rule["rule"]), rule["numbers"]) for rule in rules]
    return {
        each["place"]: f"{name}: {each['label']}" if each["label"] else name
        for name, numbers in called
        for each in numbers
    }


def _key(place: str) -> str:
    """`numbers.small_amount` of `numbers.small_amount.JPY`."""
    return ".".join(place.split(".")[:2])


def _told(number: Number, label: str) -> dict[str, Any]:
    unit = unit_of(number)
    last = number.place.rpartition(".")[2]
    currency = last if unit == MONEY and last.isupper() else ""
    return {
        "place": number.place,
        "value": number.value,
        "shown": shown(number.value, unit),
        "unit": currency or UNITS[unit](),
        "label": label,
    }


def _part(place: str) -> str:
    """What one of several numbers is for; '' where there is only one."""
    names = place.split(".")[2:]
    told = [_part_name(_key(place), name) for name in names if name != OTHERWISE or len(names) == 1]
    return ", ".join(told)


def _part_name(key: str, name: str) -> str:
    if name == OTHERWISE:
        return (
            gettext("any other currency") if CALLED.get(key, ("", ""))[1] == MONEY else gettext("any other")
        )
    return PARTS[name]() if name in PARTS else name if name.isupper() else words(name)


def _compared(number: Number) -> str:
    """What a number of a rule is compared with, such as 'Chance of late payment, at least'."""
    name, _, sign = number.compared.partition(" ")
    known = CASE_TERMS.get(name)
    what = known.said if known is not None and known.said else spaced(name)
    told = retold(what).removeprefix("the ")
    return capital(SIGNS[sign]() % {"what": told} if sign in SIGNS else told)


def unit_of(number: Number) -> str:
    """The unit in which people read and write a number."""
    if number.group == GROUPS[2]:
        known = CASE_TERMS.get(number.compared.partition(" ")[0])
        return SHARE if known is not None and known.kind == "share" else ""
    return CALLED.get(_key(number.place), ("", ""))[1]


def shown(value: str, unit: str) -> str:
    """A number of the policy as people write it: 30 for a share of 0.30."""
    return spelt(Decimal(value) * PERCENT if unit == SHARE else Decimal(value))


def as_numbers(text: str, given: Mapping[str, str], is_whole: bool = False) -> dict[str, str]:
    """What was written, as numbers of the policy by place; raises RecordError for all that is no number.

    `is_whole`: every number of the text was on the form, so one that is not there was emptied.
    """
    found, flaws = {}, []
    for each in numbers_of(text):
        written = given.get(each.place, "")
        if not written and not is_whole:
            continue
        try:
            found[each.place] = _read(written, unit_of(each))
            wrong = _slip(each, written, found[each.place])
        except NumberFormatError:
            wrong = _no_number(each, written)
        if wrong:
            flaws.append(Flaw(f"/{each.place}", wrong))
    if flaws:
        raise RecordError("policies", flaws)
    return found


def _no_number(number: Number, written: str) -> str:
    unit = unit_of(number)
    if not written:
        before = gettext("Nothing stands here: write a number, or %(before)s to leave it as it is")
        return before % {"before": shown(number.value, unit)}
    example = shown("0.3", SHARE) if unit == SHARE else spelt(Decimal("1500"))
    wrong = gettext("%(written)s is no number here: write one such as %(example)s")
    return wrong % {"written": written, "example": example}


def _slip(number: Number, written: str, value: str) -> str:
    """The question whether 0.3 was meant as 30 %: less than 1 % is written with its sign, or is what stood here."""
    is_small = unit_of(number) == SHARE and 0 < Decimal(value) < Decimal("0.01")
    if not is_small or written.strip().endswith("%") or Decimal(value) == Decimal(number.value):
        return ""
    asked = gettext("Is %(small)s %% meant, or %(large)s %%? Write %(large)s, or %(small)s %% with its sign")
    return asked % {"small": shown(value, SHARE), "large": spelt(Decimal(value) * PERCENT * PERCENT)}


def _read(written: str, unit: str) -> str:
    """What somebody wrote in their language, as the policy writes it."""
    bare = written.strip().removesuffix("%").strip()
    value = parse_decimal(bare, locale=language(), strict=True)
    if not value.is_finite() or value < 0:
        raise NumberFormatError(bare)
    return f"{(value / PERCENT if unit == SHARE else value).normalize():f}"
