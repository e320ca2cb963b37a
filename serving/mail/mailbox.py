"""Was this mail accepted, refused, or does nobody know? One message, one attempt, over SMTP.

    DUECOURSE_SMTP_HOST      the server that takes our mail; without it nothing is ever sent
    DUECOURSE_SMTP_PORT      default 587
    DUECOURSE_SMTP_TLS       `starttls` (default), `implicit`, or `off`, which only this machine's own server may have
    DUECOURSE_SMTP_USER      and DUECOURSE_SMTP_PASSWORD, where the server wants to know who we are
    DUECOURSE_MAIL_FROM      from whom, such as "Accounts <accounts@example.com>"
    DUECOURSE_MAIL_REPLY_TO  where answers go; default the same

The moment that matters is the end of the message: until then a fault means that nothing was sent, and the attempt
can be repeated; after the server's yes it is sent; where the line breaks in between nobody knows, and that is said.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Literal

from serving.alerts.webhook import is_loopback
from serving.desk.kinds.cases import is_email

HOST = "DUECOURSE_SMTP_HOST"
MODES = ("starttls", "implicit", "off")
SECONDS = 20.0


class MailError(ValueError):
    """A setting that cannot be used."""


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt: `sent`, `again` (nothing was sent), `refused` for good, or `unsure`."""

    kind: Literal["sent", "again", "refused", "unsure"]
    why: str | None = None


@dataclass(frozen=True)
class Mailbox:
    """Through which server, and in whose name."""

    host: str
    sender: str
    reply_to: str
    port: int = 587
    tls: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    seconds: float = SECONDS

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Mailbox:
        """The mailbox that the operator set up; MailError with everything that is missing or wrong."""
        told = {name: environment.get(f"DUECOURSE_{name}", "").strip() for name in _VARIABLES}
        wrong = list(_wrong(told))
        if wrong:
            raise MailError("mail cannot be sent: " + "; ".join(wrong))
        return cls(
            told["SMTP_HOST"],
            told["MAIL_FROM"],
            told["MAIL_REPLY_TO"] or told["MAIL_FROM"],
            int(told["SMTP_PORT"] or 587),
            told["SMTP_TLS"] or "starttls",
            told["SMTP_USER"],
            environment.get("DUECOURSE_SMTP_PASSWORD", ""),
        )

    def send(self, recipient: str, subject: str, body: str, message_id: str, now: datetime) -> Outcome:
        """One attempt to hand one message over."""
        try:
            mail = self._mail(recipient, subject, body, message_id, now)
        except ValueError as error:  # a header that is none; no other attempt would mend it
            return Outcome("refused", _said(error))
        try:
            server = self._opened()
        except (OSError, smtplib.SMTPException) as error:
            return Outcome("again", _said(error))
        try:
            return self._handed_over(server, recipient, mail)
        finally:
            server.close()

    def _mail(self, recipient: str, subject: str, body: str, message_id: str, now: datetime) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Reply-To"] = self.sender, recipient, self.reply_to
        mail["Subject"], mail["Date"] = " ".join(subject.split()), format_datetime(now)
        domain = parseaddr(self.sender)[1].partition("@")[2]
        mail["Message-ID"] = f"<{message_id}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"  # so that an answering machine does not answer it
        mail.set_content(body)
        return mail

    def _opened(self) -> smtplib.SMTP:
        """A greeted, encrypted and signed-in connection."""
        if self.tls == "implicit":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=self.seconds, context=context
            )
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=self.seconds)
        try:
            if self.tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            server.ehlo_or_helo_if_needed()
            if self.user:
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server

    def _handed_over(self, server: smtplib.SMTP, recipient: str, mail: EmailMessage) -> Outcome:
        try:
            for code, said in (server.mail(parseaddr(self.sender)[1]), server.rcpt(recipient)):
                if code >= 400:
                    return _refusal(code, said)
        except (OSError, smtplib.SMTPException) as error:
            return Outcome("again", _said(error))
        try:
            code, said = server.data(mail.as_bytes())
        except smtplib.SMTPDataError as error:  # refused before a byte of the message
            return _refusal(error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException) as error:
            return Outcome("unsure", f"the line broke while the message was handed over ({_said(error)})")
        return Outcome("sent") if code < 400 else _refusal(code, said)


_VARIABLES = ("SMTP_HOST", "SMTP_PORT", "SMTP_TLS", "SMTP_USER", "MAIL_FROM", "MAIL_REPLY_TO")


def _wrong(told: Mapping[str, str]) -> list[str]:
    """Everything that is missing or wrong, each with what to write."""
    wrong = []
    host, tls, port = told["SMTP_HOST"], told["SMTP_TLS"] or "starttls", told["SMTP_PORT"] or "587"
    if not host:
        wrong.append(f"{HOST} is not set, so sending is off; name the server that takes our mail")
    if tls not in MODES:
        wrong.append(f"DUECOURSE_SMTP_TLS={tls!r}: write one of {', '.join(MODES)}")
    if tls == "off" and host and not is_loopback(host):
        wrong.append(
            f"DUECOURSE_SMTP_TLS=off would send to {host} unencrypted; only this machine may have that"
        )
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        wrong.append(f"DUECOURSE_SMTP_PORT={port!r}: write a number such as 587")
    for name, is_needed in (("MAIL_FROM", True), ("MAIL_REPLY_TO", False)):
        given = told[name]
        if (given or is_needed) and not (given.isprintable() and is_email(parseaddr(given)[1])):
            wrong.append(f'DUECOURSE_{name}={given!r}: write "Accounts <accounts@example.com>"')
    return wrong


def _refusal(code: int, said: bytes | str) -> Outcome:
    """5xx is meant for good, 4xx for now; nothing was sent either way."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return Outcome("refused" if code >= 500 else "again", f"answered {code}: {' '.join(text.split())[:200]}")


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "the server does not know this user and password"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
