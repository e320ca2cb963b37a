"""How does a newcomer find out what the service answers?"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from serving.api.problems import KINDS, MEDIA_TYPE, Problem

API_VERSION = "1"
CONTENT_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""What an answer may load and do in a browser: nothing, unless it says otherwise."""
EVERYWHERE = (401, 403, 429, 500, 503)
"""Statuses that the guard may answer on any route."""
_SCHEMAS = "#/components/schemas/"
_TEXT = {"text/plain": {"schema": {"type": "string"}}}


def documented(
    answer: type[BaseModel],
    also: tuple[int, ...] = (),
    body: type[BaseModel] | None = None,
    status: int = 200,
) -> dict[str, Any]:
    """Arguments of a FastAPI route that document its answer, its problems and its body."""
    responses: dict[int, Any] = {status: {"model": answer, "description": answer.__doc__}}
    responses |= {each: _problem_response(each) for each in sorted({*also, *EVERYWHERE})}
    arguments: dict[str, Any] = {"responses": responses, "status_code": status}
    if body is not None:
        content = {"application/json": {"schema": _schema_of(body)}}
        arguments["openapi_extra"] = {"requestBody": {"required": True, "content": content}}
    return arguments


@cache
def _schema_of(body: type[BaseModel]) -> dict[str, Any]:
    return body.model_json_schema(ref_template=_SCHEMAS + "{model}")


def open_api(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the app and of the health routes that the server framework adds."""
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    components = document.setdefault("components", {})
    problem = Problem.model_json_schema(ref_template=_SCHEMAS + "{model}")
    components.setdefault("schemas", {}).update({**problem.pop("$defs"), "Problem": problem})
    for path in document["paths"].values():
        for operation in path.values():
            components["schemas"].update(_definitions(operation))
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{}, {"token": []}]
    alive = {"200": {"description": "The process is alive", "content": _TEXT}}
    ready = {"200": {"description": "The model is verified and the ledger loaded", "content": _TEXT}}
    document["paths"]["/livez"] = {"get": {"summary": "Alive?", "security": [{}], "responses": alive}}
    ready["503"] = _problem_response(503)
    document["paths"]["/readyz"] = {"get": {"summary": "Ready?", "security": [{}], "responses": ready}}
    return document


def _definitions(operation: dict[str, Any]) -> dict[str, Any]:
    """What the schema of a body refers to: it belongs to the components."""
    content = operation.get("requestBody", {}).get("content", {})
    found: dict[str, Any] = {}
    for each in content.values():
        found |= each["schema"].pop("$defs", {})
    return found


def index_page(origin: str) -> HTMLResponse:
    """The friendly page at `/api`: it asks no other address for anything, and runs no script."""
    template, policy = _template()
    page = template.substitute(origin=html.escape(origin.rstrip("/")), kinds=_kinds_table())
    return HTMLResponse(page, headers={"Content-Security-Policy": policy})


def _problem_response(status: int) -> dict[str, Any]:
    titles = " or ".join(title for kind_status, title in KINDS.values() if kind_status == status)
    response: dict[str, Any] = {
        "description": titles,
        "content": {MEDIA_TYPE: {"schema": {"$ref": _SCHEMAS + "Problem"}}},
    }
    if status in (429, 503):
        seconds = {"description": "seconds to wait", "schema": {"type": "integer", "minimum": 1}}
        response["headers"] = {"Retry-After": seconds}
    return response


def _kinds_table() -> str:
    rows = sorted((status, code, title) for code, (status, title) in KINDS.items())
    cells = "<tr><td>{}</td><td><code>{}</code></td><td>{}</td></tr>"
    return "\n".join(cells.format(*(html.escape(str(cell)) for cell in row)) for row in rows)


@cache
def _template() -> tuple[Template, str]:
    """The page, and a content policy that allows its own style and nothing else."""
    text = (Path(__file__).parent / "index.html").read_text(encoding="utf-8")
    styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digests = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" for style in styles
    )
    return Template(text), f"{CONTENT_POLICY}; style-src {digests}"
