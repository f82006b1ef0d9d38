"""What a router does, as log lines and totals: a failing model, its fallback, and a rating.

The same events become traces with LITELLM_OTEL_ENABLED=true and TRACELOOP_BASE_URL set to a receiver.
Neither prompts nor keys are told. Needs: pip install 'conduit-router[observability]'
"""

import asyncio
import logging
import sys

from prometheus_client import CollectorRegistry

from conduit import Arm, Price, Router
from conduit.core.errors import FailureKind
from conduit.core.requests import request_id
from conduit.engines.telemetry import log_formatter_from, telemetry_from
from conduit.providers.scripted import ScriptedProvider
from conduit.settings import Settings
from conduit.stores.memory import MemoryStore
from conduit.telemetry.metrics import render

MODELS = [
    Arm(id="small", provider="local", price=Price(input=0.1, output=0.4)),
    Arm(id="large", provider="cloud", price=Price(input=3, output=15)),
]


def log_to_stdout(settings: Settings) -> None:
    """One line per event, from INFO on."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(log_formatter_from(settings))
    logging.getLogger("conduit").addHandler(handler)
    logging.getLogger("conduit").setLevel(settings.log_level)


async def main():
    settings, registry = Settings.load({"CONDUIT_LOG_FORMAT": "json"}, None), CollectorRegistry()
    log_to_stdout(settings)
    telemetry = telemetry_from(settings, registry=registry)
    client = ScriptedProvider("Because.", failures={"small": [FailureKind.RATE_LIMIT]})
    async with Router(
        MODELS,
        policy="cheapest",
        client=client,
        store=MemoryStore(),
        subscribers=telemetry.subscribers,
    ) as router:
        for number in range(2):
            request_id.set(f"request-{number}")
            response = await router.complete("Why is the sky blue?")
        await router.feedback(response.decision_id, rating=5)
    await telemetry.aclose()
    body, _ = render(registry)
    for line in body.decode().splitlines():
        if line.startswith(
            ("conduit_requests_total", "conduit_attempts_total", "conduit_feedback_t")
        ):
            print(line)


asyncio.run(main())
