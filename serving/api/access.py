"""May this caller ask, and under which name?

Without a token only a caller on this machine may ask, of a service that listens to this machine alone.
Forwarding headers are never believed: anyone can write them.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterator
from datetime import date
from functools import cached_property
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from starlette.types import Scope

from serving.api.problems import ProblemError
from serving.roles import Caller, local_caller
from serving.tokens import token_of

LOOPBACK_NAMES = {"localhost", "127.0.0.1", "[::1]"}


def is_loopback(address: str) -> bool:
    """Whether an IP address text names this machine itself; a host name does not count."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped.is_loopback
    return parsed.is_loopback


def listening_addresses() -> Iterator[str]:
    """The addresses this process listens on, from its open sockets: no setting can disagree with them."""
    for descriptor in list(Path("/dev/fd").iterdir()):
        opened = _socket_of(int(descriptor.name))
        if opened is None:
            continue
        with opened:
            if opened.family in (socket.AF_INET, socket.AF_INET6) and opened.getsockopt(
                socket.SOL_SOCKET, socket.SO_ACCEPTCONN
            ):
                yield opened.getsockname()[0]


def _socket_of(descriptor: int) -> socket.socket | None:
    """A copy of the socket behind a file descriptor, which the caller closes; None if it is not a socket.

    No file may be copied for this: closing the copy would take away all locks that this process holds on the file,
    and the desk's database lives by its locks.
    """
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return None
        copy = os.dup(descriptor)
    except OSError:
        return None  # closed meanwhile, such as the one that listed the folder
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        return None


def listens_on_loopback_only() -> bool:
    """Whether every listening socket of this process is on loopback; False if none is found."""
    addresses = list(listening_addresses())
    return bool(addresses) and all(is_loopback(address) for address in addresses)


class Access:
    """Decides from the connection and the headers who asks, or raises the problem to answer with."""

    def __init__(
        self,
        home: Path,
        requires_token: bool,
        on_loopback: Callable[[], bool] = listens_on_loopback_only,
        today: Callable[[], date] = date.today,
    ) -> None:
        self._home = home
        self._today = today
        self._requires_token = requires_token
        self._on_loopback = on_loopback

    @cached_property
    def _is_local_service(self) -> bool:
        return self._on_loopback()

    def caller(self, scope: Scope) -> Caller:
        """Who asks: the owner of a token, or somebody at an address of this machine."""
        return self.visitor(scope) or self._owner([])

    def visitor(self, scope: Scope) -> Caller | None:
        """The same for a page, where somebody yet unknown may come in to say who they are."""
        if self._is_local_service:
            _check_host(_headers(scope, b"host"))
        address = (scope.get("client") or ("",))[0]
        if not self._requires_token and self._is_local_service and is_loopback(address):
            return local_caller(address)
        presented = _headers(scope, b"authorization")
        return self._owner(presented) if presented else None

    def _owner(self, presented: list[bytes]) -> Caller:
        scheme, _, secret = presented[0].partition(b" ") if len(presented) == 1 else (b"", b"", b"")
        token = token_of(self._home, secret.strip()) if scheme.lower() == b"bearer" else None
        if token is None or token.is_expired(self._today()):
            raise ProblemError(
                "token_needed",
                "The token is unknown, revoked or expired; `duecourse tokens list` shows those in use."
                if presented
                else "Send `Authorization: Bearer TOKEN`; `duecourse tokens create NAME` makes one.",
                headers={"WWW-Authenticate": 'Bearer realm="duecourse"'},
            )
        return token.caller()


def _headers(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]


def _check_host(hosts: list[bytes]) -> None:
    """Refuse a foreign name for a loopback service: a web page may have pointed its own name here."""
    names = [_without_port(host.decode("latin-1")) for host in hosts]
    if len(names) != 1 or names[0] not in LOOPBACK_NAMES:
        raise ProblemError(
            "not_allowed",
            f"The Host header says {', '.join(names) or 'nothing'}; this service listens on loopback only. "
            "Ask for localhost, 127.0.0.1 or [::1].",
        )


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name.lower() if colon and port.isdigit() else host.lower()
