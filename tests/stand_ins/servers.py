"""What the stand-ins share: a server in a thread, a log of all that was asked, and faults that happen once."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, parse_qsl, urlsplit

Trouble = Literal["cut_before", "cut_after", "busy", "busy_403", "broken_before", "broken_after", "moved"]


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    port: int

    @property
    def form(self) -> dict[str, list[str]]:
        """The fields of a form in the body."""
        return parse_qs(self.body.decode(), keep_blank_values=True)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The fields of a form in the body, in their order."""
        return parse_qsl(self.body.decode(), keep_blank_values=True)


@dataclass
class Answer:
    """What is answered."""

    content: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class StandIn:
    """A server of its own for one test; `with` starts and ends it."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.faults: dict[int, Trouble] = {}
        """Number of a request that changes something, from 1, to what goes wrong with it."""
        self.n_writes = 0
        self.after_write: Callable[[int], None] = lambda number: None
        """Called when such a request was carried out, before it is answered."""
        self.elsewhere = ""
        """Where a moved server leads."""
        self._lock = threading.Lock()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = (
                True  # an answer is written in two pieces, and the second would wait 40 ms
            )

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                parts = urlsplit(self.path)
                asked = Asked(
                    self.command,
                    parts.path,
                    parse_qs(parts.query, keep_blank_values=True),
                    dict(self.headers.items()),
                    self.rfile.read(length),
                    self.server.server_address[1],
                )
                with stand_in._lock:
                    stand_in.asked.append(asked)
                    answer = stand_in._handled(asked)
                if answer is None:
                    self._hang_up()
                    return
                content = json.dumps(answer.content).encode()
                with suppress(OSError):  # whoever asked was killed
                    self.send_response(answer.status)
                    for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

            def _hang_up(self) -> None:
                self.close_connection = True
                with suppress(OSError):  # a reset, as from a machine that lost its power
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()

            do_GET = do_POST = do_PUT = _serve

        self._servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
        self.url, self.files_url = (
            f"http://127.0.0.1:{server.server_address[1]}" for server in self._servers
        )

    def __enter__(self) -> StandIn:
        for server in self._servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def is_write(self, asked: Asked) -> bool:
        """Return whether a request would change a score or a comment."""
        raise NotImplementedError

    def answer(self, asked: Asked) -> Answer:
        """Return the answer to a request, carried out."""
        raise NotImplementedError

    def _handled(self, asked: Asked) -> Answer | None:
        trouble: Trouble | None = None
        is_write = self.is_write(asked)
        if is_write:
            self.n_writes += 1
            trouble = self.faults.get(self.n_writes)
        if trouble == "cut_before":
            return None
        if trouble == "busy":
            return Answer({"errors": "slow down"}, 429, {"Retry-After": "0.05"})
        if trouble == "busy_403":
            return Answer("403 Forbidden (Rate Limit Exceeded)", 403, {"X-Rate-Limit-Remaining": "0.0"})
        if trouble == "broken_before":
            return Answer({"errors": "oops"}, 502)
        if trouble == "moved":
            return Answer(None, 302, {"Location": self.elsewhere})
        answer = self.answer(asked)
        if is_write:
            self.after_write(self.n_writes)
        if trouble == "cut_after":
            return None
        return Answer({"errors": "oops"}, 502) if trouble == "broken_after" else answer
