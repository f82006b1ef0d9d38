"""What was spent, as the face of one line tells it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Literal, TypedDict, Unpack, overload

from conduit.budgets.spent import CostReport, cost_report
from conduit.core.budgets import Period
from conduit.core.costs import CostFilter
from conduit.core.errors import InvalidInputError
from conduit.simple.amounts import moment, name
from conduit.simple.control.bookkeeper import Clerk
from conduit.simple.control.export import Exported, Row, exported


class Which(TypedDict, total=False):
    """Which costs are meant: those that are as said.

    Args:
        user_id: whose.
        model: that was called.
        task_type: what for.
        since: seconds since the epoch, inclusive.
        until: likewise, exclusive.
    """

    user_id: str
    model: str
    task_type: str
    since: float
    until: float


class Reports(Clerk):
    """Sums and lists of costs."""

    def get_cost_report(
        self,
        group_by: str = "user",
        period: Period | str = Period.DAILY,
        *,
        user_id: str | None = None,
        model: str | None = None,
        task_type: str | None = None,
    ) -> CostReport:
        """Who spent how much in the calendar period (UTC) that is now.

        Args:
            group_by: user, model, task_type, or another of :class:`~conduit.core.costs.GroupBy`.
            period: hourly to monthly; ``Period.TOTAL`` since ever.
            user_id: only this user's costs.
            model: likewise.
            task_type: likewise.

        Raises:
            InvalidInputError: for a grouping or a period that there is not.
        """
        only = _only(user=user_id, model=model, task_type=task_type)
        chosen = Period.named(period)
        return self._keeper.read(
            lambda ledger: cost_report(ledger, group_by, chosen, now=time.time(), only=only)
        )

    @overload
    def export_records(
        self,
        format: Literal["dict"] = ...,
        **which: Unpack[Which],
    ) -> list[Row]: ...
    @overload
    def export_records(self, format: Literal["csv"], **which: Unpack[Which]) -> str: ...
    @overload
    def export_records(self, format: Literal["parquet"], **which: Unpack[Which]) -> bytes: ...
    def export_records(
        self,
        format: str = "dict",  # noqa: A002 - Conductor's word
        **which: Unpack[Which],
    ) -> Exported:
        """What calls did cost, one by one, the newest first.

        Args:
            format: ``dict`` gives a list of them, ``csv`` text that no spreadsheet takes for
                formulas, ``parquet`` the bytes of a file, for which pyarrow is needed.
            which: costs; see :class:`Which`.

        Raises:
            InvalidInputError: for another format, or a filter that there is not.
            ConfigurationError: for Parquet without pyarrow.
        """
        return exported(self._keeper, format, _wanted(which))


def _wanted(which: Mapping[str, object]) -> CostFilter:
    if unknown := which.keys() - Which.__annotations__.keys():
        raise InvalidInputError(
            f"costs are not chosen by {min(unknown)!r}",
            remedy=f"choose by: {', '.join(Which.__annotations__)}",
        )
    return CostFilter(
        since=moment(which.get("since"), what="since"),
        until=moment(which.get("until"), what="until"),
        only=_only(
            user=which.get("user_id"), model=which.get("model"), task_type=which.get("task_type")
        ),
    )


def _only(**named: object) -> dict[str, str]:
    return {key: name(value, what=key) for key, value in named.items() if value is not None}
