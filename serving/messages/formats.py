"""How do names, money, days and tables stand in a text, whoever wrote the names and whatever the language?

Other people's words are made safe once, on their way in: one line, no invisible or control characters, and set
between two marks while a template is filled. In the end the marks become what the format needs (bdi in HTML,
isolates around right-to-left text), and tell the linter which words are not ours.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from babel.dates import format_date, format_skeleton
from babel.lists import format_list
from babel.numbers import format_currency, format_percent
from markupsafe import Markup

from serving.messages.case import Money

OPEN, CLOSE = "\ue000", "\ue001"
FIXED = "\ue002"
"""At the start of a line that is not to be wrapped: the row of a table."""
WIDTH = 72
WIDEST_TABLE = 84
LONGEST = 200
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def cleaned(text: str) -> str:
    """A text on one line, without characters that cannot be seen or that reach beyond their place."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    # A joiner inside a word is part of some scripts; the others of its kind only mislead.
    visible = (c if unicodedata.category(c) not in _INVISIBLE or c == "\u200d" else " " for c in text)
    return " ".join("".join(visible).split())


def set_apart(value: Any, is_ours: bool = False) -> Any:
    """A case whose texts are clean, and stand between marks where they are not our own words."""
    if isinstance(value, str):
        text = cleaned(value)
        short = text if is_ours or len(text) <= LONGEST else text[: LONGEST - 1] + "…"
        return short if is_ours or not short else f"{OPEN}{short}{CLOSE}"
    if isinstance(value, tuple):
        return tuple(set_apart(each, is_ours) for each in value)
    if is_dataclass(value) and not isinstance(value, type | Money):
        texts = (each for each in fields(value) if "code" not in each.metadata)
        changes = {f.name: set_apart(getattr(value, f.name), "ours" in f.metadata) for f in texts}
        return replace(value, **changes)
    return value


def money(value: Money, locale: str) -> str:
    """An amount as the locale writes it, with the digits of its currency."""
    return format_currency(value.amount, value.currency, locale=locale)


def monies(values: Sequence[Money], locale: str) -> str:
    """Amounts of several currencies beside each other."""
    return format_list([money(value, locale) for value in values], locale=locale) if values else ""


def day(value: date, locale: str) -> str:
    """5 March 2026"""
    return _kept_together(format_date(value, "long", locale=locale))


def short_day(value: date | None, locale: str) -> str:
    """5 Mar 2026; nothing where the day is not known."""
    return format_date(value, "medium", locale=locale) if value else ""


def weekday(value: date, locale: str) -> str:
    """Thursday"""
    return format_date(value, "EEEE", locale=locale)


def day_of_month(value: date, locale: str) -> str:
    """5 March"""
    return _kept_together(format_skeleton("MMMMd", value, locale=locale))


def _kept_together(text: str) -> str:
    """The text without a place to break a line."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def listed(values: Iterable[str], locale: str) -> str:
    """First, second and third."""
    return format_list(list(values), locale=locale)


def length(text: str) -> int:
    """How many columns a text takes; marks take none, wide letters two."""
    if text.isascii():  # most of it is, and filling a page asks this of every line and word
        return len(text)
    if text.isascii():
        return len(text)
    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in text if c not in (OPEN, CLOSE))


def wrapped(text: str) -> str:
    """Paragraphs filled to the width of a page; tables and lists keep their lines."""
    blocks = "\n\n".join(filter(None, (_filled(block) for block in re.split(r"\n\s*\n", text))))
    return blocks.replace("\N{NO-BREAK SPACE}", " ")


def _filled(block: str) -> str:
    lines = [line for line in block.split("\n") if line.strip()]
    if lines and lines[0].startswith(FIXED):
        return "\n".join(line.removeprefix(FIXED) for line in lines)
    points: list[str] = []
    for line in (line.strip() for line in lines):
        if points and not line.startswith("* "):
            points[-1] += f" {line}"
        else:
            points.append(line)
    return "\n".join(_paragraph(point) for point in points)


def _paragraph(text: str) -> str:
    indent = "  " if text.startswith("* ") else ""
    lines, at = [""], 0
    for word in text.split(" "):
        wide = length(word)
        if lines[-1].strip() and at + 1 + wide > WIDTH:
            lines.append(indent + word)
            at = len(indent) + wide
        else:
            gap = " " if lines[-1].strip() else ""
            lines[-1] += gap + word
            at += len(gap) + wide
    return "\n".join(lines)


def as_html(text: str) -> Markup:
    """Paragraphs and lists of escaped text as HTML; tables, which are HTML already, stand as they are."""
    blocks = (block.strip() for block in re.split(r"\n\s*\n", str(text)))
    return Markup("\n".join(_html_block(block) for block in blocks if block))


def _html_block(block: str) -> str:
    if block.startswith("<"):
        return block
    if block.startswith("* "):
        points = "".join(f"<li>{point.strip()}</li>" for point in re.split(r"(?m)^\s*\* ", block) if point)
        return f"<ul>{points}</ul>"
    return f"<p>{' '.join(block.split())}</p>"


RIGHT = ">"
"""A heading that begins with it has its column to the right, as amounts do."""


def text_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns; where they are wider than a page, one line after the other under each first cell."""
    kept = [n for n, _ in enumerate(headings) if any(row[n] for row in rows)]
    titles = [headings[n].removeprefix(RIGHT) for n in kept]
    table = [titles, *([row[n] for n in kept] for row in rows)]
    widths = [max(length(row[n]) for row in table) for n in range(len(kept))]
    if sum(widths) + 2 * (len(widths) - 1) > WIDEST_TABLE:
        return _stacked(titles, table[1:])
    to_right = [headings[n].startswith(RIGHT) for n in kept]
    return "\n".join(_row(row, widths, to_right) for row in table)


