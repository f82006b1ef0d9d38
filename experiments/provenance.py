"""What a figure came from: versions, commit, and how often held data have been looked at."""

from __future__ import annotations

import json
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from conduit import __version__
from conduit.core.errors import ConfigurationError
from experiments.arguments import RESULTS, Arguments

ROOT = Path(__file__).parent.parent
LEARNER = ("conduit/bandits", "conduit/core", "conduit/evaluation", "conduit/features")
"""Where the defaults live that must not change after the held part was seen."""
COUNTER = RESULTS / "held_out.json"
PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "onnxruntime",
    "joblib",
    "ray",
    "paretobandit",
    "mabwiser",
    "vowpalwabbit",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """How often the held part has been evaluated.

    Args:
        commit: the last one that touched the learner.
        since: evaluations by this experiment since that commit, this one included.
        total: evaluations by this experiment ever, this one included.
    """

    commit: str
    since: int
    total: int


def count_evaluation(arguments: Arguments, *, counter: Path = COUNTER) -> HeldOut | None:
    """Enter this run into the committed record; None for a run on tuning data.

    Raises:
        ConfigurationError: when the learner has changes that are not committed.
    """
    if not arguments.held_out:
        return None
    if _git("status", "--porcelain", "--", *LEARNER):
        raise ConfigurationError(
            "the learner has changes that are not committed",
            remedy="commit its defaults before the held part is looked at",
        )
    commit = _git("log", "-1", "--format=%H", "--", *LEARNER) or "unknown"
    record = json.loads(counter.read_text()) if counter.is_file() else {}
    entries = record.setdefault(arguments.name, [])
    entries.append({"learner": commit, "commit": _git("rev-parse", "HEAD")})
    counter.parent.mkdir(parents=True, exist_ok=True)
    counter.write_text(json.dumps(record, indent=1) + "\n")
    since = sum(entry["learner"] == commit for entry in entries)
    return HeldOut(commit=commit, since=since, total=len(entries))


def provenance(arguments: Arguments, held_out: HeldOut | None) -> dict[str, object]:
    """Everything needed to repeat a run."""
    found: dict[str, object] = {
        "experiment": arguments.name,
        "seeds": list(range(arguments.seeds)),
        "part": arguments.measured if held_out else "tuning",
        "commit": _git("rev-parse", "HEAD") or "unknown",
        "uncommitted": bool(_git("status", "--porcelain")),
        "versions": {"conduit": __version__, "python": platform.python_version(), **_packages()},
    }
    if held_out:
        found["learner_commit"] = held_out.commit
        found["held_out_evaluations_since"] = held_out.since
        found["held_out_evaluations"] = held_out.total
    return found


def _packages() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _git(*words: str) -> str:
    """What git says; nothing where there is no repository."""
    command = ["git", "-C", str(ROOT), *words]
    try:
        said = subprocess.run(  # noqa: S603 - git, with words of our own
            command, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return said.stdout.strip()
