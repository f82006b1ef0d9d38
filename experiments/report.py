"""Tables, figures as JSON, and the verdict."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.arguments import SEEDS, Arguments
from experiments.provenance import HeldOut, provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing an experiment must show: ``value`` is at least ``bound``, or with ``most``, at most."""

    name: str
    value: float
    bound: float
    most: bool = False

    @property
    def holds(self) -> bool:
        """Whether it does."""
        return self.value <= self.bound if self.most else self.value >= self.bound

    def __str__(self) -> str:
        sign = ("≤" if self.holds else ">") if self.most else ("≥" if self.holds else "<")
        return f"{self.name} {self.value:.4f} {sign} {self.bound:.4f}"


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Mean over seeds and its standard error, which is NaN for one seed."""
    n, mean = len(values), math.fsum(values) / len(values)
    if n < 2:
        return mean, math.nan
    return mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1) / n)


def show_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    print(f"\n{title}")
    for row in (head, *rows):
        first, *others = (
            f"{cell:<{width}}" if i == 0 else f"{cell:>{width}}"
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *others]))


def conclude(
    arguments: Arguments,
    figures: Mapping[str, object],
    *,
    checks: Sequence[Check],
    held_out: HeldOut | None,
) -> int:
    """Write the JSON, print the verdict as the last line, and give the exit status."""
    failed = [check for check in checks if not check.holds]
    held = len(checks) - len(failed)
    part = f"{arguments.seeds} {arguments.counts}"
    if arguments.counts == SEEDS:
        part = f"{arguments.measured if held_out else 'tuning data'}, {part}"
    verdict = f"{arguments.name} ({part}): {held} of {len(checks)} hold"
    verdict += f"; short: {'; '.join(map(str, failed))}" if failed else ""
    document = {
        **provenance(arguments, held_out),
        **figures,
        "checks": [
            {"name": c.name, "value": c.value, "bound": c.bound, "most": c.most, "holds": c.holds}
            for c in checks
        ],
        "verdict": verdict,
    }
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(document, indent=1, allow_nan=True) + "\n")
    print(f"\nfigures: {arguments.json}")
    print(verdict)
    return 1 if failed else 0
