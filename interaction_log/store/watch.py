"""Ends a transaction that hangs: a PostgreSQL server that is frozen neither answers nor closes the connection."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from typing import Final

from interaction_log.store.session import Session

HANG_SECONDS: Final = 8.0
_log: Final = logging.getLogger(__name__)


class Watch:
    """A thread that looks once a second; closing the socket turns the hang into an error, and that into the journal."""

    def __init__(self, session: Session):
        self._session = session
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(2)

    def _run(self) -> None:
        while not self._stop.wait(1.0):
            since = self._session.busy_since
            if since is not None and time.monotonic() - since > HANG_SECONDS:
                self._cut()

    def _cut(self) -> None:
        number = self._session.socket_number()
        if number is None:
            return
        _log.error("the database has not answered for %d seconds: the connection is cut", HANG_SECONDS)
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(number)) as wire:
            wire.shutdown(socket.SHUT_RDWR)
