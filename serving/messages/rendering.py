"""What do we write or say to this customer? Templates filled with the facts of a case, and nothing but facts.

A template is a file of blocks (texts/<language>/actions/<action>.jinja); the layout of the channel arranges them.
The same blocks make the plain text and the HTML of an e-mail, so that both say the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from babel import Locale, UnknownLocaleError
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict

from serving.messages import formats
from serving.messages.case import MessageCase, NextStep, summed
from serving.messages.linting import DEFAULT_LANGUAGE, Finding, code_of, lint

Channel = Literal["email", "letter", "phone"]
CHANNELS = get_args(Channel)
TEXTS = Path(__file__).parent / "texts"
OWN_STEP = "own_step"
"""The text of a step that a policy adds and that has no text of its own yet: its opening, in a frame."""
NEEDS_APPROVAL = "announce_next_step"
LONGEST_SUBJECT = 140


@dataclass(frozen=True)
class Message:
    """A text ready to be read, changed and sent by a person."""

    subject: str
    text: str
    html: str
    """For e-mails; empty for letters and calls."""
    language: str
    template: str
    warnings: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    """What the text says that it should not, with places in `text`; the warnings tell them too."""


class Language(BaseModel):
    """What a language is called, how it writes days and amounts, and the headings of its tables."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    locale: str
    headings: dict[str, str]


@cache
def languages() -> tuple[str, ...]:
    """The languages there are texts in."""
    return tuple(sorted(path.parent.name for path in TEXTS.glob("*/language.yaml")))


@cache
def language_of(code: str) -> Language:
    """The settings of a language there are texts in."""
    return Language.model_validate(yaml.safe_load((TEXTS / code / "language.yaml").read_text("utf-8")))


@cache
def actions(language: str = DEFAULT_LANGUAGE) -> tuple[str, ...]:
    """The actions that have a text of their own."""
    names = (path.stem for path in (TEXTS / language / "actions").glob("*.jinja"))
    return tuple(sorted(name for name in names if name != OWN_STEP))


def names_help(action: str, language: str = DEFAULT_LANGUAGE) -> bool:
    """Whether the text of an action names places of help."""
    file = TEXTS / language / "actions" / f"{action}.jinja"
    text = file.read_text("utf-8") if file.is_file() else ""
    return "case.assistance" in text or "say.help(" in text


def render(
    action: str,
    channel: str,
    case: MessageCase,
    language: str = DEFAULT_LANGUAGE,
    approved_next_step: NextStep | None = None,
    never_say: Iterable[str] = (),
) -> Message:
    """The message of an action for a case; ValueError where there is none.

    `language` is a code such as 'en' or 'de-AT'; where it has no text for the action, English is used and a
    warning says so. Phrases of the policy's `never_say` are looked for too.
    """
    _check(action, channel, approved_next_step)
    code, locale = spoken(language, action)
    name = action if action in actions(code) else OWN_STEP
    view, step = formats.set_apart(case), formats.set_apart(approved_next_step)
    fill = partial(_filled, code, locale, name, view, channel, step)
    subject, in_subject = formats.finished_text(" ".join(fill("subject.txt").split()))
    text, in_text = formats.finished_text(fill(f"{channel}.txt").strip() + "\n")
    html = formats.finished_html(fill("email.html")) if channel == "email" else ""
    found = lint(text, code, approved_next_step, never_say, in_text)
    in_title = lint(subject, code, approved_next_step, never_say, in_subject)
    told = dict.fromkeys(str(each) for each in (*in_title, *found))
    warnings = (*_about_language(language, code), *_missing(case, channel), *told)
    return Message(_shortened(subject), text, html, code, f"{code}/{name}", warnings, tuple(found))


def _check(action: str, channel: str, approved_next_step: NextStep | None) -> None:
    if channel not in CHANNELS:
        raise ValueError(f"unknown channel '{channel}': one of {', '.join(CHANNELS)}")
    if not re.fullmatch("[a-z][a-z0-9_]*", action):
        raise ValueError(f"'{action}' is no action: use a name of the policy, such as friendly_reminder")
    if action == NEEDS_APPROVAL and approved_next_step is None:
        raise ValueError(f"'{action}' needs an approved next step: who approved it, when, and for which day")


