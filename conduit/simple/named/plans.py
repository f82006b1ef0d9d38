"""What calling one model of one provider takes, and the calls themselves."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial

from conduit.core.arms import Arm
from conduit.core.errors import InvalidInputError
from conduit.core.events import Subscriber
from conduit.core.models import Query
from conduit.engines.callable_models import check_keys
from conduit.engines.configured import durable_store_of
from conduit.engines.continuing import MOST
from conduit.engines.offline import offline_client
from conduit.engines.router import Router
from conduit.providers.cli_commands import TOOLS
from conduit.providers.cli_tools import program_of
from conduit.providers.endpoints import KEY_VARIABLES
from conduit.settings import Settings
from conduit.simple.answer import Answer
from conduit.simple.configuration import Overrides
from conduit.simple.house import House
from conduit.simple.named.models import arm_of
from conduit.simple.named.names import Known
from conduit.simple.traced import TracedRouter

REASONING = ("low", "medium", "high")
"""Efforts that ``openai-codex`` takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a program asks for.

    Args:
        known: the provider.
        model: its name; None takes the usual one.
        api_key: of the provider, kept out of ``repr``; None reads the environment and ``.env``.
        reasoning: effort; None takes ``MODEL_REASONING``.
        offline: answer with a scripted model of that name and price.

    Raises:
        InvalidInputError: for a model, key or effort that is no text.
    """

    known: Known
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    reasoning: str | None = None
    offline: bool = False

    def __post_init__(self) -> None:
        for name, value in (("model_name", self.model), ("reasoning", self.reasoning)):
            if not isinstance(value, str | None):
                raise InvalidInputError(
                    f"{name}={value!r} is no text", remedy="give a text, or leave it out"
                )
        if not isinstance(self.api_key, str | None):
            raise InvalidInputError(
                f"api_key is a {type(self.api_key).__name__}", remedy="give a text, or leave it out"
            )

    def settings(self, overrides: Overrides) -> Settings:
        """The settings that hold for it now."""
        settings = Settings.load()
        changes: dict[str, object] = {
            "offline": settings.offline or self.offline,
            "pricing_json": overrides.prices_under(settings),
            "model_reasoning": self._effort(settings),
        }
        if self.api_key:
            if self.known.name not in KEY_VARIABLES:
                raise InvalidInputError(
                    f"provider {self.known.name!r} takes no api_key", remedy="leave it out"
                )
            changes[f"{self.known.name}_api_key"] = self.api_key
        return replace(settings, **changes)  # type: ignore[arg-type] # each by its field's name

    def _effort(self, settings: Settings) -> str | None:
        if self.reasoning is None:
            return settings.model_reasoning if self.known.name == "openai-codex" else None
        if self.known.name != "openai-codex":
            raise InvalidInputError(
                f"provider {self.known.name!r} takes no reasoning={self.reasoning!r}",
                remedy="leave it out, or choose openai-codex",
            )
        if self.reasoning not in REASONING:
            raise InvalidInputError(
                f"reasoning={self.reasoning!r} is unknown",
                remedy=f"choose one of: {', '.join(REASONING)}",
            )
        return self.reasoning


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPlan:
    """One model, and all that calling it takes; equal ones share a router.

    Args:
        settings: with the key and the prices that hold.
        arm: the model; its longest answer is what one call is asked for.
    """

    settings: Settings
    arm: Arm

    @classmethod
    def of(cls, wish: Wish, overrides: Overrides) -> NamedPlan:
        """What holds now for a wish: the environment, then what the program has set.

        Raises:
            ConfigurationError: for a missing key or program, or a setting that cannot be used.
            InvalidInputError: for a model that is not one of the provider's, or has no price.
        """
        settings = wish.settings(overrides)
        if not settings.offline and wish.known.name in TOOLS:
            program_of(wish.known.name)
        arm = arm_of(wish.known.name, wish.model, settings)
        if not settings.offline:
            check_keys((arm,), settings)
        if settings.max_tokens is not None:
            arm = replace(arm, max_output_tokens=min(arm.max_output_tokens, settings.max_tokens))
        return cls(settings=settings, arm=arm)

    def make(self) -> Router:
        """The router of this model, on the database that the settings name; traced as they say."""
        return self._made(TracedRouter)

    def heard_by(self, subscribers: Iterable[Subscriber]) -> Router:
        """Likewise, but it tells these of every event, and does not see to traces itself."""
        return self._made(partial(Router, subscribers=subscribers))

    def _made(self, router: Callable[..., Router]) -> Router:
        return router(
            (self.arm,),
            policy="thompson",
            client=offline_client() if self.settings.offline else None,
            store=durable_store_of(self.settings),
            settings=self.settings,
        )

    @property
    def identity(self) -> str:
        """All that answers depend on besides the prompt."""
        settings = self.settings
        parts = {
            "reasoning": settings.model_reasoning,
            "temperature": settings.temperature,
            "max_tokens": settings.max_tokens,
            "offline": settings.offline or None,
        }
        said = [f"{name}={value}" for name, value in parts.items() if value is not None]
        return " ".join([f"{self.arm.provider}/{self.arm.api_name}", *said])

    @property
    def longest(self) -> int | None:
        """Tokens of an answer: ``max_tokens`` bounds one call, of which continuing makes more."""
        one = self.settings.max_tokens
        return None if one is None else (MOST + 1) * one

    def query(self, prompt: str) -> Query:
        """A prompt for the router.

        Raises:
            InvalidInputError: for an empty prompt, or one that is too long.
        """
        return Query(
            prompt,
            max_tokens=self.longest,
            temperature=self.settings.temperature,
        )


async def answered(home: House, plan: NamedPlan, prompt: str, *, fresh: bool = False) -> Answer:
    """Have a prompt answered, and continued where it was cut; on the house's event loop."""
    query = plan.query(prompt)
    async with home.lent(plan) as router:
        response = await router.complete(
            query, models=[plan.arm.id], cache=False if fresh else None, continue_cut=True
        )
    return Answer.of(response, rate=partial(_rate, home, plan, response.decision_id))


async def streamed(home: House, plan: NamedPlan, prompt: str) -> AsyncGenerator[str | Answer, None]:
    """Likewise, piece by piece; last comes the answer as a whole."""
    query = plan.query(prompt)
    async with home.lent(plan) as router:
        stream = await router.stream(query, models=[plan.arm.id], continue_cut=True)
        async with aclosing(stream):
            async for piece in stream:
                if piece.text:
                    yield piece.text
        whole = stream.response
        assert whole is not None, "a stream that was read to its end has its response"
        yield Answer.of(whole, rate=partial(_rate, home, plan, whole.decision_id))


def _rate(home: House, plan: NamedPlan, decision_id: str, rating: float) -> None:
    home.background.run(_rated(home, plan, decision_id, rating))


async def _rated(home: House, plan: NamedPlan, decision_id: str, rating: float) -> None:
    async with home.lent(plan) as router:
        await router.feedback(decision_id, rating=rating)
