"""Which addresses does the service answer, and with what?"""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from features.ledger.problems import LedgerError
from serving.api.accounts import add_account_routes
from serving.api.asking import Asking, as_json
from serving.api.bodies import parameter_problem, read_json, score_request, wrong_schema
from serving.api.deciding import add_deciding_routes
from serving.api.documents import API_VERSION, documented, index_page, open_api
from serving.api.letters import add_letter_routes
from serving.api.listing import add_listing_routes
from serving.api.policies import add_policy_routes
from serving.api.problems import ProblemError, problem_of_status
from serving.api.readiness import Readiness
from serving.api.records import add_record_routes
from serving.api.schemas import AsOfParameter, Record, Score, ScoreRequest, Scores
from serving.api.settings import Settings
from serving.api.what_if import add_what_if_routes
from serving.live import LiveScorer
from serving.pages.app import add_pages
from serving.pages.failing import problem_response
from serving.provider import Provider
from serving.scoring import NotOpenError, Scorer, UnknownIdError

AsOf = Annotated[AsOfParameter, Query()]


def create_app(
    readiness: Readiness,
    seconds: float = Settings.timeout_seconds,
    provider: Provider | None = None,
    looks_ahead: bool = False,
) -> FastAPI:
    """The routes of the contract over the Scorer of `readiness`; put it behind the guard.

    `seconds` is how long the guard lets a caller wait; `provider` does single sign-on; `looks_ahead`
    lets the pages begin what takes long with the first visit of anybody.
    """
    app = FastAPI(
        title="duecourse",
        version=API_VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.add_exception_handler(ProblemError, _problem_answer)
    app.add_exception_handler(RequestValidationError, _wrong_parameters)
    app.add_exception_handler(HTTPException, _bare_status)
    asking = Asking(readiness, seconds)
    _add_score_routes(app, asking)
    add_what_if_routes(app, asking)
    _add_card_routes(app, asking)
    add_listing_routes(app, asking)
    add_letter_routes(app, asking)
    add_deciding_routes(app, asking)
    add_account_routes(app, asking)
    add_record_routes(app, asking)
    add_policy_routes(app, asking)
    _add_documents(app)
    add_pages(app, asking, provider, looks_ahead)
    return app


def _add_score_routes(app: FastAPI, asking: Asking) -> None:
    @app.post("/v1/scores", **documented(Scores, body=ScoreRequest, also=(400, 408, 413, 415, 422)))
    async def scores(request: Request) -> Response:
        """Score invoices of the loaded ledger, or every open invoice of a small ledger in the body."""
        body = await request.body()
        return await asking.read(request, "read:scores", lambda office, live: _scores(live, body))

    @app.get("/v1/invoices/{invoice_id:path}/score", **documented(Score, also=(404, 409, 422)))
    async def invoice_score(request: Request, invoice_id: str, asked: AsOf) -> Response:
        """The score of one invoice that is open on the day."""
        return await asking.read(
            request, "read:scores", lambda office, live: _score_of(live, invoice_id, asked.as_of)
        )

    @app.get("/v1/customers/{customer_id:path}", **documented(Record, also=(404, 422)))
    async def customer(request: Request, customer_id: str, asked: AsOf) -> Response:
        """What is known of a customer at the start of the day."""
        return await asking.read(
            request, "read:scores", lambda office, live: _customer(live, customer_id, asked.as_of)
        )


def _add_card_routes(app: FastAPI, asking: Asking) -> None:
    @app.get("/v1/models/current", **documented(Record))
    async def current_model(request: Request) -> Response:
        """The card of the model that scores now; `refused` names a champion that does not, and why."""
        refused = asking.readiness.refused
        return await asking.read(
            request, "read:models", lambda office, live: live.whole.model_card() | {"refused": refused()}
        )


def _add_documents(app: FastAPI) -> None:
    @cache
    def description() -> bytes:
        return as_json(open_api(app))  # when somebody asks: working it out would take half of the start

    @app.get("/docs.json", include_in_schema=False)
    def docs() -> Response:  # in a thread, because it takes a while the first time
        return Response(description(), media_type="application/json")

    @app.get("/api", include_in_schema=False)
    async def index(request: Request) -> Response:
        return index_page(str(request.base_url))


def _scores(live: LiveScorer, body: bytes) -> dict[str, Any]:
    request = score_request(read_json(body))
    if request.ledger is None:
        rows, problems = live.score_invoices(request.invoice_ids or [], request.as_of)
    else:
        rows, problems = _scores_of_ledger(live.whole, request)
    return {"scores": rows, "problems": problems, "context_as_of": live.whole.context_as_of(request.as_of)}


def _scores_of_ledger(scorer: Scorer, request: ScoreRequest) -> tuple[list[dict], list[dict]]:
    assert request.ledger is not None and request.as_of is not None
    try:
        return scorer.score_ledger(request.ledger, request.as_of)
    except LedgerError as error:
        raise wrong_schema(
            {
                "pointer": f"/ledger{problem.pointer}",
                "code": problem.code,
                "detail": problem.message
                if problem.value is None
                else f"{problem.value!r} {problem.message}",
                "mend": problem.mend,
            }
            for problem in error.problems
            if problem.severity == "error"
        ) from None


def _score_of(live: LiveScorer, invoice_id: str, as_of: date | None) -> Any:
    try:
        return live.score_of(invoice_id, as_of)
    except UnknownIdError:
        raise ProblemError("unknown_id", f"No invoice {invoice_id!r} is known on that day.") from None
    except NotOpenError as error:
        raise ProblemError("invoice_not_open", str(error)) from None


def _customer(live: LiveScorer, customer_id: str, as_of: date | None) -> Any:
    try:
        return live.customer(customer_id, as_of)
    except UnknownIdError:
        raise ProblemError("unknown_id", f"No customer {customer_id!r} is known on that day.") from None


def _problem_answer(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return problem_response(request.scope["path"], error, request.headers.get("accept", ""))


def _wrong_parameters(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _problem_answer(request, wrong_schema(parameter_problem(one) for one in error.errors()))


def _bare_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _problem_answer(request, problem_of_status(error.status_code, error.headers))
