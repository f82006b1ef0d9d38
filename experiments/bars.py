"""A picture of one figure per policy, grouped by data set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from experiments.arguments import Arguments


def draw_bars(
    bars: Mapping[tuple[str, str], tuple[float, float]], arguments: Arguments, *, label: str
) -> Path:
    """Draw mean and standard error per (group, policy), and say where the picture is.

    Args:
        bars: (mean, standard error) per (group, policy).
        arguments: where to draw.
        label: what the figure is.
    """
    import matplotlib as mpl  # noqa: PLC0415  # heavy, and in an extra

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  # after the choice of a backend

    groups = list(dict.fromkeys(group for group, _ in bars))
    size = (5.0 * len(groups), 4.0)
    figure, axes = plt.subplots(1, len(groups), figsize=size, squeeze=False)
    for axis, group in zip(axes[0], groups, strict=True):
        mine = sorted((bar, policy) for (of, policy), bar in bars.items() if of == group)
        axis.barh(
            [policy for _, policy in mine],
            [mean for (mean, _), _ in mine],
            xerr=[error for (_, error), _ in mine],
            color="tab:blue",
        )
        axis.axvline(0.0, color="black", linewidth=0.8)
        axis.set(title=group, xlabel=label)
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"{arguments.stem}.png"
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
