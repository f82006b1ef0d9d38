"""What ``bench_decision`` times of other libraries: a choice, and one observation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from conduit.core.statistics import Array
from experiments.mabwiser_peer import MabWiserPeer
from experiments.peers import Learner, Peer
from experiments.vowpalwabbit_peer import VowpalWabbitPeer

Event = Callable[[int], object]

TIMED: tuple[Peer, ...] = (
    VowpalWabbitPeer(exploration="epsilon-greedy .05", learning_rate=0.5),
    MabWiserPeer(rule="LinUCB", alpha=1.0),
)
"""The quickest setting of each; Vowpal Wabbit has parsed its contexts beforehand."""


def peer_events(peers: Sequence[Peer], X: Array, arms: int) -> dict[str, Event]:
    """What is timed, each as a function of the event's number.

    Args:
        peers: those of :data:`TIMED` that are installed.
        X: (n, d) contexts.
        arms: number of arms, K.
    """
    events: dict[str, Event] = {}
    for peer in peers:
        learner = peer.start(X, arms, seed=0)
        for number in range(len(X)):
            learner.learn(number, number % arms, 0.5)
        events[f"{peer.library}_decision"] = learner.choose
        events[f"{peer.library}_update"] = _update_of(learner, arms)
    return events


def _update_of(learner: Learner, arms: int) -> Event:
    return lambda i: learner.learn(i, i % arms, 0.5)
