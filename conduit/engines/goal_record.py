"""The record of what spending was to keep to: a process that starts with another goal is an edit."""

from __future__ import annotations

from conduit.core.ports import Clock, Store
from conduit.core.sharing import Edit
from conduit.engines.goals import Goal

GOAL = "goal"
"""Key of the shared document that holds the goal declared last."""


async def record_goal(goal: Goal, *, store: Store, clock: Clock, actor: str) -> None:
    """Put a goal on record where it is another than the one declared last.

    Where another process is faster, its goal is on record in place of this one.

    Args:
        goal: of this process; an empty one is none.
        store: keeps the record.
        clock: dates it.
        actor: who started the process.
    """
    known = await store.document(GOAL)
    before = {} if known is None else dict(known.value)
    if goal.given == before:
        return
    edit = Edit(
        at=clock.now(),
        actor=actor,
        action="set_goal",
        subject=" and ".join(sorted({*before, *goal.given})),
        before=before,
        after=goal.given,
    )
    version = 0 if known is None else known.version
    await store.put_document(GOAL, goal.given, expected=version, edit=edit)
