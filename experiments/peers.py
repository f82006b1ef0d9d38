"""Other people's bandits beside ours, on the same contexts, in the same order, with the same seeds.

They come with the extra ``peers`` (``make peers``). What is not installed is named, and its row says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from conduit.core.statistics import Array
from experiments.mabwiser_peer import MabWiserPeer
from experiments.vowpalwabbit_peer import EXPLORATION, LEARNING_RATES, VowpalWabbitPeer

Index: TypeAlias = NDArray[np.intp]


class Learner(Protocol):
    """Chooses an arm for a context, and learns from the reward of what it chose."""

    def choose(self, row: int) -> int:
        """An arm for the context at that position."""
        ...

    def learn(self, row: int, arm: int, reward: float) -> None:
        """The reward of that arm for that context."""
        ...


class Peer(Protocol):
    """One setting of somebody's library."""

    @property
    def library(self) -> str:
        """The module that must be installed."""
        ...

    @property
    def bounded(self) -> bool:
        """Whether it needs rewards in 0..1."""
        ...

    @property
    def family(self) -> str:
        """What its settings have in common; the best of them is shown."""
        ...

    @property
    def name(self) -> str:
        """The setting."""
        ...

    def start(self, contexts: Array, arms: int, *, seed: int) -> Learner:
        """A learner that knows nothing yet."""
        ...


PEERS: tuple[Peer, ...] = (
    *(
        VowpalWabbitPeer(exploration=exploration, learning_rate=rate)
        for exploration in EXPLORATION
        for rate in LEARNING_RATES
    ),
    *(MabWiserPeer(rule="LinUCB", alpha=alpha) for alpha in (0.5, 1.0)),
    *(MabWiserPeer(rule="LinTS", alpha=alpha) for alpha in (0.2, 0.5)),
)
"""Every setting that is tried; tables show the best of a family, chosen in hindsight."""


def installed(peers: Sequence[Peer] = PEERS) -> list[Peer]:
    """Those whose library is there; a line is printed for every library that is not."""
    libraries = dict.fromkeys(peer.library for peer in peers)
    absent = [library for library in libraries if find_spec(library) is None]
    for library in absent:
        print(f"{library} is not installed, so its row is left out; to install it: make peers")
    return [peer for peer in peers if peer.library not in absent]


def play(peer: Peer, contexts: Array, rewards: Array, *, order: Index, seed: int) -> Index:
    """The arms a peer chooses, learning as it goes.

    Args:
        peer: a setting.
        contexts: (n, d).
        rewards: (n, K) of every arm; it is told those of the arms it chose. Where it needs them in
            0..1 they are shifted and scaled by their range, which it thereby knows beforehand.
        order: positions, in the order to be played.
        seed: of its draws.
    """
    if peer.bounded:
        low, high = rewards.min(), rewards.max()
        rewards = (rewards - low) / (high - low)
    learner = peer.start(contexts, rewards.shape[1], seed=seed)
    arms = np.empty(len(order), np.intp)
    for step, row in enumerate(order.tolist()):
        arm = learner.choose(row)
        learner.learn(row, arm, float(rewards[row, arm]))
        arms[step] = arm
    return arms


def best_settings(
    scores: Mapping[str, float], peers: Sequence[Peer] = PEERS
) -> dict[str, str | None]:
    """Per family the setting with the highest score; None for a family that was not run."""
    found: dict[str, str | None] = {}
    for peer in peers:
        best = found.setdefault(peer.family, None)
        if peer.name in scores and (best is None or scores[peer.name] > scores[best]):
            found[peer.family] = peer.name
    return found


def without_lesser(
    scores: Mapping[str, float], peers: Sequence[Peer] = PEERS
) -> tuple[list[str], list[str]]:
    """Names for a table, best first, and families to be marked as not installed.

    Args:
        scores: of all policies and settings, by name.
        peers: of these only the best setting of each family is kept.
    """
    best = best_settings(scores, peers)
    lesser = {peer.name for peer in peers} - set(best.values())
    ranked = sorted(scores, key=lambda name: -scores[name])
    return (
        [name for name in ranked if name not in lesser],
        [family for family, name in best.items() if name is None],
    )
