"""How is a finished English sentence told in the language of the moment?

Sentences that Python makes are kept and sent in English: by the desk, by the API, in what is worked out once for
everybody. A page tells them again: it finds the phrase that a sentence was made of (phrases.py; in the catalogues
under the context "sentence"), takes the values out of its places, and puts them into the translation. What fits no
phrase stays as it is. In English only amounts and days change: they are written as everywhere else on a page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from itertools import islice

from babel.numbers import list_currencies

from serving.languages import ENGLISH, entries, formats, gettext, language, pgettext, speaking
from serving.languages.filling import filled

SENTENCE, CODE = "sentence", "code"
_NUMBER = r"-?\d[\d,]*(?:\.\d+)?"
_DAY = r"\d{4}-\d\d-\d\d|[A-Z][a-z]{2} \d{1,2} [A-Z][a-z]{2}"
_SHAPES = {
    "n": _NUMBER,
    "money": rf"{_NUMBER} [A-Z]{{3}}",
    "share": rf"{_NUMBER} ?%",
    "day": _DAY,
    "code": r"\w[\w -]*",
    "rule": r"[a-z][a-z0-9_]*",
    "lasting": r"1 day|\d+ days",
    "when": r"today|due today|in 1 day|in \d+ days",
    "value": rf"{_NUMBER}(?: ?%)?|[A-Z][a-z]+day|unknown",
}
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PLACE = re.compile(r"%\((\w+)\)s")
MOST_DEEP, MOST_TRIED, MOST_READ = 12, 40, 1500
"""Phrases within phrases, ways to read one sentence as one phrase, and parts read in all: no made-up text keeps a page
busy."""
_left: ContextVar[list[int]] = ContextVar("left")


class _TooOftenReadError(Exception):
    """A sentence can be read in so many ways that none of them is worth it."""


@dataclass(frozen=True)
class _Phrase:
    """A template, ready to be found: what stands between its places, and what may stand in them."""

    literals: tuple[str, ...]
    names: tuple[str, ...]
    shapes: tuple[re.Pattern[str], ...]
    longest: str
    """Looked for first."""
    told: str
    """Its translation."""


def retold(sentence: str, exact: bool = False) -> str:
    """The sentence in the language of the moment, as far as its phrases are known.

    `exact`: it quotes what somebody wrote, which stays as it was written.
    """
    return _told(language(), sentence.strip(), exact) if sentence else sentence


def _with_units(sentence: str) -> str:
    """The sentence with a space before %, and each amount with its currency where only one is named."""
    sentence = _PERCENT.sub(r"\1 %", sentence)
    named = set(_CURRENCY.findall(sentence))
    return _BARE.sub(rf"\g<0> {named.pop()}", sentence) if len(named) == 1 else sentence


@lru_cache(4_096)
def _told(spoken: str, sentence: str, exact: bool) -> str:
    clear = sentence if exact else _with_units(sentence)
    if spoken == ENGLISH and exact:
        return clear
    if spoken == ENGLISH:
        return _IN_ENGLISH.sub(lambda found: _plain_value(found[0]) or found[0], clear)
    budget = _left.set([MOST_READ])
    try:
        return _retold(spoken, clear, 0)[0]
    except _TooOftenReadError:
        return clear
    finally:
        _left.reset(budget)


def spelt(sentence: str) -> str:
    """A verdict of the policy with the rules and steps that it names as words: nobody has to read underscores."""
    return _CODE.sub(lambda found: words(found[0]), sentence)


def words(code: str) -> str:
    """A code as words of the language of the moment."""
    return pgettext(CODE, code.replace("_", " ").replace("ar assistant", "AR assistant"))


@lru_cache(16_384)
def _retold(spoken: str, sentence: str, depth: int) -> tuple[str, bool]:
    """The sentence told again, and whether all of it was known."""
    left = _left.get()
    left[0] -= 1
    if left[0] < 0:
        raise _TooOftenReadError  # not remembered, unlike an answer
    with speaking(spoken):
        for text, told in _readings(sentence):
            found = _whole(text)
            if found is None and depth < MOST_DEEP:
                found = _made(spoken, text, depth)
            if found is not None:
                return told(found), True
        return _in_parts(spoken, sentence, depth)


def _readings(sentence: str) -> Iterator[tuple[str, Callable[[str], str]]]:
    """The sentence as it stands, as a clause in the middle of another, and without its end."""
    small = sentence[:1].lower() + sentence[1:]
    yield sentence, str
    if small != sentence:
        yield small, _capital
    if sentence.endswith("."):
        yield sentence[:-1], _ended
        yield small[:-1], lambda told: _ended(_capital(told))


def _ended(text: str) -> str:
    return filled("%(text)s.", {"text": text})


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _whole(sentence: str) -> str | None:
    """The translation of a text without places."""
    if not sentence:
        return sentence
    plain = sentence.replace("_", " ")
    for told, asked in (
        (pgettext(SENTENCE, sentence), sentence),
        (gettext(sentence), sentence),
        (pgettext(CODE, plain), plain),
    ):
        if told != asked:
            return told
    return _plain_value(sentence)


def _made(spoken: str, sentence: str, depth: int) -> str | None:
    """The translation by the first phrase whose places hold nothing unknown."""
    for phrase in _phrases(spoken):
        if phrase.longest in sentence:
            for values in islice(_assignments(phrase, sentence, 0, len(phrase.literals[0])), MOST_TRIED):
                told = [_value(spoken, *each, depth + 1) for each in zip(phrase.names, values, strict=True)]
                if all(is_known for _, is_known in told):
                    return filled(
                        phrase.told, dict(zip(phrase.names, (text for text, _ in told), strict=True))
                    )
    return None


def _assignments(phrase: _Phrase, sentence: str, place: int, begin: int) -> Iterator[tuple[str, ...]]:
    """Every way to find the values of a phrase's places from one of them on."""
    if place == 0 and not sentence.startswith(phrase.literals[0]):
        return
    if place == len(phrase.names):
        if begin == len(sentence):
            yield ()
        return
    after, is_last = phrase.literals[place + 1], place + 1 == len(phrase.names)
    end = len(sentence) - len(after) if is_last else sentence.find(after, begin + 1)
    while begin < end:
        if sentence.startswith(after, end) and phrase.shapes[place].fullmatch(sentence, begin, end):
            for rest in _assignments(phrase, sentence, place + 1, end + len(after)):
                yield (sentence[begin:end], *rest)
        end = -1 if is_last else sentence.find(after, end + 1)


