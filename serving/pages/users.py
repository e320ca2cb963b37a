"""Who may sign in, who is signed in, and which systems may ask? The administrator's page: people, sessions, tokens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from serving.api.days import parse_day
from serving.desk import Flaw, RecordError, Writing
from serving.languages import pgettext
from serving.office import Answer
from serving.pages.routing import Page, Pages, Visit, after
from serving.policy.sentences import spaced
from serving.roles import RIGHTS, ROLES, rights_of
from serving.tokens import check_token_name, grant_token, list_tokens, take_token_away
from serving.users import (
    ADMINISTRATOR,
    Session,
    User,
    Users,
    add_user,
    change_password,
    change_role,
    check_an_administrator_stays,
    check_name,
    check_password,
    end_session_of,
    revoke_user,
    session_id,
)

PATH = "/users"
PROVIDER, PASSWORD = "single_sign_on", "password"
"""How somebody proves a name."""


def add(pages: Pages) -> None:
    """The page and its forms."""

    def view(visit: Visit) -> dict[str, Any]:
        return shown(visit, pages)

    page = Page(PATH, "write:users", "users.html", view)
    forms = {
        "/new": new_user,
        "/sessions/{session}/end": end_session,
        "/tokens/new": new_token,
        "/tokens/{token}/revoke": end_token,
        "/{name}/role": another_role,
        "/{name}/password": another_password,
        "/{name}/revoke": revoke,
    }
    for end, act in forms.items():
        pages.form(PATH + end, "write:users", act, page)
    pages.page(page)


def shown(visit: Visit, pages: Pages) -> dict[str, Any]:
    """People with their sessions, and the tokens of systems; no secret of any."""
    users, now = Users(visit.office.desk), visit.office.now()
    sessions = users.sessions(now)
    found = users.all()
    return {
        "users": [_user(each, sessions, visit.caller.name) for each in found],
        "sessions": [session_told(each, visit.session) for each in sessions],
        "tokens": [_token(each, now.date()) for each in list_tokens(visit.office.desk.home)],
        "roles": [
            {"role": role, "name": role_name(role), "rights": sorted(rights)}
            for role, rights in ROLES.items()
        ],
        "rights": RIGHTS,
        "provider": pages.provider and pages.provider.label,
        "provider_says_roles": bool(pages.provider and pages.provider.roles),
        "today": now.date().isoformat(),
    }


def role_name(role: str) -> str:
    """A role as people write it."""
    name = "AR system" if role == "ar_system" else spaced(role)
    return pgettext("code", name)


def session_told(session: Session, secret: str) -> dict[str, Any]:
    """A session as data, and whether it is the one of whoever looks."""
    moments = {"began_at": session.began_at.isoformat(), "seen_at": session.seen_at.isoformat()}
    return vars(session) | moments | {"is_this": session.id == session_id(secret)}


def new_user(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Somebody more who may sign in."""
    name, role, password = given.get("name", ""), given.get("role", ""), given.get("password", "")
    by_password = given.get("by", PASSWORD) != PROVIDER
    check_all(
        {
            "/name": lambda: check_name(name),
            "/role": lambda: rights_of(role),
            "/password": lambda: check_password(password, name) if by_password else None,
        }
    )
    with_flaw("/name", lambda: add_user(writing, name, role, password if by_password else None))
    return after(PATH, "user_added")


def another_role(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Another role; refused where it would leave nobody who lets people in, or somebody else was quicker."""
    name, role, seen = visit.parameters["name"], given.get("role", ""), given.get("seen_role", "")
    now = next((each.role for each in Users(visit.office.desk).all() if each.name == name), None)
    if now is not None and seen != now:
        raise RecordError("users", [Flaw("", f"somebody changed it meanwhile: {name} is {now} now")])
    with_flaw("/role", lambda: rights_of(role))
    if role != ADMINISTRATOR:
        with_flaw("", lambda: check_an_administrator_stays(writing, name))
    with_flaw("", lambda: change_role(writing, name, role))
    return after(PATH, "user_changed")


def another_password(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Another password, for somebody who lost theirs; an administrator stays signed in where it is the own one."""
    name, keep = visit.parameters["name"], visit.session
    with_flaw("/password", lambda: change_password(writing, name, given.get("password", ""), keep))
    return after(PATH, "user_password")


def revoke(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Take somebody away, but never the last who could let people in."""
    name = visit.parameters["name"]
    with_flaw("", lambda: check_an_administrator_stays(writing, name))
    with_flaw("", lambda: revoke_user(writing, name))
    return after(PATH, "user_revoked")


def end_session(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Sign somebody out of one browser."""
    end_session_of(writing, visit.parameters["session"])
    return after(PATH + "#sessions", "session_ended")


def new_token(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """A token for a system; its secret is shown on the page that answers, and never again."""
    home, name, role = visit.office.desk.home, given.get("name", ""), given.get("role", "")
    scopes = [right for right in RIGHTS if given.get(f"scope.{right}")]
    today, until = writing.now.date(), given.get("expires_on", "")
    check_all(
        {
            "/name": lambda: check_token_name(home, name),
            "/role": lambda: rights_of(role),
            "/scopes": lambda: rights_of(role, scopes) if role in ROLES else None,
            "/expires_on": lambda: _later_day(until, today),
        }
    )
    expires = parse_day(until) if until else None
    visit.once["token"] = name
    visit.once["secret"] = grant_token(writing, home, name, role, scopes, expires)
    return after(PATH + "#tokens", "token_repeated")


def end_token(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """A token stops working, at once."""
    name = visit.parameters["token"]
    with_flaw("", lambda: take_token_away(writing, visit.office.desk.home, name))
    return after(PATH + "#tokens", "token_revoked")


def with_flaw(pointer: str, do: Callable[[], Any]) -> None:
    """Do it; what it refuses becomes a flaw of a field."""
    check_all({pointer: do})


def check_all(checks: dict[str, Callable[[], Any]]) -> None:
    """Raise one RecordError with everything that is refused, each at its field."""
    flaws = []
    for pointer, check in checks.items():
        try:
            check()
        except (ValueError, KeyError) as error:
            flaws.append(Flaw(pointer, str(error.args[0])))
    if flaws:
        raise RecordError("users", flaws)


def _later_day(text: str, today: date) -> None:
    if text and parse_day(text) <= today:
        raise ValueError(f"{text} is over: name a day after {today}, or none")


def _user(user: User, sessions: list[Session], own: str) -> dict[str, Any]:
    return {
        "name": user.name,
        "role": user.role,
        "role_name": role_name(user.role),
        "signs_in_by": PASSWORD if user.has_password else PROVIDER,
        "created_at": user.created_at.isoformat(),
        "created_by": user.created_by,
        "seen_at": _text(user.seen_at),
        "sessions": sum(each.name == user.name for each in sessions),
        "is_own": user.name == own,
    }


def _token(token: Any, today: date) -> dict[str, Any]:
    return {
        "name": token.name,
        "role": token.role,
        "role_name": role_name(token.role),
        "scopes": list(token.scopes),
        "created_on": token.created_on,
        "expires_on": token.expires_on,
        "is_expired": token.is_expired(today),
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
