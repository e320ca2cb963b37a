"""Which numbers of a policy are changed most, and how are they changed without touching a word around them?

A policy is a text that people wrote, with their comments; so a number is changed where it stands in that text. What
comes out is a text like any other: it has to be read, checked and tried before it is in force.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import yaml

from serving.policy.located import PolicyError, Problem

GROUPS = ("worklist", "numbers", "tier_rules")
_COMPARED = re.compile(r"\w+\s*(?:[<>]=?|==|!=)\s*\Z")
_REMARK, _RULED = re.compile(r"\s*#"), re.compile(r"\s*#\s*-{3}")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")


@dataclass(frozen=True)
class Number:
    """A number of a policy: where it stands in the text, and what it is part of."""

    place: str
    """Such as `numbers.quiet_days`, or `tier_rules.late_possible.1` for the first number of that rule's condition."""
    value: str
    begin: int
    end: int
    line: int
    rule: str = ""
    """The rule of a tier whose condition it is part of."""
    compared: str = ""
    """What is compared with it there, such as `p_late >=`."""
    comment: str = ""
    """What the text says beside it or above it: the reason for the number."""

    @property
    def group(self) -> str:
        """The section of the policy that it stands in."""
        return self.place.partition(".")[0]


def numbers_of(text: str) -> list[Number]:
    """Places of the day's work, numbers that the rules name, and what the conditions of the tiers compare with.

    Raises PolicyError for a text that is no YAML.
    """
    return list(_numbers_of(text))


@lru_cache(maxsize=4)
def _numbers_of(text: str) -> tuple[Number, ...]:
    """To read a policy takes a tenth of a second, and the one in force is asked about again and again."""
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise PolicyError([Problem(1, "", f"cannot be read: {error}")]) from None
    sections = dict(_entries(node))
    found = [each for name in GROUPS[:2] for each in _plain(name, sections.get(name), text)]
    return (*found, *_compared(sections.get("tier_rules"), text))


def amended(text: str, values: Mapping[str, str]) -> str:
    """The text with other numbers at some places; raises PolicyError for what is no number or no such place."""
    known = {each.place: each for each in numbers_of(text)}
    problems = [
        Problem(
            known[place].line if place in known else 1,
            place,
            f"{value!r} is no number here",
            "write 7 or 0.25",
        )
        for place, value in values.items()
        if place not in known or not _is_number(value)
    ]
    if problems:
        raise PolicyError(problems)
    changed = sorted(
        (known[place] for place, value in values.items() if not _is_same(known[place].value, value)),
        key=lambda each: -each.begin,
    )
    for each in changed:
        text = text[: each.begin] + values[each.place].strip() + text[each.end :]
    return text


def _plain(section: str, node: yaml.Node | None, text: str) -> Iterator[Number]:
    """The numbers of a section, those of a currency, a channel or a tier too.

    A comment above an entry is about those below it too, up to a blank line or the next comment.
    """
    lines, block = text.splitlines(), ""
    for key, value in node.value if isinstance(node, yaml.MappingNode) else []:
        above, behind = _comments(lines, key.start_mark, value.end_mark)
        is_apart = key.start_mark.line > 0 and not lines[key.start_mark.line - 1].strip()
        block = above or ("" if behind or is_apart else block)
        yield from _scalars(f"{section}.{key.value}", value, f"{block} {behind}".strip())


def _scalars(place: str, node: yaml.Node, comment: str) -> Iterator[Number]:
    if isinstance(node, yaml.ScalarNode) and _is_number(node.value):
        start, end = node.start_mark, node.end_mark
        yield Number(place, node.value, start.index, end.index, start.line + 1, comment=comment)
    for name, value in _entries(node):
        yield from _scalars(f"{place}.{name}", value, comment)


def _comments(lines: list[str], begin: yaml.Mark, end: yaml.Mark) -> tuple[str, str]:
    """The comment right above an entry, and the one behind its end; '' where there is none."""
    above: list[str] = []
    row = begin.line - 1
    while row >= 0 and _REMARK.match(lines[row]) and not _RULED.match(lines[row]):
        above.insert(0, lines[row])
        row -= 1
    # a block ends where the next entry begins: what stands behind it is not its own
    last = lines[end.line][end.column :] if end.line < len(lines) and end.column else ""
    behind = last if _REMARK.match(last) else ""
    return " ".join(each.strip().lstrip("# ") for each in above), behind.strip().lstrip("# ")


def _compared(node: yaml.Node | None, text: str) -> Iterator[Number]:
    lines = text.splitlines()
    for rule in node.value if isinstance(node, yaml.SequenceNode) else []:
        told = dict(_entries(rule))
        if not {"id", "when"} <= told.keys():
            continue
        start, end = told["when"].start_mark, told["when"].end_mark
        comment = " ".join(_comments(lines, rule.start_mark, end)).strip()
        for count, found in enumerate(_NUMBER.finditer(text, start.index, end.index), 1):
            name = told["id"].value
            before = _COMPARED.search(text, start.index, found.start())
            place, compared = f"tier_rules.{name}.{count}", before[0].strip() if before else ""
            yield Number(place, found[0], found.start(), found.end(), start.line + 1, name, compared, comment)


def _entries(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    for key, value in node.value if isinstance(node, yaml.MappingNode) else []:
        yield str(key.value), value


def _is_number(value: str) -> bool:
    return _NUMBER.fullmatch(value.strip()) is not None


def _is_same(before: str, after: str) -> bool:
    try:
        return Decimal(before) == Decimal(after.strip())
    except InvalidOperation:
        return False
