"""Addresses of servers: which of them a token may be sent to."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from autograder.errors import UsageError

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Origin:
    """Who answers: scheme, host and port."""

    scheme: str
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_safe(self) -> bool:
        """Whether what is sent there can be read by nobody on the way."""
        return self.scheme == "https" or (self.scheme == "http" and self.is_loopback)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def origin_of(url: str) -> Origin | None:
    """Return who answers an address, None when it is no address of the web.

    >>> str(origin_of("https://LMS.example:443/x?y"))
    'https://lms.example'
    """
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
        if scheme not in _PORTS or not host:
            return None
        return Origin(scheme, host, parts.port or _PORTS[scheme])
    except ValueError:
        return None


def base_address(text: str) -> str:
    """Return the address of an LMS as requests begin with it: without a slash at its end.

    >>> base_address("lms.example/"), base_address("https://uni.example/moodle/")
    ('https://lms.example', 'https://uni.example/moodle')

    Raises
    ------
    UsageError
        When it is none, or when others could read what is sent there.
    """
    url = text.strip() if "://" in text else f"https://{text.strip()}"
    origin = origin_of(url)
    parts = urlsplit(url) if origin is not None else None
    if (
        origin is None
        or parts is None
        or parts.query
        or parts.fragment
        or any(sign.isspace() for sign in url)
    ):
        raise UsageError(f"--url {text!r} is no address of an LMS; give it as https://lms.example")
    if parts.username is not None or parts.password is not None:
        raise UsageError("--url holds a user name or a password; give the address alone")
    if not origin.is_safe:
        raise UsageError(
            f"--url {text}: tokens are sent over https alone; give the address as https://{origin.host}"
        )
    return f"{origin}{parts.path.rstrip('/')}"
