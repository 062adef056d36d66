"""A TCP proxy in front of PostgreSQL that loses the connection around a COMMIT."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Literal

import sqlalchemy as sa

When = Literal["before", "after"]


class Proxy:
    """Passes everything on, until ``lose_next_commit``.

    ``before``: the server never sees that COMMIT. ``after``: the server has committed and said so,
    the client never hears.
    """

    def __init__(self, socket_folder: str, port: int) -> None:
        self._server = (socket_folder, port)
        self._armed: When | None = None
        self.lost = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def lose_next_commit(self, when: When) -> None:
        self._armed = when

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(f"{self._server[0]}/.s.PGSQL.{self._server[1]}")
                threading.Thread(target=self._upward, args=(client, server), daemon=True).start()

    def _upward(self, client: socket.socket, server: socket.socket) -> None:
        """Pass the client's messages on.

        A libpq client waits for each answer, so a chunk is never two requests.
        """
        answered = threading.Event()
        hold = threading.Event()
        threading.Thread(
            target=self._downward, args=(server, client, hold, answered), daemon=True
        ).start()
        with suppress(OSError):
            while chunk := client.recv(65_536):
                when = self._armed if b"COMMIT\x00" in chunk else None  # not READ COMMITTED
                if when is None:
                    server.sendall(chunk)
                    continue
                self._armed = None
                self.lost += 1
                if when == "after":
                    hold.set()
                    server.sendall(chunk)
                    assert answered.wait(30)
                break
        for end in (client, server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    @staticmethod
    def _downward(
        server: socket.socket,
        client: socket.socket,
        hold: threading.Event,
        answered: threading.Event,
    ) -> None:
        with suppress(OSError):
            while chunk := server.recv(65_536):
                if hold.is_set():
                    answered.set()
                else:
                    client.sendall(chunk)


def engine_through(proxy: Proxy, url: sa.URL, driver: str) -> sa.Engine:
    """An engine whose connections go through the proxy."""
    query = {"sslmode": "disable", "gssencmode": "disable"}
    through = sa.URL.create(
        f"postgresql+{driver}", url.username, None, "127.0.0.1", proxy.port, url.database, query
    )
    return sa.create_engine(through)
