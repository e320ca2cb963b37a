"""The verbs of tone: `messages show` and `messages lint`."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from serving.cli.common import as_json, home, json_option, out, policy_option, refusing
from serving.messages import CHANNELS, STEP_KINDS, Finding, Message, NextStep, actions, lint, render
from serving.messages.linting import static_text
from serving.messages.rendering import NEEDS_APPROVAL
from serving.messages.samples import FULL, SIMPLE, STEP
from serving.scoring import load_policy

language_option = click.option("--language", default="en", show_default=True, help="Such as en or de-AT.")
step_option = click.option(
    "--next-step",
    type=click.Choice(STEP_KINDS),
    help="The text announces this step, which is decided and approved.",
)


@click.group()
def messages() -> None:
    """Read the texts for customers, and check a text before it is sent."""


@messages.command()
@click.argument("action")
@click.option(
    "--channel", type=click.Choice(CHANNELS), default="email", show_default=True, help="How it is said."
)
@language_option
@step_option
@click.option("--full", is_flag=True, help="With all that can be known of a customer, not one plain invoice.")
@policy_option
@json_option
@refusing()
def show(
    action: str,
    channel: str,
    language: str,
    next_step: str | None,
    full: bool,
    policy: Path | None,
    is_json: bool,
) -> None:
    """The text of an action, as a fictional customer would read or hear it."""
    loaded = load_policy(home(), policy).parts
    if action not in actions() and action not in loaded.actions:
        raise ValueError(f"no text and no step is called '{action}'; there are {', '.join(actions())}")
    case = FULL if full else SIMPLE
    if action in loaded.actions:
        case = replace(case, opening=loaded.actions[action].opening)
    step = _step(next_step or ("pause_deliveries" if action == NEEDS_APPROVAL else None))
    message = render(action, channel, case, language, step, loaded.never_say)
    _print(message, is_json)


@messages.command("lint")
@click.argument("file", type=click.File(encoding="utf-8"))
@language_option
@step_option
@policy_option
@json_option
@refusing()
def lint_(file: Any, language: str, next_step: str | None, policy: Path | None, is_json: bool) -> None:
    """Check a text (- for what is typed in) or a template (.jinja): every phrase that no customer should read.

    Each is shown with its line and what to say instead. Exit code 2 where something may not be sent.
    """
    text = file.read()
    words = static_text(text) if str(file.name).endswith(".jinja") else text
    found = lint(words, language, _step(next_step), load_policy(home(), policy).parts.never_say)
    if is_json:
        click.echo(as_json({"findings": [asdict(each) for each in found]}))
    else:
        for each in found:
            click.echo(f"{_place(text, each.start)}: {each}")
        click.echo(_verdict(found))
    if any(each.severity == "reject" for each in found):
        raise SystemExit(2)


def _step(kind: str | None) -> NextStep | None:
    return replace(STEP, kind=kind) if kind else None


def _place(text: str, position: int) -> str:
    before = text[:position].split("\n")
    return f"line {len(before)}, character {len(before[-1]) + 1}"


def _verdict(found: list[Finding]) -> str:
    rejected = sum(each.severity == "reject" for each in found)
    if rejected:
        return f"{rejected} {'phrase' if rejected == 1 else 'phrases'} no customer should read."
    return "This may be sent." if not found else "This may be sent, and could be said better."


def _print(message: Message, is_json: bool) -> None:
    if is_json:
        click.echo(as_json(asdict(message)))
        return
    out.print(f"Subject: {message.subject}\n", markup=False)
    out.print(message.text, markup=False)
    for warning in message.warnings:
        out.print(f"Note: {warning}", markup=False)
    out.print(f"Template {message.template}.", markup=False)


VERBS = (messages,)
