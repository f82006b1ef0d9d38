"""The race's face of a gateway: calls over HTTP, and a model server that bills at random."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from conduit.budgets.ledger import PATIENCE
from conduit.core.arms import Arm, Price
from conduit.core.budgets import Scope
from conduit.core.chat import Chat
from conduit.core.outcomes import ModelRequest
from experiments.gateway_contestants import KEY, MODELS, conduit, key_scope
from experiments.race_clients import Call, RefusedError
from experiments.race_router import LENGTHS, NEARLY, RandomBiller

ACCOUNT = Scope.parse(key_scope())
LONGEST_WAIT = 120.0
"""Seconds for one call, with the wait for money in it."""


@asynccontextmanager
async def gateway_face(address: str, biller: RandomBiller) -> AsyncIterator[Call]:
    """Calls of a gateway in a process of its own, on a database."""
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(model_server(biller, MODELS))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "gateway"
        store = "DATABASE_URL" if "://" in address else "CONDUIT_DATABASE_PATH"
        settings = {store: address, "CONDUIT_ENCODER": "hashing"}
        gateway = stack.enter_context(conduit(folder, upstream, **settings))
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                headers={"authorization": f"Bearer {KEY}"},
                timeout=aiohttp.ClientTimeout(total=LONGEST_WAIT),
                connector=aiohttp.TCPConnector(limit=0),
            )
        )

        async def call(number: int) -> None:
            asked = {"role": "user", "content": f"Question {number}: why?"}
            body: dict[str, Any] = {"model": "auto", "messages": [asked]}
            if (length := LENGTHS[number % len(LENGTHS)]) is not None:
                body["max_tokens"] = length
            url = f"{gateway.address}/chat/completions"
            async with session.post(url, json=body) as answer:
                said = await answer.json()
            if answer.status == 402:
                raise _refusal(said["error"])
            if answer.status != 200:
                raise RuntimeError(f"{answer.status}: {said}")

        yield call


def _refusal(error: Mapping[str, Any]) -> RefusedError:
    """What a refusal says of itself, by its body."""
    budget = error["budget"]
    if error["code"] == "reservation_timeout":
        return RefusedError(final=False, just=budget["waited"] >= NEARLY * PATIENCE)
    spent = budget["spent"] + budget["requested"] > budget["limit"]
    return RefusedError(final=error["code"] == "budget_exceeded", just=spent)


@asynccontextmanager
async def model_server(
    biller: RandomBiller, prices: Mapping[str, tuple[float, float]]
) -> AsyncIterator[str]:
    """Speaks OpenAI's protocol on loopback; its address, up to ``/v1``.

    Args:
        biller: answers, and says what it costs.
        prices: of the models, in USD per million tokens in and out.
    """

    async def complete(request: web.Request) -> web.Response:
        reply = await biller.complete(_asked(await request.json(), prices))
        choice = {"index": 0, "message": _message(reply.text), "finish_reason": "stop"}
        usage = {
            "prompt_tokens": reply.input_tokens,
            "completion_tokens": reply.output_tokens,
            "total_tokens": (reply.input_tokens or 0) + (reply.output_tokens or 0),
        }
        said = {"id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": "mock"}
        return web.json_response({**said, "choices": [choice], "usage": usage})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        _, port = runner.addresses[0]
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        await runner.cleanup()


def _asked(body: Mapping[str, Any], prices: Mapping[str, tuple[float, float]]) -> ModelRequest:
    """The request that money was set aside for, by what was sent."""
    given, made = prices[body["model"]]
    arm = Arm(id=body["model"], provider="mock", price=Price(input=given, output=made))
    options = {name: body[name] for name in ("tools", "response_format") if name in body}
    return ModelRequest(
        arm=arm,
        text="",
        max_tokens=body.get("max_tokens", body.get("max_completion_tokens")),
        chat=Chat(messages=tuple(body["messages"]), options=options),
    )


def _message(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}
