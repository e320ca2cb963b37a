"""Who does the OpenID provider say somebody is? Nothing of it counts before all of it was checked.

The browser is sent to the provider with a state, a nonce and a PKCE challenge, all three made of one secret in a
cookie of this browser, so that nothing has to be kept for it. It comes back with a code, which is good once; for the
code and the PKCE verifier the provider gives an ID token to this service itself. Its signature (never `none`, never a
shared secret), issuer, audience, age and nonce are checked; only then its claims say who came, and in which role.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import hmac
import json
import ssl
import time
import warnings
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from serving.provider import Provider, ProviderSilentError, is_safe_address
from serving.users import Identity, NotAdmittedError

with warnings.catch_warnings():  # it prefers a client that is not in use here yet, and says so at every start
    warnings.simplefilter("ignore")
    from authlib.integrations.base_client import OAuthError
    from authlib.integrations.httpx_client import AsyncOAuth2Client

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that only the provider can make."""
LEEWAY_SECONDS = 60
"""So far the clocks of both may be apart."""
KNOWN_SECONDS = 10 * 60
"""So long the provider's addresses are believed to be the same."""
_NEEDED = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass
class SingleSignOn:
    """Asks one provider who somebody is; safe to share between requests."""

    provider: Provider
    seconds: float = 4.0
    """So long the provider may take for one step."""
    clock: Callable[[], float] = time.monotonic
    _known: tuple[float, dict[str, Any]] | None = field(default=None, repr=False)

    async def begin(self, secret: str) -> str:
        """Where the browser has to go, for a secret of this browser's own; only to a provider that answers now."""
        async with self._asking() as client:
            metadata = await self._metadata(client, anew=True)
            url, _ = client.create_authorization_url(
                metadata["authorization_endpoint"],
                state=_made_of(secret, "state"),
                nonce=_made_of(secret, "nonce"),
                code_verifier=_made_of(secret, "verifier"),
            )
            return url

    async def identity(self, secret: str, query: Mapping[str, str], now: datetime) -> Identity:
        """Whom the provider vouches for; `query` is what the browser brought back.

        Raises NotAdmittedError where anything does not fit, ProviderSilentError where there is no answer.
        """
        self._check_answer(secret, query)
        async with self._asking() as client:
            metadata = await self._metadata(client)
            token = await client.fetch_token(
                metadata["token_endpoint"],
                grant_type="authorization_code",
                code=query["code"],
                code_verifier=_made_of(secret, "verifier"),
            )
            keys = _document(await client.request("GET", metadata["jwks_uri"], withhold_token=True))
            claims = self._claims(token, keys, _made_of(secret, "nonce"), now)
            return self._identity(await self._completed(client, metadata, claims))

    async def way_out(self) -> str | None:
        """Where somebody signs out of the provider too; None where it has no such place."""
        async with self._asking() as client:
            address = (await self._metadata(client, anew=True)).get("end_session_endpoint")
        if not address or not is_safe_address(address):
            return None
        back = {"client_id": self.provider.client_id, "post_logout_redirect_uri": self.provider.after_leaving}
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(back)}"

    def _check_answer(self, secret: str, query: Mapping[str, str]) -> None:
        """What came back belongs to what this browser began, and is no refusal."""
        expected, brought = _made_of(secret, "state"), query.get("state", "")
        if not hmac.compare_digest(expected.encode(), brought.encode("utf-8", "replace")):
            raise NotAdmittedError(
                "This sign-in was not begun in this browser, or another one was begun after it. Begin it again."
            )
        if query.get("iss", self.provider.issuer) != self.provider.issuer:
            raise NotAdmittedError("The answer came from another provider than the one that was asked.")
        if "error" in query or not query.get("code"):
            raise NotAdmittedError(
                f"{self.provider.label} let nobody in. Begin again, or ask its administrator."
            )

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[AsyncOAuth2Client]:
        """A client of the provider, for one step within its time; what goes wrong is told as one of our two errors."""
        provider = self.provider
        try:
            async with (
                asyncio.timeout(self.seconds),
                AsyncOAuth2Client(
                    provider.client_id,
                    provider.client_secret,
                    scope=provider.scopes,
                    redirect_uri=provider.redirect_uri,
                    code_challenge_method="S256",
                    verify=_trusted(),
                    timeout=self.seconds,
                ) as client,
            ):
                yield client
        except OAuthError as error:
            raise NotAdmittedError(
                f"{provider.label} did not take the code ({error.error!r}): it is good once, and not for long. "
                "Begin again."
            ) from error
        except (JoseError, _WrongClaim) as error:
            raise NotAdmittedError(
                f"What {provider.label} says of this sign-in does not hold ({type(error).__name__}: {error}). Begin "
                "again; if it happens again, the settings of both sides do not fit together."
            ) from error
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, _WrongAnswer) as error:
            raise ProviderSilentError(f"{type(error).__name__}: {error}") from error

    async def _metadata(self, client: AsyncOAuth2Client, anew: bool = False) -> dict[str, Any]:
        if not anew and self._known is not None and self.clock() - self._known[0] < KNOWN_SECONDS:
            metadata = self._known[1]
        else:
            where = self.provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
            metadata = self._checked(_document(await client.request("GET", where, withhold_token=True)))
            self._known = (self.clock(), metadata)
        ways = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        is_by_header = "client_secret_basic" in ways
        client.token_endpoint_auth_method = "client_secret_basic" if is_by_header else "client_secret_post"
        return metadata

    def _checked(self, metadata: dict[str, Any]) -> dict[str, Any]:
        wrong = [name for name in _NEEDED if not isinstance(metadata.get(name), str)]
        wrong += [name for name in _NEEDED if name not in wrong and not is_safe_address(metadata[name])]
        if wrong:
            raise _WrongAnswer(f"its configuration has no usable {', '.join(wrong)}")
        if metadata["issuer"] != self.provider.issuer:
            raise _WrongAnswer(
                f"it calls itself {metadata['issuer']!r}, and DUECOURSE_OIDC_ISSUER says {self.provider.issuer!r}: "
                "write it the same"
            )
        return metadata

    def _claims(
        self, token: Mapping[str, Any], keys: dict[str, Any], nonce: str, now: datetime
    ) -> dict[str, Any]:
        """The claims of an ID token whose signature, issuer, audience, age and nonce are right."""
        if not isinstance(token.get("id_token"), str):
            raise _WrongClaim("no ID token")
        signed = _verified(token["id_token"], keys)
        expected: Any = {
            "iss": {"essential": True, "value": self.provider.issuer},
            "aud": {"essential": True, "value": self.provider.client_id},
            "sub": {"essential": True},
        }
        known = {
            "client_id": self.provider.client_id,
            "nonce": nonce,
            "access_token": token.get("access_token"),
        }
        claims = CodeIDToken(signed.claims, signed.header, expected, known)
        claims.validate(now=int(now.timestamp()), leeway=LEEWAY_SECONDS)
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise _WrongClaim("sub is no text")
        return dict(claims)

    async def _completed(
        self, client: AsyncOAuth2Client, metadata: Mapping[str, Any], claims: dict[str, Any]
    ) -> dict[str, Any]:
        """The claims with what the provider tells on asking, where the ID token alone does not say enough."""
        wanted = [self.provider.name_claim, *([self.provider.role_claim] if self.provider.roles else [])]
        address = metadata.get("userinfo_endpoint")
        if (
            not address
            or not is_safe_address(address)
            or all(_at(claims, each) is not None for each in wanted)
        ):
            return claims
        told = _document(await client.get(address))
        if told.get("sub") != claims["sub"]:
            raise _WrongClaim("the user's facts are another user's")
        return {**told, **claims}

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        provider = self.provider
        name = _at(claims, provider.name_claim)
        if not isinstance(name, str) or not name:
            raise NotAdmittedError(
                f"{provider.label} tells no name: its claim {provider.name_claim!r} is missing. "
                "DUECOURSE_OIDC_NAME_CLAIM names another one."
            )
        if provider.name_claim == "email" and claims.get("email_verified") is not True:
            raise NotAdmittedError(f"{provider.label} does not vouch for the address {name}.")
        return Identity(f"{provider.issuer} {claims['sub']}", name, self._role(name, claims))

    def _role(self, name: str, claims: Mapping[str, Any]) -> str | None:
        """The first role of the settings that a value of the claim stands for."""
        provider = self.provider
        if not provider.roles:
            return None
        told = _at(claims, provider.role_claim)
        held = {each for each in (told if isinstance(told, list) else [told]) if isinstance(each, str)}
        found = next((role for value, role in provider.roles if value in held), provider.others)
        if found is None:
            raise NotAdmittedError(
                f"{name} belongs to none of the groups that may come in. "
                f"Ask whoever keeps the groups of {provider.label}."
            )
        return found


