"""LiteLLM's client against a real server; it lives in an environment of its own (``make test-litellm``).

Its openai library is older than PydanticAI's, so no environment holds both.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from .serving import app_of, serving

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, sys
import litellm

address = {"base_url": sys.argv[1], "api_key": "none", "model": "openai/auto"}
messages = [{"role": "user", "content": "What is 2+2?"}]
whole = litellm.completion(messages=messages, **address)
stream = litellm.completion(messages=messages, stream=True, **address)
said = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
try:
    litellm.completion(messages=messages, **address | {"model": "openai/gpt-99"})
except litellm.NotFoundError as error:
    refused = str(error)
print(json.dumps([whole.choices[0].message.content, whole.model, said, refused]))
"""


@pytest.mark.litellm
async def test_litellm_s_client_asks_streams_and_is_refused() -> None:
    """Whole, in pieces, and with an error that it knows: base_url is all that changes."""
    python = os.environ.get("LITELLM_PYTHON", str(ROOT / ".venv-litellm/bin/python"))
    offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    async with serving(app_of()) as served:
        process = await asyncio.create_subprocess_exec(
            python,
            *("-c", PROGRAM, served.url),
            env=os.environ | offline,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    whole, model, streamed, refused = json.loads(out.splitlines()[-1])
    assert (whole, streamed) == ("4", "4")
    assert model.removeprefix("openai/") in {"cheap", "dear"}
    assert "unknown model 'gpt-99'" in refused
