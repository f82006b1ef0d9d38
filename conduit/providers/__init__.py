"""Who answers prompts: model clients for real providers, and two that work offline.

Every client here fulfils :class:`conduit.core.ports.ModelClient`:

=========================================  =====================================================
``providers.pydantic_ai.PydanticAIClient``  OpenAI, Anthropic, Google, Groq, and every server that
                                           speaks OpenAI's chat protocol
``providers.scripted.ScriptedProvider``     answers and failures written down beforehand
``providers.recorded.RecordedProvider``     outcomes that were recorded once, replayed as they were
=========================================  =====================================================

What they share: an answer without text is a ``ProviderError`` of kind ``EMPTY``; a call that
cannot end within ``ModelRequest.timeout`` is one of kind ``TIMEOUT``; cancellation passes through;
``aclose`` may be called any number of times, and a client used after it opens anew.
"""
