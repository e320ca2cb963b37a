"""How do tests ask an ASGI app, from any address and with any body?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx


class Caller:
    """Asks an app as a client at `address` would; one event loop per request."""

    def __init__(self, app: Any, address: str = "127.0.0.1", host: str = "127.0.0.1") -> None:
        self._transport = httpx.ASGITransport(app, client=(address, 4711))
        self._origin = f"http://{host}:3000"
        self.headers: dict[str, str] = {}

    def get(self, path: str, headers: Any = None) -> httpx.Response:
        """GET `path`, which may hold percent escapes and a query."""
        return self.request("GET", path, headers=headers)

    def post(self, path: str, content: Any = b"", headers: Any = None) -> httpx.Response:
        """POST bytes, or a list of them as a body without an announced length."""
        return self.request("POST", path, content=content, headers=headers)

    def request(self, method: str, path: str, content: Any = b"", headers: Any = None) -> httpx.Response:
        """The answer to one request."""

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=self._transport, base_url=self._origin, headers=self.headers
            ) as client:
                body = _streamed(content) if isinstance(content, list) else content
                return await client.request(method, path, content=body, headers=headers)

        return asyncio.run(ask())


async def _streamed(chunks: list[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
