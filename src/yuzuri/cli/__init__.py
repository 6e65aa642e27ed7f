"""The command line: everything a person or an operator does without a browser."""

from yuzuri.cli.commands import command_line

__all__ = ["command_line"]
