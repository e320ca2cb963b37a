"""Who am I here, where am I signed in, and how do I change my password?"""

from __future__ import annotations

from typing import Any

from serving.api.problems import ProblemError
from serving.desk import Flaw, RecordError, Writing
from serving.office import Answer
from serving.pages.routing import Page, Pages, Visit, after
from serving.pages.sign_in import Guesses
from serving.pages.users import check_all, role_name, session_told
from serving.roles import RIGHTS
from serving.users import Users, change_password, check_password, end_session_of

PATH = "/me"


def add(pages: Pages) -> None:
    """The page and its forms; whoever came to somebody's open browser may not guess the password there for ever."""
    page, guesses = Page(PATH, "", "me.html", view), Guesses()

    def own_password(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
        return _own_password(visit, given, writing, guesses)

    pages.form(f"{PATH}/password", "", own_password, page)
    pages.form(f"{PATH}/sessions/{{session}}/end", "", end_own_session, page)
    pages.page(page)


def view(visit: Visit) -> dict[str, Any]:
    """The own name, role and rights; where somebody is signed in, the own sessions too."""
    users, caller = Users(visit.office.desk), visit.caller
    now = visit.office.now()
    user = users.of_session(visit.session, now) if visit.session else None
    open_ones = users.sessions(now, user.name) if user else []
    return {
        "name": caller.name,
        "role": caller.role,
        "role_name": role_name(caller.role),
        "rights": [{"right": each, "about": RIGHTS[each]} for each in RIGHTS if caller.may(each)],
        "is_signed_in": user is not None,
        "has_password": bool(user and user.has_password),
        "sessions": [session_told(each, visit.session) for each in open_ones],
    }


def end_own_session(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Sign oneself out of another browser."""
    _check_signed_in(visit)
    end_session_of(writing, visit.parameters["session"], visit.caller.name)
    return after(PATH, "session_ended")


def _own_password(visit: Visit, given: dict[str, str], writing: Writing, guesses: Guesses) -> Answer:
    """Another password of one's own; every other session ends."""
    _check_signed_in(visit)
    name, new = visit.caller.name, given.get("password", "")
    guesses.check("", name)
    if Users(visit.office.desk).check(name, given.get("current_password", "")) is None:
        guesses.wrong("", name)
        raise RecordError("users", [Flaw("/current_password", "this is not your password of now")])
    check_all(
        {
            "/password": lambda: check_password(new, name),
            "/password_again": lambda: _check_same(new, given.get("password_again", "")),
        }
    )
    change_password(writing, name, new, visit.session)
    return after(PATH, "own_password")


def _check_same(new: str, again: str) -> None:
    if new != again:
        raise ValueError("the two are not the same")


def _check_signed_in(visit: Visit) -> None:
    if not visit.session:
        raise ProblemError("not_allowed", "This is for users who signed in with their own name.")
