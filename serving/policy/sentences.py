"""How does a policy sound when it is read aloud?"""

import ast
from collections.abc import Iterator

from serving.conditions import Condition, Vocabulary, pairs
from serving.policy.columns import OTHERWISE
from serving.policy.reading import Parts
from serving.policy.reading_steps import STANDARD
from serving.policy.rules import Action, Guard, Rule, Step

SAID: dict[type[ast.cmpop], str] = {
    ast.Lt: "is below",
    ast.LtE: "is at most",
    ast.Gt: "is above",
    ast.GtE: "is at least",
    ast.Eq: "is",
    ast.NotEq: "is not",
    ast.In: "is one of",
    ast.NotIn: "is none of",
}
TURNED: dict[type[ast.cmpop], ast.cmpop] = {
    ast.Lt: ast.Gt(),
    ast.LtE: ast.GtE(),
    ast.Gt: ast.Lt(),
    ast.GtE: ast.LtE(),
}


def sentences(parts: Parts) -> list[str]:
    """The policy as plain sentences, in the order in which it is applied."""
    return [sentence for chapter in chapters(parts).values() for sentence in chapter]


def chapters(parts: Parts) -> dict[str, list[str]]:
    """The same by what they are about."""
    return {
        "Numbers": list(_numbers(parts)),
        "Facts": list(_facts(parts)),
        "Tiers": list(_tiers(parts)),
        "Tone": list(_firmness(parts)),
        "What comes before every step": list(_guards(parts)),
        "Natural persons": list(_persons(parts)),
        "Strategies and steps": list(_plans(parts)),
    }


def in_words(condition: Condition) -> str:
    """A condition as a clause: 'the days past due is at least 1 and not: a promise is pending'."""
    return _words(condition.tree, condition.vocabulary)


def _numbers(parts: Parts) -> Iterator[str]:
    for name, by_currency in parts.numbers.items():
        others = [f"{number:,.15g} for {code}" for code, number in by_currency.items() if code != OTHERWISE]
        rest = f" ({', '.join(others)})" if others else ""
        yield f"{spaced(name).capitalize()} means {by_currency[OTHERWISE]:,.15g}{rest}."


def _facts(parts: Parts) -> Iterator[str]:
    for name, condition in parts.facts.items():
        yield fact_in_words(name, condition)


def fact_in_words(name: str, condition: Condition) -> str:
    """What a fact of the policy means."""
    return f"'{spaced(name).capitalize()}' means that {in_words(condition)}."


def _tiers(parts: Parts) -> Iterator[str]:
    for rule in parts.tier_rules:
        yield f"{_when(rule)}, the tier is {rule.outcome}, because {rule.because} ({rule.id})."


def _firmness(parts: Parts) -> Iterator[str]:
    for level, register in enumerate(parts.registers):
        needs = f"only where {in_words(register.needs)}" if register.needs else "always possible"
        yield f"Firmness {level}, {register.name}: {needs}."


def _guards(parts: Parts) -> Iterator[str]:
    for guard in parts.guards:
        clause = f"if {in_words(guard.when)}, {_effect(guard)}"
        yield f"Before any step: {clause}, because {guard.because} ({guard.id})."


def _persons(parts: Parts) -> Iterator[str]:
    if gate := parts.natural_persons:
        name = parts.registers[gate.most_firmness].name
        yield (
            f"If {in_words(gate.when)}, no step is firmer than {gate.most_firmness} ({name}), "
            f"because {gate.because}."
        )


def _plans(parts: Parts) -> Iterator[str]:
    for segment in parts.segments:
        if segment.outcome != STANDARD:
            yield (
                f"{_when(segment)}, the strategy is {spaced(segment.outcome)}, "
                f"because {segment.because} ({segment.id})."
            )
    for name, strategy in parts.strategies.items():
        head = "" if name == STANDARD else f"{spaced(name).capitalize()}: "
        for step in strategy.steps:
            action = parts.actions[step.outcome]
            yield f"{head}{_when_step(step)}, {_step(action)}, because {step.because} ({step.id})."


