"""Can a score alone harden what a customer hears, and does every opening sentence keep good manners?

The promise "a higher probability earns earlier help, never a harsher word" is checked when a policy is
loaded, for every case there could be, by looking at the rules alone. Rules are read top to bottom, so when a
probability rises, a rule may begin to match (and take the place of a later rule) or cease to match (and
leave its place to a later one). Neither may lead to more firmness. The same argument keeps tiers from
improving when a probability rises, so that rules may look at the tier as well. Guards and firmness look at
facts alone, and steps that replace others or stay internal have firmness 0, so they cannot undo it.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

from serving.conditions import Condition, pairs
from serving.policy.vocabulary import SCORES
from serving.wording import contained

Facts = Mapping[str, Condition]
UPWARD, DOWNWARD = (ast.Gt, ast.GtE), (ast.Lt, ast.LtE)


def looks_at_scores(condition: Condition, facts: Facts, names: Iterable[str] = SCORES) -> set[str]:
    """The score names that a condition looks at, through facts too."""
    named = set(condition.names)
    for name in condition.names & facts.keys():
        named |= looks_at_scores(facts[name], facts, names)
    return named & set(names)


def turns(condition: Condition | None, facts: Facts) -> tuple[bool, bool]:
    """Whether rising scores alone could make a condition (begin, cease) to hold."""
    return (False, False) if condition is None else _turns(condition.tree, facts)


def hardenings(conditions: Sequence[Condition | None], levels: Sequence[int], facts: Facts) -> Iterator[int]:
    """Positions of rules by which rising scores alone could raise the level that is chosen."""
    for n, (condition, level) in enumerate(zip(conditions, levels, strict=True)):
        begins, ceases = turns(condition, facts)
        later = levels[n + 1 :]
        if later and ((begins and level > min(later)) or (ceases and level < max(later))):
            yield n


def _turns(node: ast.expr, facts: Facts) -> tuple[bool, bool]:
    match node:
        case ast.BoolOp(values=parts):
            return _either(_turns(part, facts) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            begins, ceases = _turns(inner, facts)
            return ceases, begins
        case ast.Compare():
            return _either(_comparison_turns(*pair) for pair in pairs(node))
        case ast.Name(id=name) if name in facts:
            return turns(facts[name], facts)
    return False, False


def _either(parts: Iterable[tuple[bool, bool]]) -> tuple[bool, bool]:
    begins, ceases = zip(*parts, strict=True)
    return any(begins), any(ceases)


def _comparison_turns(left: ast.expr, sign: ast.cmpop, right: ast.expr) -> tuple[bool, bool]:
    on_left, on_right = (isinstance(s, ast.Name) and s.id in SCORES for s in (left, right))
    if not on_left and not on_right:
        return False, False
    if (on_left and on_right) or not isinstance(sign, UPWARD + DOWNWARD):
        return True, True
    begins = isinstance(sign, UPWARD) == on_left
    return begins, not begins


def unwelcome(sentence: str, never_say: Iterable[str]) -> list[str]:
    """The phrases of the policy's list that a sentence contains (serving/wording.py says how they are written)."""
    return contained(sentence, never_say)
