"""A folder of prompts, answered twice: the second time, only what has changed.

With OPENAI_API_KEY in the environment, a real model answers. Without one, a scripted model stands in for
it, and everything else is the same.
"""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from conduit import get_provider
from conduit.batch.running import arun_batch
from conduit.settings import Settings

PROMPTS = {
    "haiku.md.prompt.md": "Write a haiku about rivers.",
    "sum.prompt.md": "What is 2+2?",
}


def answered(provider, folder):
    return asyncio.run(
        arun_batch(provider, 8, input_dir=folder / "prompts", output_dir=folder / "outputs")
    )


offline = not Settings.load().openai_api_key
gpt = get_provider("openai", model_name="gpt-4o-mini", offline=offline)
with TemporaryDirectory() as name:
    here = Path(name)
    (here / "prompts").mkdir()
    for prompt, text in PROMPTS.items():
        (here / "prompts" / prompt).write_text(text)

    print(f"first run: {answered(gpt, here).summary}")
    for output in sorted((here / "outputs").iterdir()):
        print(f"{output.name}: {output.read_text().splitlines()[-1]}")

    (here / "prompts" / "sum.prompt.md").write_text("What is 3+3?")
    for result in sorted(answered(gpt, here).results, key=lambda it: it.prompt):
        print(f"second run: {result.prompt} {result.status.value}")