def days_of(step: Step) -> str:
    """'from 14 days before due to due', or nothing for a step of any day."""
    begins, ends = (None if day is None else day_in_words(day) for day in (step.from_day, step.to_day))
    if begins and ends:
        return f"from {begins} to {ends}"
    return f"from {begins} on" if begins else f"up to {ends}" if ends else ""


def day_in_words(day: int) -> str:
    """Such as 7 days before the due date."""
    if day == 0:
        return "the due date"
    return f"{abs(day)} day{'s' * (abs(day) != 1)} {'before' if day < 0 else 'after'} the due date"


def _when_step(step: Step) -> str:
    days = days_of(step)
    if not step.stated:
        return days[:1].upper() + days[1:] if days else "In all other cases"
    said = f"if {in_words(step.stated)}"
    return f"{days[:1].upper()}{days[1:]}, {said}" if days else said[:1].upper() + said[1:]


def _when(rule: Rule) -> str:
    return f"If {in_words(rule.when)}" if rule.when else "In all other cases"


def _effect(guard: Guard) -> str:
    if guard.then:
        over = "a contact" if guard.holds_back == "contacts" else "every other step"
        return f"{spaced(guard.then)} takes the place of {over}"
    if guard.who:
        return f"the contact is made by the {spaced(guard.who)}"
    return f'the opening adds "{guard.adds}"'


def _step(action: Action) -> str:
    if action.within_working_days is None:
        return f"the step is {spaced(action.code)}"
    how = "internally" if action.channel == "internal" else f"by {action.channel}"
    return f"the step is {spaced(action.code)} ({spaced(action.who)}, {how}, {by_when(action)})"


def by_when(action: Action) -> str:
    """'within 2 working days, not after the due date', or nothing for a step without a day."""
    if action.within_working_days is None:
        return ""
    start = "" if action.counted_from == "as_of" else f" of {spaced(action.counted_from)}"
    days = f"within {action.within_working_days} working day{'s' * (action.within_working_days != 1)}{start}"
    return f"{days}, not after the due date" if action.not_after_due else days


def spaced(name: str) -> str:
    """A name of the policy as people read it."""
    return name.replace("_", " ").replace("ar assistant", "AR assistant")


def _words(node: ast.expr, vocabulary: Vocabulary) -> str:
    match node:
        case ast.BoolOp(op=sign, values=parts):
            join = " and " if isinstance(sign, ast.And) else " or "
            return join.join(_bracketed(part, vocabulary) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return f"it is not so that {_bracketed(operand, vocabulary)}"
        case ast.Compare(left=low, ops=[ast.LtE(), ast.LtE()], comparators=[middle, high]):
            low_said, said, high_said = (_words(part, vocabulary) for part in (low, middle, high))
            return f"{said} is from {low_said} to {high_said}"
        case ast.Compare():
            return " and ".join(_comparison(*pair, vocabulary) for pair in pairs(node))
        case ast.Name(id=name):
            fact = vocabulary[name].kind == "flag" and not vocabulary[name].said
            return vocabulary[name].said or (f"'{spaced(name)}' holds" if fact else spaced(name))
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return ", ".join(_words(item, vocabulary) for item in items)
    return spaced(ast.unparse(node).strip("'\""))


def _bracketed(node: ast.expr, vocabulary: Vocabulary) -> str:
    words = _words(node, vocabulary)
    return f"({words})" if isinstance(node, ast.BoolOp) else words


def _comparison(left: ast.expr, sign: ast.cmpop, right: ast.expr, vocabulary: Vocabulary) -> str:
    if isinstance(left, ast.Constant) and isinstance(right, ast.Name):
        left, sign, right = right, TURNED.get(type(sign), sign), left
    said = _words(right, vocabulary)
    is_share = isinstance(left, ast.Name) and vocabulary[left.id].kind == "share"
    if is_share and isinstance(right, ast.Constant):
        said = f"{100 * float(said):g} %"
    return f"{_words(left, vocabulary)} {SAID[type(sign)]} {said}"
