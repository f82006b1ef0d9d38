"""Strict YAML: a mapping, every key once, and errors of one line that name the place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from conduit.core.errors import ConfigurationError


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML in which a repeated key is an error: the plain loader keeps the last, silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        """Build a mapping whose keys are all different."""
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} is given twice", key_node.start_mark
                )
            seen.add(key if isinstance(key, str) else None)
        return super().construct_mapping(node, deep=deep)


def read_document(path: Path) -> Mapping[object, object]:
    """Read a YAML file whose top level is a mapping; an empty file is an empty mapping.

    Raises:
        ConfigurationError: for a file that is missing, unreadable, no YAML, or no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except FileNotFoundError:
        raise ConfigurationError(f"{path} does not exist", remedy="correct the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read ({type(error).__name__})", remedy="save it as UTF-8 text"
        ) from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}{_said(error)}", remedy="correct the YAML") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigurationError(
            f"{path} holds a {type(document).__name__} at its top level",
            remedy="write a mapping; docs/CATALOG.md shows one",
        )
    return document


def _said(error: yaml.YAMLError) -> str:
    """Where and why, on one line."""
    mark = getattr(error, "problem_mark", None)
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    return f", line {mark.line + 1}: {problem}" if mark else f": {problem}"
