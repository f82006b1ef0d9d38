"""The app that ``uvicorn conduit.api.main:app`` serves; it reads its settings when it is started."""

from __future__ import annotations

from conduit.api.app import create_app

app = create_app()
