"""A server on loopback that speaks as much of MLflow's REST protocol as writing traces takes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

EXPERIMENT = "7"


class MlflowServer(ThreadingHTTPServer):
    """Knows no experiment until it is made, and keeps what it is told.

    Attributes:
        made: names of experiments.
        traces: what was uploaded, in order.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.made: list[str] = []
        self.infos: list[Any] = []
        self.traces: list[Any] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: MlflowServer

    def do_GET(self) -> None:
        """Tell of an experiment."""
        if not self.server.made:
            self._say({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"}, status=404)
            return
        self._say({"experiment": {"experiment_id": EXPERIMENT, "name": self.server.made[-1],
                                  "lifecycle_stage": "active"}})  # fmt: skip

    def do_POST(self) -> None:
        """Make an experiment, or a trace without its spans."""
        said = self._body()
        if self.path.endswith("/experiments/create"):
            self.server.made.append(said["name"])
            self._say({"experiment_id": EXPERIMENT})
            return
        info = said["trace"]["trace_info"]
        self.server.infos.append(info)
        place = {"mlflow.artifactLocation": f"mlflow-artifacts:/{info['trace_id']}"}
        self._say({"trace": {"trace_info": info | {"tags": info.get("tags", {}) | place}}})

    def do_PUT(self) -> None:
        """Take the spans."""
        self.server.traces.append(self._body())
        self._say({})

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["content-length"])))

    def _say(self, value: object, *, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is written down."""


@contextmanager
def mlflow_server() -> Iterator[MlflowServer]:
    """A server until the end of the block."""
    server = MlflowServer()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
