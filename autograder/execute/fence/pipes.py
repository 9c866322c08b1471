"""What forked children of a kernel print comes through a socket file, and not by TCP as ipykernel has it.

Where internet sockets are refused, libzmq would end the process. The source of this module is also given to
cold kernels as it stands, so it imports nothing of ours.
"""

from __future__ import annotations

import os
from typing import Any


def install(path: str) -> None:
    """Has the kernel of this process listen at `path`; nothing changes in an ipykernel that has no such pipe."""
    import zmq
    from ipykernel import iostream
    from zmq.eventloop.zmqstream import ZMQStream

    def setup_pipe_in(self: Any) -> None:
        self._pipe_uuid = os.urandom(16)
        pipe_in = self.socket.context.socket(zmq.PULL)
        pipe_in.linger = 0
        pipe_in.bind(f"ipc://{path}")
        self._pipe_in = ZMQStream(pipe_in, self.io_loop)
        self._pipe_in.on_recv(self._handle_pipe_msg)

    def setup_pipe_out(self: Any) -> Any:
        context = zmq.Context()
        pipe_out = context.socket(zmq.PUSH)
        pipe_out.linger = 3000
        pipe_out.connect(f"ipc://{path}")
        return context, pipe_out

    thread: Any = iostream.IOPubThread
    if hasattr(thread, "_setup_pipe_in") and hasattr(thread, "_setup_pipe_out"):
        thread._setup_pipe_in, thread._setup_pipe_out = setup_pipe_in, setup_pipe_out
