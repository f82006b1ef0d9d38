"""How long does ``Router.route`` take end to end, beside ParetoBandit's on sentence-transformers?

Short prompts, real MiniLM weights on both sides, one thread each, everything in memory, no cache. Ours
is measured with four histories, from none to 100,000 ratings learned; the slowest of the four is what
is compared. Contestants take turns of a few prompts, in random order, so that whatever else the machine
does falls on all alike, and nobody's weights are driven out of the caches between two prompts, which no
server would do; a seed is one round through the prompts. Other lengths are shown for information: the
longer, the more both wait for the same matrix products. Meant for a machine that does nothing else:
*processor* is the time that was worked, on whichever core, without the wait for one; but shared caches
and memory make it longer too, and more so for ours, which waits for little else.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from conduit.features.encoders.opening import open_encoder
from experiments.arguments import Arguments, parse
from experiments.bars import draw_bars
from experiments.recorded import PARETOBANDIT, stream_part
from experiments.report import Check, conclude, mean_and_error, show_table
from experiments.route_pipelines import Event, open_ours, open_theirs

NAME = "bench_route"
SHORT = 100
"""Characters of a short prompt, at most."""
GROUPS = {SHORT: 0, 50: 0, 200: 100, 400: 200, 800: 400, 1600: 800}
"""Longest prompt of a group, and what each of its prompts is longer than, in characters."""
PROMPTS, PER_GROUP, WARM_UP = 64, 8, 8
TURN = 8
"""Prompts that a contestant has in a row."""
HISTORIES = (0, 1_000, 10_000, 100_000)
FASTER = 2.5
"""Times as fast as theirs that ours must be."""
FLAT = 1.2
"""Times as long as with the shortest history that it may take with the longest."""
SAME = 0.999
"""Cosine from which two embeddings are those of the same weights."""
THEIRS, OURS_IN_PARTS, THEIRS_IN_PARTS = "paretobandit", "ours in parts", "paretobandit in parts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Milliseconds of one part of one contestant on one group of prompts.

    Args:
        prompts: longest prompt of the group, in characters.
        contestant: who.
        part: ``route`` for all of it.
        median: over all prompts of all rounds.
        median_se: standard error over rounds of each round's median; NaN for one round.
        p95: 95th percentile over all prompts of all rounds.
    """

    prompts: int
    contestant: str
    part: str
    median: float
    median_se: float
    p95: float


Times = dict[tuple[int, str, str], list[list[float]]]
"""Seconds per (group, contestant, part), a list per round."""


def ours_after(observations: int) -> str:
    """Name of ours with that history."""
    return f"ours after {observations:,}"


async def round_of(
    groups: Mapping[int, Sequence[str]],
    events: Mapping[str, Event],
    *,
    rng: np.random.Generator,
    times: Times,
) -> None:
    """One round through the prompts, in random order; all but short ones meet whole pipelines only."""
    found: dict[tuple[int, str, str], list[float]] = defaultdict(list)
    for group, prompts in groups.items():
        names = [n for n in events if group == SHORT or n in (ours_after(0), THEIRS)]
        order = rng.permutation(len(prompts))
        for start in range(0, len(order), TURN):
            for name in rng.permutation(names).tolist():
                for i in order[start : start + TURN]:
                    for part, seconds in (await events[name](prompts[i])).items():
                        found[group, name, part].append(seconds)
    for key, seconds_of_round in found.items():
        times.setdefault(key, []).append(seconds_of_round)


def rows_of(times: Times) -> list[Row]:
    """Medians and percentiles, in milliseconds."""
    rows = []
    for (group, contestant, part), rounds in times.items():
        seconds = np.concatenate(rounds)
        rows.append(
            Row(
                prompts=group,
                contestant=contestant,
                part=part,
                median=1e3 * float(np.median(seconds)),
                median_se=1e3 * mean_and_error([float(np.median(r)) for r in rounds])[1],
                p95=1e3 * float(np.quantile(seconds, 0.95)),
            )
        )
    return rows


