"""The keeper of one server: starts it, and ends it once nobody uses it, however they have ended.

A program of its own, which nothing reaches that ends the process that asked for it; and of the
standard library alone, so that it starts at once. It says the server's pid and stays its parent.

    keeper.py <start lock> <users lock> <uid or -> <gid or -> <command> …
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time

_POLL_S = 0.25
_STOP_TIMEOUT_S = 5.0  # as in cluster.py


def main(start_lock: str, users_lock: str, uid: str, gid: str, *command: str) -> None:
    """Start the server in a process of its own, tell its pid, and stay until it has ended."""
    if os.fork() != 0:  # so that it is no child of who asked, and is left alone
        return
    is_other = uid != "-"
    server = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        user=int(uid) if is_other else None,
        group=int(gid) if is_other else None,
        extra_groups=[] if is_other else None,
        umask=0o077,
    )
    with contextlib.suppress(BrokenPipeError):  # who asked has ended already
        os.write(sys.stdout.fileno(), b"%d\n" % server.pid)
    os.dup2(sys.stdin.fileno(), sys.stdout.fileno())
    while server.poll() is None:
        time.sleep(_POLL_S)
        try:
            _stop_unused(server, start_lock, users_lock)
        except FileNotFoundError:  # the whole folder is gone
            server.send_signal(signal.SIGQUIT)
            server.wait()


def _stop_unused(server: "subprocess.Popen[bytes]", start_lock: str, users_lock: str) -> None:
    """Stop the server if nobody uses it, starts it or stops it; no one can begin to meanwhile."""
    files = []
    try:
        for path in (start_lock, users_lock):
            # Whoever started the server has made them; a folder that is being removed stays so.
            files.append(os.open(path, os.O_RDWR | os.O_CLOEXEC))
            fcntl.flock(files[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        server.send_signal(signal.SIGINT)
        try:
            server.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)
            server.wait()
    except BlockingIOError:
        pass
    finally:
        for file in files:
            os.close(file)


if __name__ == "__main__":
    main(*sys.argv[1:])
