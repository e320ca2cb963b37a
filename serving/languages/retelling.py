"""How is a finished English sentence told in the language of the moment?

Sentences that Python makes are kept and sent in English: by the desk, by the API, in what is worked out once for
everybody. A page tells them again: it finds the phrase that a sentence was made of (phrases.py; in the catalogues
under the context "sentence"), takes the values out of its places, and puts them into the translation. What fits no
phrase stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache

from serving.languages import ENGLISH, entries, formats, gettext, language, pgettext, speaking

SENTENCE, CODE = "sentence", "code"
_NUMBER = r"-?\d[\d,]*(?:\.\d+)?"
_DAY = r"\d{4}-\d\d-\d\d|[A-Z][a-z]{2} \d{1,2} [A-Z][a-z]{2}"
_SHAPES = {
    "n": _NUMBER,
    "money": rf"{_NUMBER} [A-Z]{{3}}",
    "share": rf"{_NUMBER} %",
    "day": _DAY,
    "code": r"['\w][\w' -]*?",
}
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PLACE = re.compile(r"%\((\w+)\)s")
MOST_DEEP = 12
"""Phrases within phrases: no made-up text can keep a page busy."""


@dataclass(frozen=True)
class _Phrase:
    """A template, ready to be found."""

    fits: re.Pattern[str]
    longest: str
    """The longest part of it that stands in every sentence made of it: looked for first."""
    told: str
    """Its translation."""


def retold(sentence: str) -> str:
    """The sentence in the language of the moment, as far as its phrases are known."""
    if language() == ENGLISH or not sentence:
        return sentence
    return _retold(language(), sentence, 0)


def words(code: str) -> str:
    """A code as words of the language of the moment."""
    return pgettext(CODE, code.replace("_", " ").replace("ar assistant", "AR assistant"))


@lru_cache(16_384)
def _retold(spoken: str, sentence: str, depth: int) -> str:
    with speaking(spoken):
        found = _whole(sentence)
        if found is None and depth < MOST_DEEP:
            found = _made(spoken, sentence, depth)
        return sentence if found is None else found


def _whole(sentence: str) -> str | None:
    """The translation of a text without places, also where it begins a sentence."""
    for ask in (lambda text: pgettext(SENTENCE, text), gettext):
        if (told := ask(sentence)) != sentence:
            return told
        small = sentence[:1].lower() + sentence[1:]
        if small != sentence and (told := ask(small)) != small:
            return told[:1].upper() + told[1:]
    return None


def _made(spoken: str, sentence: str, depth: int) -> str | None:
    for text in dict.fromkeys((sentence, sentence[:1].lower() + sentence[1:])):
        for phrase in _phrases(spoken):
            if phrase.longest in text and (fit := phrase.fits.fullmatch(text)):
                values = {
                    name: _value(spoken, name, part, depth + 1) for name, part in fit.groupdict().items()
                }
                told = phrase.told % values
                return told if text == sentence else told[:1].upper() + told[1:]
    return _plain_value(sentence)


def _value(spoken: str, name: str, text: str, depth: int) -> str:
    """What stood in a place, in the language of the moment."""
    if name.startswith("own"):
        return text
    if name.startswith("code"):
        told = words(text)
        return told if told != text else words(text[:1].lower() + text[1:])
    plain = _plain_value(text)
    return _retold(spoken, text, depth) if plain is None else plain


def _plain_value(text: str) -> str | None:
    """A number, an amount, a share or a day as the language writes it; None for words."""
    for shape, told in _VALUES:
        if shape.fullmatch(text):
            return told(text)
    return None


def _number(text: str) -> str:
    return formats.decimal(text.replace(",", ""), len(text.partition(".")[2]))


def _money(text: str) -> str:
    amount, currency = text.rsplit(" ", 1)
    return formats.money(amount.replace(",", ""), currency, exact="." in amount)


def _share(text: str) -> str:
    number = text.removesuffix(" %")
    return formats.chance(float(number) / 100) if number.isdecimal() else f"{_number(number)} %"


def _day(text: str) -> str:
    if text[:4].isdecimal():
        return formats.day(date.fromisoformat(text))
    weekday, day, month = text.split()
    if weekday not in _WEEKDAYS or month not in _MONTHS:
        return text
    # said without its year, which its weekday tells well enough
    years = (date(2024 + n, _MONTHS.index(month) + 1, 1) for n in range(28))
    found = (each.replace(day=int(day)) for each in years if int(day) <= 28 or _has(each, int(day)))
    return next(
        (formats.spoken_day(each) for each in found if each.weekday() == _WEEKDAYS.index(weekday)), text
    )


def _has(month: date, day: int) -> bool:
    return (date(month.year + month.month // 12, month.month % 12 + 1, 1) - month).days >= day


_VALUES: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (re.compile(_NUMBER), _number),
    (re.compile(_SHAPES["money"]), _money),
    (re.compile(_SHAPES["share"]), _share),
    (re.compile(_DAY), _day),
)


@cache
def _phrases(spoken: str) -> tuple[_Phrase, ...]:
    """Every translated phrase with places, the most telling first."""
    made = {text: told for text, told in entries(spoken, SENTENCE).items() if _PLACE.search(text)}
    telling = sorted(made, key=lambda text: (-len(_PLACE.sub("", text)), text))
    return tuple(_phrase(text, made[text]) for text in telling)


def _phrase(text: str, told: str) -> _Phrase:
    parts = _PLACE.split(text)
    literal = [part.replace("%%", "%") for part in parts[::2]]
    pattern = "".join(
        re.escape(literal[n // 2]) if n % 2 == 0 else f"(?P<{part}>{_shape(part)})"
        for n, part in enumerate(parts)
    )
    return _Phrase(re.compile(pattern, re.DOTALL), max(literal, key=len), told)


def _shape(name: str) -> str:
    return _SHAPES.get(re.sub(r"[\d_].*$", "", name), ".+?")