def spoken(language: str, action: str) -> tuple[str, str]:
    """The language of the texts and the locale of days and amounts; English where there is no text."""
    parts, code = re.split("[-_]", language), code_of(language)
    if code not in languages() or (action in actions() and action not in actions(code)):
        return DEFAULT_LANGUAGE, language_of(DEFAULT_LANGUAGE).locale
    if len(parts) == 1:
        return code, language_of(code).locale
    try:
        return code, str(Locale.parse("_".join([code, *parts[1:]])))
    except (UnknownLocaleError, ValueError):
        return code, language_of(code).locale


def _about_language(asked: str, code: str) -> Iterator[str]:
    if code_of(asked) != code:
        yield f"there is no text in '{asked}' yet; this one is in {language_of(code).name}"


def _missing(case: MessageCase, channel: str) -> Iterator[str]:
    """What a reader would miss and a person can still add."""
    if not case.contact_person:
        yield "no contact person is known, so nobody is addressed by name"
    if not case.sender.name:
        yield "no sender is named"
    if channel == "letter" and not case.address:
        yield "no address is known for the letter"
    unclear = [item.number for item in case.items if item.open is None or item.due_on is None]
    if unclear:
        yield f"no open amount or no due date is known of {', '.join(map(formats.cleaned, unclear))}"


def _shortened(subject: str) -> str:
    if len(subject) <= LONGEST_SUBJECT:
        return subject
    kept = subject[: LONGEST_SUBJECT - 2] + "…"
    return kept + "\u2069" * (kept.count("\u2068") - kept.count("\u2069"))


def _filled(
    code: str,
    locale: str,
    name: str,
    view: MessageCase,
    channel: str,
    step: NextStep | None,
    layout: str,
) -> str:
    is_html = layout.endswith(".html")
    environment = _environment(code, locale, is_html)
    values: dict[str, Any] = {
        "case": view,
        "channel": channel,
        "next_step": step,
        "language": code,
        "layout": f"layouts/{layout}.jinja",
        **_blocks(view, code, locale, is_html),
    }
    values["say"] = environment.get_template("parts.jinja").make_module(values)
    return environment.get_template(f"actions/{name}.jinja").render(values)


@cache
def _environment(code: str, locale: str, is_html: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(TEXTS / code),
        autoescape=is_html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    by_locale = ("money", "monies", "day", "short_day", "weekday", "day_of_month", "listed", "percent")
    environment.filters |= {each: partial(getattr(formats, each), locale=locale) for each in by_locale}
    environment.filters |= {each: getattr(formats, each) for each in ("capitalised", "wrapped", "as_html")}
    environment.filters["one_line"] = lambda text: type(text)(" ".join(text.split()))
    return environment


def _blocks(case: MessageCase, code: str, locale: str, is_html: bool) -> dict[str, Any]:
    """What a layout sets as a table or as lines, in the way of its format."""
    table = formats.html_table if is_html else formats.text_table
    lines = formats.html_lines if is_html else formats.text_lines
    headings = language_of(code).headings
    plan = case.plan.instalments if case.plan else ()
    sender = case.sender
    about = ", ".join(filter(None, (sender.role, sender.company)))
    reached = ", ".join(filter(None, (sender.phone, sender.email)))
    return {
        "items_table": lambda: table(*_items(case, headings, locale)),
        "instalments_table": lambda: table(
            [headings["instalment_on"], formats.RIGHT + headings["instalment"]],
            [[formats.day(each.on, locale), formats.money(each.money, locale)] for each in plan],
        ),
        "plan_totals": lambda: summed(each.money for each in plan),
        "sender_lines": lambda: lines([sender.name, about, reached]),
        "letterhead": lambda: lines([sender.company, *sender.address]),
        "address_block": lambda: lines([case.customer, case.contact_person, *case.address]),
    }


def _items(case: MessageCase, headings: Mapping[str, str], locale: str) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the table of invoices; columns that nobody filled are left out later."""
    named = ("number", "issued_on", "due_on", "purchase_order", "division")
    to_right = ("open", "in_question")
    titles = [headings[each] for each in named] + [formats.RIGHT + headings[each] for each in to_right]
    rows = [
        [
            item.number,
            formats.short_day(item.issued_on, locale),
            formats.short_day(item.due_on, locale),
            item.purchase_order,
            item.division if case.divisions else "",
            *(formats.money(money, locale) if money else "" for money in (item.open, item.in_question)),
        ]
        for item in case.items
    ]
    return titles, rows