class _WrongAnswer(Exception):  # noqa: N818 - told as ProviderSilentError
    """The provider answers, but not as one."""


class _WrongClaim(Exception):  # noqa: N818 - told as NotAdmittedError
    """Something of the provider's word does not fit."""


def _made_of(secret: str, purpose: str) -> str:
    """A value for one purpose: 43 letters that tell nothing of the secret, nor of those for other purposes."""
    made = hmac.new(secret.encode("utf-8", "replace"), f"sign-in {purpose}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def _verified(text: str, keys: dict[str, Any]) -> jwt.Token:
    """The token, signed with one of the provider's keys."""
    try:
        known = KeySet.import_key_set(keys)  # type: ignore[arg-type]
    except (JoseError, KeyError, TypeError, ValueError) as error:
        raise _WrongAnswer(f"its keys cannot be read ({error})") from None
    registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
    try:
        return jwt.decode(text, known, registry=registry)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, JoseError):
            raise
        raise _WrongClaim(str(error)) from None


def _document(answer: httpx.Response) -> dict[str, Any]:
    answer.raise_for_status()
    try:
        found = answer.json()
    except json.JSONDecodeError as error:
        raise _WrongAnswer(f"{answer.url} answers no JSON ({error})") from None
    if not isinstance(found, dict):
        raise _WrongAnswer(f"{answer.url} answers no JSON object")
    return found


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, or by the names on the way to it: realm_access.roles."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


@functools.cache
def _trusted() -> ssl.SSLContext:
    """The certificates that are believed; SSL_CERT_FILE names those of a house of its own. Reading them takes time."""
    return httpx.create_ssl_context()
