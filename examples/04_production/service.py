"""A service in front of the models: any OpenAI client asks, and what it says of answers is learned."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import httpx
from openai import OpenAI

KEY = "a-key-of-your-choice"
CALLER = {"Authorization": f"Bearer {KEY}"}
QUESTIONS = ["What is 2+2?", "Translate: good morning", "Write a sonnet about the moon."]


@contextmanager
def server(*options):
    """A server that answers with built-in models; in production `conduit serve` runs by itself."""
    command = [sys.executable, "-m", "conduit", "serve", "--port", "0", "--json", *options]
    quiet = {"CONDUIT_LOG_LEVEL": "WARNING"}  # no line for each request
    own = os.environ | quiet | {"CONDUIT_API_KEY": KEY}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=own) as process:
        try:
            yield json.loads("".join(process.stdout.readline() for _ in range(3)))["url"]
        finally:
            process.terminate()


with server("--offline", "--database", "service.db") as url:
    client = OpenAI(base_url=f"{url}/v1", api_key=KEY)
    for question in QUESTIONS:
        raw = client.chat.completions.with_raw_response.create(
            model="auto:cost",
            messages=[{"role": "user", "content": question}],
            extra_body={"conduit": {"max_cost": 0.01, "user": "anna"}},
        )
        answer = raw.parse()
        print(f"{answer.model}: {answer.choices[0].message.content}")
        print(f"  cost ${raw.headers['x-conduit-cost']}, saved ${raw.headers['x-conduit-saved']}")
        rated = httpx.post(
            f"{url}/v1/feedback", json={"response_id": answer.id, "rating": 5}, headers=CALLER
        )
        print(f"  learned: {rated.json()['changed'][0]['signal']}")

    print("In pieces: ", end="")
    for chunk in client.chat.completions.create(
        model="scripted-large", messages=[{"role": "user", "content": "hello"}], stream=True
    ):
        print(chunk.choices[0].delta.content or "", end="")

    stats = httpx.get(f"{url}/v1/stats", headers=CALLER).json()
    print(f"\n{stats['answers']} answers, {stats['ratings']} ratings")
    print(f"${stats['cost']:.6f}, not ${stats['baseline_cost']:.6f} as at {stats['baseline']}")