def _in_parts(spoken: str, sentence: str, depth: int) -> tuple[str, bool]:
    """What is known of a sentence of which something is not: its parts, one by one."""
    if depth < MOST_DEEP:
        for joint in ("; ", ": ", ". "):
            if joint in sentence:
                parts = [_retold(spoken, part, depth + 1)[0] for part in sentence.split(joint)]
                return joint.join(parts), False
    return sentence, False


def _value(spoken: str, name: str, text: str, depth: int) -> tuple[str, bool]:
    """What stood in a place, in the language of the moment, and whether it was known."""
    if name.startswith("own"):
        return text, True
    if name.startswith("counted"):
        return ", ".join(_counted(each) for each in text.split(", ")), True
    if name.startswith("rule"):
        return words(text), True
    if name.startswith("code"):
        told = words(text)
        return (told if told != text else words(text[:1].lower() + text[1:])), True
    return _retold(spoken, text, depth)


def _counted(text: str) -> str:
    """A code with how often it was seen."""
    code, _, count = text.rpartition(" ")
    return f"{words(code)} {count}"


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
    number = text.rstrip(" %")
    return formats.chance(float(number) / 100) if number.isdecimal() else f"{_number(number)} %"


def _day(text: str) -> str:
    if text[:4].isdecimal():
        try:
            return formats.day(date.fromisoformat(text))
        except ValueError:
            return text
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


_CURRENCIES = "|".join(sorted(list_currencies()))
_PERCENT = re.compile(r"(\d)%(?!\w)")
_CURRENCY = re.compile(rf"(?<=\d )({_CURRENCIES})(?!\w)")
_BARE = re.compile(
    rf"(?:limit of|cut from|;) \d[\d,]*(?:\.\d+)?(?!\.?\d|[\w,%-])(?= to |\.$| came\.)(?! (?:{_CURRENCIES})\b)"
)
"""What alerts say of money without its currency, which the sentence names elsewhere."""
_IN_ENGLISH = re.compile(rf"(?<![\w.,-])(?:{_NUMBER} (?:{_CURRENCIES})|\d{{4}}-\d\d-\d\d)(?![\w-])")
"""Amounts and days in an English sentence: nothing within a longer number or a code."""
_CODE = re.compile(r"(?<=\()[a-z]+(?:_[a-z\d]+)+(?=\))|(?<=without that, )[a-z]+(?:_[a-z\d]+)+(?=,)")
"""A rule or a step that a verdict of the policy names."""


@cache
def _phrases(spoken: str) -> tuple[_Phrase, ...]:
    """Every translated phrase with places, the most telling first."""
    made = {text: told for text, told in entries(spoken, SENTENCE).items() if _PLACE.search(text)}
    telling = sorted(made, key=lambda text: (-len(_PLACE.sub("", text)), text))
    return tuple(_phrase(text, made[text]) for text in telling)


def _phrase(text: str, told: str) -> _Phrase:
    parts = _PLACE.split(text)
    literals, names = tuple(part.replace("%%", "%") for part in parts[::2]), tuple(parts[1::2])
    return _Phrase(literals, names, tuple(map(_shape, names)), max(literals, key=len), told)


@cache
def _shape(name: str) -> re.Pattern[str]:
    return re.compile(_SHAPES.get(re.sub(r"[\d_].*$", "", name), ".+"), re.DOTALL)
