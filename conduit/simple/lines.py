"""The functions of one line, whose engine is loaded by the first call of any of them.

``from conduit import llm`` takes next to nothing; loading numpy, the encoder and the database takes
a second, which the first call says where somebody looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from conduit.simple.loading import loaded

if TYPE_CHECKING:
    from conduit.simple.answer import Answer


def llm(
    prompt: str,
    quality: str = "auto",
    *,
    api_key: str | None = None,
    max_tokens: int = 1000,
    offline: bool = False,
    user_id: str | None = None,
    task_type: str | None = None,
) -> Answer:
    """Have a prompt answered by a cheap model where that will do, and by a good one where not.

    May be called from any number of threads, and where an event loop runs.

    Args:
        prompt: the user's message.
        quality: ``auto`` decides; ``low`` takes the cheap model, ``high`` the good one.
        api_key: of the models' provider; None reads the environment and ``.env``.
        max_tokens: longest answer, in tokens.
        offline: answer with scripted models, which need no key; so does ``CONDUIT_OFFLINE=1``.
        user_id: whose budgets have to pay.
        task_type: likewise, and what reports are made by.

    Raises:
        ConfigurationError: when no key is set, naming the variables.
        InvalidInputError: for an empty prompt or an unknown quality.
        BudgetExceededError: when an account has too little left.
        AllModelsFailedError: when no model answered.
    """
    calls = loaded("calls")
    ask = calls.Ask(
        prompt=prompt,
        quality=quality,
        max_tokens=max_tokens,
        user_id=user_id,
        task_type=task_type,
    )
    answer: Answer = calls.llm(ask, api_key=api_key, offline=offline)
    return answer


async def allm(
    prompt: str,
    quality: str = "auto",
    *,
    api_key: str | None = None,
    max_tokens: int = 1000,
    offline: bool = False,
    user_id: str | None = None,
    task_type: str | None = None,
) -> Answer:
    """Likewise, awaited; cancelling it hangs up on the model, and pays what was used."""
    calls = loaded("calls")
    ask = calls.Ask(
        prompt=prompt,
        quality=quality,
        max_tokens=max_tokens,
        user_id=user_id,
        task_type=task_type,
    )
    answer: Answer = await calls.allm(ask, api_key=api_key, offline=offline)
    return answer


def llm_dry_run(
    prompt: str,
    quality: str = "auto",
    *,
    api_key: str | None = None,
    offline: bool = False,
) -> dict[str, str]:
    """Which model would answer, and why; nothing is called, recorded or spent.

    The next :func:`llm` with the same prompt agrees, if nothing was asked or rated in between.

    Returns:
        ``{"model": …, "reason": …}``
    """
    calls = loaded("calls")
    ask = calls.Ask(prompt=prompt, quality=quality)
    said: dict[str, str] = calls.llm_dry_run(ask, api_key=api_key, offline=offline)
    return said


def set_pricing(pricing: Mapping[str, object]) -> None:
    """Say what models cost, in the place of what was said before.

    ``CONDUIT_PRICING_JSON`` is stronger; models that neither names have their list price.

    Args:
        pricing: ``{"gpt-4o": {"input": 2.50, "output": 10.00}}``, in USD per million tokens.

    Raises:
        ConfigurationError: for a price that is missing or negative; nothing has changed.
    """
    home = loaded("house").house()
    home.overrides = home.overrides.priced(pricing)


def set_models(
    cheap: str | None = None, quality: str | None = None, baseline: str | None = None
) -> None:
    """Say which models :func:`llm` chooses between; ``CONDUIT_MODELS_JSON`` is stronger.

    Args:
        cheap: id of the model for what is easy; None leaves it as it is.
        quality: for what is not; likewise.
        baseline: what savings are measured against; likewise, and at first the dearer of the two.

    Raises:
        ConfigurationError: for what is no id; nothing has changed.
    """
    home = loaded("house").house()
    home.overrides = home.overrides.named(cheap=cheap, quality=quality, baseline=baseline)
