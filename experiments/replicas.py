"""Do many processes on one PostgreSQL learn what one process would have learned?

*Online*: 1, 2, 4 and 8 processes share a stream of prompts of two kinds, each of which another model is good
at, after a few of a third kind that both answer alike. Prompts come at 40 a second and are dealt out in turn; every process chooses by what all have learned so far.
Regret is what the better model would have given less what was obtained, per prompt. *Recorded*: the same decisions and ratings are shared out among as many
processes, and the learned state must be that of one process. *Agreement*: seconds from the last
acknowledgement of any process until every one has all ratings in its models, by polling alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from experiments.arguments import Arguments, parse_count
from experiments.log_sums import difference, equality
from experiments.replica_crowd import Crowd, crowd_online, crowd_recorded
from experiments.report import Check, conclude, mean_and_error, show_table
from experiments.servers.postgres import Postgres, postgres

NAME = "replicas"
SIZES = (1, 2, 4, 8)
PROMPTS = 480
"""Prompts of one round, and ratings of the recorded stream."""
SOON = 1.0
"""Seconds within which all must agree."""
NOISE = 3.0
"""Standard errors of the difference that regret may be apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """All rounds with so many processes."""

    processes: int
    regret: float
    regret_se: float
    online_error: float
    recorded_error: float
    agreed: float


def measure(server: Postgres, arguments: Arguments) -> list[Row]:
    """Every size, round by round in turn."""
    rounds: dict[int, list[tuple[Crowd, Crowd]]] = {size: [] for size in SIZES}
    for turn in range(arguments.seeds):
        for size in SIZES:
            online = crowd_online(server, size, prompts=arguments.size, seed=turn)
            recorded = crowd_recorded(server, size, ratings=arguments.size)
            rounds[size].append((online, recorded))
    alone = rounds[1][0][1].kept.learned
    rows = []
    for size, found in rounds.items():
        regret, error = mean_and_error([online.regret for online, _ in found])
        rows.append(
            Row(
                processes=size,
                regret=regret,
                regret_se=error,
                online_error=max(online.kept.error for online, _ in found),
                recorded_error=max(difference(it.kept.learned, alone) for _, it in found),
                agreed=max(online.agreed for online, _ in found),
            )
        )
    return rows


def checks_of(rows: Sequence[Row]) -> list[Check]:
    """Equal states, equal regret but for noise, and soon."""
    one = rows[0]
    checks = []
    for row in rows:
        who = f"{row.processes} processes"
        checks += [
            equality(f"{who} online, against the log", row.online_error),
            equality(f"{who} on a recorded stream, against one", row.recorded_error),
            Check(name=f"{who}: seconds until all agree", value=row.agreed, bound=SOON, most=True),
        ]
        if row is not one:
            noise = NOISE * float((row.regret_se**2 + one.regret_se**2) ** 0.5)
            checks.append(
                Check(
                    name=f"{who}: regret over that of one",
                    value=row.regret - one.regret,
                    bound=noise,
                    most=True,
                )
            )
    return checks


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, report, and say whether it holds."""
    arguments = parse_count(
        NAME,
        about=(__doc__ or "").partition("\n")[0],
        counts="rounds",
        default=8,
        size=PROMPTS,
        argv=argv,
    )
    with postgres() as server:
        rows = measure(server, arguments)
    show_table(
        f"{arguments.size} prompts a round",
        ["processes", "regret", "± s.e.", "error online", "error recorded", "s until all agree"],
        [
            [
                str(row.processes),
                f"{row.regret:.4f}",
                f"{row.regret_se:.4f}",
                f"{row.online_error:.1e}",
                f"{row.recorded_error:.1e}",
                f"{row.agreed:.2f}",
            ]
            for row in rows
        ],
    )
    figures = {"rows": [asdict(row) for row in rows]}
    return conclude(arguments, figures, checks=checks_of(rows), held_out=None)


if __name__ == "__main__":
    sys.exit(main())
