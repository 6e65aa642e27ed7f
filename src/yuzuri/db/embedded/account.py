"""The system account that the server runs as: PostgreSQL refuses to run as root."""

import contextlib
import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from yuzuri.db import DatabaseUnavailable, Reason

ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
"""All that the server's programs are told of ours."""

_ACCOUNT = "yuzuri"


@dataclass(frozen=True, slots=True)
class Account:
    """This process's own account, or for root the account `yuzuri`, which is then another one."""

    name: str
    uid: int
    gid: int
    is_other: bool

    @classmethod
    def of_this_process(cls) -> Self:
        """Return the account, made for root where missing; raises `DatabaseUnavailable`."""
        if os.geteuid() != 0:
            return cls(account_name(os.geteuid()), os.geteuid(), os.getegid(), is_other=False)
        with contextlib.suppress(KeyError):
            return cls._known()
        for command in (
            ("useradd", "--system", "--user-group", "--no-create-home", "--home-dir",
             "/nonexistent", "--shell", "/usr/sbin/nologin", _ACCOUNT),
            ("adduser", "-S", "-D", "-H", _ACCOUNT),
        ):  # fmt: skip
            with contextlib.suppress(OSError):
                subprocess.run(command, capture_output=True, check=False)
            # Another process may have made it at the same moment, which is as good.
            with contextlib.suppress(KeyError):
                return cls._known()
        raise DatabaseUnavailable(
            Reason.ACCOUNT_MISSING,
            f"PostgreSQL cannot run as root and no system account '{_ACCOUNT}' could be made:"
            " add that account, or run Yuzuri as an ordinary user.",
        )

    @classmethod
    def _known(cls) -> Self:
        entry = pwd.getpwnam(_ACCOUNT)
        return cls(_ACCOUNT, entry.pw_uid, entry.pw_gid, is_other=True)

    def run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run a command as this account, out of reach of a Ctrl-C that is meant for us."""
        return subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            start_new_session=True,
            cwd="/",
            env=ENVIRONMENT,
            user=self.uid if self.is_other else None,
            group=self.gid if self.is_other else None,
            extra_groups=[] if self.is_other else None,
            umask=0o077,
        )

    def owns(self, folder: Path) -> bool:
        """Tell whether a folder is this account's."""
        return folder.stat().st_uid == self.uid

    def give(self, folder: Path) -> None:
        """Make a folder that root has made this account's."""
        if self.is_other:
            os.chown(folder, self.uid, self.gid)

    def closed_folder(self, folder: Path) -> Path | None:
        """The first folder on the way to `folder` that this account cannot enter."""
        if not self.is_other:
            return None
        script = 'for f; do cd "$f" 2>/dev/null || { printf %s "$f"; exit 1; }; done'
        way = [*reversed(folder.parents), folder]
        result = self.run(["/bin/sh", "-c", script, "sh", *way])
        return None if result.returncode == 0 else Path(result.stdout or folder)


def account_name(uid: int) -> str:
    """Return what an account is called; its number where it has no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
