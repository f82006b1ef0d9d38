"""What the one-line face is set up with: two models, a baseline, prices, keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from conduit.catalog.baseline import cheapest, dearest
from conduit.catalog.pricing import parse_pricing
from conduit.core.arms import Arm
from conduit.core.errors import ConfigurationError, InvalidInputError, UnknownModelError
from conduit.engines.callable_models import check_keys, has_key
from conduit.engines.configured import catalog_of, durable_store_of
from conduit.engines.goals import Goal
from conduit.engines.offline import offline_client
from conduit.engines.roles import Roles
from conduit.engines.router import Router
from conduit.providers.endpoints import KEY_VARIABLES
from conduit.settings import Settings
from conduit.settings.providers import HOSTED
from conduit.simple.traced import TracedRouter

POLICY = "rated_thompson"
"""Decides by difficulty until something was rated."""
KEPT = 0.95
"""Share of the better model's quality that is kept at least spend, once ratings say what that is."""
CHEAP, QUALITY = "gpt-4o-mini", "gpt-4o"
"""Where nobody chose, and both can be called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What a program has set; variables of the environment are stronger.

    Args:
        pricing: prices by model, as ``{"gpt-4o": {"input": 2.5, "output": 10}}``.
        models: ids of models by role.
    """

    pricing: Mapping[str, object] | None = None
    models: Roles = field(default_factory=Roles)

    def priced(self, pricing: Mapping[str, object]) -> Overrides:
        """With these prices, in the place of those given before.

        Raises:
            ConfigurationError: for a price that is missing or negative.
        """
        if not isinstance(pricing, Mapping):
            raise ConfigurationError(
                f"set_pricing was given {pricing!r}", remedy="give prices by model, as a dict"
            )
        parse_pricing(pricing, source="set_pricing")
        return replace(self, pricing=dict(pricing))

    def prices_under(self, settings: Settings) -> Mapping[str, object] | None:
        """The prices that hold: those of the environment, else these."""
        return self.pricing if settings.pricing_json is None else settings.pricing_json

    def named(self, **models: str | None) -> Overrides:
        """With other models for some roles; None keeps what was said of one.

        Raises:
            ConfigurationError: for what is no id.
        """
        given = {role: model for role, model in models.items() if model is not None}
        roles = Roles.of(given, source="set_models")
        return replace(
            self, models=replace(self.models, **{it: getattr(roles, it) for it in given})
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Two models, and all that calling them takes; equal ones share a router.

    Args:
        settings: with the prices, roles and key that hold.
        cheap: the arm for what is easy.
        quality: the arm for what is not.
    """

    settings: Settings
    cheap: Arm
    quality: Arm

    @property
    def models(self) -> tuple[str, ...]:
        """Ids of the two, or of the one that they are."""
        return tuple(dict.fromkeys((self.cheap.id, self.quality.id)))

    def candidates(self, quality: str) -> tuple[str, ...]:
        """Ids of the models that may answer at ``auto``, ``low`` or ``high``.

        Raises:
            InvalidInputError: for another word.
        """
        named = {"auto": self.models, "low": (self.cheap.id,), "high": (self.quality.id,)}
        if quality not in tuple(named):  # which an unhashable one may be asked of
            raise InvalidInputError(
                f"quality={quality!r} is unknown", remedy=f"choose one of: {', '.join(named)}"
            )
        return named[quality]

    def make(self) -> Router:
        """The router of these models, on the database that the settings name.

        It keeps most of the better model's quality at least spend, unless the settings name another
        goal or a trade-off.
        """
        settings = self.settings
        chosen = Goal.of(settings) or "optimize_for" in settings.origins
        return TracedRouter(
            self.models,
            policy=POLICY,
            quality_target=None if chosen else KEPT,
            client=offline_client() if settings.offline else None,
            store=durable_store_of(settings),
            settings=settings,
        )


def configuration(
    overrides: Overrides,
    *,
    api_key: str | None = None,
    offline: bool = False,
    calling: bool = True,
    settings: Settings | None = None,
) -> Configuration:
    """What holds now: the environment, then what the program has set, then defaults.

    Args:
        overrides: set by the program.
        api_key: of the provider that serves the models; OpenAI's where nobody named any.
        offline: answer with scripted models that have the names and prices of the real ones.
        calling: whether models are to be called, for which a key is needed.
        settings: None reads the environment and ``.env``.

    Raises:
        ConfigurationError: without a key for the models, or for a setting that cannot be used.
        UnknownModelError: for a model that nobody knows.
        UnknownPriceError: for one that nobody priced.
    """
    settings = settings or Settings.load()
    parse_pricing(settings.pricing_json or {}, source="CONDUIT_PRICING_JSON")
    given = settings.models_json
    roles = overrides.models if given is None else Roles.of(given)
    settings = replace(
        settings,
        offline=settings.offline or offline,
        models=None,
        pricing_json=overrides.prices_under(settings),
        models_json={role: name for role, name in asdict(roles).items() if name is not None},
    )
    named = api_key is None or roles.cheap or roles.quality
    cheap, quality = _pair(roles, settings if named else _with_openai_alone(settings, api_key))
    settings = _with_key(settings, (cheap, quality), api_key)
    if calling and not settings.offline:
        check_keys((cheap, quality), settings)
    return Configuration(settings=settings, cheap=cheap, quality=quality)


def _pair(roles: Roles, settings: Settings) -> tuple[Arm, Arm]:
    """The given ones, else Conductor's two, else the cheapest and the dearest that can be called."""
    if roles.cheap and roles.quality:
        return _found(settings, roles.cheap, roles.quality)
    if _has_usual(settings):
        return _found(settings, roles.cheap or CHEAP, roles.quality or QUALITY)
    catalog = catalog_of(settings)
    cheap = roles.cheap or cheapest(catalog.arms).id
    quality = roles.quality or dearest(catalog.arms).id
    return catalog.find(cheap), catalog.find(quality)


def _found(settings: Settings, *names: str) -> tuple[Arm, Arm]:
    """Two models; no others need a price."""
    catalog = catalog_of(settings, names)
    cheap, quality = (catalog.find(name) for name in names)
    return cheap, quality


def _has_usual(settings: Settings) -> bool:
    """Whether Conductor's two can be called, or at least as well as any other."""
    try:
        arms = catalog_of(settings, (CHEAP, QUALITY)).arms
    except UnknownModelError:
        return False
    return not settings.api_keys or all(has_key(arm, settings) for arm in arms)


def _with_openai_alone(settings: Settings, key: str | None) -> Settings:
    """To choose by, where one key is passed: nobody else may get it, whatever other keys there are."""
    keys: dict[str, str | None] = {f"{name}_api_key": None for name in HOSTED}
    return replace(settings, **keys | {"openai_api_key": key})  # type: ignore[arg-type] # likewise


def _with_key(settings: Settings, arms: tuple[Arm, ...], key: str | None) -> Settings:
    if key is None:
        return settings
    providers = dict.fromkeys(arm.provider for arm in arms if arm.provider in KEY_VARIABLES)
    if len(providers) != 1:
        raise ConfigurationError(
            f"api_key is one key, and the models are of {' and '.join(providers) or 'no provider'}",
            remedy="set the providers' variables, such as OPENAI_API_KEY, instead",
        )
    (provider,) = providers
    values: dict[str, str] = {f"{provider}_api_key": key}
    return replace(settings, **values)  # type: ignore[arg-type] # one field, named by its provider
