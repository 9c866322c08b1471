"""Ctrl-C while kernels run: they end at once, and the command says how to go on."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from autograder.errors import AutograderError

RETRY_SECONDS = 0.05


class Stopped(AutograderError):
    """The person at the command line stopped it."""

    exit_code = 130


@contextmanager
def stoppable(what: str) -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into a quick, orderly end of a command that runs kernels.

    A grading waits for the notebooks that are running before it ends, which may take many minutes; so what
    runs below this process is killed for as long as the command takes to come to its end.

    Parameters
    ----------
    what
        The sentence that is said, such as "What is done is kept; the same command continues."

    Raises
    ------
    Stopped
        With that sentence, in place of KeyboardInterrupt.
    """
    from autograder.execute.fence import processes

    asked, ended = threading.Event(), threading.Event()

    def kill_until_ended() -> None:
        while not ended.wait(RETRY_SECONDS):
            processes.kill_below(os.getpid(), patience_seconds=1.0)

    def stop(number: int, frame: FrameType | None) -> None:
        for name in former:
            signal.signal(name, signal.SIG_IGN)
        asked.set()
        threading.Thread(target=kill_until_ended, daemon=True).start()
        raise KeyboardInterrupt

    former = {}
    if threading.current_thread() is threading.main_thread():
        former = {name: signal.signal(name, stop) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except BaseException as error:
        if asked.is_set() or isinstance(error, KeyboardInterrupt):  # what breaks while it stops was killed
            raise Stopped(f"Stopped. {what}") from error
        raise
    finally:
        ended.set()
        for name, handler in former.items():
            signal.signal(name, handler)
