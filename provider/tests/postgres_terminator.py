"""A TCP proxy before PostgreSQL that terminates the backend at a message with a chosen number."""

from __future__ import annotations

import itertools
import socket
import struct
import threading
from contextlib import suppress
from typing import Literal, get_args

import sqlalchemy as sa

How = Literal["told", "lost"]
HOWS: tuple[How, ...] = get_args(How)

ANSWER_SECONDS_MAX = 1.0
"""Long enough for an answer; to a part of a COPY's data there is none."""

_GOODBYE = b"X"
"""The client's last message, which ends the backend by itself."""


class Terminator:
    """Passes everything on, but terminates the backend at the client's message number ``at``, once.

    ``told``: the server never sees that message, and the client reads why. ``lost``: the server has
    done the work, and the client never hears of this.
    """

    def __init__(self, server: sa.Engine, at: int, how: How) -> None:
        self._server, self._at, self._how = server, at, how
        self._numbers = itertools.count(1)
        self.has_struck = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def engine(self) -> sa.Engine:
        """An engine whose connections come through here, with the server's driver."""
        url, query = self._server.url, {"sslmode": "disable", "gssencmode": "disable"}
        port = int(self._listener.getsockname()[1])
        through = sa.URL.create(
            url.drivername, url.username, None, "127.0.0.1", port, url.database, query
        )
        return sa.create_engine(through)

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(f"{self._server.url.query['host']}/.s.PGSQL.5432")
                except OSError:
                    # Without a server a client must not wait for one.
                    client.close()
                    continue
                threading.Thread(
                    target=_Session(self, client, server).pass_upward, daemon=True
                ).start()

    def is_due(self) -> bool:
        if self.has_struck or next(self._numbers) != self._at:
            return False
        self.has_struck = True
        return True

    def strike(self, backend: int) -> None:
        """End of file on the session tells that the backend is gone; PostgreSQL would look only
        every 100 ms."""
        with self._server.connect() as conn:
            assert conn.scalar(
                sa.text("SELECT pg_terminate_backend(:backend)"), {"backend": backend}
            )

    @property
    def is_silent(self) -> bool:
        return self._how == "lost"


class _Session:
    """Carry a single connection through the proxy."""

    def __init__(
        self, terminator: Terminator, client: socket.socket, server: socket.socket
    ) -> None:
        self._terminator, self._client, self._server = terminator, client, server
        self._greeting = b""
        self._holds, self._answered = threading.Event(), threading.Event()
        self._down = threading.Thread(target=self._pass_downward, daemon=True)

    def pass_upward(self) -> None:
        self._down.start()
        try:
            self._carry()
        except OSError:
            pass  # either end is gone
        finally:
            for end in (self._client, self._server):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def _carry(self) -> None:
        # The startup: there is no backend to terminate yet.
        self._server.sendall(self._client.recv(65_536))
        while chunk := self._client.recv(65_536):
            if chunk[:1] == _GOODBYE or not self._terminator.is_due():
                self._server.sendall(chunk)
                continue
            if self._terminator.is_silent:
                self._holds.set()
                self._server.sendall(chunk)
                self._answered.wait(ANSWER_SECONDS_MAX)
            self._terminator.strike(_backend(self._greeting))
            self._down.join(30)
            break

    def _pass_downward(self) -> None:
        with suppress(OSError):
            while chunk := self._server.recv(65_536):
                self._greeting += chunk if len(self._greeting) < 4096 else b""
                if self._holds.is_set():
                    self._answered.set()
                else:
                    self._client.sendall(chunk)


def _backend(greeting: bytes) -> int:
    """Return the process id in the server's greeting: the message ``K``."""
    at = 0
    while greeting[at : at + 1] != b"K":
        at += 1 + struct.unpack_from("!i", greeting, at + 1)[0]
    return int(struct.unpack_from("!i", greeting, at + 5)[0])
