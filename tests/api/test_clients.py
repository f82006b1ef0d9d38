"""Other people's clients against a real server: PydanticAI's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from conduit.core.outcomes import ModelReply, ModelRequest
from conduit.providers.scripted import ScriptedProvider

from .serving import app_of, serving


def adds(request: ModelRequest) -> str | ModelReply:
    """A model that calls the tool it is offered, and repeats what that said."""
    assert request.chat is not None
    last = request.chat.messages[-1]
    if last["role"] == "tool":
        return f"It is {last['content']}."
    offered = [tool["function"]["name"] for tool in request.chat.options.get("tools", ())]
    if not offered:
        return "4"
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": offered[0], "arguments": '{"a": 2, "b": 2}'},
    }
    return ModelReply(
        text="", input_tokens=9, output_tokens=3, finish_reason="tool_calls", tool_calls=(call,)
    )


class Sum(BaseModel):
    """What a structured answer is made of."""

    a: int
    b: int


@pytest.fixture
async def model() -> AsyncIterator[OpenAIChatModel]:
    """PydanticAI's model for OpenAI's protocol, which asks this server."""
    async with serving(app_of(ScriptedProvider(adds))) as served:
        provider = OpenAIProvider(base_url=served.url, api_key="none")
        yield OpenAIChatModel("auto", provider=provider)
        await provider.client.close()


async def test_pydantic_ai_asks_and_counts(model: OpenAIChatModel) -> None:
    """An agent gets the answer and its tokens."""
    ran = await Agent(model).run("What is 2+2?")
    assert ran.output == "4"
    assert ran.usage.output_tokens == 1


async def test_pydantic_ai_streams(model: OpenAIChatModel) -> None:
    """An agent that streams gets the same text."""
    async with Agent(model).run_stream("What is 2+2?") as stream:
        assert [piece async for piece in stream.stream_text()][-1] == "4"


async def test_pydantic_ai_s_tools_are_called(model: OpenAIChatModel) -> None:
    """A tool of an agent runs with the model's arguments, and its result comes back."""
    agent = Agent(model)

    @agent.tool_plain
    def add(a: int, b: int) -> int:
        return a + b

    assert (await agent.run("What is 2+2?")).output == "It is 4."


async def test_pydantic_ai_s_structured_answers(model: OpenAIChatModel) -> None:
    """An agent that wants a type gets it: its schema is a tool, which the model calls."""
    ran = await Agent(model, output_type=Sum).run("Which two?")
    assert ran.output == Sum(a=2, b=2)
