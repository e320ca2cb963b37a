"""In which language is somebody answered? Texts are written in English and looked up in the catalogues of others.

A catalogue is LANGUAGE.po beside this file (gettext), read once. What it lacks stays English.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from serving.languages.filling import Sentence

CATALOGUES = Path(__file__).parent
ENGLISH = "en"
_language: ContextVar[str] = ContextVar("language", default=ENGLISH)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Answer in a language of `languages()` until the block ends, in this thread or task."""
    before = _language.set(language)
    try:
        yield
    finally:
        _language.reset(before)


def language() -> str:
    """The language of this moment: a code that Babel knows as a locale too."""
    return _language.get()


@cache
def languages() -> tuple[str, ...]:
    """Every language that texts exist in: English first."""
    return (ENGLISH, *sorted(each.stem for each in CATALOGUES.glob("*.po")))


def gettext(text: str) -> str:
    """The text in the language of this moment."""
    # under the empty text a catalogue keeps its head
    return Sentence(_catalogue(language()).gettext(text)) if text else text


def pgettext(context: str, text: str) -> str:
    """The text where the same letters mean several things: "open" as the state of an alert, and on a button."""
    return Sentence(_catalogue(language()).pgettext(context, text))


def ngettext(one: str, many: str, count: int) -> str:
    """The text for a count in the language of this moment."""
    return Sentence(_catalogue(language()).ngettext(one, many, count))


def marked(text: str) -> str:
    """The text as it is: here it is only noted for the catalogues, and looked up where it is shown."""
    return text


@cache
def entries(code: str, context: str) -> dict[str, str]:
    """Every translated text of a context."""
    if code == ENGLISH:
        return {}
    with (CATALOGUES / f"{code}.po").open("rb") as source:
        found = read_po(source, locale=code)
    return {
        str(each.id): str(each.string)
        for each in found
        if each.context == context and each.string and not each.fuzzy
    }


@cache
def _catalogue(code: str) -> NullTranslations:
    path = CATALOGUES / f"{code}.po"
    if code == ENGLISH or not path.exists():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=code))
    compiled.seek(0)
    return Translations(compiled)
