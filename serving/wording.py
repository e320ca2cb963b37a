"""Which of these phrases does a text contain, however they are typed? The one word machinery of policy and messages.

A phrase is one or more words, written as people say them:
  debt*               any ending: debt, debts, debtor
  why have/has        alternatives of one word
  hand .. over        up to four words between, within one sentence
Curly quotes, other spaces and dashes, capitals, line breaks, invisible characters and letters of other alphabets
that look alike make no difference; nor do signs between the words (**debt** collection). A hyphen may be a space.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

# Possessive, and never the same character in both: no text makes the search slow.
_SEPARATED = r"[^\w.?!;:]++"
_WORDS_BETWEEN = rf"(?:\w++{_SEPARATED}){{0,4}}?"
# What is not copied as it stands: a word parted at a line's end, spaces but a single one, backticks, all beyond plain
# ASCII.
_ODD = re.compile(r"(?<=\w)-[ \t]*\r?\n\s*(?=\w)|\s{2,}|[^\S ]|[^\x20-\x5f\x61-\x7e]")
_ALIKE = str.maketrans(
    "‘’‚‛ʼʹ′´`＇“”„‟«»‐‑‒–—―−аеорсухікмтвнАЕОРСУХІКМТВНοαεικνρτυχΑΒΕΗΙΚΜΝΟΡΤΥΧ",
    "''''''''''\"\"\"\"\"\"-------aeopcyxikmtbhAEOPCYXIKMTBHoaeikvptuxABEHIKMNOPTYX",
)


@dataclass(frozen=True)
class Plain:
    """A text without its typography, and where each character came from."""

    text: str
    pieces: tuple[tuple[int, int, int], ...]
    """(position here, start there, end there) of each piece; a piece of one length is a copy."""

    def source(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original text that became the span [start, end)."""
        return self._origin(start)[0], self._origin(end - 1)[1]

    def _origin(self, position: int) -> tuple[int, int]:
        n = bisect_right(self.pieces, position, key=lambda piece: piece[0]) - 1
        here, start, end = self.pieces[n]
        after = self.pieces[n + 1][0] if n + 1 < len(self.pieces) else len(self.text)
        if after - here != end - start:
            return start, end
        return start + position - here, start + position - here + 1


def plain(text: str, folded: bool = True) -> Plain:
    """The text in plain letters, single spaces and (if folded) small letters."""
    parts: list[str] = []
    pieces: list[tuple[int, int, int]] = []
    length = last = 0
    for start, end, said in _spans(text, folded):
        for part, here, there in ((text[last:start], last, start), (said, start, end)):
            if part:
                parts.append(part.lower() if folded else part)
                pieces.append((length, here, there))
                length += len(part)
        last = end
    return Plain("".join(parts), tuple(pieces))


def _spans(text: str, folded: bool) -> Iterator[tuple[int, int, str]]:
    for odd in _ODD.finditer(text):
        found = odd.group()
        said = "" if found[0] == "-" else " " if found.isspace() else _plain_letter(found, folded)
        yield odd.start(), odd.end(), said
    yield len(text), len(text), ""


@lru_cache(maxsize=4096)
def _plain_letter(letter: str, folded: bool) -> str:
    parts = unicodedata.normalize("NFKD", letter.translate(_ALIKE))
    kept = "".join(c for c in parts if unicodedata.category(c) not in ("Mn", "Cf", "Cc")).translate(_ALIKE)
    return kept.casefold() if folded else kept


class Phrases:
    """Phrases by name, ready to be found all at once: a text of a page takes about a millisecond."""

    def __init__(self, phrases: Mapping[str, Iterable[str]]) -> None:
        by_start: dict[str, dict[str, list[str]]] = {}
        for name, listed in phrases.items():
            for phrase in sorted(listed, key=len, reverse=True):  # the longest written one is found
                for start in _starts(phrase):
                    by_start.setdefault(start, {}).setdefault(name, []).append(_pattern(phrase))
        self._by_start = {
            start: [(name, re.compile("|".join(patterns))) for name, patterns in named.items()]
            for start, named in by_start.items()
        }
        signs = "".join(re.escape(start) for start in by_start if not re.match(r"\w", start))
        self._places = re.compile(rf"(?<!\w)\w|[{signs}]" if signs else r"(?<!\w)\w")

    def found(self, words: Plain) -> Iterator[tuple[str, int, int]]:
        """(name, start, end) of what a text contains, places in the original text; none of a name overlap."""
        done: dict[str, int] = {}
        text = words.text
        for place in self._places.finditer(text):
            at = place.start()
            for start in (text[at], text[at : at + 2]):
                for name, pattern in self._by_start.get(start, ()):
                    match = pattern.match(text, at)
                    if match and at >= done.get(name, 0):
                        done[name] = match.end()
                        yield (name, *words.source(*match.span()))


def _starts(phrase: str) -> set[str]:
    """The one or two characters that a place must begin with for the phrase to stand there."""
    first = plain(phrase).text.split()[0]
    return {re.split(r"[*'-]", choice)[0][:2] or choice[:1] for choice in _choices(first)}


def _pattern(phrase: str) -> str:
    words = plain(phrase).text.split()
    body = ""
    for n, word in enumerate(words):
        if word == "..":
            body += _WORDS_BETWEEN
        else:
            said = "|".join(_word(choice) for choice in _choices(word))
            body += f"(?:{said})" + (_SEPARATED if n + 1 < len(words) else "")
    return body + (r"(?!\w)" if re.search(r"[\w*]$", words[-1]) else "")


def _choices(word: str) -> list[str]:
    return word.split("/") if re.search(r"\w/\w", word) else [word]


def _word(word: str) -> str:
    return re.escape(word).replace(r"\*", r"\w*").replace(r"\-", "[- ]?").replace("'", "'?")


@lru_cache(maxsize=256)
def phrases(listed: tuple[str, ...]) -> Phrases:
    """A list of phrases, each by its own name."""
    return Phrases({phrase: (phrase,) for phrase in listed})


def contained(text: str, listed: Iterable[str]) -> list[str]:
    """The phrases of a list that a text contains, in the order of the list."""
    listed = tuple(listed)
    found = {name for name, _, _ in phrases(listed).found(plain(text))}
    return [phrase for phrase in listed if phrase in found]
