"""What a monitor asks of a server: whether it can serve, what it spends, and whether budgets bite."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import httpx

ADMIN = {"Authorization": "Bearer an-admin-key"}
QUESTION = {"prompt": "What is 2+2?", "user": "anna", "max_tokens": 20}


@contextmanager
def server(*options):
    """A server that answers with built-in models; in production `conduit serve` runs by itself."""
    command = [sys.executable, "-m", "conduit", "serve", "--port", "0", "--json", *options]
    own = os.environ | {"CONDUIT_ADMIN_KEY": "an-admin-key"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=own) as process:
        try:
            yield json.loads("".join(process.stdout.readline() for _ in range(3)))["url"]
        finally:
            process.terminate()


with (
    server("--offline", "--database", "monitoring.db") as url,
    httpx.Client(base_url=url, headers=ADMIN) as http,
):
    for probe in ("live", "startup", "ready"):
        print(f"/health/{probe}: {http.get(f'/health/{probe}').json()['status']}")

    budget = {"scope": "user:anna", "window": "daily", "limit": 5.0}
    print(f"anna may spend ${http.put('/v1/admin/budgets', json=budget).json()['limit']} a day")
    for _ in range(3):
        http.post("/v1/complete", json=QUESTION).raise_for_status()

    (standing,) = http.get("/v1/admin/budgets").json()["data"]
    print(f"anna has ${standing['remaining']:.6f} left until {standing['resets_at']:.0f}")

    stats = http.get("/v1/stats").json()
    for model, did in stats["models"].items():
        print(f"{model}: {did['answers']} answers, {did['failures']} failures, ${did['cost']:.6f}")
    print(f"saved {stats['savings_percent']:.0f}% of what {stats['baseline']} would have cost")

    lines = http.get("/metrics").text.splitlines()
    print(next(line for line in lines if line.startswith("process_resident_memory_bytes")))
