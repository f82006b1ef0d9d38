"""Clients that call until they are refused, whatever it is that they call."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias


class RefusedError(Exception):
    """A call that was refused for one of the two reasons there may be.

    Args:
        final: whether the money is spent; otherwise a wait ended.
        just: whether what the refusal says of itself is a reason to refuse.
    """

    def __init__(self, *, final: bool, just: bool) -> None:
        super().__init__("exceeded" if final else "timed out")
        self.final = final
        self.just = just


Call: TypeAlias = Callable[[int], Awaitable[None]]
"""Makes the call of that number.

Raises:
    RefusedError: when there was no money for it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lap:
    """What became of the calls of some clients.

    Args:
        answered: calls.
        exceeded: calls that were refused because the money is spent.
        timed_out: calls that were refused because a wait ended.
        unjust: refusals that give no reason.
        others: whatever else happened, and how often.
    """

    answered: int = 0
    exceeded: int = 0
    timed_out: int = 0
    unjust: int = 0
    others: tuple[tuple[str, int], ...] = ()

    @property
    def refused_otherwise(self) -> int:
        """Calls that ended in another way than the two that are named."""
        return sum(count for _, count in self.others)


def added(laps: list[Lap]) -> Lap:
    """What became of all."""
    others: Counter[str] = Counter()
    for lap in laps:
        others.update(dict(lap.others))
    return Lap(
        answered=sum(lap.answered for lap in laps),
        exceeded=sum(lap.exceeded for lap in laps),
        timed_out=sum(lap.timed_out for lap in laps),
        unjust=sum(lap.unjust for lap in laps),
        others=tuple(sorted(others.items())),
    )


async def run_clients(call: Call, clients: int, *, most: int) -> Lap:
    """Each client calls until the money is spent, or ``most`` times."""
    return added(await asyncio.gather(*(_client(call, n, most=most) for n in range(clients))))


async def _client(call: Call, number: int, *, most: int) -> Lap:
    counts: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for turn in range(most):
        try:
            await call(number * most + turn)
        except RefusedError as refused:
            counts["exceeded" if refused.final else "timed_out"] += 1
            counts["unjust"] += not refused.just
            if refused.final:
                break
        except Exception as error:  # whatever else happens is what is looked for
            others[f"{type(error).__name__}: {error}"[:200]] += 1
            break
        else:
            counts["answered"] += 1
    return Lap(**counts, others=tuple(others.items()))
