"""For which cases does a condition of the policy hold?

The language is a small part of Python's: `and`, `or`, `not`, comparisons (also chained), `in [...]`, numbers,
quoted text, and the names of a vocabulary. It is parsed into a tree, every node of the tree is checked, and
the tree is worked out over whole columns; nothing is ever executed. For example

    0 <= days_to_due <= 7 and tier >= 'high' and not is_disputed

A missing value makes every comparison with it false, `!=` and `not in` included.
"""

import ast
import difflib
import operator
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from math import isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["number", "share", "text", "flag", "date"]
Columns = Mapping[str, NDArray[Any]]
Flags = NDArray[np.bool_]

LONGEST = 1000  # characters; keeps hostile nesting far from the parser's limits
SYMBOLS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
}
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
ORDERING = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
SLIPS = (  # what people type, and what the language says
    (r"(?<![<>=!])=(?!=)", "write == to compare"),
    (r"&&|&", "write and"),
    (r"\|\|?", "write or"),
    (r"!(?!=)", "write not"),
    (r"\b(AND|OR|NOT|IN)\b", "write and, or, not, in in small letters"),
    (r"\bbetween\b", "write 0 <= days_to_due <= 7"),
    (r"[“”‘’]", "write straight quotes: '"),
    (r"%", "write 50 % as 0.5"),
)


@dataclass(frozen=True)
class Term:
    """What a name in a condition stands for; `values` closes a text, `ranked` says they ascend."""

    meaning: str
    kind: Kind
    values: tuple[str, ...] = ()
    ranked: bool = False
    said: str = ""  # how a sentence calls it


Vocabulary = Mapping[str, Term]


@dataclass(frozen=True)
class Flaw:
    """One thing wrong with a condition: where (character, from 1), what, and how to mend it."""

    position: int
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        return f"at character {self.position}: {self.message}" + (
            f"; {self.suggestion}" if self.suggestion else ""
        )


class ConditionError(ValueError):
    """A condition that cannot be used, with all its flaws."""

    def __init__(self, text: str, flaws: list[Flaw]) -> None:
        self.text, self.flaws = text, flaws
        super().__init__(f"{text!r}: " + "; ".join(map(str, flaws)))


@dataclass(frozen=True)
class Condition:
    """A checked condition; two conditions that differ in spacing only are equal."""

    text: str
    tree: ast.expr = field(repr=False, compare=False)
    vocabulary: Vocabulary = field(repr=False, compare=False)

    @property
    def names(self) -> frozenset[str]:
        """The names the condition looks at."""
        return frozenset(node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name))

    def holds(self, columns: Columns) -> Flags:
        """One flag per case. Texts are object arrays ("" is missing), ranked texts are ranks from 0."""
        return _holds(self.tree, columns, self.vocabulary)


def parse(text: str, vocabulary: Vocabulary) -> Condition:
    """The condition written in `text`; raises ConditionError with every flaw found."""
    text = " ".join(text.split())
    tree = _tree(text)
    flaws = [_placed(text, node, message, mend) for node, message, mend in _flaws(tree, vocabulary)]
    if flaws:
        raise ConditionError(text, flaws)
    return Condition(ast.unparse(tree), tree, vocabulary)


def nearest(word: str, known: Iterable[str]) -> str:
    """'did you mean …?' for the closest known word, or nothing."""
    found = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"did you mean '{found[0]}'?" if found else ""


def _tree(text: str) -> ast.expr:
    if not text or len(text) > LONGEST:
        length = "is empty" if not text else f"has {len(text)} characters, at most {LONGEST} are read"
        raise ConditionError(text[:40], [Flaw(1, f"the condition {length}", "split it into facts")])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd literals are reported as flaws below, not as warnings
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        mend = next((mend for slip, mend in SLIPS if re.search(slip, _unquoted(text))), "")
        raise ConditionError(text, [Flaw(max(error.offset or 1, 1), "cannot be read", mend)]) from None
    except (ValueError, RecursionError, MemoryError):
        raise ConditionError(text, [Flaw(1, "cannot be read", "split it into facts")]) from None


def _unquoted(text: str) -> str:
    return re.sub(r"'[^']*'|\"[^\"]*\"", "''", text)


def _placed(text: str, node: ast.AST, message: str, mend: str) -> Flaw:
    before = text.encode()[: getattr(node, "col_offset", 0)].decode()
    return Flaw(len(before) + 1, message, mend)


Finding = tuple[ast.AST, str, str]


def _flaws(node: ast.expr, vocabulary: Vocabulary) -> Iterator[Finding]:
    match node:
        case ast.BoolOp(values=parts):
            for part in parts:
                yield from _flaws(part, vocabulary)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            yield from _flaws(inner, vocabulary)
        case ast.Compare():
            for left, sign, right in pairs(node):
                yield from _comparison_flaws(left, sign, right, vocabulary)
        case ast.Name(id=name) if name in vocabulary:
            if vocabulary[name].kind != "flag":
                yield node, f"'{name}' is a {vocabulary[name].kind}", "compare it with a value"
        case ast.Name(id=name):
            yield node, f"unknown name '{name}'", nearest(name, vocabulary)
        case _:
            yield _foreign(node)


def _foreign(node: ast.expr) -> Finding:
    mend = "use and, or, not, comparisons, in [...], numbers, quoted text and names"
    return node, f"'{ast.unparse(node)}' is not part of the language", mend


