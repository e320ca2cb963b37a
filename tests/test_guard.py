"""Does the guard keep out what it must, let in what it may, and name every refusal?"""

from __future__ import annotations

import asyncio
import json
import socket
import stat
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.api.access import Access, is_loopback, listens_on_loopback_only
from serving.api.guard import Guard
from serving.api.limits import Allowance
from serving.api.problems import ProblemError, busy
from serving.api.settings import Settings
from serving.tokens import create_token, list_tokens, revoke_token, token_of
from tests.caller import Caller

TODAY = date(2026, 3, 31)
JSON = {"content-type": "application/json"}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """An app behind the guard: /slow never ends in time, /broken raises, /bare answers a bare 405."""
    if scope["path"] == "/broken":
        raise RuntimeError("secret of the inside")
    if scope["path"] == "/slow":
        await asyncio.sleep(3600)
    status = {"/bare": 405, "/readyz": 503}.get(scope["path"], 200)
    message = await receive() if scope["method"] == "POST" else {}
    headers = [(b"content-type", b"text/plain"), (b"allow", b"GET")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": message.get("body", b"")})


def client(
    home: Path, address: str = "127.0.0.1", on_loopback: bool = True, host: str = "127.0.0.1", **chosen: Any
) -> Caller:
    """A caller of the echo app behind a guard with the settings `chosen`."""
    parts = {name: chosen.pop(name) for name in ("allowance", "why_not_ready") if name in chosen}
    settings = Settings(home=home, **chosen)
    access = Access(home, settings.requires_token, lambda: on_loopback)
    return Caller(Guard(echo, settings, access, **parts), address, host)


def problem(answer: Any) -> str:
    """The kind of a problem document, after checking that it is one."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert set(document) == {"type", "title", "status", "detail", "instance", "problems"}
    assert document["status"] == answer.status_code
    return document["type"].removeprefix("urn:duecourse:problem:")


@pytest.mark.parametrize(
    ("address", "on_loopback", "requires_token", "expected"),
    [
        ("127.0.0.1", True, False, 200),
        ("127.9.9.9", True, False, 200),
        ("::1", True, False, 200),
        ("::ffff:127.0.0.1", True, False, 200),
        ("127.0.0.1", True, True, 401),
        ("127.0.0.1", False, False, 401),
        ("10.0.0.7", True, False, 401),
        ("10.0.0.7", False, False, 401),
        ("::ffff:10.0.0.7", True, False, 401),
        ("localhost.evil.example", True, False, 401),
        ("", True, False, 401),
    ],
)
def test_a_token_is_needed_off_loopback(
    tmp_path: Path, address: str, on_loopback: bool, requires_token: bool, expected: int
) -> None:
    caller = client(tmp_path, address, on_loopback, requires_token=requires_token)
    assert caller.get("/v1/policy").status_code == expected
    secret = create_token(tmp_path, "erp", TODAY)
    assert caller.get("/v1/policy", headers={"authorization": f"Bearer {secret}"}).status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Host"])
def test_forwarding_headers_are_never_believed(tmp_path: Path, header: str) -> None:
    caller = client(tmp_path, "10.0.0.7")
    assert problem(caller.get("/v1/policy", headers={header: "127.0.0.1"})) == "token_needed"


@pytest.mark.parametrize(
    "sent", ["", "Bearer", "Bearer ", "Bearer x", "Basic {}", "{}", "Bearer {}x", "Bearer\t{}"]
)
def test_only_the_exact_token_opens(tmp_path: Path, sent: str) -> None:
    secret = create_token(tmp_path, "erp", TODAY)
    caller = client(tmp_path, requires_token=True)
    answer = caller.get("/v1/policy", headers={"authorization": sent.format(secret)})
    assert problem(answer) == "token_needed"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert caller.get("/v1/policy", headers={"authorization": f"bearer {secret}"}).status_code == 200
    twice = [("authorization", f"Bearer {secret}")] * 2
    assert problem(caller.get("/v1/policy", headers=twice)) == "token_needed"


def test_a_revoked_token_stops_at_once(tmp_path: Path) -> None:
    secret = create_token(tmp_path, "erp", TODAY)
    caller = client(tmp_path, requires_token=True)
    caller.headers["authorization"] = f"Bearer {secret}"
    assert caller.get("/api").status_code == 200
    revoke_token(tmp_path, "erp")
    assert caller.get("/api").status_code == 401


def test_only_health_is_public(tmp_path: Path) -> None:
    caller = client(tmp_path, "10.0.0.7", False)
    assert caller.get("/livez").status_code == 200
    for path in (
        "/api",
        "/docs.json",
        "/healthz",
        "/metrics",
        "/schema.json",
        "/livez/",
        "/livez/x",
        "/%2Flivez",
    ):
        assert problem(caller.get(path)) == "token_needed"


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/schema.json"])
def test_routes_of_the_framework_do_not_exist(tmp_path: Path, path: str) -> None:
    caller = client(tmp_path)
    assert problem(caller.get(path)) == "unknown_route"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", 200),
        ("LOCALHOST:8000", 200),
        ("127.0.0.1", 200),
        ("127.0.0.1:3000", 200),
        ("[::1]", 200),
        ("[::1]:3000", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example:3000", 403),
        ("127.0.0.1:evil", 403),
        ("", 403),
    ],
)
def test_a_loopback_service_answers_to_its_own_names_only(tmp_path: Path, host: str, expected: int) -> None:
    caller = client(tmp_path)
    assert caller.get("/v1/policy", headers={"host": host}).status_code == expected


def test_off_loopback_any_name_may_lead_here(tmp_path: Path) -> None:
    secret = create_token(tmp_path, "erp", TODAY)
    caller = client(tmp_path, "10.0.0.7", False, host="risk.example")
    assert caller.get("/api", headers={"authorization": f"Bearer {secret}"}).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=UTF-8", 200),
        ('application/json; charset="utf-8"', 200),
        ("application/json; charset=utf-16", 415),
        ("application/json, text/plain", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/vnd.bentoml+pickle", 415),
        ("", 415),
    ],
)
def test_bodies_are_json(tmp_path: Path, content_type: str, expected: int) -> None:
    caller = client(tmp_path)
    answer = caller.post("/v1/scores", content=b"{}", headers={"content-type": content_type})
    assert answer.status_code == expected
    assert expected == 200 or problem(answer) == "not_application_json"


@pytest.mark.parametrize("chunk", [100, 7, 1])
@pytest.mark.parametrize(("size", "expected"), [(0, 200), (100, 200), (101, 413), (500, 413), (5000, 413)])
def test_bodies_have_a_limit_with_and_without_a_length(
    tmp_path: Path, size: int, expected: int, chunk: int
) -> None:
    whole = b"x" * size
    parts = [whole[place : place + chunk] for place in range(0, size, chunk)]
    caller = client(tmp_path, max_body_bytes=100)
    for content in (whole, parts):
        answer = caller.post("/v1/scores", content=content, headers=JSON)
        assert answer.status_code == expected
        assert answer.content == whole if expected == 200 else problem(answer) == "body_too_large"


def test_every_caller_has_an_allowance_of_its_own() -> None:
    now = 0.0
    allowance = Allowance(10, clock=lambda: now)
    for _ in range(20):
        allowance.take("erp")
    with pytest.raises(ProblemError) as refused:
        allowance.take("erp")
    assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "1"})
    allowance.take("other")
    now = 0.1
    allowance.take("erp")
    with pytest.raises(ProblemError):
        allowance.take("erp")


def test_guessing_tokens_is_limited_too(tmp_path: Path) -> None:
    allowance = Allowance(1, clock=lambda: 0.0)
    caller = client(tmp_path, "10.0.0.7", allowance=allowance)
    assert [caller.get("/api").status_code for _ in range(3)] == [401, 401, 429]
    assert caller.get("/api").headers["retry-after"] == "1"


def test_an_exception_is_an_incident_without_internals(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caller = client(tmp_path)
    answer = caller.get("/broken")
    assert problem(answer) == "incident"
    assert "secret" not in answer.text
    incident = answer.json()["instance"].removeprefix("urn:duecourse:incident:")
    assert incident in caplog.text
    assert "secret of the inside" in caplog.text


def test_a_path_cannot_forge_a_line_of_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    client(tmp_path).get("/v1/%0AGET%20/all-well")
    lines = [record.getMessage() for record in caplog.records if record.name == "bentoml.duecourse"]
    assert [line.rpartition(" in ")[0] for line in lines] == [r"GET '/v1/\nGET /all-well' 200"]


def test_a_bare_error_becomes_a_problem_and_keeps_its_headers(tmp_path: Path) -> None:
    caller = client(tmp_path)
    answer = caller.get("/bare")
    assert problem(answer) == "method_not_allowed"
    assert answer.headers["allow"] == "GET"


def test_readyz_says_why_not(tmp_path: Path) -> None:
    caller = client(tmp_path, "10.0.0.7", False, why_not_ready=lambda: busy("loading", "Soon."))
    answer = caller.get("/readyz")
    assert (problem(answer), answer.headers["retry-after"]) == ("loading", "1")


def test_every_answer_carries_the_security_headers(tmp_path: Path) -> None:
    caller = client(tmp_path)
    for path in ("/v1/policy", "/livez", "/broken", "/bare", "/healthz"):
        headers = caller.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "access-control-allow-origin" not in headers


def test_websockets_are_closed(tmp_path: Path) -> None:
    sent: list[dict] = []

    async def send(message: Any) -> None:
        sent.append(message)

    guard = Guard(echo, Settings(home=tmp_path), Access(tmp_path, False, lambda: True))
    asyncio.run(guard({"type": "websocket", "path": "/v1/scores", "headers": []}, _never, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


async def _ask(guard: Guard, path: str, receive: Any, method: str = "GET") -> list[dict]:
    sent: list[dict] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": method, "path": path, "headers": headers, "client": ("127.0.0.1", 1)}
    await guard(scope, receive, send)
    return sent


async def _never() -> dict:
    return await asyncio.Event().wait()  # type: ignore[return-value]


def _kind(sent: list[dict]) -> tuple[int, str]:
    return sent[0]["status"], json.loads(sent[1]["body"])["type"].rpartition(":")[2]


def test_a_full_house_says_so_and_a_late_answer_keeps_its_place(tmp_path: Path) -> None:
    async def scenario() -> list[tuple[int, str]]:
        settings = Settings(home=tmp_path, max_in_flight=1, timeout_seconds=0.05)
        guard = Guard(echo, settings, Access(tmp_path, False, lambda: True))
        first = asyncio.create_task(_ask(guard, "/slow", _never))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        full = await _ask(guard, "/v1/policy", _never)
        late = await first
        still_full = await _ask(guard, "/v1/policy", _never)
        return [_kind(full), _kind(late), _kind(still_full)]

    assert asyncio.run(scenario()) == [(503, "busy"), (503, "took_too_long"), (503, "busy")]


def test_a_body_that_never_ends_gives_its_place_back(tmp_path: Path) -> None:
    async def scenario() -> tuple[tuple[int, str], int]:
        settings = Settings(home=tmp_path, max_in_flight=1, timeout_seconds=0.05)
        guard = Guard(echo, settings, Access(tmp_path, False, lambda: True))
        slow = await _ask(guard, "/v1/scores", _never, "POST")
        for _ in range(10):
            await asyncio.sleep(0)
        return _kind(slow), (await _ask(guard, "/v1/policy", _never))[0]["status"]

    assert asyncio.run(scenario()) == ((408, "body_too_slow"), 200)


def test_a_caller_who_hangs_up_is_no_incident(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def gone() -> dict:
        return {"type": "http.disconnect"}

    guard = Guard(echo, Settings(home=tmp_path), Access(tmp_path, False, lambda: True))
    assert asyncio.run(_ask(guard, "/v1/scores", gone, "POST")) == []
    assert caplog.text == ""


@pytest.mark.parametrize(("address", "expected"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_the_open_sockets_tell_where_the_service_listens(address: str, expected: bool) -> None:
    assert not listens_on_loopback_only()
    with socket.socket() as listener:
        listener.bind((address, 0))
        assert not listens_on_loopback_only()
        listener.listen()
        assert listens_on_loopback_only() is expected


@pytest.mark.parametrize("address", ["localhost", "testclient", "127.0.0.1:80", "0.0.0.0", "::", "1.2.3.4"])
def test_only_a_loopback_address_is_one(address: str) -> None:
    assert not is_loopback(address)


def test_tokens_are_kept_as_fingerprints_readable_by_their_owner_only(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    first, second = create_token(home, "erp", TODAY), create_token(home, "night-run", TODAY)
    file = home / "tokens.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert first not in file.read_text() and second not in file.read_text()
    assert [(token.name, token.created_on) for token in list_tokens(home)] == [
        ("erp", "2026-03-31"),
        ("night-run", "2026-03-31"),
    ]
    found = [token_of(home, secret.encode()) for secret in (first, second, "dc_x", "")]
    assert [token and token.name for token in found] == ["erp", "night-run", None, None]
    assert list(home.iterdir()) == [file]


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "é", "x" * 65, "erp"])
def test_token_names_are_plain_and_used_once(tmp_path: Path, name: str) -> None:
    create_token(tmp_path, "erp", TODAY)
    with pytest.raises(ValueError, match="another name" if name == "erp" else "cannot be used"):
        create_token(tmp_path, name, TODAY)


def test_a_token_works_until_the_day_it_expires(tmp_path: Path) -> None:
    secret = create_token(tmp_path, "erp", TODAY, "viewer", expires_on=TODAY + timedelta(days=1))
    sent = {"authorization": f"Bearer {secret}"}
    for days, expected in ((0, None), (1, "token_needed")):
        access = Access(tmp_path, True, lambda: True, lambda days=days: TODAY + timedelta(days=days))
        asked = access_of(access, sent)
        assert asked == expected if expected else (asked.role, asked.may("write:facts")) == ("viewer", False)


def access_of(access: Access, headers: dict[str, str]) -> Any:
    pairs = [(name.encode(), value.encode()) for name, value in (headers | {"host": "localhost"}).items()]
    try:
        return access.caller({"client": ("127.0.0.1", 1), "headers": pairs})
    except ProblemError as error:
        return error.kind


@pytest.mark.parametrize(
    ("role", "scopes", "said"),
    [
        ("boss", (), "there is no role 'boss'"),
        ("viewer", ("read:everything",), "there is no scope 'read:everything'"),
        ("viewer", ("write:policy",), "the role viewer has no right 'write:policy'"),
    ],
)
def test_a_token_has_rights_of_its_role_alone(
    tmp_path: Path, role: str, scopes: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        create_token(tmp_path, "x", TODAY, role, scopes)
    create_token(tmp_path, "narrow", TODAY, "analyst", ("read:scores",))
    assert list_tokens(tmp_path)[0].caller().rights == {"read:scores"}


def test_a_token_that_has_expired_already_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="would never work"):
        create_token(tmp_path, "x", TODAY, expires_on=TODAY)


def test_revoking_names_the_tokens_there_are(tmp_path: Path) -> None:
    create_token(tmp_path, "erp", TODAY)
    with pytest.raises(KeyError, match="Tokens: erp"):
        revoke_token(tmp_path, "epr")


def test_a_damaged_token_file_opens_nothing(tmp_path: Path) -> None:
    secret = create_token(tmp_path, "erp", TODAY)
    (tmp_path / "tokens.json").write_text("[{")
    caller = client(tmp_path, requires_token=True)
    assert problem(caller.get("/api", headers={"authorization": f"Bearer {secret}"})) == "incident"
    with pytest.raises(ValueError, match="not a token file"):
        list_tokens(tmp_path)


def test_settings_name_every_wrong_variable_at_once() -> None:
    wrong = {"DUECOURSE_AUTH": "yes", "DUECOURSE_AS_OF": "31.03.2026", "DUECOURSE_WORKERS": "0"}
    with pytest.raises(ValueError, match=r"AS_OF.*AUTH.*WORKERS"):
        Settings.from_environment(wrong)


def test_settings_read_what_is_set_and_leave_the_rest() -> None:
    chosen = Settings.from_environment(
        {"DUECOURSE_AUTH": "required", "DUECOURSE_AS_OF": "2026-03-31", "PATH": "x"}
    )
    assert chosen == Settings(requires_token=True, as_of=TODAY)
    assert Settings.from_environment({"DUECOURSE_AUTH": ""}) == Settings()
