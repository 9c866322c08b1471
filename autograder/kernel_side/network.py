"""The network as a notebook finds it: known data sets are served from files, everything else is refused at once.

An audit hook hears of every look-up of a name and every connection that Python makes, and raises what a machine
without a network would raise in the end, with the reason in its words. The fence does not rely on it.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import importlib
import io
import socket
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from .data_sets import DataSets, missing_sentence
from .known_data import KnownFile
from .notices import Notices

NO_NETWORK = "notebooks run without a network while they are graded"
HTTPS_PORT = 443
LOCAL_NAMES = {"", "localhost", "localhost.localdomain", "ip6-localhost", "::1", "::", "0.0.0.0"}


class Network:
    """Serves and refuses; what was asked for in vain is noted."""

    def __init__(self, notices: Notices, data: DataSets) -> None:
        self.notices = notices
        self.data = data
        self.url = ""
        """The URL that was asked for last: the look-up that follows it knows the host alone."""
        self.listeners: dict[str, Callable[[tuple[Any, ...]], None]] = {
            "urllib.Request": lambda args: self.asks(args[0]),
            "socket.getaddrinfo": lambda args: self.looks_up(args[0]),
            "socket.gethostbyname": lambda args: self.looks_up(args[0]),
            "socket.connect": lambda args: self.connects(args[1]),
            "socket.sendto": lambda args: self.connects(args[1]),
            "open": lambda args: self.data.opened(args[0]),
        }

    def hooks(self) -> dict[str, Callable[[Any], None]]:
        """What is to be done with modules once they are imported."""
        return {"http.client": self.patch_http, "urllib3.connectionpool": self.patch_pool}

    def install(self) -> None:
        """Begins to listen; nothing ends it."""
        sys.addaudithook(self.hear)

    def hear(self, event: str, args: tuple[Any, ...]) -> None:
        """An audit hook: only what `looks_up` and `connects` raise leaves it."""
        listener = self.listeners.get(event)
        if listener is not None:
            try:
                listener(args)
            except OSError:
                raise
            except Exception:  # whatever was passed where a name or an address belongs
                return

    # ------------------------------------------------------------------ refusing

    def asks(self, url: Any) -> None:
        """Keeps the URL, which may be served or refused."""
        self.url = url if isinstance(url, str) else ""

    def looks_up(self, host: Any) -> None:
        """Raises for every name but those of this machine."""
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if isinstance(name, str) and not is_local(name):
            raise socket.gaierror(socket.EAI_NONAME, self._refusal(name))

    def connects(self, address: Any) -> None:
        """Raises for every address on a network; sockets of this machine are left alone."""
        if isinstance(address, tuple) and isinstance(address[0], str) and not is_local(address[0]):
            raise OSError(errno.ENETUNREACH, self._refusal(f"{address[0]}:{address[1]}"))

    def _refusal(self, host: str) -> str:
        """Notes what was asked for, and says why it is refused."""
        is_its_host = bool(self.url) and (urlsplit(self.url).hostname or "") == host.lower()
        asked = self.url if is_its_host else host
        known, file = self.data.by_url(asked)
        if known is not None and file is not None and not self.data.local(file):
            self.data.lacks(known.name)
            return missing_sentence(known.name)
        self.notices.record("network", asked)
        return f"{host} cannot be reached: {NO_NETWORK}"

    # ------------------------------------------------------------------ serving

    def patch_http(self, module: Any) -> None:
        """`http.client`, and all that is built on it: urllib, pandas, torch.hub."""
        connection = module.HTTPConnection
        original = connection.putrequest

        @functools.wraps(original)
        def putrequest(its: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
            if its.sock is None:
                its.sock = self._answer(its, url)
            return original(its, method, url, *args, **kwargs)

        connection.putrequest = putrequest

    def _answer(self, connection: Any, url: str) -> Any:
        """A socket that answers, or None: then the connection is tried, and refused."""
        with contextlib.suppress(Exception):
            scheme = "https" if connection.default_port == HTTPS_PORT else "http"
            full = url if "://" in url else f"{scheme}://{connection.host}{url}"
            self.asks(full)
            found = self.data.content(full, "url")
            return None if found is None else AnswerSocket(*found)
        return None

    def patch_pool(self, module: Any) -> None:
        """urllib3, and requests, which is built on it."""
        pool = module.HTTPConnectionPool
        original = pool.urlopen

        @functools.wraps(original)
        def urlopen(its: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
            answer = None
            with contextlib.suppress(Exception):
                full = url if "://" in url else f"{its.scheme}://{its.host}{url}"
                self.asks(full)
                found = self.data.content(full, "url")
                if found is not None:
                    answer = pool_answer(module, method, full, *found, kwargs)
            return original(its, method, url, *args, **kwargs) if answer is None else answer

        pool.urlopen = urlopen


class AnswerSocket:
    """Stands for the socket of a connection whose one request is for a file that is here."""

    def __init__(self, file: KnownFile, content: bytes) -> None:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers_of(file, len(content)).items())
        self.answer = f"HTTP/1.1 200 OK\r\n{head}Connection: close\r\n\r\n".encode() + content

    def makefile(self, *args: Any, **kwargs: Any) -> io.BytesIO:
        """The answer, to be read."""
        return io.BytesIO(self.answer)

    def sendall(self, *args: Any) -> None:
        """The request is known."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: None  # settimeout, setsockopt, shutdown, close


def headers_of(file: KnownFile, size: int) -> dict[str, str]:
    """What a web server says of a file."""
    kind = "application/gzip" if file.path.endswith(".gz") else "text/plain; charset=utf-8"
    return {"Content-Type": kind, "Content-Length": str(size), "Accept-Ranges": "none"}


def pool_answer(
    module: Any, method: str, url: str, file: KnownFile, content: bytes, kwargs: dict[str, Any]
) -> Any:
    """The content as a response of urllib3."""
    given = {name: kwargs[name] for name in ("preload_content", "decode_content") if name in kwargs}
    responses: Any = importlib.import_module(f"{module.__name__.rpartition('.')[0]}.response")
    return responses.HTTPResponse(
        body=io.BytesIO(b"" if method.upper() == "HEAD" else content),
        headers=headers_of(file, len(content)),
        status=200,
        reason="OK",
        version=11,
        request_method=method,
        request_url=url,
        **given,
    )


def is_local(name: str) -> bool:
    """Whether a name or an address is one of this machine."""
    lowered = name.lower().strip("[]")
    return lowered in LOCAL_NAMES or lowered.startswith("127.") or lowered == socket.gethostname().lower()
