"""Conduit: decides for every prompt which LLM should answer it, learns, and proves what it saved.

Names are resolved on first use, so that ``import conduit`` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from conduit.core.version import __version__

if TYPE_CHECKING:
    from conduit.batch.mode import run_batch_mode
    from conduit.core.arms import Arm, Price, Tier
    from conduit.core.budgets import Period
    from conduit.core.decisions import ArmEstimate, Decision, QueryFeatures
    from conduit.core.errors import ConduitError
    from conduit.core.models import OptimizeFor, Preferences, Query, QueryConstraints
    from conduit.core.outcomes import Response
    from conduit.engines.router import Router
    from conduit.simple.control.books import SQLiteStorage
    from conduit.simple.control.controller import CostController
    from conduit.simple.functions import (
        allm,
        llm,
        llm_dry_run,
        session,
        set_models,
        set_pricing,
        smart_classify,
    )
    from conduit.simple.grading.verdicts import SmartClassification
    from conduit.simple.named.functions import get_provider, run_single_mode
    from conduit.simple.named.provider import NamedProvider
    from conduit.simple.providers.multi import MultiProvider
    from conduit.simple.providers.provider import Provider

__all__ = [
    "Arm",
    "ArmEstimate",
    "ConduitError",
    "CostController",
    "Decision",
    "MultiProvider",
    "NamedProvider",
    "OptimizeFor",
    "Period",
    "Preferences",
    "Price",
    "Provider",
    "Query",
    "QueryConstraints",
    "QueryFeatures",
    "Response",
    "Router",
    "SQLiteStorage",
    "SmartClassification",
    "Tier",
    "__version__",
    "allm",
    "get_provider",
    "llm",
    "llm_dry_run",
    "run_batch_mode",
    "run_single_mode",
    "session",
    "set_models",
    "set_pricing",
    "smart_classify",
]

_HOME = {
    "Arm": "conduit.core.arms",
    "ArmEstimate": "conduit.core.decisions",
    "ConduitError": "conduit.core.errors",
    "CostController": "conduit.simple.control.controller",
    "Decision": "conduit.core.decisions",
    "MultiProvider": "conduit.simple.providers.multi",
    "NamedProvider": "conduit.simple.named.provider",
    "OptimizeFor": "conduit.core.models",
    "Period": "conduit.core.budgets",
    "Preferences": "conduit.core.models",
    "Price": "conduit.core.arms",
    "Provider": "conduit.simple.providers.provider",
    "Query": "conduit.core.models",
    "QueryConstraints": "conduit.core.models",
    "QueryFeatures": "conduit.core.decisions",
    "Response": "conduit.core.outcomes",
    "Router": "conduit.engines.router",
    "SmartClassification": "conduit.simple.grading.verdicts",
    "SQLiteStorage": "conduit.simple.control.books",
    "Tier": "conduit.core.arms",
    "allm": "conduit.simple.functions",
    "get_provider": "conduit.simple.named.functions",
    "llm": "conduit.simple.functions",
    "llm_dry_run": "conduit.simple.functions",
    "run_batch_mode": "conduit.batch.mode",
    "run_single_mode": "conduit.simple.named.functions",
    "session": "conduit.simple.functions",
    "set_models": "conduit.simple.functions",
    "set_pricing": "conduit.simple.functions",
    "smart_classify": "conduit.simple.functions",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'conduit' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
