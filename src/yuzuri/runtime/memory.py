"""What a process that serves asks of Python's memory."""

import gc


def collect_rarely() -> None:
    """Let the cycle collector pass over what lives as long as the process, and come seldom.

    A group makes tens of thousands of small values without a cycle among them: looking through
    them again and again took a quarter of the time of a large group.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
