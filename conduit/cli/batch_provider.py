"""Who answers a batch: Conduit's own router, or one model of one provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import uuid4

from conduit.cli.choosing import choose
from conduit.cli.stores import store_of
from conduit.core.budgets import Period, Scope, ScopeKind, Window
from conduit.core.errors import InvalidInputError, ReservationTimeoutError, UnusableAnswerError
from conduit.core.events import Subscriber
from conduit.core.models import Query
from conduit.core.outcomes import Response
from conduit.engines.configured import actor_of
from conduit.engines.offline import offline_client
from conduit.engines.router import Router
from conduit.engines.shielding import finish
from conduit.engines.telemetry import telemetry_from, traces_wait
from conduit.settings import Settings
from conduit.simple.configuration import Overrides
from conduit.simple.named.names import AUTO, known
from conduit.simple.named.plans import NamedPlan, Wish

_AT_ONCE = 32
_WINDOW = Window(Period.TOTAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for, as it was given; None where it was not.

    Args:
        provider: a name, or ``auto``.
        model: of that provider; with ``auto`` any, which is then taken for every prompt.
        reasoning: effort of openai-codex.
        max_cost: USD that the whole batch may cost; never exceeded.
    """

    provider: str | None
    model: str | None
    reasoning: str | None
    max_cost: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """An open router that answers prompts.

    Args:
        identity: everything that makes its answers different ones.
        default_parallelism: prompts at once.
        router: answers.
        query: makes a prompt a query.
        only: models that may answer; None for all.
        account: on which all of it is paid.
        longest: tokens of the longest answer that the user allows; None for any.
        limited: whether the batch may cost so much only.
    """

    identity: str
    default_parallelism: int
    router: Router
    query: Callable[[str], Query]
    only: tuple[str, ...] | None
    account: Scope
    longest: int | None
    limited: bool

    def check(self, response: Response) -> None:
        """Refuse an answer that the batch's money has cut, for another run may pay for all of it.

        Raises:
            UnusableAnswerError: for an answer that was cut before it was as long as is allowed.
        """
        if not self.limited or response.finish_reason != "length":
            return
        tokens = response.output_tokens
        if self.longest is None or (tokens is not None and tokens < self.longest):
            raise UnusableAnswerError(
                "the answer was cut, where more than --max-cost allows may be needed",
                remedy="ask again with a higher one",
            )

    async def aanswer(self, prompt: str, /, *, fresh: bool = False) -> Response:
        """Answer a prompt, with ``fresh`` anew in any case; what is cut by its length is continued.

        As long as the batch's own money is only set aside, other prompts of the batch have it, and
        give back what they do not use: they are waited for, however many there are.
        """
        while True:
            try:
                return await self.router.complete(
                    self.query(prompt),
                    models=self.only,
                    scopes=(self.account,),
                    cache=False if fresh else None,
                    continue_cut=True,
                )
            except ReservationTimeoutError as error:
                if error.scope != str(self.account):
                    raise


@asynccontextmanager
async def opened(wanted: Wanted, settings: Settings) -> AsyncIterator[Routed]:
    """Open who was asked for, with telemetry and a budget, and close all of it whatever happens.

    Raises:
        ConduitError: for an option or a setting that cannot be used.
    """
    telemetry = telemetry_from(settings)
    try:
        routed = _made(wanted, settings, telemetry.subscribers)
        try:
            async with _limited(routed, wanted.max_cost, actor_of(settings)):
                yield routed
        finally:
            await routed.router.aclose()
    finally:
        await telemetry.aclose(timeout=traces_wait(settings))


@asynccontextmanager
async def _limited(routed: Routed, limit: float | None, actor: str) -> AsyncIterator[None]:
    """A budget of this batch alone, for as long as it goes on."""
    if limit is None:
        yield
        return
    ledger = await routed.router.ledger()
    await ledger.set_budget(routed.account, _WINDOW, limit, actor=actor)

    async def removed() -> None:
        await ledger.remove_budget(routed.account, _WINDOW, actor=actor)

    try:
        yield
    finally:
        await finish(removed())


def _made(wanted: Wanted, settings: Settings, subscribers: Iterable[Subscriber]) -> Routed:
    name = wanted.provider or settings.model_provider or AUTO
    account = Scope(ScopeKind.SESSION, uuid4().hex)
    if name.lower() == AUTO:
        return _auto(wanted, settings, subscribers, account)
    asked = known(name)
    wish = Wish(known=asked, model=wanted.model, reasoning=wanted.reasoning)
    plan = NamedPlan.of(wish, Overrides())
    return Routed(
        identity=plan.identity,
        default_parallelism=asked.default_parallelism,
        router=plan.heard_by(subscribers),
        query=plan.query,
        only=(plan.arm.id,),
        account=account,
        longest=plan.longest,
        limited=wanted.max_cost is not None,
    )


def _auto(
    wanted: Wanted, settings: Settings, subscribers: Iterable[Subscriber], account: Scope
) -> Routed:
    if wanted.reasoning is not None:
        raise InvalidInputError(
            f"provider {AUTO!r} takes no reasoning={wanted.reasoning!r}",
            remedy="leave it out, or choose --provider openai-codex",
        )
    model = wanted.model or (None if wanted.provider else settings.model_name)
    anybody = replace(settings, model_provider=None, model_name=None)
    choice = choose(anybody, model=model, provider=None, calling=not settings.offline)
    router = Router(
        choice.models,
        client=offline_client() if settings.offline else None,
        store=store_of(settings, None),
        settings=settings,
        subscribers=subscribers,
    )
    return Routed(
        identity=_identity(choice.only, settings),
        default_parallelism=_AT_ONCE,
        router=router,
        query=lambda prompt: Query(
            prompt, max_tokens=settings.max_tokens, temperature=settings.temperature
        ),
        only=choice.only,
        account=account,
        longest=settings.max_tokens,
        limited=wanted.max_cost is not None,
    )


def _identity(only: tuple[str, ...] | None, settings: Settings) -> str:
    """Which models there are to choose among is left out: a new one makes no paid answer old."""
    parts = {
        "model": ",".join(only) if only else None,
        "temperature": settings.temperature,
        "max_tokens": settings.max_tokens,
        "offline": settings.offline or None,
    }
    return " ".join([AUTO, *(f"{name}={it}" for name, it in parts.items() if it is not None)])
