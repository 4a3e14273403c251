"""`wren latency`: per-stage and mouth-to-ear P50/P95/max of recorded timelines, as a table and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from device.console.timeline import STAGES, Turn, percentile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLORS = ("#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2")


def summary(turns: list[Turn]) -> dict[str, dict[str, float]]:
    """`{stage: {p50, p95, max, n}}` in milliseconds, with `mouth_to_ear` last."""
    columns: dict[str, list[float]] = {stage: [] for stage, _, _ in STAGES}
    columns["mouth_to_ear"] = []
    for turn in turns:
        for stage, value in turn.stages_ms.items():
            columns[stage].append(value)
        if turn.mouth_to_ear_ms is not None:
            columns["mouth_to_ear"].append(turn.mouth_to_ear_ms)
    return {
        stage: {
            "p50": percentile(values, 50),
            "p95": percentile(values, 95),
            "max": max(values),
            "n": len(values),
        }
        for stage, values in columns.items()
        if values
    }


def print_table(turns: list[Turn], console: Console) -> None:
    """The summary for people."""
    table = Table(title="Latency by stage, ms", title_justify="left")
    for column in ("stage", "P50", "P95", "max", "turns"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    for stage, row in summary(turns).items():
        style = "bold" if stage == "mouth_to_ear" else ""
        table.add_row(
            stage.replace("_", "-"),
            f"{row['p50']:.0f}",
            f"{row['p95']:.0f}",
            f"{row['max']:.0f}",
            f"{row['n']:.0f}",
            style=style,
        )
    console.print(table)
    if any(turn.mouth_to_ear_ms is not None for turn in turns):
        console.print(
            "mouth-to-ear: last voiced frame at the microphone to first reply frame out of the loudspeaker"
        )


def draw(turns: list[Turn], path: Path) -> None:
    """One line a turn: speech, the stages as coloured bars, the moment the reply began. SVG, PNG or PDF."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import Patch

    shown = [turn for turn in turns if turn.spans_ns]
    figure, axes = pyplot.subplots(figsize=(10, 1.2 + 0.55 * max(1, len(shown))))
    for line, turn in enumerate(shown):
        _draw_turn(axes, turn, line)
    axes.set_yticks(range(len(shown)), [_label(turn) for turn in shown])
    axes.invert_yaxis()
    axes.axvline(0, color="black", linewidth=1)
    axes.set_xlabel("milliseconds after the last voiced sound")
    handles = [Patch(color=color) for color in _COLORS]
    axes.legend(
        handles, [stage for stage, _, _ in STAGES], ncols=len(STAGES), loc="lower left", bbox_to_anchor=(0, 1)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches="tight")
    pyplot.close(figure)


def _label(turn: Turn) -> str:
    text = turn.text or turn.cancelled or "…"
    return text if len(text) <= 48 else text[:47] + "…"


def _draw_turn(axes: Axes, turn: Turn, line: int) -> None:
    zero = turn.t_ns.get("speech.stopped", min(begin for begin, _ in turn.spans_ns.values()))
    for (stage, _, _), color in zip(STAGES, _COLORS, strict=True):
        if stage in turn.spans_ns:
            begin, _ = turn.spans_ns[stage]
            axes.barh(line, turn.stages_ms[stage], left=(begin - zero) / 1e6, color=color, height=0.5)
    if turn.mouth_to_ear_ms is not None:
        heard = (turn.mouth_to_ear_ms, line)
        axes.plot(*heard, marker="|", markersize=18, color="black")
        axes.annotate(f"{turn.mouth_to_ear_ms} ms", heard, xytext=(6, -4), textcoords="offset points")
