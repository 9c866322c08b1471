"""Requests that are polite, guarded, and honest about what became of them.

polite    at most one request at a time; waits as long as the server asks, and before it has to ask
guarded   https but on this machine; certificates are checked; a token goes to one server and to no other
honest    an answer that never came is `Uncertain`, so that whoever sent it reads back before sending again
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from autograder import __version__
from autograder.errors import AutograderError
from autograder.push.addresses import origin_of
from autograder.push.tokens import Token

CONNECT_SECONDS, ANSWER_SECONDS = 15.0, 120.0
N_TRIES = 4
"""How often something is asked that may be asked twice."""
MAX_WAIT_SECONDS = 900.0
"""How long one request waits for a server that is busy, all waits together."""
LOW_REMAINING = 100.0
"""Canvas' `X-Rate-Limit-Remaining` (full: about 700, refilled by some 10 a second) below which we slow down."""
MAX_PAUSE_SECONDS = 60.0
MAX_TOLD = 400
"""Characters of a server's own words that are repeated."""

Pause = Callable[[float], None]


class PushError(AutograderError):
    """Something that a server did."""


class Refused(PushError):
    """The server said no: nothing of this request was stored."""


class Uncertain(PushError):
    """Nobody knows whether the request was carried out: the answer did not come."""


class Stopped(PushError):
    """No further request makes sense: the server is out of reach, wants no more, or does not know the token."""


