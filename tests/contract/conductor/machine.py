"""Where somebody follows Conductor's README."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
KEY = "sesame-1234"
SERVE = "uvicorn conduit.api.main:app --host 0.0.0.0 --port 0"
"""The README's, but for the app's name and the port, which is the one that is free."""


class Machine:
    """A folder, a shell, and nothing else of the one that runs the tests.

    Args:
        folder: they work in.
        environ: of every command.
    """

    def __init__(self, folder: Path, **environ: str) -> None:
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR")}
        self.folder = folder
        self.environ = kept | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
            "PYTHONPATH": str(ROOT),
            "CURL_HOME": str(folder),
            "CONDUIT_ENCODER": "hashing",
            "CONDUIT_DATA_DIR": str(folder / "data"),
            "CONDUIT_CACHE_DIR": str(folder / "cache"),
            **environ,
        }

    def start(self, lines: str) -> subprocess.Popen[str]:
        """Run some lines of a shell; the last one becomes the process."""
        return subprocess.Popen(
            ["bash", "-c", lines.replace("your-api-key", KEY)],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def serving(self, options: str) -> Iterator[Machine]:
        """Run the server after some lines of settings; curl finds it at the README's port 8000."""
        server = self.start(f"{options}\nexec {SERVE}")
        assert server.stderr is not None
        said = ""
        try:
            while not (found := re.search(r"running on http://\S+:(\d+)", said)):
                line = server.stderr.readline()
                assert line, said
                said += line
            (self.folder / ".curlrc").write_text(
                f'connect-to = "localhost:8000:127.0.0.1:{found[1]}"\nnoproxy = "*"\n'
            )
            yield self
        finally:
            server.terminate()
            server.communicate(timeout=30)

    def curl(self, lines: str) -> tuple[int, Any]:
        """Run a request; its status and its JSON."""
        asked = self.start(f'{lines.strip()} -s -w "\\n%{{http_code}}"')
        out, err = asked.communicate(timeout=60)
        assert asked.returncode == 0, err
        body, _, status = out.rpartition("\n")
        return int(status), json.loads(body)
