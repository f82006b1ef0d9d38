"""Rows of ``onboarding``: means over seeds, the table, the picture, and what must hold of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from conduit.core.statistics import Array
from experiments.arguments import Arguments
from experiments.onboarding_share import TAIL, WINDOW, Adoption, adoption, moving_average
from experiments.report import Check, mean_and_error, show_table

PROMISED = 142
"""Steps after which the share of a good arm is to be that of the end; ParetoBandit's own figure."""
OVERSPEND = 1.005
POOR_CALLS = 60.0
"""Calls of a poor arm that count as bounded: one in twenty of the steps. Trying an arm takes some
twenty ratings, and the floor below every arm asks for a few more, for ever."""
POOR_SHARE = 0.01
"""Share at the end that counts as left alone: twice the floor."""
STYLES = {
    "conduit": ("tab:blue", "-"),
    "paretobandit": ("tab:red", "--"),
    "paretobandit_forced": ("tab:orange", "--"),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """One policy on one seed.

    Args:
        newcomer: ``good`` or ``poor``.
        chosen: (n,) whether the newcomer was, over all measured steps.
        quality: (n,) obtained.
        cost: (n,) USD.
    """

    newcomer: str
    policy: str
    budget: float
    seed: int
    chosen: NDArray[np.bool_]
    quality: Array
    cost: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanRow:
    """One policy over all seeds.

    Args:
        adoption: of the newcomer.
        by_se: standard error of its share by the promised step.
        end_se: of its share at the end.
        calls_se: of its calls.
        quality: since the newcomer appeared.
        spend: over the budget, over all measured steps.
        spend_since: over the budget, since the newcomer appeared.
    """

    newcomer: str
    policy: str
    budget: float
    adoption: Adoption
    by_se: float
    end_se: float
    calls_se: float
    quality: float
    quality_se: float
    spend: float
    spend_since: float
    seeds: int


def summarise(rows: Iterable[Row], *, before: int) -> list[MeanRow]:
    """Means over seeds, in order of first appearance.

    Args:
        rows: one per policy, budget and seed.
        before: steps without the newcomer.
    """
    return [_mean(key, group, before) for key, group in grouped(rows).items()]


def grouped(rows: Iterable[Row]) -> dict[tuple[str, str, float], list[Row]]:
    """The seeds of each (newcomer, policy, budget)."""
    groups: dict[tuple[str, str, float], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.newcomer, row.policy, row.budget].append(row)
    return groups


def show_rows(rows: Sequence[MeanRow]) -> None:
    """Print one table per newcomer."""
    head = ["policy", "budget", f"share by {PROMISED}", "at the end", "reached", "settled"]
    head += ["calls", "quality since", "spend", "since"]
    for newcomer in dict.fromkeys(row.newcomer for row in rows):
        mine = [row for row in rows if row.newcomer == newcomer]
        show_table(f"{newcomer} newcomer", head, [_cells(row) for row in mine])


def checks(rows: Sequence[MeanRow]) -> list[Check]:
    """Everything that is asked of this experiment."""
    return [check for row in rows if row.policy == "conduit" for check in _checks(row)]


def draw(rows: Iterable[Row], arguments: Arguments, *, before: int) -> Path:
    """Draw the newcomer's share over the steps since it appeared, and say where."""
    import matplotlib as mpl  # noqa: PLC0415  # heavy, and in an extra

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  # after the choice of a backend

    groups = grouped(rows)
    newcomers = list(dict.fromkeys(newcomer for newcomer, _, _ in groups))
    budgets = list(dict.fromkeys(budget for _, _, budget in groups))
    size = (4.5 * len(budgets), 3.2 * len(newcomers))
    figure, axes = plt.subplots(len(newcomers), len(budgets), figsize=size, squeeze=False)
    for (newcomer, policy, budget), group in groups.items():
        axis = axes[newcomers.index(newcomer), budgets.index(budget)]
        share = moving_average(np.mean([row.chosen[before:] for row in group], axis=0))
        colour, line = STYLES[policy]
        steps = np.arange(WINDOW, WINDOW + len(share))
        axis.plot(steps, share, color=colour, linestyle=line, label=policy)
        axis.axvline(PROMISED, color="black", linewidth=0.8)
        axis.set(title=f"{newcomer}, budget {budget:.3g}", ylim=(0, None))
        axis.set(xlabel="steps since it appeared", ylabel="its share")
    axes[-1, -1].legend()
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"{arguments.stem}.png"
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path


def _checks(row: MeanRow) -> Iterator[Check]:
    place = f"{row.newcomer} at {row.budget:.3g}"
    yield Check(name=f"{place}: spend/budget", value=row.spend, bound=OVERSPEND, most=True)
    if row.newcomer == "poor":
        yield Check(name=f"{place}: calls", value=row.adoption.calls, bound=POOR_CALLS, most=True)
        end = row.adoption.end
        yield Check(name=f"{place}: share at the end", value=end, bound=POOR_SHARE, most=True)
    else:
        step = float(row.adoption.step)
        yield Check(name=f"{place}: steps to its share", value=step, bound=PROMISED, most=True)


def _mean(key: tuple[str, str, float], group: Sequence[Row], before: int) -> MeanRow:
    newcomer, policy, budget = key
    chosen = np.stack([row.chosen[before:] for row in group])
    by = chosen[:, PROMISED - WINDOW : PROMISED].mean(axis=1)
    quality, quality_se = mean_and_error([float(row.quality[before:].mean()) for row in group])
    found = adoption(chosen, promised=PROMISED)
    return MeanRow(
        newcomer=newcomer,
        policy=policy,
        budget=budget,
        adoption=found,
        by_se=mean_and_error(by.tolist())[1],
        end_se=mean_and_error(chosen[:, -TAIL:].mean(axis=1).tolist())[1],
        calls_se=mean_and_error(chosen.sum(axis=1).tolist())[1],
        quality=quality,
        quality_se=quality_se,
        spend=float(np.mean([row.cost.mean() for row in group])) / budget,
        spend_since=float(np.mean([row.cost[before:].mean() for row in group])) / budget,
        seeds=len(group),
    )


def _cells(row: MeanRow) -> list[str]:
    found = row.adoption
    return [
        row.policy,
        f"{row.budget:.3g}",
        f"{found.by:.3f}±{row.by_se:.3f}",
        f"{found.end:.3f}±{row.end_se:.3f}",
        str(found.reached),
        str(found.step),
        f"{found.calls:.1f}±{row.calls_se:.1f}",
        f"{row.quality:.4f}±{row.quality_se:.4f}",
        f"{row.spend:.4f}",
        f"{row.spend_since:.4f}",
    ]
