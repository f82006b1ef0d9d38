"""Optional libraries, loaded by name so that importing Conduit never costs them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from conduit.core.errors import ConfigurationError


def load_library(name: str, *, extra: str) -> Any:
    """Import an optional library.

    Args:
        name: the module, such as ``onnxruntime``.
        extra: Conduit's extra that installs it.

    Raises:
        ConfigurationError: when it, or something it needs, cannot be imported.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigurationError(
            f"library {name!r} cannot be imported ({error})", remedy=f"run: {install_extra(extra)}"
        ) from error


def missing_libraries(names: Sequence[str]) -> tuple[str, ...]:
    """Those of some top-level modules that are not installed; imports none of them."""
    return tuple(name for name in names if find_spec(name) is None)


def install_extra(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install 'conduit-router[{extra}]'"
