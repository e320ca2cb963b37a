"""Is this body JSON, and does it have the documented form?"""

from __future__ import annotations

import json
import math
import reprlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NoReturn

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from features.ledger.problems import did_you_mean
from serving.api.ledger_bodies import ledger_problems
from serving.api.problems import MOST_PROBLEMS_LISTED, ProblemError, pointer
from serving.api.schemas import ScoreRequest

_MENDS = {
    "extra_forbidden": "Remove it, or check its spelling against /docs.json.",
    "too_long": "Ask in several requests, or score the whole ledger with `duecourse score`.",
    "too_short": "Give at least one.",
}


def read_json(body: bytes) -> Any:
    """The value of a JSON text in UTF-8; raises the 400 problem for anything that JSON does not know.

    Python's reader is more generous than JSON: it takes NaN, Infinity, 1e400, repeated names and half
    characters, each of which would turn into something else later on.
    """
    try:
        text = body.decode("utf-8")
        value = json.loads(
            text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_unrepeated
        )
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_json(f"Byte {error.start + 1} is not UTF-8.") from None
    except UnicodeEncodeError:
        raise _not_json("A \\u escape is half a character: its other half is missing.") from None
    except json.JSONDecodeError as error:
        raise _not_json(f"{error.msg}, line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise _not_json("It is nested too deeply.") from None
    except ValueError as error:
        raise _not_json(str(error)) from None
    return value


def score_request(payload: Any) -> ScoreRequest:
    """The checked request of POST /v1/scores; raises the 422 problem with everything that is wrong."""
    fields = ScoreRequest.model_fields
    asked = (
        {name: payload[name] for name in fields if name in payload} if isinstance(payload, dict) else payload
    )
    wrong: list[ErrorDetails] = []
    try:
        request = ScoreRequest.model_validate(asked)
    except ValidationError as error:
        wrong = error.errors(include_url=False)
    problems = [body_problem(one) for one in wrong]
    if isinstance(payload, dict):
        problems += islice(_payload_problems(payload, fields), MOST_PROBLEMS_LISTED + 1)
    if problems:
        raise wrong_schema(problems)
    return request


def wrong_schema(problems: Iterable[Mapping[str, Any]]) -> ProblemError:
    """The 422 problem with these things to mend; of a flood only the first are looked at."""
    listed = list(islice(problems, MOST_PROBLEMS_LISTED + 1))
    count = "One thing has" if len(listed) == 1 else f"{len(listed)} things have"
    if len(listed) > MOST_PROBLEMS_LISTED:
        count = f"More than {MOST_PROBLEMS_LISTED} things have"
    detail = f"{count} to be mended; GET /docs.json describes the form."
    return ProblemError("wrong_schema", detail, listed[:MOST_PROBLEMS_LISTED])


def parameter_problem(error: Mapping[str, Any]) -> dict[str, str]:
    """One problem of a query parameter, from an error of pydantic."""
    return {"parameter": str(error["loc"][-1]), **_said(error)}


def body_problem(error: ErrorDetails) -> dict[str, str]:
    """One problem of a body, from an error of pydantic."""
    return {"pointer": pointer(error["loc"]), **_said(error)}


def _said(error: Mapping[str, Any]) -> dict[str, str]:
    code = str(error["type"])
    reason = str(error.get("ctx", {}).get("error", error["msg"]))
    mend = _MENDS.get(code, "Write it as /docs.json describes it.")
    if code == "value_error":
        code, mend = "wrong_value", reason[0].upper() + reason[1:]
        reason = "this value cannot be used"
    given = reprlib.repr(error["input"])  # shortens while it writes: the value may be megabytes
    return {"code": code, "detail": f"{reason.rstrip('.')} (given: {given})", "mend": mend}


def _payload_problems(payload: dict[str, Any], fields: Iterable[str]) -> Iterator[dict[str, str]]:
    """What pydantic is not asked about, one at a time: a hostile body can hold millions of them."""
    for name in payload:
        if name not in fields:
            yield _one((name,), "unknown_field", "there is no such field", did_you_mean(name, fields))
    has_ledger = payload.get("ledger") is not None
    if has_ledger == (payload.get("invoice_ids") is not None):
        given = "both" if has_ledger else "none"
        yield _one(
            (), "one_of", f"{given} of invoice_ids and ledger given", "Give either invoice_ids or ledger."
        )
    elif has_ledger and payload.get("as_of") is None:
        mend = "Add as_of: the day at whose start the ledger of the body is scored."
        yield _one(("as_of",), "missing", "a ledger needs an as-of day", mend)
    if isinstance(payload.get("ledger"), dict):
        yield from ledger_problems(payload["ledger"])


def _one(steps: tuple[str, ...], code: str, detail: str, mend: str) -> dict[str, str]:
    return {"pointer": pointer(steps), "code": code, "detail": detail, "mend": mend}


def _not_json(detail: str) -> ProblemError:
    return ProblemError("not_json", f"The body is not JSON in UTF-8. {detail}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is too large for a number.")
    return number


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"The name {twice[:80]!r} occurs twice in one object.")
    return found
