"""How does a view become HTML: the templates, and how money, days, chances and other people's names are written."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from babel.numbers import format_compact_currency, format_currency, format_decimal
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from serving.languages import gettext, ngettext
from serving.messages.formats import cleaned
from serving.pages import charts
from serving.pages.glossary import TERMS
from serving.pages.paths import customer_path, invoice_path, quoted
from serving.policy.sentences import spaced

HERE = Path(__file__).parent
LOCALE = "en"
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
    made.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.filters |= {
        "money": money,
        "day": day,
        "spoken": spoken_day,
        "month": month,
        "moment": moment,
        "chance": chance,
        "words": words,
        "sentence": sentence,
        "own": own,
        "plain": plain,
        "many": many,
        "number": number,
    }
    made.globals |= {
        "static": static_path,
        "customer_path": customer_path,
        "invoice_path": invoice_path,
        "quoted": quoted,
        "charts": charts,
        "TERMS": TERMS,
    }
    return made


@cache
def static_file(name: str) -> bytes:
    """The content of one of STATIC."""
    return (HERE / "static" / name).read_bytes()


@cache
def static_path(name: str) -> str:
    """The address of one of STATIC; it changes with the content, so that a browser may keep it."""
    return f"/static/{name}?v={hashlib.sha256(static_file(name)).hexdigest()[:12]}"


def money(amount: Any, currency: str, exact: bool = True) -> str:
    """An amount with its currency: exact, or as it is said aloud."""
    if amount is None:
        return "amount unknown"
    value = Decimal(str(amount))
    if not exact and (abs(value) >= 100 or value == value.to_integral_value()):
        return _apart(format_currency(value, currency, "¤#,##0", locale=LOCALE, currency_digits=False))
    return _apart(format_currency(value, currency, locale=LOCALE))


def compact(amount: Any, currency: str) -> str:
    """An amount as it fits above a bar: €327K."""
    return _apart(format_compact_currency(Decimal(str(amount)), currency, locale=LOCALE, fraction_digits=0))


def _apart(text: str) -> str:
    """CHF 12 with a space that does not break, €12 without one."""
    return re.sub(r"([A-Za-z])[\s\u00a0]*(\d)", "\\1\u00a0\\2", text)


def number(value: Any, digits: int = 0) -> str:
    """A number as people read it."""
    return "–" if value is None else format_decimal(round(float(value), digits), locale=LOCALE)


def decimal(value: Any, digits: int) -> str:
    """A number with all its digits, for those that stand under each other."""
    return "–" if value is None else format_decimal(float(value), f"0.{'0' * digits}", locale=LOCALE)


def day(value: Any) -> Markup:
    """2 Jul 2026, and for machines 2026-07-02; nothing where no day is known."""
    found = _date(value)
    if found is None:
        return Markup()
    return Markup('<time datetime="{}">{}</time>').format(found.isoformat(), f"{found.day} {found:%b %Y}")


def spoken_day(value: Any) -> Markup:
    """Thu 2 Jul"""
    found = _date(value)
    if found is None:
        return Markup()
    return Markup('<time datetime="{}">{}</time>').format(
        found.isoformat(), f"{found:%a} {found.day} {found:%b}"
    )


def month(value: Any) -> str:
    """Jul 2026"""
    found = _date(value)
    return f"{found:%b %Y}" if found else ""


def moment(value: Any) -> Markup:
    """2 Jul 2026, 14:05 UTC"""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    text = f"{found.day} {found:%b %Y, %H:%M} UTC"
    return Markup('<time datetime="{}">{}</time>').format(found.isoformat(), text)


def _date(value: Any) -> date | None:
    if isinstance(value, str) and value:
        return date.fromisoformat(value[:10])
    return value if isinstance(value, date) else None


def chance(value: Any) -> str:
    """A probability in whole percent; never 0 or 100 before it is decided."""
    if value is None:
        return "–"
    share = 100 * float(value)
    if 0 < share < 1:
        return "< 1 %"
    return "> 99 %" if 99 < share < 100 else f"{share:.0f} %"


def words(code: Any) -> str:
    """A code of the policy or of a record as words."""
    return spaced(str(code)) if code else ""


def sentence(code: Any) -> str:
    """A code as the beginning of a sentence."""
    text = words(code)
    return text[:1].upper() + text[1:]


def own(text: Any) -> Markup:
    """Other people's words: cleaned of what cannot be seen, and kept from turning the text around them."""
    return Markup("<bdi>{}</bdi>").format(cleaned(str(text)))


def plain(text: Any) -> str:
    """The same where no element may stand: in a title, an option, an attribute."""
    return cleaned(str(text))


def many(count: int, one: str, more: str = "") -> str:
    """1 invoice, 2 invoices."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def level_of(tier: str, tiers: tuple[str, ...] | list[str]) -> int:
    """How bad a tier is, 0 to 3, by its place among the policy's tiers: its shape and colour."""
    if tier not in tiers or len(tiers) < 2:
        return 0
    return round(list(tiers).index(tier) * (TIER_LEVELS - 1) / (len(tiers) - 1))
