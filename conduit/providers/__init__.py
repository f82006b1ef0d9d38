"""Who answers prompts: model clients for real providers, and two that work offline.

Every client here fulfils :class:`conduit.core.ports.StreamingClient`:

===========================================  ===================================================
``providers.openai_chat.OpenAIChatClient``    every server that speaks OpenAI's chat protocol, at
                                             little expense; needs the extra ``api``
``providers.pydantic_ai.PydanticAIClient``    the same, Anthropic, and Google
``providers.cli_tools.CliToolClient``         the commands ``codex`` and ``claude``, run once per call
``providers.choosing.CapableClient``          sends an arm to one of the three
``providers.limits.LimitedClient``            bounds how many calls of a provider are made at once
``providers.scripted.ScriptedProvider``       answers and failures written down beforehand
``providers.recorded.RecordedProvider``       outcomes that were recorded once, replayed as they
                                             were
===========================================  ===================================================

What they share: an answer with neither text nor tool calls is a ``ProviderError`` of kind ``EMPTY``; a call that
cannot end within ``ModelRequest.timeout`` is one of kind ``TIMEOUT``; cancellation passes through;
``aclose`` may be called any number of times, and a client used after it opens anew. A
stream's last item is the whole reply; closing it early hangs up.
"""
