"""A report as a picture: throughput beside the yardsticks, and how long calls took."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from yuzuri.bench.report import Report
from yuzuri.bench.tables import CASE_TITLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLOT_ENDINGS = (".png", ".svg")

_OURS, _YARDSTICK = "#2f6f4f", "#c9a227"
_P50, _P99 = "#7fb3d5", "#1f4e79"


def can_plot() -> bool:
    """Tell whether matplotlib is installed: it comes with the extra `bench`."""
    return importlib.util.find_spec("matplotlib") is not None


def write_plot(report: Report, path: Path) -> None:
    """Write the picture as SVG or PNG, by the ending of the file's name."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, and takes half a second

    named = [name for name in CASE_TITLES if name in report.cases]
    figure = Figure(figsize=(11, 1.6 + 0.55 * len(named)), layout="constrained")
    throughput, times = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    _draw_throughput(throughput, report, named)
    _draw_times(times, report, named)
    machine = report.machine
    figure.suptitle(
        f"yuzuri bench ledger: {machine.cpus} CPUs, PostgreSQL {machine.postgresql},"
        f" {'durable' if report.durable else 'NOT durable'}",
        fontsize=11,
    )
    figure.savefig(path, dpi=150)


def _draw_throughput(axes: "Axes", report: Report, named: list[str]) -> None:
    cases = [report.cases[name] for name in named]
    places = range(len(cases))
    axes.barh([place - 0.2 for place in places], [case.per_s for case in cases], 0.38,
              color=_OURS, label="Yuzuri")  # fmt: skip
    yardsticks = [case.per_s / case.ratio if case.ratio else 0 for case in cases]
    axes.barh([place + 0.2 for place in places], yardsticks, 0.38,
              color=_YARDSTICK, label="its yardstick")  # fmt: skip
    for place, case in zip(places, cases, strict=True):
        axes.annotate(f" {case.ratio:.1f} × {case.against}", (case.per_s, place - 0.2),
                      va="center", fontsize=7)  # fmt: skip
    axes.set_yticks(list(places), [CASE_TITLES[name] for name in named], fontsize=8)
    axes.margins(y=0.02)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.45 * max(case.per_s for case in cases))
    axes.set_xlabel("per second")
    axes.legend(fontsize=8, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)


def _draw_times(axes: "Axes", report: Report, named: list[str]) -> None:
    cases = [report.cases[name] for name in named]
    places = range(len(cases))
    axes.hlines(places, [case.p50_ms for case in cases], [case.p99_ms for case in cases],
                color="#bbbbbb")  # fmt: skip
    axes.plot([case.p50_ms for case in cases], list(places), "o", color=_P50, label="p50")
    axes.plot([case.p99_ms for case in cases], list(places), "o", color=_P99, label="p99")
    axes.set_xscale("log")
    axes.set_xlabel("ms a call (of a group: all of it)")
    axes.legend(fontsize=8, loc="lower right")
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
