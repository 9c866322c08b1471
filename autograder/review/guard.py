"""Who may talk to the review page: the right host name, a token in a header, JSON of a modest size.

There is no cookie, so that no other page can act in the marker's name; the token comes from the address (behind `#`,
which browsers send nowhere) or from the password.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_HEADER = "x-autograder-token"
MAX_BODY = 256_000
TRIES, TRIES_SECONDS = 10, 60.0
MAX_NAME = 60
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class TooManyTries(Exception):
    """Wrong passwords came too fast."""


@dataclass
class Keys:
    """What proves who is at the other end: one token for one author, or a password for a team.

    A token of a team is the author's name with a signature of the password and the run, so that it outlives the
    server and ends with the password.
    """

    author: str
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    password: str | None = None
    salt: str = ""
    _key: bytes = b""
    _failed: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.password is not None:
            self._key = hashlib.scrypt(
                self.password.encode(), salt=self.salt.encode() or b"-", n=2**14, r=8, p=1
            )

    def author_of(self, token: str) -> str | None:
        """Return whose token it is; None when it is nobody's."""
        if self.password is None:
            return self.author if hmac.compare_digest(token.encode(), self.token.encode()) else None
        name, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(name).encode()):
            return None
        return base64.urlsafe_b64decode(name).decode()

    def log_in(self, name: str, password: str) -> str | None:
        """Return the token of a person who knows the password; None when it is wrong.

        Raises
        ------
        TooManyTries
            After ten wrong ones in a minute.
        """
        now = time.monotonic()
        self._failed = [tried for tried in self._failed if now - tried < TRIES_SECONDS]
        if len(self._failed) >= TRIES:
            raise TooManyTries
        if self.password is None or not hmac.compare_digest(
            hashlib.sha256(password.encode()).digest(), hashlib.sha256(self.password.encode()).digest()
        ):
            self._failed.append(now)
            return None
        shown = base64.urlsafe_b64encode(name.encode()).decode()
        return f"{shown}.{self._signature(shown)}"

    def _signature(self, name: str) -> str:
        return hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """ASGI middleware: refuses what is not ours, and puts the headers on everything.

    Parameters
    ----------
    names : host names that the page may be asked under, beside addresses in figures; a foreign name that was made to
        point here is refused
    is_open : whether addresses beyond the loopback's are accepted
    """

    def __init__(self, app: ASGIApp, keys: Keys, names: Collection[str], *, is_open: bool):
        self._app, self._keys, self._names, self._is_open = app, keys, frozenset(names), is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_known(host):
            return _refused(400, "This page is not known under that name.")
        origin = headers.get("origin")
        if origin not in (None, f"http://{host}", f"https://{host}"):
            return _refused(403, "Another page may not act here.")
        path, method = scope["path"], scope["method"]
        if not path.startswith("/api/"):
            return None if method in ("GET", "HEAD") else _refused(405, "Only reading is possible here.")
        if method == "POST":
            if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
                return _refused(415, "Expected JSON.")
            length = headers.get("content-length", "")
            if not length.isdecimal() or int(length) > MAX_BODY:
                return _refused(413, "That is too much text for one mark.")
        if path in ("/api/login", "/api/hello"):
            return None
        author = self._keys.author_of(headers.get(TOKEN_HEADER, ""))
        if author is None:
            return _refused(401, "The token is missing or of another start of the server.")
        scope.setdefault("state", {})["author"] = author
        return None

    def _is_known(self, host: str) -> bool:
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        if name in self._names or is_loopback(name):
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return self._is_open


def _refused(status: int, why: str) -> JSONResponse:
    return JSONResponse({"error": why}, status)