class _Guard(HTTPAdapter):
    """Looks at each request just before it leaves, redirected ones as well."""

    def __init__(self, base: str, token: Token):
        super().__init__()
        self._home = origin_of(base)
        self._token = token
        self.uploads: set[str] = set()
        """Addresses that the server named for files; they get no token."""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        if options.get("verify") is False:
            raise Stopped("certificates are checked always; nothing was sent")
        url = request.url or ""
        origin = origin_of(url)
        if origin is None or not origin.is_safe:
            raise Refused(
                f"the server leads to {origin or 'no address'}, where others could read along; nothing was sent"
            )
        if origin != self._home:
            body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
            shown = f"{url} {dict(request.headers)}"
            has_token = self._token.is_in(shown) or self._token.reveal().encode() in body
            if has_token or "Authorization" in request.headers or url not in self.uploads:
                raise Refused(f"the server leads to another one, {origin}; nothing was sent there")
        return super().send(request, *args, **options)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Add nothing: an entry of ~/.netrc must not take the place of the token."""
    return request


class _Patience:
    """The tries and waits of one request."""

    def __init__(self, pause: Pause, where: str):
        self._pause, self._where = pause, where
        self.n_tries, self._waited = 0, 0.0

    def wait(self, headers: Mapping[str, str]) -> None:
        """Wait as the server asks; Stopped when that is longer than anybody waits."""
        seconds = asked_pause(headers, self.n_tries)
        self._waited += seconds
        if self._waited > MAX_WAIT_SECONDS:
            raise Stopped(f"{self._where} wants no more requests for now; give the same command later")
        self._pause(seconds)


def _rewind(files: Any) -> None:
    """Have files that are sent a second time read from their start again."""
    for one in files.values() if isinstance(files, dict) else ():
        handle = one[1] if isinstance(one, tuple) else one
        handle.seek(0)


class Session(requests.Session):
    """One conversation with one LMS; canvasapi takes it for an ordinary session.

    Parameters
    ----------
    base : as :func:`autograder.push.addresses.base_address` gives it
    pause : how to wait so many seconds
    """

    def __init__(self, base: str, token: Token, pause: Pause = time.sleep):
        super().__init__()
        self.base, self.token, self._pause = base, token, pause
        self._guard = _Guard(base, token)
        self.adapters.clear()
        self.mount("https://", self._guard)
        self.mount("http://", self._guard)
        self.auth = _as_it_is
        self.max_redirects = 3
        self.headers["User-Agent"] = f"autograder/{__version__}"

    def announce_upload(self, url: str) -> None:
        """Allow an address, which the server named itself, to get a file and no token."""
        self._guard.uploads.add(url)

    def request(self, method: str, url: str, *args: Any, **options: Any) -> requests.Response:  # type: ignore[override]
        """Return the answer to a request; what reads (GET) is asked again when the answer does not come."""
        return self.exchange(str(method), str(url), *args, is_read=str(method).upper() == "GET", **options)

    def exchange(self, method: str, url: str, *args: Any, is_read: bool, **options: Any) -> requests.Response:
        """Return the answer to a request, with any status that is not the server's own trouble.

        Parameters
        ----------
        is_read : whether it changes nothing, so that it may be asked again

        Raises
        ------
        Refused
            When the server leads elsewhere.
        Uncertain
            When a request that changes something was sent and no answer came.
        Stopped
            When the server cannot be reached, or is busy for too long.
        """
        options.setdefault("timeout", (CONNECT_SECONDS, ANSWER_SECONDS))
        options["allow_redirects"] = is_read
        patience = _Patience(self._pause, f"{origin_of(url)}")
        while True:
            patience.n_tries += 1
            try:
                _rewind(options.get("files"))
                response = super().request(method, url, *args, **options)
            except requests.exceptions.TooManyRedirects:
                raise Refused("the server leads in circles; give --url as your browser shows it") from None
            except requests.RequestException as error:
                self._weigh(error, url, is_read=is_read, is_last=patience.n_tries >= N_TRIES)
                patience.wait({})
                continue
            if self._is_answer(response, url, patience, is_read=is_read):
                self._slow_down(response)
                return response
            patience.wait(response.headers)

    def _is_answer(
        self, response: requests.Response, url: str, patience: _Patience, *, is_read: bool
    ) -> bool:
        """Return whether a response answers the request; if not, it is made again."""
        if is_busy(response):
            return False
        where = origin_of(url)
        if response.status_code >= 500:
            if not is_read:
                raise Uncertain(f"{where} broke while it answered ({response.status_code})")
            if patience.n_tries >= N_TRIES:
                raise Stopped(f"{where} is broken ({response.status_code}); try again later")
            return False
        if 300 <= response.status_code < 400 and url not in self._guard.uploads:
            leads_to = origin_of(response.headers.get("Location", "")) or "another page"
            raise Refused(
                f"the server leads to {leads_to} in place of answering; give --url as your browser shows it"
            )
        return True

    def _weigh(self, error: requests.RequestException, url: str, *, is_read: bool, is_last: bool) -> None:
        """Raise what a failure means, unless the request may simply be made again."""
        where = origin_of(url)
        if isinstance(error, requests.exceptions.SSLError) and "certificate" in str(error).lower():
            raise Stopped(
                f"{where} does not prove who it is ({self.told(error)}); nothing was sent. Mend the machine's certificates, "
                "or name those of your institution by REQUESTS_CA_BUNDLE"
            ) from None
        if never_left(error):
            if is_last:
                raise Stopped(f"{where} cannot be reached ({self.told(error)})") from None
            return
        if not isinstance(error, _CUT):
            raise Stopped(f"no request to {where} can be made ({self.told(error)})") from None
        if not is_read:
            raise Uncertain(f"the connection to {where} broke before the answer came") from None
        if is_last:
            raise Stopped(f"the connection to {where} breaks again and again ({self.told(error)})") from None

    def told(self, error: object) -> str:
        """Return words of a server or of a library as they may be repeated: short, on one line, without the token."""
        return self.token.hidden_in(" ".join(str(error).split()))[:MAX_TOLD]

    def _slow_down(self, response: requests.Response) -> None:
        try:
            remaining = float(response.headers.get("X-Rate-Limit-Remaining", LOW_REMAINING))
        except ValueError:
            return
        if remaining < LOW_REMAINING:
            self._pause(min(MAX_PAUSE_SECONDS, (LOW_REMAINING - remaining) / 20))


_CUT = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


def never_left(error: requests.RequestException) -> bool:
    """Return whether no connection was made, so that nothing of the request can have arrived."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return type(reason).__name__ in ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError")


def is_busy(response: requests.Response) -> bool:
    """Return whether a server put a request off, unread."""
    if response.status_code == 429:
        return True
    return response.status_code == 403 and "rate limit exceeded" in response.text.lower()


def asked_pause(headers: Mapping[str, str], n_tries: int) -> float:
    """Return how many seconds a server wants us to wait; when it does not say, longer each time."""
    said = headers.get("Retry-After", "").strip()
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            seconds = min(MAX_PAUSE_SECONDS, 2.0**n_tries)
    return max(0.0, seconds) if seconds == seconds else MAX_PAUSE_SECONDS
