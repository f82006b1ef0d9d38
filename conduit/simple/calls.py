"""``llm()`` and its kin: one prompt in, one answer out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from conduit.core.budgets import Scope, ScopeKind
from conduit.core.decisions import Decision
from conduit.core.models import Query
from conduit.core.outcomes import Response
from conduit.engines.router import Router
from conduit.simple.answer import Answer
from conduit.simple.configuration import Configuration, configuration
from conduit.simple.house import House, house


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked, and on whose account.

    Args:
        prompt: the user's message.
        quality: ``auto``, ``low`` or ``high``.
        max_tokens: longest answer, in tokens.
        user_id: whose budgets have to pay.
        task_type: likewise.
        session: likewise.
    """

    prompt: str
    quality: str = "auto"
    max_tokens: int = 1000
    user_id: str | None = None
    task_type: str | None = None
    session: str | None = None

    @property
    def query(self) -> Query:
        """For a router."""
        return Query(self.prompt, user_id=self.user_id, max_tokens=self.max_tokens)

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The accounts besides the user's, which a query brings itself."""
        named = {ScopeKind.SESSION: self.session, ScopeKind.TASK_TYPE: self.task_type}
        return tuple(Scope(kind, name) for kind, name in named.items() if name is not None)


def llm(ask: Ask, *, api_key: str | None = None, offline: bool = False) -> Answer:
    """Have a prompt answered; waits for it."""
    home = house()
    plan = _planned(home, ask, api_key=api_key, offline=offline)
    return home.background.run(answered(home, plan, ask))


async def allm(ask: Ask, *, api_key: str | None = None, offline: bool = False) -> Answer:
    """Likewise, while the caller's event loop goes on."""
    home = house()
    plan = _planned(home, ask, api_key=api_key, offline=offline)
    return await home.background.awaited(answered(home, plan, ask))


def llm_dry_run(ask: Ask, *, api_key: str | None = None, offline: bool = False) -> dict[str, str]:
    """Which model would answer now, and why; needs no key, as nobody is called."""
    home = house()
    plan = _planned(home, ask, api_key=api_key, offline=offline, calling=False)
    return foreseen(home, plan, ask)


def foreseen(home: House, plan: Configuration, ask: Ask) -> dict[str, str]:
    """Likewise, of one plan."""
    decision = home.background.run(_previewed(home, plan, ask))
    return {"model": decision.selected_model, "reason": decision.reasoning}


async def answered(
    home: House, plan: Configuration, ask: Ask, *, among: tuple[str, ...] | None = None
) -> Answer:
    """Decide, call, pay and observe; on the house's event loop.

    Args:
        home: lends the router.
        plan: of which router.
        ask: what is asked.
        among: ids of the models that may answer; None for those of the wanted quality.
    """
    wanted = plan.candidates(ask.quality) if among is None else among
    async with home.lent(plan) as router:
        response: Response = await router.complete(
            ask.query, models=_narrowed(router, wanted), scopes=ask.scopes
        )
    return Answer.of(response, rate=partial(_rate, home, plan, response.decision_id))


def checked(plan: Configuration, ask: Ask) -> Ask:
    """What is asked, which can be answered.

    Raises:
        InvalidInputError: for an unknown quality, or a prompt or length that cannot be one.
    """
    plan.candidates(ask.quality)
    ask.query  # noqa: B018 - raises for what cannot be one
    ask.scopes  # noqa: B018 - likewise
    return ask


def _planned(
    home: House, ask: Ask, *, api_key: str | None, offline: bool, calling: bool = True
) -> Configuration:
    """What holds for one call, checked before anything is opened."""
    plan = configuration(home.overrides, api_key=api_key, offline=offline, calling=calling)
    checked(plan, ask)
    return plan


async def _previewed(home: House, plan: Configuration, ask: Ask) -> Decision:
    wanted = plan.candidates(ask.quality)
    async with home.lent(plan) as router:
        return await router.preview(ask.query, models=_narrowed(router, wanted), scopes=ask.scopes)


def _narrowed(router: Router, wanted: tuple[str, ...]) -> tuple[str, ...] | None:
    """The models that may answer; None for all that the router has, which narrows nothing."""
    return None if set(wanted) == {arm.id for arm in router.arms} else wanted


def _rate(home: House, plan: Configuration, decision_id: str, rating: float) -> None:
    home.background.run(_rated(home, plan, decision_id, rating))


async def _rated(home: House, plan: Configuration, decision_id: str, rating: float) -> None:
    async with home.lent(plan) as router:
        await router.feedback(decision_id, rating=rating)
