"""Real database servers for tests: started once a session, shared by its workers.

A server has a keeper, a process that watches the one that runs the tests: when that
one is gone, however it went, the keeper ends the server and removes its folder. The
first worker that needs a server starts it, the others find its address in a file.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

START_SECONDS = 90
POLL_SECONDS = 0.1
# As hard as a power cut; Postgres then takes its children along.
END = {"postgres": signal.SIGQUIT, "mariadb": signal.SIGKILL}
PASSWORD = "pass/word:1"  # noqa: S105  has to be escaped in a URL, as real ones do


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server: where it listens, and the folder that holds all of it."""

    kind: str
    folder: str
    port: int
    pid: int

    @property
    def socket(self) -> str:
        """The folder of Postgres' socket, the socket's own path with MariaDB."""
        return self.folder if self.kind == "postgres" else f"{self.folder}/socket"


class NotInstalled(Exception):
    """The programs of this server are not on the machine."""


def shared(kind: str, folder: Path, owner: int) -> Server:
    """Give the session's server of this kind; the first to ask starts it.

    `folder` is one that all workers of the session see. `owner` is the process after
    whose end the server is stopped.
    """
    place = folder / f"{kind}.json"
    with (folder / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if place.exists():
            return Server(**json.loads(place.read_text()))
        server = start(kind, owner=owner)
        place.write_text(json.dumps(asdict(server)))
        return server


def start(
    kind: str, *, owner: int | None = None, folder: Path | None = None, port: int = 0
) -> Server:
    """Start a server, in the folder of an earlier one if there is one.

    Without an `owner` it lives until `stop`, and at most as long as this process.
    """
    programs(kind)
    made = folder or _new_folder(kind)
    port = port or free_port()
    with contextlib.suppress(FileNotFoundError):
        (made / "started").unlink()
    watched = os.getpid() if owner is None else owner
    keeper = subprocess.Popen(
        [sys.executable, __file__, kind, str(made), str(port), str(watched)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + START_SECONDS
    while not (made / "started").exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            keeper.terminate()
            said = _last_words(made)
            shutil.rmtree(made, ignore_errors=True)
            raise RuntimeError(f"{kind} did not start:\n{said}")
        time.sleep(POLL_SECONDS / 4)
    pid = int((made / "started").read_text())
    # The keeper ends by itself; nobody has to wait for it.
    keeper.returncode = 0
    return Server(kind=kind, folder=str(made), port=port, pid=pid)


def stop(server: Server) -> None:
    """End a server as hard as a power cut; its keeper then removes its folder.

    With a file `keep` in it the folder stays, and `start` can go on with it.
    """
    end = time.monotonic() + START_SECONDS
    with contextlib.suppress(ProcessLookupError):
        os.kill(server.pid, END[server.kind])
    while (Path(server.folder) / "started").exists() and time.monotonic() < end:
        time.sleep(POLL_SECONDS / 4)


def running(server: Server) -> Server:
    """Give the server as it runs now, after another start in the same folder."""
    pid = int((Path(server.folder) / "started").read_text())
    return replace(server, pid=pid)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def programs(kind: str) -> tuple[str, str]:
    """Find the program that makes a data folder, and the server's own.

    Raises NotInstalled, which says what to install.
    """
    names, package = {
        "postgres": (["initdb", "postgres"], "postgresql"),
        "mariadb": (
            ["mariadb-install-db", "mariadbd", "my_print_defaults"],
            "mariadb-server-core mariadb-client-core",
        ),
    }[kind]
    places = [
        *os.environ.get("PATH", "").split(os.pathsep),
        *("/usr/sbin", "/usr/local/sbin"),
        *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True),
    ]
    found = [shutil.which(name, path=os.pathsep.join(places)) for name in names]
    if not all(found):
        raise NotInstalled(f"{kind} is not installed: apt-get install {package}")
    return str(found[0]), str(found[1])


def _new_folder(kind: str) -> Path:
    # Not under pytest's own folder: that is closed to the user that Postgres runs as.
    # And short: the path of a socket has 107 bytes.
    return Path(tempfile.mkdtemp(prefix=f"elt-{kind}-", dir="/tmp"))


def _last_words(folder: Path) -> str:
    log = folder / "log"
    return log.read_text(errors="replace")[-2000:] if log.exists() else "no log"


# What follows runs in the keeper.


def keep(kind: str, folder: Path, port: int, owner: int) -> None:
    """Run a server until its owner is gone."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    make, serve = {"postgres": _postgres, "mariadb": _mariadb}[kind](folder, port)
    user = _user() if kind == "postgres" else {}
    if user:
        shutil.chown(folder, user["user"], user["group"])
    with (folder / "log").open("ab") as log:
        if not (folder / "data").exists():
            _run(make, log, user)
        said = log.seek(0, os.SEEK_END)
        server = subprocess.Popen(serve, cwd=folder, stdout=log, stderr=log, **user)
        try:
            _wait_until(lambda: _is_ready(folder / "log", said), server)
            (folder / "aside").write_text(str(server.pid))
            (folder / "aside").rename(folder / "started")
            _watch(server, owner)
        finally:
            server.send_signal(END[kind])
            server.wait()
    if (folder / "keep").exists() and _is_alive(owner):
        (folder / "started").unlink(missing_ok=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _postgres(folder: Path, port: int) -> tuple[list[str], list[str]]:
    initdb, postgres = programs("postgres")
    password = folder / "password"
    password.write_text(PASSWORD)
    password.chmod(0o644)
    make = [
        *(initdb, "-D", f"{folder}/data", "-U", "elt", f"--pwfile={password}"),
        *("-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
    ]
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": str(folder),
        "fsync": "off",
        "full_page_writes": "off",
        "shared_buffers": "64MB",
        "max_connections": "60",
    }
    options = [part for k, v in settings.items() for part in ("-c", f"{k}={v}")]
    return make, [postgres, "-D", f"{folder}/data", *options]


def _mariadb(folder: Path, port: int) -> tuple[list[str], list[str]]:
    install, mariadbd = programs("mariadb")
    account = folder / "account.sql"
    account.write_text(
        f"CREATE OR REPLACE USER elt@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
        f"CREATE OR REPLACE USER elt@localhost IDENTIFIED BY '{PASSWORD}';\n"
        "GRANT ALL ON *.* TO elt@'127.0.0.1' WITH GRANT OPTION;\n"
        "GRANT ALL ON *.* TO elt@localhost WITH GRANT OPTION;\n"
    )
    small = ["--innodb-log-file-size=8M", "--innodb-buffer-pool-size=64M"]
    user = ["--user=root"] if os.geteuid() == 0 else []
    make = [
        *(install, "--no-defaults", f"--datadir={folder}/data", "--skip-test-db"),
        *("--auth-root-authentication-method=normal", *small, *user),
    ]
    serve = [
        *(mariadbd, "--no-defaults", f"--datadir={folder}/data", *small, *user),
        *(f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder}/socket"),
        *(f"--pid-file={folder}/pid", f"--init-file={account}", "--skip-name-resolve"),
        *("--innodb-flush-log-at-trx-commit=2", "--skip-log-bin"),
    ]
    return make, serve


def _user() -> dict[str, str]:
    """Name the user that Postgres runs as: it refuses to be root's."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name for entry in pwd.getpwall()}
    name = "postgres" if "postgres" in known else "nobody"
    group = str(pwd.getpwnam(name).pw_gid)
    return {"user": name, "group": int(group)}  # type: ignore[dict-item]


def _run(command: list[str], log: object, user: dict[str, str]) -> None:
    subprocess.run(command, stdout=log, stderr=log, check=True, cwd="/", **user)  # type: ignore[call-overload]


def _is_ready(log: Path, since: int) -> bool:
    """Look for the server's own word: its port is open before it can answer."""
    said = log.read_bytes()[since:]
    return b"ready to accept connections" in said or b"ready for connections" in said


def _wait_until(ready: Callable[[], bool], server: subprocess.Popen[bytes]) -> None:
    while not ready():
        if server.poll() is not None:
            raise RuntimeError("the server ended while it started")
        time.sleep(POLL_SECONDS / 4)


def _watch(server: subprocess.Popen[bytes], owner: int) -> None:
    while _is_alive(owner) and server.poll() is None:
        time.sleep(POLL_SECONDS)


def _is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


if __name__ == "__main__":
    keep(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