def prompts_of(arguments: Arguments) -> dict[int, list[str]]:
    """Recorded prompts per upper bound of their length; never held ones."""
    outcomes, says = stream_part(PARETOBANDIT, replace(arguments, held_out=False))
    groups = {}
    for longest, above in GROUPS.items():
        size = PROMPTS if longest == SHORT else PER_GROUP
        groups[longest] = [t for t in outcomes.texts if above < len(t) <= longest][:size]
    print(f"prompts of {PARETOBANDIT} ({says}): {len(groups[SHORT])} short ones")
    return groups


async def measure(arguments: Arguments) -> tuple[list[Row], float]:
    """All rows, and the lowest cosine between an embedding of ours and theirs."""
    encoder = open_encoder("minilm", cache_dir=arguments.cache)
    theirs, groups = open_theirs(), prompts_of(arguments)
    short = groups[SHORT]
    events: dict[str, Event] = {THEIRS: theirs.whole, THEIRS_IN_PARTS: theirs.parts}
    for observations in HISTORIES:
        ours = open_ours(encoder)
        await ours.live(observations, short[:WARM_UP], seed=observations)
        events[ours_after(observations)] = ours.whole
        if observations == 0:
            events[OURS_IN_PARTS] = ours.parts
    cosines = [float(encoder.encode([text])[0] @ theirs.embedding(text)) for text in short]
    await round_of({SHORT: short[:WARM_UP]}, events, rng=np.random.default_rng(), times={})
    times: Times = {}
    for seed in range(arguments.seeds):
        await round_of(groups, events, rng=np.random.default_rng(seed), times=times)
    return rows_of(times), min(cosines)


def checks_of(rows: Sequence[Row], cosine: float) -> list[Check]:
    """Against theirs with whichever history is slowest; and that no history makes it slower."""
    median = {r.contestant: r.median for r in rows if (r.prompts, r.part) == (SHORT, "route")}
    ours = [median[ours_after(observations)] for observations in HISTORIES]
    return [
        Check(name="times as fast as paretobandit", value=median[THEIRS] / max(ours), bound=FASTER),
        Check(
            name=f"{HISTORIES[-1]:,} observations against none",
            value=ours[-1] / ours[0],
            bound=FLAT,
            most=True,
        ),
        Check(name="lowest cosine of the two embeddings", value=cosine, bound=SAME),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, report, and say whether it holds."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # noqa: PLC0415  # in an extra

    arguments = parse(NAME, about=(__doc__ or "").partition("\n")[0], seeds=10, argv=argv)
    with threadpool_limits(limits=1):
        rows, cosine = asyncio.run(measure(arguments))
    _show(rows)
    bars = {
        (f"prompts of at most {SHORT} characters", f"{row.contestant}: {row.part}"): (
            row.median,
            row.median_se,
        )
        for row in rows
        if row.prompts == SHORT
    }
    print(f"\npicture: {draw_bars(bars, arguments, label='milliseconds, median')}")
    figures = {
        "rows": [asdict(row) for row in rows],
        "cosine": cosine,
        "load_average": os.getloadavg(),
    }
    return conclude(arguments, figures, checks=checks_of(rows, cosine), held_out=None)


def _show(rows: Sequence[Row]) -> None:
    for group in dict.fromkeys(row.prompts for row in rows):
        show_table(
            f"milliseconds, prompts of at most {group} characters",
            ["contestant", "part", "median", "± s.e.", "p95"],
            [
                [
                    row.contestant,
                    row.part,
                    f"{row.median:.3f}",
                    f"{row.median_se:.3f}",
                    f"{row.p95:.3f}",
                ]
                for row in sorted(rows, key=lambda row: row.contestant)
                if row.prompts == group
            ],
        )


if __name__ == "__main__":
    sys.exit(main())
