"""What a command-line tool means by a fault, which it says in words alone."""

from __future__ import annotations

import re
from collections.abc import Iterable

from conduit.core.errors import FailureKind, ProviderError
from conduit.providers.faults import fit_to_show

_SIGNS: tuple[tuple[FailureKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (FailureKind.RATE_LIMIT, r"rate.?limit|usage limit|limit reached|quota|\b429\b|overloaded"),
        (
            FailureKind.AUTHENTICATION,
            r"log ?in\b|logged (in|out)|sign in|unauthori[sz]ed|authenticat|api key|credential"
            r"|credit balance|\b40[13]\b",
        ),
        (FailureKind.CONTENT_FILTER, r"content.?(filter|policy)|safety"),
        (FailureKind.TIMEOUT, r"timed? ?out"),
        (
            FailureKind.CONNECTION,
            r"network|connect|ENOTFOUND|ECONN|dns|stream (error|disconnected)",
        ),
        (
            FailureKind.BAD_REQUEST,
            r"not supported|does not exist|not found|unknown|invalid|unexpected|unrecogni[sz]ed"
            r"|usage:|too long|\b4(00|04)\b",
        ),
    )
)
"""By what a fault is known; the first that fits."""

_SECRET = re.compile(r"\b(?:sk|sess|key)-[\w-]{8,}|(?<=Bearer )\S+", re.IGNORECASE)
"""Keys of the tool's own, which nobody told us."""


def fault_in(said: str, *, model: str, secrets: Iterable[str] = ()) -> ProviderError:
    """The failure that a tool reports.

    Args:
        said: its words, of which the last line that says anything is shown.
        model: id of the arm.
        secrets: to strike out.
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else "it ended without a word"
    kind = next((kind for kind, sign in _SIGNS if sign.search(last)), FailureKind.SERVER)
    shown = _SECRET.sub("***", fit_to_show(last, secrets=secrets))
    return ProviderError(kind, model=model, detail=shown)
