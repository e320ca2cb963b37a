"""Which OpenID provider did the operator choose, and what follows from what it says? All of it from the environment.

DUECOURSE_OIDC_ISSUER=https://login.example.com
DUECOURSE_OIDC_CLIENT_ID=duecourse
DUECOURSE_OIDC_CLIENT_SECRET_FILE=/run/secrets/duecourse-oidc
DUECOURSE_OIDC_PUBLIC_URL=https://risk.example.com
DUECOURSE_OIDC_ROLE_CLAIM=groups
DUECOURSE_OIDC_ROLES="credit-managers=credit_manager, credit=analyst"
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from serving.roles import rights_of

PREFIX = "DUECOURSE_OIDC_"
BACK_PATH = "/sign-in/provider/back"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
SECRET, SECRET_FILE = "DUECOURSE_OIDC_CLIENT_SECRET", "DUECOURSE_OIDC_CLIENT_SECRET_FILE"
NEEDED = ("DUECOURSE_OIDC_ISSUER", "DUECOURSE_OIDC_CLIENT_ID", SECRET, "DUECOURSE_OIDC_PUBLIC_URL")


@dataclass(frozen=True)
class Provider:
    """One provider, this service's account with it, and what its claims mean here."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    public_url: str
    """The address that browsers know this service by: a header could be anybody's word."""
    name_claim: str = "preferred_username"
    role_claim: str = "groups"
    roles: tuple[tuple[str, str], ...] = ()
    """What the claim may say, and the role it stands for; the first that fits counts. Empty: it tells no roles."""
    others: str | None = None
    """The role of those of whom nothing else says one; None: they stay outside."""
    label: str = ""
    """How people call it."""
    scopes: str = "openid profile email"

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends the browser back to; it has to know this address."""
        return self.public_url + BACK_PATH

    @property
    def after_leaving(self) -> str:
        """Where it sends the browser after signing out of it."""
        return self.public_url + "/sign-in"


class ProviderSilentError(Exception):
    """The provider does not answer, or not as one: nobody's fault who wants to come in."""


def provider_of(environment: Mapping[str, str]) -> Provider | None:
    """The provider that the environment names, or None; ValueError with all that is wrong, but no secret."""
    given = {
        name: text.strip() for name, text in environment.items() if name.startswith(PREFIX) and text.strip()
    }
    if not given:
        return None
    wrong = [_unknown(name) for name in given if name not in _READ and name not in (SECRET, SECRET_FILE)]
    wrong += _missing(given)
    chosen: dict[str, Any] = {"client_secret": _secret(given, wrong)}
    for name in _READ.keys() & given.keys():
        attribute, read, _ = _READ[name]
        try:
            chosen[attribute] = read(given[name])
        except ValueError as error:
            wrong.append(f"{name}={given[name]!r}: {error}")
    if wrong:
        raise ValueError(" ".join(sorted(wrong)))
    return Provider(**{"label": urlsplit(chosen["issuer"]).netloc} | chosen)


def is_safe_address(address: str) -> bool:
    """Whether nobody on the way can read or change what is sent there: https, or this machine."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))


def _missing(given: Mapping[str, str]) -> list[str]:
    means = {name: meaning for name, (_, _, meaning) in _READ.items()}
    means[SECRET] = f"what the provider gave with the name; or {SECRET_FILE}, the file it lies in"
    missing = [name for name in NEEDED if name not in given and not (name == SECRET and SECRET_FILE in given)]
    return [f"{name} is needed beside {min(given)}: {means[name]}." for name in missing]


def _secret(given: Mapping[str, str], wrong: list[str]) -> str:
    file = given.get(SECRET_FILE)
    if file is None:
        return given.get(SECRET, "")
    if SECRET in given:
        wrong.append(f"{SECRET} and {SECRET_FILE} are both set: unset one of them.")
    try:
        text = Path(file).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        mend = "Name a file that holds the secret alone."
        wrong.append(f"{SECRET_FILE}={file!r}: cannot be read ({reason}). {mend}")
        return ""
    if not text:
        wrong.append(f"{SECRET_FILE}={file!r}: is empty. Write the secret into it.")
    return text


def _unknown(name: str) -> str:
    known = [*_READ, SECRET, SECRET_FILE]
    near = difflib.get_close_matches(name, known, 1)
    return f"{name} is no setting: " + (
        f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."
    )


def _issuer(text: str) -> str:
    if not is_safe_address(text) or urlsplit(text).query or urlsplit(text).fragment:
        raise ValueError(
            "give the provider's https address as it calls itself, such as https://login.example.com."
        )
    return text


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if (
        not is_safe_address(text)
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
        or "@" in text
    ):
        raise ValueError(
            "give the https address at which browsers reach this service, without a path, such as https://risk.example.com."
        )
    return text.rstrip("/")


def _role(text: str) -> str:
    try:
        rights_of(text)
    except ValueError as error:
        raise ValueError(f"{error}.") from None
    return text


def _roles(text: str) -> tuple[tuple[str, str], ...]:
    apart = ";" if ";" in text else ","  # the name of a group in a directory holds commas
    pairs = [each.rpartition("=") for each in text.split(apart) if each.strip()]
    if not pairs or any(not value.strip() for value, _, _ in pairs):
        raise ValueError(
            "give pairs of a value of the claim and a role, such as credit-team=analyst, bosses=viewer."
        )
    return tuple((value.strip(), _role(role.strip())) for value, _, role in pairs)


def _scopes(text: str) -> str:
    if "openid" not in text.split():
        raise ValueError("openid has to be among the scopes: without it nobody is named.")
    return " ".join(text.split())


_READ: dict[str, tuple[str, Callable[[str], Any], str]] = {
    "DUECOURSE_OIDC_ISSUER": ("issuer", _issuer, "the provider's address as it calls itself"),
    "DUECOURSE_OIDC_CLIENT_ID": ("client_id", str, "the name of this service at the provider"),
    "DUECOURSE_OIDC_PUBLIC_URL": (
        "public_url",
        _public_url,
        "the address at which browsers reach this service",
    ),
    "DUECOURSE_OIDC_NAME_CLAIM": ("name_claim", str, "the claim that holds a user's name"),
    "DUECOURSE_OIDC_ROLE_CLAIM": ("role_claim", str, "the claim that tells of groups or roles"),
    "DUECOURSE_OIDC_ROLES": ("roles", _roles, "what the claim may say, and the role it stands for"),
    "DUECOURSE_OIDC_OTHERS": ("others", _role, "the role of those of whom nothing else says one"),
    "DUECOURSE_OIDC_LABEL": ("label", str, "how people call the provider"),
    "DUECOURSE_OIDC_SCOPES": ("scopes", _scopes, "what is asked of the provider"),
}
