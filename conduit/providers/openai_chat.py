"""Servers that speak OpenAI's chat protocol, over aiohttp and with nothing in between.

PydanticAI costs more CPU per call than all the rest of a request; this client costs a fraction of
it, and passes conversations through untouched.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from functools import partial
from types import MappingProxyType

from conduit.core.errors import FailureKind, ProviderError
from conduit.core.outcomes import Delta, ModelReply, ModelRequest
from conduit.providers.allowances import Allowance
from conduit.providers.chat_exchange import send, take_leave, translated, whole
from conduit.providers.chat_payload import chat_payload
from conduit.providers.chat_replies import decoded, reply_in
from conduit.providers.chat_session import ChatSession, Journey, open_session
from conduit.providers.chat_stream import AnswerSoFar
from conduit.providers.endpoints import endpoint_of
from conduit.providers.json_codec import json_codec
from conduit.providers.pools import BackendPool
from conduit.providers.replies import in_one_piece


class OpenAIChatClient:
    """Calls models in OpenAI's chat protocol; needs the extra ``api``.

    Nothing is sent twice: a failure is the caller's to answer. One client may be used from several
    event loops, one after the other.

    Args:
        api_keys: per provider name, its key.
        base_urls: per provider name, another address than its own; ``Arm.base_url`` wins.
        connect_timeout: seconds allowed for opening a connection.
    """

    def __init__(
        self,
        *,
        api_keys: Mapping[str, str],
        base_urls: Mapping[str, str] = MappingProxyType({}),
        connect_timeout: float = 5.0,
    ) -> None:
        self._api_keys = dict(api_keys)
        self._base_urls = dict(base_urls)
        self._codec = json_codec()
        self._pool: BackendPool[ChatSession] = BackendPool(
            partial(open_session, connect_timeout=connect_timeout)
        )

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Answer one request, within ``request.timeout`` seconds from sending to the last byte.

        Raises:
            ProviderError: when the model did not answer.
            ConfigurationError: when the arm's provider has no key or no known address.
        """
        session = await self._session(request)
        body = self._encoded(request, session, stream=False)
        allowance, model, journey = Allowance(request.timeout), request.arm.id, Journey()
        with translated(model, request.timeout, journey=journey, secrets=session.secrets):
            raw = await allowance.wait(
                whole(session, body, journey=journey, model=model, codec=self._codec)
            )
        return self._reply(raw, session, model=model, latency=allowance.used)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | ModelReply, None]:
        """Answer one request piece by piece; the reply is last.

        ``request.timeout`` bounds the seconds spent waiting for the model, from sending to the
        last byte. Closing the generator closes the connection.

        Raises:
            ProviderError: when the model did not answer, or broke off.
            ConfigurationError: when the arm's provider has no key or no known address.
        """
        session = await self._session(request)
        body = self._encoded(request, session, stream=True)
        allowance, model, journey = Allowance(request.timeout), request.arm.id, Journey()
        so_far = AnswerSoFar(model=model, secrets=session.secrets, decode=self._codec.decode)
        with translated(
            model,
            request.timeout,
            journey=journey,
            secrets=session.secrets,
            billed=lambda: so_far.usage,
        ):
            response = await allowance.wait(
                send(session, body, journey=journey, model=model, codec=self._codec)
            )
            try:
                if response.content_type == "application/json":  # a server that does not stream
                    raw = await allowance.wait(response.read())
                    reply = self._reply(raw, session, model=model, latency=allowance.used)
                    for one in in_one_piece(reply):
                        yield one
                    return
                while not so_far.ended:
                    piece = await allowance.wait(response.content.readany())
                    for delta in so_far.feed(piece):
                        yield delta
                reply = so_far.reply(latency=allowance.used)
                await take_leave(response)
                yield reply
            finally:
                response.close()

    async def aclose(self) -> None:
        """Close the connections opened on the running event loop; a later call opens new ones."""
        await self._pool.aclose()

    async def _session(self, request: ModelRequest) -> ChatSession:
        return await self._pool.backend(
            endpoint_of(request.arm, api_keys=self._api_keys, base_urls=self._base_urls)
        )

    def _encoded(self, request: ModelRequest, session: ChatSession, *, stream: bool) -> bytes:
        try:
            return self._codec.encode(chat_payload(request, session.endpoint, stream=stream))
        except (TypeError, ValueError) as error:  # half a surrogate pair, an integer of 70 bits
            raise ProviderError(
                FailureKind.BAD_REQUEST,
                model=request.arm.id,
                detail=f"the request cannot be written as JSON: {error}",
            ) from None

    def _reply(self, raw: bytes, session: ChatSession, *, model: str, latency: float) -> ModelReply:
        body = decoded(raw, decode=self._codec.decode, model=model)
        return reply_in(body, model=model, latency=latency, secrets=session.secrets)
