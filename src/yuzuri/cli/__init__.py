"""The command line: everything a person or an operator does without a browser."""

import signal


def command_line() -> None:
    """Run a command; Ctrl-C while its code is still being read ends it without a word."""
    usual = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from yuzuri.cli.commands import command_line as run  # noqa: PLC0415 - takes most of a second

    signal.signal(signal.SIGINT, usual)
    run()


__all__ = ["command_line"]
