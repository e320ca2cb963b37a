"""What does a person read when a page could not be shown? The same problem that the API tells, as a page."""

from __future__ import annotations

from starlette.responses import Response

from serving.api.problems import MEDIA_TYPE, ProblemError
from serving.pages.paths import is_page, is_twin
from serving.pages.rendering import HEADERS, html

HTML = "text/html; charset=utf-8"


def is_for_people(path: str) -> bool:
    """Whether whoever asked for a path reads HTML."""
    return is_page(path) and not is_twin(path) and not path.startswith("/static/")


def told(path: str, problem: ProblemError, accepts: str = "") -> tuple[bytes, dict[str, str]]:
    """Body and headers of a problem: a page for people, a problem document for everybody else.

    `accepts`: what whoever asked for an address that does not exist reads, which its path cannot tell.
    """
    is_lost = problem.kind == "unknown_route" and "text/html" in accepts
    if not is_for_people(path) and not is_lost:
        return problem.document(path), {"Content-Type": MEDIA_TYPE, **problem.headers}
    seconds = problem.headers.get("Retry-After") if problem.kind == "loading" else None
    body = html("problem.html", {"problem": problem, "title": problem.title, "again_in": seconds})
    kept = {name: value for name, value in problem.headers.items() if name != "WWW-Authenticate"}
    return body, {"Content-Type": HTML, **HEADERS, **kept}


def problem_response(path: str, problem: ProblemError, accepts: str = "") -> Response:
    """The answer that is a problem."""
    body, headers = told(path, problem, accepts)
    return Response(body, problem.status, headers)
