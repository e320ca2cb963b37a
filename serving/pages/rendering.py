"""How does a view become HTML: the templates, and how money, days, chances and other people's names are written."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from serving.languages import formats, gettext, language, languages, ngettext, pgettext
from serving.languages.choosing import name_of
from serving.languages.filling import filled
from serving.languages.formats import chance, money, number, rate
from serving.languages.retelling import retold, spelt
from serving.messages.formats import cleaned
from serving.pages import charts
from serving.pages.glossary import TERMS
from serving.pages.paths import customer_path, invoice_path, quoted
from serving.policy.sentences import spaced

HERE = Path(__file__).parent
STATIC = {"pages.css": "text/css", "pages.js": "text/javascript", "icon.svg": "image/svg+xml"}
"""Every file of ours that a page loads, and its type."""
CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    # with no-referrer a browser would hide where a form comes from, also from ourselves
    "Referrer-Policy": "same-origin",
}
TIER_LEVELS = 4


def _filling(look_up: Callable[..., str]) -> Callable[..., Markup]:
    """How a template says a text of the catalogues: (*texts, **values), and a count is a value by itself."""

    def told(*asked: Any, **values: Any) -> Markup:
        counted = {} if isinstance(asked[-1], str) else {"num": asked[-1]}
        return filled(Markup(look_up(*asked)), counted | values)

    return told


def html(template: str, context: Mapping[str, Any]) -> bytes:
    """A page in UTF-8; what is half a character becomes a question mark."""
    return environment().get_template(template).render(context).encode("utf-8", "replace")


@cache
def environment() -> Environment:
    """The templates, with everything escaped that is not ours."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.newstyle_gettext = True  # type: ignore[attr-defined]
    made.filters |= {
        "money": money,
        "day": day,
        "spoken": spoken_day,
        "month": month,
        "moment": moment,
        "chance": lambda share: unbroken(chance(share)),
        "words": words,
        "sentence": sentence,
        "capital": capital,
        "retold": retold,
        "spelt": spelt,
        "own": own,
        "plain": plain,
        "many": many,
        "number": number,
        "rate": lambda share: unbroken(rate(share)),
        "of_form": of_form,
        "ended": ended,
    }
    made.globals |= {
        "gettext": _filling(gettext),
        "ngettext": _filling(ngettext),
        "pgettext": _filling(pgettext),
        "static": static_path,
        "customer_path": customer_path,
        "invoice_path": invoice_path,
        "quoted": quoted,
        "charts": charts,
        "TERMS": TERMS,
        "language": language,
        "languages": languages,
        "name_of": name_of,
    }
    return made


@cache
def static_file(name: str) -> bytes:
    """The content of one of STATIC."""
    return (HERE / "static" / name).read_bytes()


@cache
def packed_file(name: str) -> bytes:
    """The same for those who unpack it."""
    return gzip.compress(static_file(name), mtime=0)


@cache
def static_path(name: str) -> str:
    """The address of one of STATIC; it changes with the content, so that a browser may keep it."""
    return f"/static/{name}?v={hashlib.sha256(static_file(name)).hexdigest()[:12]}"


def day(value: Any) -> Markup:
    """2 Jul 2026, and for machines 2026-07-02; nothing where no day is known."""
    return _dated(value, formats.day)


def spoken_day(value: Any) -> Markup:
    """Thu 2 Jul"""
    return _dated(value, formats.spoken_day)


def _dated(value: Any, told: Callable[[date], str]) -> Markup:
    found = as_date(value)
    if found is None:
        return Markup()
    return Markup(f'<time datetime="{found.isoformat()}">{escape(told(found))}</time>')


def month(value: Any) -> str:
    """Jul 2026"""
    found = as_date(value)
    return formats.month(found) if found else ""


def moment(value: Any) -> Markup:
    """2 Jul 2026, 14:05 UTC"""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return Markup('<time datetime="{}">{}</time>').format(found.isoformat(), formats.moment(found))


def as_date(value: Any) -> date | None:
    """A day, or the day of a moment, written or not; None where there is none."""
    if isinstance(value, str) and value:
        return date.fromisoformat(value[:10])
    return value if isinstance(value, date) else None


def words(code: Any) -> str:
    """A code of the policy or of a record as words."""
    return pgettext("code", spaced(str(code))) if code else ""


def sentence(code: Any) -> str:
    """A code as the beginning of a sentence."""
    return capital(words(code))


def capital(text: str) -> str:
    """A text as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def ended(text: str) -> Markup:
    """A text as a sentence: with its full stop, where it does not end in a point already."""
    return filled(Markup("%(text)s."), {"text": text})


def unbroken(share: str) -> str:
    """42 % that stays on one line."""
    return share.replace(" %", "\u00a0%")


def own(text: Any) -> Markup:
    """Other people's words: cleaned of what cannot be seen, and kept from turning the text around them."""
    return Markup(f"<bdi>{escape(cleaned(str(text)))}</bdi>")


def plain(text: Any) -> str:
    """The same where no element may stand: in a title, an option, an attribute."""
    return cleaned(str(text))


def of_form(id: Any, begin: str) -> str:
    """The name of the form of one line of a list."""
    return f"{begin}{id}"


def many(count: int, one: str, more: str = "") -> str:
    """1 invoice, 2 invoices."""
    told = ngettext(f"%(num)s {one}", f"%(num)s {more or one + 's'}", count)
    return told % {"num": number(count)}


def level_of(tier: str, tiers: tuple[str, ...] | list[str]) -> int:
    """How bad a tier is, 0 to 3, by its place among the policy's tiers: its shape and colour."""
    if tier not in tiers or len(tiers) < 2:
        return 0
    return round(list(tiers).index(tier) * (TIER_LEVELS - 1) / (len(tiers) - 1))
