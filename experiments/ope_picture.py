"""The picture of ``ope_coverage``: how often 95% intervals held the truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.arguments import Arguments
from experiments.ope_rows import LEAST, MAIN, MOST, Coverage


def draw(rows: Sequence[Coverage], arguments: Arguments) -> Path:
    """Draw it, and say where."""
    import matplotlib as mpl  # noqa: PLC0415  # heavy, and in an extra

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  # after the choice of a backend

    mine = [row for row in rows if row.scenario == MAIN]
    outcomes = list(dict.fromkeys(row.outcome for row in mine))
    figure, axes = plt.subplots(1, len(outcomes), figsize=(6.0 * len(outcomes), 3.5), squeeze=False)
    for axis, outcome in zip(axes[0], outcomes, strict=True):
        shown = [row for row in mine if row.outcome == outcome]
        names = [f"{row.target}, {row.method}" for row in shown]
        axis.axvspan(LEAST, MOST, color="tab:green", alpha=0.15)
        axis.axvline(0.95, color="black", linewidth=0.8)
        axis.plot([row.coverage for row in shown], names, "o", color="tab:blue")
        axis.set(title=outcome, xlabel="share of 95% intervals that hold the truth")
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"{arguments.stem}.png"
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