def _row(cells: Sequence[str], widths: Sequence[int], to_right: Sequence[bool]) -> str:
    padded = (
        (cell, " " * (width - length(cell)), right)
        for cell, width, right in zip(cells, widths, to_right, strict=True)
    )
    return (
        FIXED + "  ".join(space + cell if right else cell + space for cell, space, right in padded).rstrip()
    )


def _stacked(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = []
    for row in rows:
        lines.append(f"{FIXED}{titles[0]} {row[0]}")
        lines += [
            f"{FIXED}  {title}: {cell}" for title, cell in zip(titles[1:], row[1:], strict=True) if cell
        ]
    return "\n".join(lines)


def html_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """A table whose cells are escaped."""
    kept = [n for n, _ in enumerate(headings) if any(row[n] for row in rows)]
    head = Markup("").join(_cell("th", headings[n], headings[n].removeprefix(RIGHT)) for n in kept)
    body = Markup("\n").join(
        Markup("<tr>{}</tr>").format(Markup("").join(_cell("td", headings[n], row[n]) for n in kept))
        for row in rows
    )
    return Markup("<table>\n<tr>{}</tr>\n{}\n</table>").format(head, body)


def _cell(tag: str, heading: str, text: str) -> Markup:
    side = "right" if heading.startswith(RIGHT) else "left"
    style = f"text-align: {side}; padding: 2px 12px 2px 0"
    return Markup('<{} style="{}">{}</{}>').format(Markup(tag), style, text, Markup(tag))


def text_lines(lines: Sequence[str]) -> str:
    """Lines that stay lines: an address, a signature."""
    return "\n".join(FIXED + line for line in lines if line)


def html_lines(lines: Sequence[str]) -> Markup:
    """Lines that stay lines, escaped."""
    said = Markup("<br>\n").join(line for line in lines if line)
    return Markup("<p>{}</p>").format(said) if said else said


def percent(number: Decimal, locale: str) -> str:
    """Such as 0.5 % as the language writes it."""
    return format_percent(number / 100, locale=locale, decimal_quantization=False)


def capitalised(text: str) -> str:
    """The text with a capital first letter of our own words."""
    return text[:1].upper() + text[1:]


def finished_text(text: str) -> tuple[str, list[tuple[int, int]]]:
    """A filled text without its marks, and the places of other people's words in it."""
    parts: list[str] = []
    quoted, at = [], 0
    for n, part in enumerate(re.split(f"[{OPEN}{CLOSE}]", text)):
        is_quoted = n % 2 == 1
        said = f"\u2068{part}\u2069" if is_quoted and _is_right_to_left(part) else part
        if is_quoted:
            quoted.append((at, at + len(said)))
        parts.append(said)
        at += len(said)
    return "".join(parts), quoted


def finished_html(text: str) -> str:
    """A filled page in which other people's words cannot change the direction of ours."""
    head, body = text.split("<body", 1)
    head = re.sub(f"[{OPEN}{CLOSE}]", "", head)
    return head + "<body" + body.replace(OPEN, "<bdi>").replace(CLOSE, "</bdi>")


def _is_right_to_left(text: str) -> bool:
    return any(unicodedata.bidirectional(c) in ("R", "AL") for c in text)
