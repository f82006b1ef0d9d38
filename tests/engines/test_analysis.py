"""Where prompts are analyzed: on the event loop only what is brief and alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from conduit.cache.feature_cache import FeatureCache
from conduit.cache.memory import MemoryCache
from conduit.core.errors import ConfigurationError
from conduit.engines.analysis import Analysis
from conduit.features.analyzer import Analyzer
from conduit.features.encoders.hashing import HashingEncoder
from conduit.features.projection import load_projection
from tests.engines.builders import EQUAL, router_of


class Watched(HashingEncoder):
    """Notes on which thread it is called, holds one text until it is let go, and fails at another."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[int] = []
        self.batches: list[list[str]] = []
        self.held, self.let_go = threading.Event(), threading.Event()

    @property
    def brief(self) -> int:
        return 10

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.threads.append(threading.get_ident())
        self.batches.append([*texts])
        if "fail" in texts:
            raise ValueError("it fails")
        if "wait" in texts[0]:
            self.held.set()
            assert self.let_go.wait(10)
        return super().encode(texts)


class Reserved:
    """An encoder that says nothing of how long it takes."""

    def __init__(self, encoder: Watched) -> None:
        self.name, self.dim, self.encode = encoder.name, encoder.dim, encoder.encode


@pytest.fixture
def encoder() -> Watched:
    return Watched()


def analysis_with(encoder: Watched | Reserved, *, threads: int | None = None) -> Analysis:
    """An analysis that remembers nothing, but what is under way."""
    analyzer = Analyzer(encoder, load_projection(encoder.name, encoder.dim))
    return Analysis(analyzer, FeatureCache(most_bytes=0), threads=threads)


async def test_a_brief_prompt_alone_is_not_handed_over(encoder: Watched) -> None:
    """Its features are those that a thread would have found."""
    analysis = analysis_with(encoder)
    features = await analysis.of("brief")
    assert encoder.threads == [threading.get_ident()]
    expected = Analyzer(encoder, load_projection(encoder.name, encoder.dim)).analyze("brief")
    np.testing.assert_array_equal(features.context, expected.context)


@pytest.mark.parametrize("text", ["longer than ten bytes", "ééééééé"])
async def test_a_longer_prompt_never_holds_up_the_loop(encoder: Watched, text: str) -> None:
    """Length counts in bytes, since what takes more bytes takes more tokens."""
    await analysis_with(encoder).of(text)
    assert threading.get_ident() not in encoder.threads


async def test_an_encoder_that_does_not_say_how_fast_it_is_runs_on_threads(
    encoder: Watched,
) -> None:
    """It may wait for a server."""
    await analysis_with(Reserved(encoder)).of("brief")
    assert threading.get_ident() not in encoder.threads


async def test_prompts_that_come_together_all_go_to_threads(encoder: Watched) -> None:
    """So that they share the cores; afterwards a brief one is alone again."""
    analysis = analysis_with(encoder)
    await asyncio.gather(*(analysis.of(f"brief {i}") for i in range(4)))
    assert threading.get_ident() not in encoder.threads
    await analysis.of("brief")
    assert encoder.threads[-1] == threading.get_ident()


async def test_a_prompt_beside_one_under_way_goes_to_a_thread_too(encoder: Watched) -> None:
    """However brief it is, it does not wait behind the other, nor the loop for it."""
    analysis = analysis_with(encoder, threads=2)
    first = asyncio.create_task(analysis.of("wait to be let go"))
    assert await asyncio.to_thread(encoder.held.wait, 10)
    await analysis.of("brief")
    assert threading.get_ident() not in encoder.threads
    encoder.let_go.set()
    await first


async def piled_up(encoder: Watched, *texts: str) -> list[object]:
    """What becomes of texts that come while the only thread is at work."""
    analysis = analysis_with(encoder, threads=1)
    first = asyncio.create_task(analysis.of("wait to be let go"))
    assert await asyncio.to_thread(encoder.held.wait, 10)
    others = [asyncio.create_task(analysis.of(text)) for text in texts]
    for _ in range(5):
        await asyncio.sleep(0)
    encoder.let_go.set()
    await first
    return await asyncio.gather(*others, return_exceptions=True)


async def test_prompts_that_pile_up_are_encoded_together(encoder: Watched) -> None:
    """While every thread is at work they gather, and the features of each are its own."""
    texts = [f"prompt number {i}, that is not brief" for i in range(5)]
    found = await piled_up(encoder, *texts)
    assert encoder.batches == [["wait to be let go"], texts]
    analyzer = Analyzer(encoder, load_projection(encoder.name, encoder.dim))
    for text, features in zip(texts, found, strict=True):
        np.testing.assert_allclose(features.context, analyzer.analyze(text).context, atol=1e-6)  # type: ignore[attr-defined]


