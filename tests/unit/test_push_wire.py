"""Where a token goes, and where it never does: addresses, redirects, certificates, errors, files."""

from __future__ import annotations

import logging
import ssl
import subprocess
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import requests
from push_runs import Pauses, canvas_users, moodle_users, push_canvas, push_moodle, scored_run
from stand_ins import canvas as canvas_server
from stand_ins import moodle as moodle_server
from stand_ins.canvas import CanvasStandIn
from stand_ins.moodle import MoodleStandIn

from autograder.errors import InternalError, UsageError
from autograder.push.addresses import base_address
from autograder.push.moodle_service import flat
from autograder.push.sessions import Refused, Session, Stopped, Uncertain, asked_pause
from autograder.push.tokens import Token, kept_secret, token_from

SECRET = "planted~secret+token/0123456789"


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("https://lms.example", "https://lms.example"),
        ("lms.example/", "https://lms.example"),
        ("HTTPS://Uni.Example:443/moodle/", "https://uni.example/moodle"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000/x", "http://[::1]:8000/x"),
        ("http://localhost", "http://localhost"),
    ],
)
def test_addresses_that_a_token_may_be_sent_to(text: str, base: str) -> None:
    assert base_address(text) == base


@pytest.mark.parametrize(
    "text",
    [
        "http://lms.example",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "http://10.0.0.1",
        "ftp://lms.example",
        "https://user:password@lms.example",
        "https://lms.example/?token=x",
        "https://lms.example/#x",
        "https://",
        "https://lms.example:port",
        "https://lms example",
        "",
    ],
)
def test_addresses_that_it_may_not_be_sent_to(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        base_address(text)
    assert "password@" not in str(caught.value)


def test_a_token_comes_from_the_environment_and_is_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("X_TOKEN", raising=False)
    with pytest.raises(UsageError, match="X_TOKEN is not set"):
        token_from("X_TOKEN", "there")
    for wrong in (f"{SECRET} {SECRET}", f"{SECRET}\nX: y", f"{SECRET}é", "short"):
        monkeypatch.setenv("X_TOKEN", wrong)
        with pytest.raises(UsageError) as caught:
            token_from("X_TOKEN", "there")
        assert SECRET not in str(caught.value)
    monkeypatch.setenv("X_TOKEN", f" {SECRET}\n")
    token = token_from("X_TOKEN", "there")
    assert token.reveal() == SECRET
    for shown in (repr(token), str(token), f"{token}", f"{[token]}"):
        assert SECRET not in shown
    with pytest.raises(TypeError):
        token.__reduce__()


def test_every_form_of_a_token_is_hidden() -> None:
    token = Token(SECRET)
    text = f"a {SECRET} b planted~secret%2Btoken%2F0123456789 c"
    assert token.hidden_in(text) == "a [token] b [token] c"


def test_no_error_leaves_with_a_token_in_it_or_behind_it() -> None:
    def broken(kind: type[Exception]) -> None:
        try:
            raise KeyError(f"header: Bearer {SECRET}")
        except KeyError as error:
            raise kind("it broke") from error

    for kind, becomes in (
        (RuntimeError, InternalError),
        (UsageError, UsageError),
        (InternalError, InternalError),
    ):
        with pytest.raises(becomes) as caught, kept_secret(Token(SECRET)):
            broken(kind)
        assert SECRET not in "".join(traceback.format_exception(caught.value))
        assert "it broke" in str(caught.value)
    with pytest.raises(ValueError, match="nothing of ours"), kept_secret(Token(SECRET)):
        raise ValueError("nothing of ours")


@pytest.fixture
def canvas() -> Iterator[CanvasStandIn]:
    with CanvasStandIn(canvas_users(3)) as server:
        assert isinstance(server, CanvasStandIn)
        yield server


def session_to(url: str) -> Session:
    return Session(url, Token(canvas_server.TOKEN), Pauses())


def test_a_redirect_of_a_score_is_refused_and_not_turned_into_a_reading(
    canvas: CanvasStandIn, tmp_path: Path
) -> None:
    with CanvasStandIn(canvas_users(3)) as other:
        canvas.elsewhere = f"{other.url}/api/v1/courses/12/assignments/55/submissions/100"
        canvas.faults = {1: "moved"}
        found = push_canvas(scored_run(tmp_path / "run", (6.0, 4.5, 3.0)), canvas)
        assert [one.state for one in found.deliveries] == ["failed", "verified", "verified"]
        assert other.asked == []
    canvas.elsewhere = f"{canvas.url}/login"
    canvas.faults = {canvas.n_writes + 1: "moved"}
    found = push_canvas(scored_run(tmp_path / "run", (6.0, 4.5, 3.0)), canvas)
    assert [one.state for one in found.deliveries] == ["failed"]
    assert not [one for one in canvas.asked if one.path == "/login"]


def test_a_redirect_of_a_reading_to_another_host_is_refused(canvas: CanvasStandIn) -> None:
    class Leading(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"{canvas.url}/api/v1/courses/12/assignments/55")
            self.send_header("Content-Length", "0")
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Leading) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        session = session_to(f"http://127.0.0.1:{server.server_address[1]}")
        with pytest.raises(Refused, match="another one"):
            session.get(f"{session.base}/x", headers={"Authorization": f"Bearer {canvas_server.TOKEN}"})
        server.shutdown()
    assert canvas.asked == []


