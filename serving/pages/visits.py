"""Who looks at a page, and how does a form prove that it is theirs?

A signed-in browser holds the secret of its session in a cookie that no script reads. On a loopback service where no
token is needed a browser may enter as the local caller, as the API lets it; a cookie without any meaning then ties
its forms to it. The token of a form is made of the cookie's secret, so nothing has to be kept for it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from fastapi import Request, Response

from serving.api.access import LOOPBACK_NAMES
from serving.api.asking import CALLER
from serving.languages.choosing import COOKIE
from serving.office import Office
from serving.roles import Caller
from serving.users import LONGEST, Users

SESSION, VISIT, ENTERING = "duecourse_session", "duecourse_visit", "duecourse_entering"
ENTERING_PATH = "/sign-in/provider"
ENTERING_SECONDS = 10 * 60
"""So long somebody may be at the provider of single sign-on."""
A_YEAR = 365 * 24 * 60 * 60
LONGEST_WAY = 2000
"""Of the address to go on to: a cookie holds no more than 4,096 letters."""


@dataclass(frozen=True)
class Visitor:
    """Who looks at a page."""

    caller: Caller | None
    """None: nobody that is known."""
    secret: str
    """Of the session, or of the visit where there is none."""
    is_signed_in: bool = False
    is_new: bool = False
    """Whether the browser has to be given the secret of its visit."""

    @property
    def csrf(self) -> str:
        """What the forms of this visitor repeat."""
        return hmac.new(self.secret.encode(), b"forms", hashlib.sha256).hexdigest()

    def sent(self, token: str) -> bool:
        """Whether a form is this visitor's own."""
        return hmac.compare_digest(self.csrf.encode(), token.encode("utf-8", "replace"))


def visitor_of(request: Request, office: Office | None) -> Visitor:
    """Who asks: the user of a session, else the owner of a token or the local caller, else nobody."""
    secret = request.cookies.get(SESSION, "")
    user = Users(office.desk).of_session(secret, office.now()) if secret and office else None
    if user is not None:
        return Visitor(user.caller(), secret, is_signed_in=True)
    visit = request.cookies.get(VISIT, "")
    return Visitor(request.scope.get(CALLER), visit or secrets.token_urlsafe(32), is_new=not visit)


def greet(request: Request, response: Response, visitor: Visitor) -> None:
    """Give a browser the secret of its visit where it has none."""
    if visitor.is_new:
        _set(request, response, VISIT, visitor.secret)


def sign_in(request: Request, response: Response, secret: str) -> None:
    """Give a browser the secret of its new session, and take that of its visit away."""
    _set(request, response, SESSION, secret, int(LONGEST.total_seconds()))
    response.delete_cookie(VISIT, path="/")


def speak(request: Request, response: Response, language: str) -> None:
    """Give a browser the language that was chosen, for as long as it keeps it."""
    _set(request, response, COOKIE, language, A_YEAR)


def sign_out(response: Response) -> None:
    """Take both secrets away."""
    for name in (SESSION, VISIT):
        response.delete_cookie(name, path="/")


def leave_for_provider(request: Request, response: Response, secret: str, to: str) -> None:
    """Give a browser the secret of its way to the provider and back, and where it wants to go then."""
    way = base64.urlsafe_b64encode(to.encode("utf-8", "replace")).decode()
    value = f"{secret}.{way if len(way) <= LONGEST_WAY else ''}"
    _set(request, response, ENTERING, value, ENTERING_SECONDS, ENTERING_PATH)


def back_from_provider(request: Request) -> tuple[str, str]:
    """That secret, empty where there is none, and where to go on."""
    secret, _, way = request.cookies.get(ENTERING, "").partition(".")
    try:
        return secret, base64.urlsafe_b64decode(way.encode()).decode()
    except ValueError:
        return secret, ""


def forget_provider(response: Response) -> None:
    """Take that secret away: each is good for one way."""
    response.delete_cookie(ENTERING, path=ENTERING_PATH)


def browser_of(request: Request) -> str:
    """What kind of browser asks, by its own word: to know one's own sessions apart."""
    told = request.headers.get("user-agent", "")
    kinds = ("Edg", "OPR", "Firefox", "Chrome", "Safari")
    systems = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "CrOS", "Linux")
    kind = next((each for each in kinds if f"{each}/" in told), "")
    system = next((each for each in systems if each in told), "")
    named = {"Edg": "Edge", "OPR": "Opera", "Mac OS": "macOS", "CrOS": "ChromeOS"}
    return " on ".join(named.get(each, each) for each in (kind, system) if each)


def is_local_address(request: Request) -> bool:
    """Whether the browser calls this machine by a name of its own: there is no way on which a secret could be read."""
    return (request.url.hostname or "") in {name.strip("[]") for name in LOOPBACK_NAMES}


def _set(
    request: Request, response: Response, name: str, value: str, seconds: int | None = None, path: str = "/"
) -> None:
    is_secure = not is_local_address(request)
    response.set_cookie(name, value, seconds, path=path, secure=is_secure, httponly=True, samesite="lax")
