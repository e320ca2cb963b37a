"""The verbs about people who sign in to the pages: `users create`, `users list`, `users password`, `users revoke`."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from serving.cli.common import Refusal, as_json, home, json_option, now, open_desk, out, refusing, who_option
from serving.roles import ROLES


@click.group()
def users() -> None:
    """People who sign in to the pages: needed off loopback, and everywhere with DUECOURSE_AUTH=required."""


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _password(name: str) -> str:
    """Asked twice on a terminal; else the first line of the standard input."""
    if sys.stdin.isatty():
        return click.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=True)
    return sys.stdin.readline().rstrip("\r\n")


@users.command()
@click.argument("name")
@click.option("--role", type=click.Choice(list(ROLES)), required=True, help="What this person does.")
@click.option(
    "--single-sign-on",
    "is_by_provider",
    is_flag=True,
    help="The OpenID provider says who it is: no password.",
)
@who_option
@refusing()
def create(name: str, role: str, is_by_provider: bool, who: str) -> None:
    """Let NAME sign in. The password is asked for, or read from the standard input."""
    from serving.desk import Actor
    from serving.users import Users

    password = None if is_by_provider else _password(name)
    with open_desk() as desk:
        Users(desk).create(Actor(who, "administrator"), now(), name, role, password)
    out.print(f"{name} may sign in as {role}.", markup=False)


@users.command("list")
@json_option
@refusing()
def list_(is_json: bool) -> None:
    """Who may sign in, in which role, since when, by whom."""
    from serving.users import Users

    with open_desk() as desk:
        found = Users(desk).all()
    if is_json:
        moments = ("created_at", "seen_at")
        rows = [vars(each) | {at: _text(getattr(each, at)) for at in moments} for each in found]
        click.echo(as_json(rows))
        return
    for each in found:
        seen = f", last seen {each.seen_at:%Y-%m-%d}" if each.seen_at else ""
        by = "" if each.has_password else "  by single sign-on"
        since = f"since {each.created_at:%Y-%m-%d} by {each.created_by}"
        out.print(f"{each.name}  {each.role}{by}  {since}{seen}", markup=False)
    out.print(f"{len(found)} user{'' if len(found) == 1 else 's'} in {home()}.", markup=False)


@users.command()
@click.argument("name")
@who_option
@refusing()
def password(name: str, who: str) -> None:
    """Give NAME another password, and end all its sessions."""
    from serving.desk import Actor
    from serving.users import Users

    given = _password(name)
    with open_desk() as desk:
        try:
            Users(desk).set_password(Actor(who, "administrator"), now(), name, given)
        except KeyError as error:
            raise Refusal(error.args[0]) from None
    out.print(f"{name} has another password; all its sessions ended.", markup=False)


@users.command()
@click.argument("name")
@who_option
@refusing()
def revoke(name: str, who: str) -> None:
    """Take NAME away: signed in or not, at once."""
    from serving.desk import Actor
    from serving.users import Users

    with open_desk() as desk:
        try:
            Users(desk).revoke(Actor(who, "administrator"), now(), name)
        except KeyError as error:
            raise Refusal(error.args[0]) from None
    out.print(f"Revoked {name}.", markup=False)


VERBS = (users,)
