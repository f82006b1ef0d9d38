"""Shared documents and the record of edits, for one process."""

from __future__ import annotations

import json
from collections.abc import Mapping

from conduit.core.sharing import Document, Edit, Json


class MemoryDocuments:
    """The part of the :class:`~conduit.core.ports.Store` contract that is about documents."""

    def __init__(self) -> None:
        self._documents: dict[str, Document] = {}
        self._edits: list[Edit] = []

    @property
    def versions(self) -> Mapping[str, int]:
        """Version of every document."""
        return {key: document.version for key, document in self._documents.items()}

    async def document(self, key: str) -> Document | None:
        """A value that all share; None when nobody put one."""
        return self._documents.get(key)

    async def put_document(
        self, key: str, value: Json, *, expected: int, edit: Edit | None = None
    ) -> bool:
        """Replace a shared value, unless somebody else was first."""
        known = self._documents.get(key)
        if expected != (0 if known is None else known.version):
            return False
        self._documents[key] = Document(value=json.loads(json.dumps(value)), version=expected + 1)
        if edit is not None:
            self._edits.append(edit)
        return True

    async def edits(self, *, limit: int = 100) -> tuple[Edit, ...]:
        """Who changed what, the newest first."""
        return tuple(reversed(self._edits))[:limit]
