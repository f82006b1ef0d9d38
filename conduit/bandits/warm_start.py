"""Warm start: what labelled outcomes would have taught, as evidence that weighs no more than asked.

The learned state is additive and holds no prior, so outcomes that were labelled elsewhere enter
it as sums of the same kind as everything that is learned here, and are outweighed as ratings
arrive. Every arm was labelled, chosen or not, so there is nothing to correct for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from conduit.bandits.targets import targets_of
from conduit.core.errors import InvalidInputError
from conduit.core.outcomes import Head
from conduit.core.statistics import Array, SufficientStatistics

N_EFF = 1000.0
"""Ratings that labelled outcomes weigh at most, per arm and head, unless said otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledOutcomes:
    """What K arms did with n prompts; NaN where it is not known.

    Args:
        contexts: (n, d) of the prompts, the bias first.
        quality: (n, K) in 0..1.
        cost: (n, K) USD, None where nothing is known.
        output_tokens: (n, K), likewise.
        latency: (n, K) seconds, likewise.

    Raises:
        InvalidInputError: for shapes that differ, or a value out of range.
    """

    contexts: Array
    quality: Array
    cost: Array | None = None
    output_tokens: Array | None = None
    latency: Array | None = None

    def __post_init__(self) -> None:
        if not np.isfinite(self.contexts).all():
            raise InvalidInputError("a context is not finite", remedy="encode the prompts again")
        shape = (len(self.contexts), self.quality.shape[-1])
        for head, values in self.heads():
            if values.shape != shape:
                raise InvalidInputError(
                    f"{head.value} has shape {values.shape}, not {shape}",
                    remedy="give one row per prompt and one column per arm",
                )
            _check_range(head, values)

    def heads(self) -> Iterator[tuple[Head, Array]]:
        """What is known, in natural units, by the head that learns it."""
        yield Head.QUALITY, self.quality
        for head, values in (
            (Head.LOG_COST, self.cost),
            (Head.LOG_TOKENS, self.output_tokens),
            (Head.LOG_LATENCY, self.latency),
        ):
            if values is not None:
                yield head, values


def evidence_of(
    arms: Sequence[str], labelled: LabelledOutcomes, *, n_eff: float = N_EFF
) -> dict[tuple[str, str], SufficientStatistics]:
    """Sufficient statistics per arm id and head name; heads without a known value are left out.

    Each known value weighs one rating. Where one arm has more than ``n_eff`` of them for a head,
    all of that arm's and head's are weighed down alike, to ``n_eff`` ratings together; raw counts
    stay. So a prior belief is worth the same whether it comes from a thousand outcomes or from a
    million, and about ``n_eff`` ratings from here outweigh it.

    Args:
        arms: K ids, in the order of the columns.
        labelled: the outcomes.
        n_eff: above 0; infinite lets every outcome weigh one rating.

    Raises:
        InvalidInputError: for an ``n_eff`` that is not above 0, or another number of arms.
    """
    check_n_eff(n_eff)
    if len(arms) != labelled.quality.shape[1]:
        raise InvalidInputError(
            f"{len(arms)} arms for {labelled.quality.shape[1]} columns", remedy="name each column"
        )
    evidence = {}
    for head, values in labelled.heads():
        targets = targets_of(head, values)
        for arm, y in zip(arms, targets.T, strict=True):
            known = ~np.isnan(y)
            if n := int(known.sum()):
                sums = SufficientStatistics.of(labelled.contexts[known], y[known])
                evidence[arm, head.value] = sums.scaled(min(1.0, n_eff / n))
    return evidence


def check_n_eff(n_eff: float) -> None:
    """Refuse what is no weight.

    Raises:
        InvalidInputError: unless it is above 0.
    """
    if not n_eff > 0:
        raise InvalidInputError(f"n_eff={n_eff} is not above 0", remedy="give a number of ratings")


def _check_range(head: Head, values: Array) -> None:
    most = 1.0 if head is Head.QUALITY else np.finfo(np.float64).max
    bad = values[(values < 0) | (values > most)]
    if len(bad):
        wanted = "0..1" if head is Head.QUALITY else "a finite number of at least 0"
        raise InvalidInputError(
            f"{bad[0]} is no {head.value.removeprefix('log_')}", remedy=f"give {wanted}"
        )
