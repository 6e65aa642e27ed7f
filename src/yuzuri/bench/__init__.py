"""What `yuzuri bench` runs: the product on its real road, beside its peers, in the same run."""


class BenchFailed(Exception):  # noqa: N818 - a state of the run, as callers name it
    """A figure would not have been true; `str()` is a sentence for an engineer."""
