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
    from conduit.simple.grading.verdicts import SmartClassification
    from conduit.simple.sessions.session import Session


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
        api_key: OpenAI's, or the provider's whose models were set; None reads the environment and
            ``.env``.
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
    """Which model would answer, and why; nothing is called, recorded or spent, and no key is needed.

    The next :func:`llm` with the same prompt agrees, if nothing was asked or rated in between.

    Returns:
        ``{"model": …, "reason": …}``
    """
    calls = loaded("calls")
    ask = calls.Ask(prompt=prompt, quality=quality)
    said: dict[str, str] = calls.llm_dry_run(ask, api_key=api_key, offline=offline)
    return said


def session(
    budget_usd: float | None = None,
    budget_strategy: str = "warn",
    *,
    user_id: str | None = None,
    api_key: str | None = None,
    offline: bool = False,
) -> Session:
    """Have several prompts answered on one account, which is counted, and may be limited.

    ::

        with session(budget_usd=1.00) as s:
            print(s.llm("What is 2+2?").text)
        print(s.get_report())

    Args:
        budget_usd: USD that they may or should cost together; None for any.
        budget_strategy: ``warn`` warns at 80% and when more was spent, by ``logging`` and
            ``warnings``; ``strict`` refuses a call that might not fit; ``adaptive`` does, too, and
            takes the dearer model only while a call costs at most a tenth of what is left.
        user_id: whose budgets have to pay as well.
        api_key: OpenAI's, or the provider's whose models were set; None reads the environment and
            ``.env``.
        offline: answer with scripted models, which need no key; so does ``CONDUIT_OFFLINE=1``.

    Raises:
        InvalidInputError: for a budget that cannot be, or an unknown strategy.
        ConfigurationError: when no key is set, naming the variables.
    """
    sessions, home = loaded("sessions.session"), loaded("house").house()
    begun: Session = sessions.Session(
        home,
        budget_usd=budget_usd,
        budget_strategy=budget_strategy,
        user_id=user_id,
        api_key=api_key,
        offline=offline,
    )
    return begun


def smart_classify(
    prompt: str, *, api_key: str | None = None, offline: bool = False
) -> SmartClassification:
    """How complex a prompt is, as the cheap model judges it: about $0.00007, on the ledger.

    What it said is remembered while the process runs. Where no model can be reached, or its answer
    is none, a local classifier judges, and ``reasoning`` says so; offline it always does.

    Args:
        prompt: to be judged; it is shown to the model as data, and never carried out.
        api_key: as :func:`llm` takes it; None reads the environment and ``.env``.
        offline: ask no model; so does ``CONDUIT_OFFLINE=1``.

    Returns:
        ``complexity_score`` 0..1, ``raw_score`` 1 to 10, ``reasoning``, and ``from_cache``.

    Raises:
        InvalidInputError: for an empty prompt.
        ConfigurationError: for a setting that cannot be used.
    """
    verdict: SmartClassification = loaded("grading.classification").smart_classify(
        prompt, api_key=api_key, offline=offline
    )
    return verdict


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
