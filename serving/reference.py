"""Which commands, options, score columns and environment variables are there? The reference page, made from them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

SCORE_ROW = {
    "invoice_id": "the invoice, as in the ledger (`ID#2` where a number was used twice)",
    "customer_id": "who owes it",
    "as_of": "scored with what was known at the start of this day",
    "amount_open": "what is still to be paid, in `currency`; empty where the invoice's amount is not known",
    "currency": "ISO 4217 code",
    "days_past_due": "days from the printed due date to `as_of`; negative before it",
    "p_late": "chance of being settled more than `late_after_days` (5) days late; 1 once it is",
    "p_late_30": "chance of being settled more than 30 days late",
    "p_late_90": "chance of being settled more than 90 days late",
    "p_late_low": "lower end of the range of `p_late`",
    "p_late_high": "upper end of the range of `p_late`",
    "expected_paid_on": "the day by which it is as likely paid as not",
    "paid_on_p10": "one payment in ten comes on or before this day",
    "paid_on_p90": "nine payments in ten come on or before this day",
    "evidence": "settled invoices of the customer: `none`, `little` (under 5), `some` (under 20), `ample`",
    "tier": "how much attention it deserves, by the policy: `low`, `medium`, `high`, `critical`",
    "action": "the next step, by the policy",
    "action_by": "the day by which to take it; empty where there is nothing to do",
    "reasons": "why: a list of `{code, sentence, direction, contribution, value, reference}`, the largest first",
    "model_version": "the model that scored: a hash of its content",
    "policy_version": "the policy that decided: a hash of its content",
}
"""What each column of a score row means."""

ENVIRONMENT = {
    "DUECOURSE_HOME": "folder of all state: models, registry, tokens, reports; default `.duecourse` here",
    "DUECOURSE_DATABASE_URL": "database of the desk, such as `postgresql://USER@HOST/NAME`; default a file",
    "DUECOURSE_LEDGER": "ledger folder of the service; set by `duecourse serve`",
    "DUECOURSE_AS_OF": "day as of which the service scores; set by `duecourse serve --as-of`",
    "DUECOURSE_POLICY": "policy file of the service; set by `duecourse serve --policy`",
    "DUECOURSE_AUTH": "`required`: a token is needed on loopback too",
    "DUECOURSE_OIDC_ISSUER": "single sign-on: the OpenID provider's address, as it calls itself",
    "DUECOURSE_OIDC_CLIENT_ID": "the name of this service at the provider",
    "DUECOURSE_OIDC_CLIENT_SECRET": "the secret that the provider gave with it",
    "DUECOURSE_OIDC_CLIENT_SECRET_FILE": "instead of it, the file that holds the secret alone",
    "DUECOURSE_OIDC_PUBLIC_URL": "the address at which browsers reach this service; "
    "the provider has to know it, with `/sign-in/provider/back` behind it",
    "DUECOURSE_OIDC_NAME_CLAIM": "the claim that holds a user's name; default `preferred_username`",
    "DUECOURSE_OIDC_ROLE_CLAIM": "the claim that tells of groups or roles, such as `realm_access.roles`; "
    "default `groups`",
    "DUECOURSE_OIDC_ROLES": "what that claim may say and the role it stands for, the first that fits: "
    "`credit-heads=credit_manager, credit=analyst`; unset: roles are given on the page Users",
    "DUECOURSE_OIDC_OTHERS": "the role of those of whom nothing else says one; unset: they stay outside",
    "DUECOURSE_OIDC_LABEL": "how people call the provider; default its host name",
    "DUECOURSE_OIDC_SCOPES": "what is asked of the provider; default `openid profile email`",
    "DUECOURSE_TOKEN": "the token that clients of the API send",
    "DUECOURSE_IN_FLIGHT": "requests worked on at once; more are answered 503",
    "DUECOURSE_REQUESTS_PER_SECOND": "requests per caller and second; more are answered 429",
    "DUECOURSE_TIMEOUT_SECONDS": "seconds after which a request is given up",
    "DUECOURSE_WORKERS": "processes of the service",
    "DUECOURSE_LANGUAGE": "`en`, `de` or `nl`: of pages, where neither the visitor nor the browser asks for one",
    "DUECOURSE_FOLLOW_SECONDS": "how often a running service looks for a new champion",
    "DUECOURSE_KEY": "file of the key that signs models; kept outside DUECOURSE_HOME",
    "DUECOURSE_TRUSTED_KEYS": "file or folder of the public keys whose models are trusted",
    "DUECOURSE_SIGNATURES": "`required`: models without a trusted signature are refused",
    "DUECOURSE_WEBHOOK_URL": "where `duecourse alerts send` delivers; alerts are put into the outbox while it is set",
    "DUECOURSE_WEBHOOK_SECRET": "shared secret that signs what the webhook sends",
    "DUECOURSE_SMTP_HOST": "the server that `duecourse messages send --really` hands mail to; unset: sending is off",
    "DUECOURSE_SMTP_PORT": "its port; default 587",
    "DUECOURSE_SMTP_TLS": "`starttls` (default), `implicit`, or `off` for a server on this machine alone",
    "DUECOURSE_SMTP_USER": "who we are at the mail server, where it asks",
    "DUECOURSE_SMTP_PASSWORD": "and our password there",
    "DUECOURSE_MAIL_FROM": "from whom texts come, such as `Accounts <accounts@example.com>`",
    "DUECOURSE_MAIL_REPLY_TO": "where answers go; default the same",
    "DUECOURSE_USER": "who is named in the record of moves; default the name of the login",
}
"""What each environment variable decides."""


def reference_page(main: click.Group, columns: tuple[str, ...], variables: set[str]) -> str:
    """Commands with their options, the columns of a score row, and the variables that the program reads.

    Raises KeyError for a column or variable that nobody has described here.
    """
    lines = ["# Reference", "", "## Commands"]
    for path, command in _commands(main, ()):
        lines += ["", f"### {' '.join(['duecourse', *path])}", *list(_described(command, path))[1:]]
    lines += ["", "## Columns of a score row", "", "| column | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {SCORE_ROW[name]} |" for name in columns]
    lines += ["", "## Environment variables", "", "| variable | what it decides |", "|---|---|"]
    lines += [f"| `{name}` | {ENVIRONMENT[name]} |" for name in ENVIRONMENT if name in variables]
    undescribed = variables - ENVIRONMENT.keys()
    if undescribed:
        raise KeyError(f"describe in {__name__}.ENVIRONMENT: {', '.join(sorted(undescribed))}")
    return "\n".join(lines) + "\n"


def _commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in sorted(group.commands.items()):
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


def _described(command: click.Command, path: tuple[str, ...]) -> Iterator[str]:
    arguments = [
        each.make_metavar(_context(command)) for each in command.params if isinstance(each, click.Argument)
    ]
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        lines = paragraph.strip("\n").split("\n")
        # Click leaves a paragraph that begins with \b as it is written.
        yield from (
            ["", *(f"    {line}" for line in lines[1:])]
            if lines[0] == "\b"
            else ["", " ".join(paragraph.split())]
        )
    yield ""
    yield f"    {' '.join(['duecourse', *path, *arguments])}"
    options = [each for each in command.params if isinstance(each, click.Option)]
    if options:
        yield from ("", "| option | meaning |", "|---|---|")
    for option in options:
        names, meaning = option.get_help_record(_context(command)) or ("", "")
        yield f"| `{_cell(names)}` | {_cell(meaning)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _context(command: click.Command) -> click.Context:
    return click.Context(command)
