"""A model hub on loopback whose answers a test chooses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


class Hub:
    """Files by path, the paths asked for, and ways of misbehaving.

    Args:
        files: bodies by path, such as ``/repo/resolve/rev/file``.
        behaviour: ``good``, ``redirect``, ``stall``, ``drip``, ``endless`` or ``cut``.
    """

    def __init__(self, files: dict[str, bytes], behaviour: str = "good") -> None:
        self.files = files
        self.behaviour = behaviour
        self.asked: list[str] = []
        self.closing = Event()
        self.address = ""


@contextmanager
def serving(files: dict[str, bytes], behaviour: str = "good") -> Iterator[Hub]:
    """A running hub."""
    hub = Hub(files, behaviour)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            hub.asked.append(self.path)
            answer(self, hub)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        hub.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def answer(handler: BaseHTTPRequestHandler, hub: Hub) -> None:
    """One response, as the hub's behaviour has it."""
    path = handler.path.removeprefix("/cdn")
    if path not in hub.files:
        handler.send_error(404)
        return
    if hub.behaviour == "redirect" and path == handler.path:
        handler.send_response(302)
        handler.send_header("Location", f"{hub.address}/cdn{path}")
        handler.end_headers()
        return
    body = hub.files[path]
    handler.send_response(200)
    if hub.behaviour != "endless":
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    try:
        send(handler, hub, body)
    except (BrokenPipeError, ConnectionResetError):
        handler.close_connection = True


def send(handler: BaseHTTPRequestHandler, hub: Hub, body: bytes) -> None:
    """Write the body, or what the behaviour makes of it."""
    if hub.behaviour == "stall":
        hub.closing.wait(10)
    elif hub.behaviour == "drip":
        for start in range(len(body)):
            handler.wfile.write(body[start : start + 1])
            time.sleep(0.02)
    elif hub.behaviour == "endless":
        while not hub.closing.is_set():
            handler.wfile.write(b"x" * 65_536)
    elif hub.behaviour == "cut":
        handler.wfile.write(body[: len(body) // 2])
    else:
        handler.wfile.write(body)
