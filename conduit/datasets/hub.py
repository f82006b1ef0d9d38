"""Files of public data sets on the model hub, for those who are online."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from conduit.core.errors import ConfigurationError


class Hub(Protocol):
    """Where public data sets are; tests put a folder in its place."""

    def files(self, repository: str) -> Sequence[str]:
        """Paths of the files of a data set's repository."""
        ...

    def fetch(self, repository: str, file: str) -> Path:
        """One of them, on this machine."""
        ...


class HuggingFaceHub:
    """The public hub, through ``huggingface_hub``, which keeps what it fetched in its own cache.

    Raises:
        ConfigurationError: when the library is not installed or the hub cannot be reached.
    """

    def files(self, repository: str) -> Sequence[str]:
        """Paths of the files of a data set's repository."""
        library = _library()
        try:
            return list(library.list_repo_files(repository, repo_type="dataset"))
        except (OSError, library.errors.HfHubHTTPError) as error:
            raise _unreachable(repository) from error

    def fetch(self, repository: str, file: str) -> Path:
        """One of them, on this machine."""
        library = _library()
        try:
            return Path(library.hf_hub_download(repository, file, repo_type="dataset"))
        except (OSError, library.errors.HfHubHTTPError) as error:
            raise _unreachable(f"{repository}/{file}") from error


def parquet_files(hub: Hub, repository: str, split: str) -> list[Path]:
    """The Parquet files of one split, in order.

    Raises:
        ConfigurationError: when there is none, or the hub cannot be reached.
    """
    names = [name for name in hub.files(repository) if name.endswith(".parquet")]
    chosen = sorted(name for name in names if Path(name).name.startswith(f"{split}-"))
    if not chosen:
        raise ConfigurationError(
            f"{repository} has no Parquet file of the split {split!r}",
            remedy=f"choose among its files: {', '.join(names) or 'none'}",
        )
    return [hub.fetch(repository, name) for name in chosen]


def _library() -> Any:
    try:
        import huggingface_hub  # noqa: PLC0415  # slow to import, and in an extra
        import huggingface_hub.errors  # noqa: PLC0415  # likewise
    except ImportError as error:
        raise ConfigurationError(
            "huggingface_hub, which fetches public data sets, is not installed",
            remedy="pip install 'conduit-router[experiments]'",
        ) from error
    return huggingface_hub


def _unreachable(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{what} cannot be fetched from the model hub",
        remedy="check the connection, and that the data set may be read",
    )
