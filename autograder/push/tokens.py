"""The token of an LMS: it comes from the environment, and no text that leaves this process holds it."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn
from urllib.parse import quote, quote_plus

from autograder.errors import AutograderError, InternalError, UsageError

HIDDEN = "[token]"
_WELL_FORMED = re.compile(r"[\x21-\x7e]{8,}")


class Token:
    """A secret that can be neither printed nor stored; only :meth:`reveal` gives it away."""

    __slots__ = ("_text",)

    def __init__(self, text: str):
        self._text = text

    def reveal(self) -> str:
        """Return the secret: for a header or a body of a request, and nothing else."""
        return self._text

    def is_in(self, text: str) -> bool:
        """Return whether a text holds the secret, as it is or as URLs write it."""
        return any(form in text for form in self._forms())

    def hidden_in(self, text: str) -> str:
        """Return a text without the secret."""
        for form in self._forms():
            text = text.replace(form, HIDDEN)
        return text

    def _forms(self) -> tuple[str, ...]:
        own = self._text
        return tuple(dict.fromkeys((own, quote(own, safe=""), quote_plus(own), repr(own)[1:-1])))

    def __repr__(self) -> str:
        return "Token(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is not stored")


def token_from(variable: str, where: str) -> Token:
    """Return the token that an environment variable holds.

    Parameters
    ----------
    where : where a person gets one

    Raises
    ------
    UsageError
        When there is none, or what is there cannot be one; the message does not repeat it.
    """
    text = os.environ.get(variable, "").strip()
    if not text:
        raise UsageError(f"the environment variable {variable} is not set; put the token into it ({where})")
    if not _WELL_FORMED.fullmatch(text):
        raise UsageError(
            f"what the environment variable {variable} holds is no token; copy it again ({where})"
        )
    return Token(text)


@contextmanager
def kept_secret(token: Token) -> Iterator[None]:
    """Let no error out that holds the token, not even in the exceptions that led to it.

    Raises
    ------
    AutograderError
        In place of an error that held it, with the same text but for the token.
    """
    try:
        yield
    except AutograderError as error:
        if not token.is_in("".join(traceback.format_exception(error))):
            raise
        cleaned = InternalError if error.exit_code == InternalError.exit_code else UsageError
        raise cleaned(token.hidden_in(str(error))) from None
    except Exception as error:
        if not token.is_in("".join(traceback.format_exception(error))):
            raise
        raise InternalError(
            f"something of ours broke ({type(error).__name__}: {token.hidden_in(str(error))}); its traceback held the "
            "token and was thrown away. What was sent is in the ledger; the same command goes on"
        ) from None
