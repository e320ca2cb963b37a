"""Which language does a visitor want: the own choice, else what the browser asks for, else that of the service?"""

from __future__ import annotations

from babel import Locale, negotiate_locale
from starlette.requests import cookie_parser
from starlette.types import Scope

from serving.languages import ENGLISH, languages

COOKIE = "duecourse_language"
"""Holds the own choice; no secret."""


def wanted(scope: Scope, otherwise: str = ENGLISH) -> str:
    """The language of a request; `otherwise` is what the operator chose."""
    own = cookie_parser(_header(scope, b"cookie")).get(COOKIE, "")
    if own in languages():
        return own
    return negotiate_locale(_accepted(_header(scope, b"accept-language")), languages(), sep="-") or otherwise


def name_of(code: str) -> str:
    """What a language calls itself: Deutsch."""
    locale = Locale.parse(code)
    return (locale.get_display_name(locale) or code).capitalize()


def known(code: str) -> str:
    """The code itself; ValueError where there are no texts in this language."""
    if code not in languages():
        raise ValueError(f"there are no texts in this language; choose one of {', '.join(languages())}")
    return code


def _accepted(header: str) -> list[str]:
    """The languages of an Accept-Language header, the most wanted first."""
    found = []
    for place, part in enumerate(header.split(",")[:20]):
        tag, _, quality = part.strip().partition(";")
        weight = _weight(quality)
        if tag.strip() and weight > 0:
            found.append((-weight, place, tag.strip()))
    return [tag for _, _, tag in sorted(found)]


def _weight(quality: str) -> float:
    text = quality.strip().removeprefix("q=").strip()
    try:
        return min(max(float(text), 0.0), 1.0) if text else 1.0
    except ValueError:
        return 0.0


def _header(scope: Scope, name: bytes) -> str:
    return b", ".join(value for key, value in scope["headers"] if key == name).decode("latin-1")