def pairs(node: ast.Compare) -> list[tuple[ast.expr, ast.cmpop, ast.expr]]:
    """The neighbours of a chained comparison: `0 <= x <= 7` is `0 <= x` and `x <= 7`."""
    return list(zip([node.left, *node.comparators], node.ops, node.comparators, strict=False))


def _comparison_flaws(
    left: ast.expr, sign: ast.cmpop, right: ast.expr, vocabulary: Vocabulary
) -> Iterator[Finding]:
    if type(sign) not in SYMBOLS:
        yield left, "'is' is not part of the language", "write == or !="
        return
    is_member = isinstance(sign, ast.In | ast.NotIn)
    if is_member and not (isinstance(right, ast.List | ast.Tuple | ast.Set) and right.elts):
        yield right, "'in' needs a list", "write in ['DE', 'AT']"
        return
    sides = [left, *right.elts] if is_member else [left, right]  # type: ignore[attr-defined]
    own = [flaw for side in sides for flaw in _operand_flaws(side, vocabulary)]
    yield from own
    if not own:
        yield from _pairing_flaws(sides, sign, vocabulary)


def _operand_flaws(node: ast.expr, vocabulary: Vocabulary) -> Iterator[Finding]:
    match node:
        case ast.Name(id=name) if name not in vocabulary:
            yield node, f"unknown name '{name}'", nearest(name, vocabulary)
        case ast.Name(id=name) if vocabulary[name].kind == "flag":
            yield node, f"'{name}' is true or false by itself", f"write {name} or not {name}"
        case ast.Name(id=name) if vocabulary[name].kind == "date":
            yield node, f"'{name}' is a date", "use a number of days such as days_to_due"
        case ast.Name() | ast.Constant(value=str()):
            return
        case _ if (number := _number(node)) is not None and isfinite(number):
            return
        case _:
            yield _foreign(node)


def _number(node: ast.expr) -> float | None:
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant() as inner) if _number(inner) is not None:
            return -float(inner.value)  # type: ignore[arg-type]
    return None


def _pairing_flaws(sides: list[ast.expr], sign: ast.cmpop, vocabulary: Vocabulary) -> Iterator[Finding]:
    named = [vocabulary[side.id] for side in sides if isinstance(side, ast.Name)]
    if not named:
        yield sides[0], "both sides are fixed values", "compare a name with a value"
        return
    is_text = named[0].kind == "text"
    for side in sides:
        if is_text != _is_text(side, vocabulary):
            wanted = "a quoted text" if is_text else "a number without quotes"
            yield side, f"'{ast.unparse(side)}' cannot be compared here", f"write {wanted}"
            return
    if is_text and isinstance(sign, ORDERING) and not all(term.ranked for term in named):
        yield sides[0], f"texts have no order for {SYMBOLS[type(sign)]}", "use ==, != or in"
    if len({term.values for term in named if term.values}) > 1:
        yield sides[0], "the two sides have no values in common", "compare with a quoted text"
        return
    for side in sides:
        yield from _value_flaws(side, named)


def _is_text(node: ast.expr, vocabulary: Vocabulary) -> bool:
    if isinstance(node, ast.Name):
        return vocabulary[node.id].kind == "text"
    return _number(node) is None


def _value_flaws(side: ast.expr, named: list[Term]) -> Iterator[Finding]:
    for term in named:
        number = _number(side)
        text = str(side.value) if isinstance(side, ast.Constant) else ""
        if term.values and text and text not in term.values:
            mend = nearest(text, term.values) or "values: " + ", ".join(term.values)
            yield side, f"unknown value '{text}'", mend
        elif term.kind == "share" and number is not None and not 0 <= number <= 1:
            yield side, f"{number:g} is not between 0 and 1", "write 50 % as 0.5"


def _holds(node: ast.expr, columns: Columns, vocabulary: Vocabulary) -> Flags:
    match node:
        case ast.BoolOp(op=sign, values=parts):
            combine = np.logical_and if isinstance(sign, ast.And) else np.logical_or
            return reduce(combine, (_holds(part, columns, vocabulary) for part in parts))
        case ast.UnaryOp(operand=inner):
            return ~_holds(inner, columns, vocabulary)
        case ast.Compare():
            return reduce(np.logical_and, (_compare(*pair, columns, vocabulary) for pair in pairs(node)))
        case ast.Name(id=name):
            return columns[name]
    raise AssertionError(f"unchecked condition: {ast.dump(node)}")


def _compare(
    left: ast.expr, sign: ast.cmpop, right: ast.expr, columns: Columns, vocabulary: Vocabulary
) -> Flags:
    if isinstance(sign, ast.In | ast.NotIn):
        same = [_compare(left, ast.Eq(), one, columns, vocabulary) for one in right.elts]  # type: ignore[attr-defined]
        found: Flags = reduce(np.logical_or, same)
        return found if isinstance(sign, ast.In) else ~found & _known(_value(left, columns, ()))
    ranks = next(
        (
            vocabulary[s.id].values
            for s in (left, right)
            if isinstance(s, ast.Name) and vocabulary[s.id].ranked
        ),
        (),
    )
    one, other = _value(left, columns, ranks), _value(right, columns, ranks)
    result: Flags = np.asarray(COMPARE[type(sign)](one, other), dtype=bool) & _known(one) & _known(other)
    return result


def _value(node: ast.expr, columns: Columns, ranks: tuple[str, ...]) -> Any:
    match node:
        case ast.Name(id=name):
            return columns[name]
        case ast.Constant(value=str() as text):
            return ranks.index(text) if ranks else text
    return _number(node)


def _known(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value != ""
    return ~np.isnan(value) if isinstance(value, np.ndarray | float) else True
