"""Which OpenID provider do the tests sign in at? A real one of Authlib's server classes, that can also lie.

It knows one client and some users, asks who somebody is on a page of its own, takes PKCE alone, gives each code once
and signs with RS256. What it says can be bent (`lies`) to see that nobody believes it.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, Response, jsonify, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from markupsafe import escape
from werkzeug.serving import make_server

from tests.test_service_process import free_port

CLIENT, SECRET = "duecourse", "a secret between two & no third"
KEY = RSAKey.generate_key(2048, {"kid": "of-the-provider", "use": "sig", "alg": "RS256"})
STRANGE_KEY = RSAKey.generate_key(2048, {"kid": "of-the-provider", "use": "sig", "alg": "RS256"})
INSECURE = "AUTHLIB_INSECURE_TRANSPORT"

Claims = dict[str, Any]


@dataclass
class Client(ClientMixin):
    """This service, as the provider knows it."""

    redirect_uri: str
    client_id: str = CLIENT
    client_secret: str = SECRET

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(each for each in scope.split() if each in ("openid", "profile", "email"))

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == self.client_secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class Code(AuthorizationCodeMixin):
    """What the browser carries back."""

    code: str
    user: Claims
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> None:
        return None

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


@dataclass
class Lies:
    """How the provider's word is bent."""

    claims: Callable[[Claims], Claims] = dict
    sign: Callable[[Claims], str] | None = None
    metadata: Claims = field(default_factory=dict)
    userinfo: Claims = field(default_factory=dict)
    is_silent: bool = False


@dataclass
class OpenIdProvider:
    """The provider while it runs."""

    origin: str
    client: Client
    users: dict[str, Claims]
    in_token: tuple[str, ...] = ("preferred_username", "groups", "email", "email_verified")
    """Claims that stand in the ID token; all others only where the service asks for them."""
    lies: Lies = field(default_factory=Lies)
    codes: dict[str, Code] = field(default_factory=dict)
    given: dict[str, Claims] = field(default_factory=dict)
    """Whose each access token is."""
    asked: list[str] = field(default_factory=list)

    def settings(self, public_url: str, **more: str) -> dict[str, str]:
        """The environment of a service that trusts this provider."""
        ours = {"ISSUER": self.origin, "CLIENT_ID": CLIENT, "CLIENT_SECRET": SECRET, "PUBLIC_URL": public_url}
        return {f"DUECOURSE_OIDC_{name}": text for name, text in (ours | more).items()}

    def signed(self, claims: Claims, key: RSAKey = KEY) -> str:
        """An ID token as the provider signs it."""
        return jwt.encode({"alg": "RS256", "kid": KEY.kid}, claims, key, ["RS256"])


def unsigned(claims: Claims) -> str:
    """An ID token that says it needs no signature."""
    return _unsigned("none", claims) + "."


def signed_as_if_shared(claims: Claims) -> str:
    """An ID token signed with the public key, as if that were a secret of both."""
    text = _unsigned("HS256", claims)
    return f"{text}.{_letters(hmac.digest(KEY.as_pem(private=False), text.encode(), 'sha256'))}"


def _unsigned(algorithm: str, claims: Claims) -> str:
    header = {"alg": algorithm, "kid": KEY.kid}
    return ".".join(_letters(json.dumps(each).encode()) for each in (header, claims))