def test_certificates_are_checked(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    made = subprocess.run(
        ["openssl", *words.split(), "-keyout", str(key), "-out", str(certificate)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("there is no openssl to make a certificate with")

    class Silent(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            heard.append(dict(self.headers))
            self.send_response(204)
            self.end_headers()

    heard: list[dict[str, str]] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with HTTPServer(("127.0.0.1", 0), Silent) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        session = session_to(f"https://127.0.0.1:{server.server_address[1]}")
        with pytest.raises(Stopped, match="does not prove who it is"):
            session.get(session.base, headers={"Authorization": "Bearer x"})
        with pytest.raises(Stopped, match="certificates are checked always"):
            session.get(session.base, verify=False)
        server.shutdown()
    assert heard == []


def test_no_entry_of_netrc_takes_the_place_of_the_token(
    canvas: CanvasStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login eva password wrong\n", encoding="ascii")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    push_canvas(scored_run(tmp_path / "run", (6.0, 4.5, 3.0)), canvas)
    assert len(canvas.scores) == 3


def test_a_server_that_is_not_there_is_said_and_nothing_is_recorded(tmp_path: Path) -> None:
    with CanvasStandIn(canvas_users(3)) as gone:
        pass
    run = scored_run(tmp_path / "run", (6.0, 4.5, 3.0))
    with pytest.raises(Stopped, match="cannot be reached"):
        push_canvas(run, gone)


def test_what_was_never_sent_may_be_sent_again_and_what_was_cut_may_not() -> None:
    session = session_to("http://127.0.0.1:1")
    with pytest.raises(Stopped, match="cannot be reached"):
        session.exchange("PUT", "http://127.0.0.1:1/x", is_read=False)
    with CanvasStandIn(canvas_users(1)) as server:
        server.faults = {1: "cut_after"}
        session = session_to(server.url)
        with pytest.raises(Uncertain):
            session.exchange("PUT", f"{server.url}/api/v1/x", is_read=False)


@pytest.mark.parametrize(
    ("said", "seconds"), [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("", 4.0), ("soon", 4.0), ("nan", 60.0)]
)
def test_how_long_a_server_is_waited_for(said: str, seconds: float) -> None:
    assert asked_pause({"Retry-After": said}, 2) == seconds


def test_a_date_can_say_how_long() -> None:
    assert asked_pause({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 1) == 0.0
    assert asked_pause({"Retry-After": "Fri, 31 Dec 2100 07:28:00 GMT"}, 1) > 900


def test_nested_arguments_as_moodle_takes_them() -> None:
    assert flat({"a": [{"b": True, "c": ""}], "d": Path("x")}) == {"a[0][b]": "1", "a[0][c]": "", "d": "x"}


def test_the_token_is_in_no_log_no_file_and_no_output(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """With everything logged, faults of every kind, and servers that repeat what they were sent."""
    caplog.set_level(logging.DEBUG)
    told = []
    with CanvasStandIn(canvas_users(3)) as canvas, MoodleStandIn(moodle_users(3)) as moodle:
        canvas.faults = {1: "cut_after", 2: "busy", 3: "broken_before"}
        moodle.faults = {1: "cut_before", 2: "broken_after"}
        canvas.refuses = {102}
        told.append(push_canvas(scored_run(tmp_path / "c", (6.0, 4.5, 3.0)), canvas))
        told.append(push_moodle(scored_run(tmp_path / "m", (6.0, 4.5, 3.0)), moodle))
        for wrong, push, server in (
            ("wrong-planted-canvas-token", push_canvas, canvas),
            ("wrong-planted-moodle-token", push_moodle, moodle),
        ):
            with pytest.raises(Stopped) as caught, kept_secret(Token(wrong)):
                push(scored_run(tmp_path / "w", (6.0, 4.5, 3.0)), server, token=wrong)  # type: ignore[operator]
            told.append("".join(traceback.format_exception(caught.value)))
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    out, error = capfd.readouterr()
    texts = [caplog.text, out, error, repr(told), *(text.decode("latin-1") for text in files)]
    for secret in (canvas_server.TOKEN, moodle_server.TOKEN, "wrong-planted"):
        assert not [text for text in texts if secret in text]
    assert "PUT" in caplog.text  # the logs were on


def test_requests_itself_would_have_followed() -> None:
    """The stand-in really leads elsewhere: an ordinary session follows, and asks the other server."""
    with CanvasStandIn(canvas_users(1)) as one, CanvasStandIn(canvas_users(1)) as other:
        one.elsewhere, one.faults = f"{other.url}/there", {1: "moved"}
        requests.put(f"{one.url}/api/v1/x", timeout=5)
        assert [asked.path for asked in other.asked] == ["/there"]
