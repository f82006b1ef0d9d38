"""The path that a request is for, wherever the app is mounted."""

from __future__ import annotations

from starlette.types import Scope


def path_of(scope: Scope) -> str:
    """The path as routes know it: without the prefix that a proxy hides."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def within(scope: Scope, folder: str) -> bool:
    """Whether a request is for a path, or for one below it."""
    path = path_of(scope)
    return path == folder or path.startswith(folder + "/")
