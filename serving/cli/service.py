"""The verbs of the operator: `serve` and `tokens`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from serving.cli.common import (
    Day,
    Refusal,
    as_json,
    as_of_option,
    home,
    json_option,
    ledger_argument,
    now,
    open_desk,
    out,
    policy_option,
    refusing,
    who_option,
)
from serving.roles import ROLES
from serving.tokens import list_tokens

ENVIRONMENT = """\b
The operator's settings are environment variables:
  DUECOURSE_HOME            models, tokens, logs; by default .duecourse in this folder
  DUECOURSE_DATABASE_URL    the desk's database, such as postgresql://USER@HOST/NAME; by default a file
                            in DUECOURSE_HOME
  DUECOURSE_AUTH            "required": a token is needed on this machine too
  DUECOURSE_OIDC_ISSUER     single sign-on by this OpenID provider; the reference lists what belongs to it
  DUECOURSE_LANGUAGE        of pages whose visitor chose none: en, de or nl; by default English
  DUECOURSE_WORKERS         processes that answer; by default 1
  DUECOURSE_IN_FLIGHT, DUECOURSE_REQUESTS_PER_SECOND, DUECOURSE_TIMEOUT_SECONDS
                            limits of a worker; by default 32, 1000 and 5
  DUECOURSE_FOLLOW_SECONDS  how often it looks for another champion; by default 1
  DUECOURSE_KEY             the signing key; by default duecourse/signing-key.pem in ~/.config
  DUECOURSE_TRUSTED_KEYS    instead of it, files of public keys: for a machine that must not sign
  DUECOURSE_SIGNATURES      "required": refuse models where no key is known

Another champion (`duecourse train`, `models promote`, `models rollback`) is taken up without a
restart or a failed request. One that is damaged, not vouched for or fails its trial is refused:
the model at hand goes on, and the log and GET /v1/models/current say why."""


@click.command(epilog=ENVIRONMENT)
@ledger_argument
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Off loopback a token is needed: duecourse tokens create.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=3000, show_default=True, help="0 takes a free one."
)
@as_of_option
@policy_option
@refusing()
def serve(ledger: Path, host: str, port: int, as_of: date | None, policy: Path | None) -> None:
    """Serve the scoring API of a ledger until Ctrl+C."""
    from serving.server import ServeError
    from serving.server import serve as run

    try:
        run(ledger, host, port, as_of, home(), policy)
    except ServeError as error:
        raise Refusal(str(error)) from None


def _rights_in_words() -> str:
    """Roles and their rights, for the help."""
    lines = [f"  {role:15} {', '.join(sorted(rights))}" for role, rights in ROLES.items()]
    return "\n\n".join(f"\b\n{line}" for line in ["Roles and their rights:", *lines])


@click.group()
def tokens() -> None:
    """Tokens of API callers: needed off loopback, and everywhere with DUECOURSE_AUTH=required."""


@tokens.command(epilog=_rights_in_words())
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(list(ROLES)),
    default="ar_system",
    show_default=True,
    help="What its owner does.",
)
@click.option(
    "--scope", "scopes", multiple=True, help="Narrow it to this right of the role; may be repeated."
)
@click.option("--expires", type=Day(), help="The first day on which it no longer works. Default: never.")
@who_option
@refusing()
def create(name: str, role: str, scopes: tuple[str, ...], expires: date | None, who: str) -> None:
    """Make a token and print it, once: only its hash is kept. The audit log says who made it."""
    from serving.desk import Actor
    from serving.tokens import grant_token

    with open_desk() as desk, desk.writing(Actor(who, "administrator"), now()) as writing:
        secret = grant_token(writing, desk.home, name, role, scopes, expires)
    click.echo(secret)


@tokens.command("list")
@json_option
@refusing()
def list_(is_json: bool) -> None:
    """The tokens: role, since when, until when."""
    found = list_tokens(home())
    if is_json:
        columns = ("name", "role", "scopes", "created_on", "expires_on")
        click.echo(as_json([{name: getattr(token, name) for name in columns} for token in found]))
        return
    for token in found:
        until = f" until {token.expires_on}" if token.expires_on else ""
        over = ", expired" if token.is_expired(now().date()) else ""
        narrowed = f" ({', '.join(token.scopes)})" if token.scopes else ""
        out.print(
            f"{token.name}  {token.role}{narrowed}  since {token.created_on}{until}{over}", markup=False
        )
    out.print(f"{len(found)} token{'' if len(found) == 1 else 's'}.")


@tokens.command()
@click.argument("name")
@who_option
@refusing()
def revoke(name: str, who: str) -> None:
    """Revoke a token; running services refuse it at once, and the audit log says who did."""
    from serving.desk import Actor
    from serving.tokens import take_token_away

    try:
        with open_desk() as desk, desk.writing(Actor(who, "administrator"), now()) as writing:
            take_token_away(writing, desk.home, name)
    except KeyError:
        raise Refusal(f"there is no token {name!r}; `duecourse tokens list` names them") from None
    out.print(f"Revoked {name}.")


VERBS = (serve, tokens)
