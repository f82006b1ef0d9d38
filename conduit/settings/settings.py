"""All settings as one frozen value, and how it is loaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conduit.settings.gateway import GatewaySettings
from conduit.settings.operation import OperationSettings, StorageSettings, TelemetrySettings
from conduit.settings.providers import ProviderSettings
from conduit.settings.routing import RoutingSettings
from conduit.settings.setting import Entry, Setting, declared
from conduit.settings.sources import find, read_env_file, value_of

_ENV_FILE = Path(".env")


@dataclass(frozen=True, kw_only=True, repr=False)
class Settings(
    TelemetrySettings,
    GatewaySettings,
    OperationSettings,
    StorageSettings,
    ProviderSettings,
    RoutingSettings,
):
    """Every setting, typed; ``Settings()`` is all defaults, :meth:`load` reads the environment.

    Neither ``repr`` nor :meth:`entries` shows a secret.

    Args:
        origins: per setting that was found, where; see :class:`Entry`.
    """

    origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        self._default("data_dir", lambda: _own_folder("data"))
        self._default("cache_dir", lambda: _own_folder("cache"))
        self._default("database_path", lambda: self.data_dir / "conduit.db")

    def _default(self, name: str, path: Callable[[], Path]) -> None:
        """Fill in a path that depends on the machine or on another setting."""
        if getattr(self, name) is None:
            object.__setattr__(self, name, path())

    @classmethod
    def load(
        cls, environ: Mapping[str, str] = os.environ, env_file: Path | None = _ENV_FILE
    ) -> Settings:
        """Read the environment and a ``.env`` file; the environment wins.

        Args:
            environ: the environment.
            env_file: the file, which may be absent; None reads none. ``CONDUIT_ENV_FILE`` in the
                environment names another, which must exist.

        Raises:
            ConfigurationError: for a value that cannot be used, naming variable and remedy.
        """
        file = _open_file(environ, env_file)
        values: dict[str, Any] = {}
        origins: dict[str, str] = {}
        for setting in SETTINGS:
            found = find(setting, environ=environ, file=file)
            if found is not None:
                values[setting.name] = value_of(setting, found)
                origins[setting.name] = found.origin
        return cls(**values, origins=origins)

    def entries(self) -> tuple[Entry, ...]:
        """Every setting with its value, secrets masked, and where that came from."""
        return tuple(
            Entry(
                name=setting.name,
                variable=setting.variable,
                value=setting.show(getattr(self, setting.name)),
                origin=self.origins.get(setting.name, "default"),
                description=setting.description,
            )
            for setting in SETTINGS
        )

    def __repr__(self) -> str:
        given = (
            f"{setting.name}={setting.show(value)!r}"
            for setting in SETTINGS
            if (value := getattr(self, setting.name)) != setting.default
        )
        return f"Settings({', '.join(given)})"


SETTINGS: tuple[Setting, ...] = declared(Settings)
"""The table of settings, in the order of docs/CONFIGURATION.md."""


def _open_file(environ: Mapping[str, str], env_file: Path | None) -> Mapping[str, str | None]:
    """Variables of the file; None as ``env_file`` keeps even CONDUIT_ENV_FILE from being read."""
    if env_file is None:
        return {}
    (own,) = (setting for setting in SETTINGS if setting.name == "env_file")
    named = find(own, environ=environ, file={})
    path = Path(str(value_of(own, named))) if named else env_file
    return {
        name: text
        for name, text in read_env_file(path, required=named is not None).items()
        if name != own.variable
    }


def _own_folder(purpose: str) -> Path:
    from platformdirs import PlatformDirs  # noqa: PLC0415 - not needed where folders are given

    own = PlatformDirs("conduit", appauthor=False)
    return own.user_data_path if purpose == "data" else own.user_cache_path
