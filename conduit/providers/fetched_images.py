"""Images that a provider takes only as bytes, fetched before it is called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from conduit.core.outcomes import ModelRequest
from conduit.providers.allowances import Allowance
from conduit.providers.replies import impossible

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelRequestPart, UserContent

_OWN_FILES = "https://generativelanguage.googleapis.com/v1beta/files"
"""Files that Google's API fetches itself, as they lie with it."""
_MOST_BYTES = 100 * 2**20
"""Of all images of one call: what Google's API takes inside of a request."""


async def with_images(
    messages: Sequence[ModelMessage], request: ModelRequest, allowance: Allowance
) -> Sequence[ModelMessage]:
    """The same messages, with images in the place of their addresses where the provider wants that.

    PydanticAI would fetch them in the middle of a call, where an address that leads nowhere looks
    like a fault of the model, and the failure tells what inner names stand for.

    Args:
        messages: in PydanticAI's words.
        request: what was asked; of all providers Google's alone fetches nothing.
        allowance: the time that there is for the whole call.

    Raises:
        ProviderError: BAD_REQUEST for an image that cannot be had.
    """
    if request.arm.provider != "google":
        return messages
    with _refused(request.arm.id):
        return await allowance.wait(_Fetcher(request.arm.id).messages(messages))


class _Fetcher:
    """Fetches the images of one call, one after the other, and counts their bytes."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._bytes = 0

    async def messages(self, messages: Sequence[ModelMessage]) -> list[ModelMessage]:
        return [
            (
                replace(one, parts=[await self._part(part) for part in one.parts])
                if one.kind == "request"
                else one
            )
            for one in messages
        ]

    async def _part(self, part: ModelRequestPart) -> ModelRequestPart:
        from pydantic_ai.messages import UserPromptPart  # noqa: PLC0415 - heavy

        if not isinstance(part, UserPromptPart) or isinstance(part.content, str):
            return part
        return replace(part, content=[await self._content(one) for one in part.content])

    async def _content(self, content: UserContent) -> UserContent:
        from pydantic_ai.messages import BinaryContent, ImageUrl  # noqa: PLC0415 - heavy
        from pydantic_ai.models import download_item  # noqa: PLC0415 - heavy

        if not isinstance(content, ImageUrl) or content.url.startswith(_OWN_FILES):
            return content
        with _refused(self._model):
            fetched = await download_item(content, data_format="bytes")
        self._bytes += len(fetched["data"])
        if self._bytes > _MOST_BYTES:
            raise impossible(f"images of more than {_MOST_BYTES} bytes", model=self._model)
        return BinaryContent(data=fetched["data"], media_type=fetched["data_type"])


@contextmanager
def _refused(model: str) -> Iterator[None]:
    """Raises what goes wrong with an image in words that tell nothing of the network around us."""
    from httpx2 import HTTPError, InvalidURL  # noqa: PLC0415 - PydanticAI's own

    try:
        yield
    except (HTTPError, InvalidURL, TimeoutError, ValueError):
        detail = "an image could not be fetched from its address"
        raise impossible(detail, model=model) from None
