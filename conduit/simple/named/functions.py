"""Providers by name, for programs: the engine is loaded by the first call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conduit.simple.loading import loaded

if TYPE_CHECKING:
    from conduit.simple.named.provider import NamedProvider


def get_provider(
    name: str,
    model_name: str | None = None,
    *,
    api_key: str | None = None,
    reasoning: str | None = None,
    offline: bool = False,
) -> NamedProvider:
    """One model of one provider.

    ::

        provider = get_provider("openai", model_name="gpt-4")
        print(provider.run("Explain decorators"))

    Args:
        name: ``openai``, ``openai-codex``, ``claude-code``, ``lmstudio``, ``openrouter``,
            ``anthropic``, ``google`` or ``groq``.
        model_name: of its model; None takes ``MODEL_NAME`` where that is of this provider, else a
            tool's own model, what LM Studio has loaded, or the cheapest of the catalogue.
        api_key: None reads the environment and ``.env``.
        reasoning: effort of ``openai-codex``: ``low``, ``medium`` or ``high``; None takes
            ``MODEL_REASONING``.
        offline: answer with a scripted model, which needs no key; so does ``CONDUIT_OFFLINE=1``.

    Raises:
        InvalidInputError: for another name, listing those there are; for a model that is unknown or
            has no price; and for OpenRouter without a model.
        ConfigurationError: when the key, the tool's program or the local server is missing.
    """
    known = loaded("named.names").known(name)
    wish = loaded("named.plans").Wish(
        known=known, model=model_name, api_key=api_key, reasoning=reasoning, offline=offline
    )
    provider: NamedProvider = loaded("named.provider").NamedProvider(wish)
    return provider


def run_single_mode(
    provider: NamedProvider,
    prompt: str | None = None,
    *,
    stream: bool = False,
    verbose: bool = False,
) -> int:
    """Have one prompt answered for a command line: the answer goes to standard output.

    Args:
        provider: answers.
        prompt: None reads standard input to its end.
        stream: write the answer while it is given, where the provider can.
        verbose: write a line about model, cost and decision to standard error.

    Returns:
        An exit code: 0; 1 when no model answered or money is out; 2 for input, settings or a standard
        output that cannot be used; 141 when its reader went away. An error is one line on standard
        error.
    """
    code: int = loaded("named.single").run_single(provider, prompt, stream=stream, verbose=verbose)
    return code
