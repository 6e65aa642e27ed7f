"""The command by which anybody works a draw out again, wherever they are."""

from yuzuri.sharing.link_draws import commitment
from yuzuri.sharing.links import Link


def draw_command(link: Link) -> str:
    """Return the command for a link that has ended; before that it would give the draw away."""
    return (
        f"yuzuri links draw {link.seed.hex()} --seal {commitment(link.seed).hex()}"
        f" --unit {link.unit} --amount {link.amount} --shares {link.shares}"
        f" --least {link.least} --step {link.step}"
    )
