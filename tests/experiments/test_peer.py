"""ParetoBandit as a peer: its features, its pacing, its three ways to start."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from pareto_bandit.config import DEFAULT_PCA_PATH
from pareto_bandit.feature_service import FeatureService

from conduit.core.arms import Arm
from conduit.evaluation.stream import Stream
from experiments.paretobandit_peer import ParetoBanditPeer, Start, peer_contexts
from experiments.recorded import PARETO_MODELS


@pytest.fixture
def stream() -> Stream:
    """Sixty prompts; the dear arm is the best, and far over any small budget."""
    rng = np.random.default_rng(0)
    return Stream(
        arms=[Arm(id=name, provider="x") for name in PARETO_MODELS],
        contexts=np.ones((60, 1)),
        prompt_tokens=np.full(60, 10),
        quality=np.tile([0.5, 0.7, 0.9], (60, 1)),
        cost=np.exp(rng.normal(np.log([3e-5, 5e-4, 1.5e-2]), 0.1, (60, 3))),
    )


def embeddings(n: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    vectors = np.random.default_rng(1).standard_normal((n, 384))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_its_features_are_those_that_its_own_service_computes() -> None:
    """The shipped PCA, whitened, and a bias: equal to its feature service on the same embeddings."""
    vectors = embeddings(4)
    service = FeatureService(
        custom_encoder=lambda text: vectors[int(text)],
        embedding_dim=384,
        pca_path=DEFAULT_PCA_PATH,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its file was pickled by another scikit-learn
        theirs = np.stack([service.extract_features(str(i)) for i in range(4)])
    np.testing.assert_allclose(peer_contexts(vectors), theirs, atol=1e-9)


@pytest.mark.parametrize("start", ["shipped", "quick_start", "tuned"])
def test_it_pays_what_was_recorded_and_its_pacer_hears_of_it(stream: Stream, start: Start) -> None:
    """Quality and cost are those of the arm it chose, and the pacer has seen every cost."""
    peer = ParetoBanditPeer(stream, peer_contexts(embeddings(60)), budget=1e-3, start=start, seed=0)
    steps = peer.run(list(range(60)))
    assert (steps.cost == stream.cost[np.arange(60), steps.arms]).all()
    assert (steps.quality == stream.quality[np.arange(60), steps.arms]).all()
    pacer = peer._router.budget_pacer
    assert pacer is not None
    assert pacer.n_observations == 60


def test_labels_teach_it_every_arm(stream: Stream) -> None:
    """After labels and without pressure of money it sends prompts to the best arm."""
    peer = ParetoBanditPeer(
        stream, peer_contexts(embeddings(60)), budget=1.0, start="tuned", seed=0
    )
    peer.label(list(range(60)))
    assert (peer.run(list(range(60))).arms == 2).mean() > 0.9