def _letters(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@contextmanager
def openid_provider(public_url: str, users: dict[str, Claims]) -> Iterator[OpenIdProvider]:
    """A provider on loopback that knows the service of an address."""
    port = free_port()
    found = OpenIdProvider(f"http://127.0.0.1:{port}", Client(public_url + "/sign-in/provider/back"), users)
    before = os.environ.get(INSECURE)
    os.environ[INSECURE] = "1"  # its own classes want TLS; on loopback there is no way to listen on
    server = make_server("127.0.0.1", port, _app(found), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        os.environ.pop(INSECURE) if before is None else os.environ.update({INSECURE: before})


def _app(provider: OpenIdProvider) -> Flask:
    app = Flask("provider")
    server = AuthorizationServer(
        app, lambda name: provider.client if name == CLIENT else None, lambda *_: None
    )
    server.save_token = lambda token, asked: provider.given.update({token["access_token"]: asked.user})
    server.register_grant(
        _grant(provider), [_tokens(provider)(require_nonce=True), CodeChallenge(required=True)]
    )

    @app.before_request
    def noted() -> Response | None:
        provider.asked.append(request.path)
        return Response("out of order", 503) if provider.lies.is_silent else None

    @app.get("/.well-known/openid-configuration")
    def metadata() -> Response:
        places = {f"{name}_endpoint": f"{provider.origin}/{name}" for name in ("token", "userinfo")}
        places["authorization_endpoint"] = f"{provider.origin}/authorize"
        places["end_session_endpoint"] = f"{provider.origin}/logout"
        told = {"issuer": provider.origin, "jwks_uri": f"{provider.origin}/keys", **places}
        return jsonify(told | provider.lies.metadata)

    @app.get("/keys")
    def keys() -> Response:
        return jsonify({"keys": [KEY.as_dict(private=False)]})

    @app.get("/authorize")
    def who() -> str:
        server.get_consent_grant(end_user=None)  # refuses what is no proper request
        names = "".join(
            f'<button name="who" value="{escape(each)}">{escape(each)}</button>' for each in provider.users
        )
        return (
            f'<!doctype html><title>Provider</title><h1>Who are you?</h1><form method="post">{names}</form>'
        )

    @app.post("/authorize")
    def confirmed() -> Response:
        user = provider.users[request.form["who"]]
        grant = server.get_consent_grant(end_user=user)
        return server.create_authorization_response(grant=grant, grant_user=user)

    @app.post("/token")
    def token() -> Response:
        return server.create_token_response()

    @app.get("/userinfo")
    def userinfo() -> Response:
        user = provider.given[request.headers["Authorization"].removeprefix("Bearer ")]
        return jsonify(user | provider.lies.userinfo)

    @app.get("/logout")
    def logout() -> str:
        return "<!doctype html><title>Provider</title><h1>Signed out of the provider</h1>"

    return app


def _grant(provider: OpenIdProvider) -> type[grants.AuthorizationCodeGrant]:
    class Grant(grants.AuthorizationCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

        def save_authorization_code(self, code: str, asked: Any) -> None:
            told = asked.payload.data
            names = ("redirect_uri", "nonce", "code_challenge", "code_challenge_method")
            kept = {name: told[name] for name in names}
            provider.codes[code] = Code(code=code, user=asked.user, scope=asked.payload.scope, **kept)

        def query_authorization_code(self, code: str, client: Client) -> Code | None:
            return provider.codes.get(code)

        def delete_authorization_code(self, authorization_code: Code) -> None:
            del provider.codes[authorization_code.code]

        def authenticate_user(self, authorization_code: Code) -> Claims:
            return authorization_code.user

    return Grant


def _tokens(provider: OpenIdProvider) -> type[OpenIDCode]:
    class Tokens(OpenIDCode):
        def exists_nonce(self, nonce: str, asked: Any) -> bool:
            return any(code.nonce == nonce for code in provider.codes.values())

        def get_client_algorithm(self, client: Client) -> str:
            return "RS256"

        def resolve_client_private_key(self, client: Client) -> RSAKey:
            return KEY

        def get_client_claims(self, client: Client) -> Claims:
            now = int(time.time())
            return {"iss": provider.origin, "aud": [CLIENT], "iat": now, "exp": now + 300}

        def generate_user_info(self, user: Claims, scope: str) -> Claims:
            return {name: value for name, value in user.items() if name in ("sub", *provider.in_token)}

        def encode_id_token(self, token: Any, asked: Any) -> str:
            honest = super().encode_id_token(token, asked)
            claims = provider.lies.claims(dict(jwt.decode(honest, KEY).claims))
            return (provider.lies.sign or provider.signed)(claims)

    return Tokens