@pytest.mark.parametrize("threads", [1, 2])
async def test_no_prompt_is_left_behind(threads: int) -> None:
    """However arrivals and ends of work meet, every prompt is analyzed."""
    analysis = analysis_with(Reserved(Watched()), threads=threads)

    async def ask(client: int) -> None:
        for turn in range(30):
            await analysis.of(f"client {client}, turn {turn}")

    async with asyncio.timeout(30):
        await asyncio.gather(*(ask(client) for client in range(4)))


async def test_a_prompt_that_fails_among_others_fails_alone(encoder: Watched) -> None:
    """Those that were encoded with it are encoded again, each by itself."""
    good, bad, other = await piled_up(
        encoder, "a good prompt, not brief", "fail", "another good one"
    )
    assert isinstance(bad, ValueError)
    assert not isinstance(good, BaseException)
    assert not isinstance(other, BaseException)


async def test_a_prompt_that_failed_is_not_under_way_any_more(encoder: Watched) -> None:
    """Or no prompt would ever be alone again."""
    analysis = analysis_with(encoder)
    with pytest.raises(ValueError, match="fails"):
        await analysis.of("fail")
    await analysis.of("brief")
    assert encoder.threads == [threading.get_ident()] * 2


async def test_equal_prompts_under_way_share_one_analysis(encoder: Watched) -> None:
    """It goes on for the others when the one that came first gives up, and then it is over."""
    analysis = analysis_with(encoder)
    waiting = [asyncio.create_task(analysis.of("wait to be let go")) for _ in range(5)]
    assert await asyncio.to_thread(encoder.held.wait, 10)
    waiting[0].cancel()
    await asyncio.wait(waiting[:1])
    encoder.let_go.set()
    features = await asyncio.gather(*waiting[1:])
    assert waiting[0].cancelled()
    assert len(encoder.threads) == 1
    assert all(found is features[0] for found in features)
    await analysis.of("wait to be let go")
    assert len(encoder.threads) == 2


@pytest.mark.parametrize("text", ["wait to be let go", "another one, not brief", "brief"])
def test_an_analysis_of_a_loop_that_was_dropped_holds_up_no_other(
    encoder: Watched, text: str
) -> None:
    """Though it had the only thread: the next loop analyzes the same prompt, or another, and it is alone."""
    analysis = analysis_with(encoder, threads=1)
    dropped = asyncio.new_event_loop()

    async def begin() -> asyncio.Task[object]:
        first = asyncio.create_task(analysis.of("wait to be let go"))
        assert await asyncio.to_thread(encoder.held.wait, 10)
        return first

    first = dropped.run_until_complete(begin())
    encoder.let_go.set()
    found = asyncio.run(asyncio.wait_for(analysis.of(text), 10))
    np.testing.assert_array_equal(found.context, analysis._analyzer.analyze(text).context)
    assert (encoder.threads[1] == threading.get_ident()) is (text == "brief")
    dropped.run_until_complete(first)
    dropped.run_until_complete(dropped.shutdown_default_executor())
    dropped.close()


async def test_an_analysis_that_fails_fails_for_all_who_share_it(encoder: Watched) -> None:
    """With the same error; the text is encoded once."""
    analysis = analysis_with(encoder)
    failed = await asyncio.gather(*(analysis.of("fail") for _ in range(3)), return_exceptions=True)
    assert [str(error) for error in failed] == ["it fails"] * 3
    assert len(encoder.threads) == 1


@pytest.mark.parametrize("stored", [True, False])
async def test_a_prompt_is_stored_wherever_its_features_were_found(stored: bool) -> None:
    """Computed, in memory or in the shared cache: it goes with them where prompts are stored, only there."""
    encoder, far = HashingEncoder(), MemoryCache()
    texts = []
    for keeps in (not stored, stored, stored):
        projection = load_projection(encoder.name, encoder.dim)
        cache = FeatureCache(far=far)
        analysis = Analysis(Analyzer(encoder, projection, keep_text=keeps), cache)
        texts.append([(await analysis.of("a prompt")).text for _ in range(2)])
        await asyncio.gather(*cache._writes.here())
    yes, no = ["a prompt"] * 2, [None] * 2
    assert texts == ([no, yes, yes] if stored else [yes, no, no])


class Broken(HashingEncoder):
    """Gives no numbers for one text."""

    name = "broken"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        found = super().encode(texts)
        found[["bad" in text for text in texts]] = np.nan
        return found


@pytest.mark.parametrize("models", [None, ["poet"]])
async def test_a_prompt_that_cannot_be_encoded_is_refused_and_learned_from_never(
    models: list[str] | None,
) -> None:
    """Chosen freely or by its caller, such a prompt reaches no model, and the next one is as before."""
    async with router_of(*EQUAL, encoder=Broken()) as router:
        before = (await router.complete("a good prompt")).decision_id
        with pytest.raises(ConfigurationError, match=r"'broken'.*choose another encoder"):
            await router.complete("a bad prompt", models=models)
        await router.feedback(before, rating=5)
        after = await router.complete("another good prompt", models=models)
        assert after.text
        assert all(np.isfinite(it.mean) for it in (await router.route("x")).estimates.values())
