"""What a program hangs onto a provider: functions that are told, and functions that stand between."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from conduit.core.errors import InvalidInputError

EVENTS = ("route", "response", "error")
"""What :meth:`Hooks.on` knows: a model was chosen, an answer is whole, a call failed."""

Listener: TypeAlias = Callable[[Any], object]
F = TypeVar("F", bound=Callable[..., object])
_log = logging.getLogger("conduit.simple")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of a provider; ``dataclasses.replace`` makes another one.

    Args:
        prompt: the user's message.
        max_tokens: longest answer, in tokens.
        temperature: of sampling, 0..2.
        stream: whether pieces of text are wanted, in the place of a whole response.
    """

    prompt: str
    max_tokens: int = 8192
    temperature: float = 1.0
    stream: bool = False


Next: TypeAlias = Callable[[Request], Any]
Middleware: TypeAlias = Callable[[Request, Next], Any]


class Hooks:
    """Listeners by event, and middleware in the order it came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, tuple[Listener, ...]] = dict.fromkeys(EVENTS, ())
        self.middleware: tuple[Middleware, ...] = ()

    def on(self, event: str, listener: F) -> F:
        """Have a function told of an event.

        Raises:
            InvalidInputError: for an event that there is not, or what cannot be called.
        """
        check_event(event)
        _check_callable("on", listener)
        with self._lock:
            self._listeners[event] = (*self._listeners[event], listener)
        return listener

    def use(self, middleware: F) -> F:
        """Put a function between what is asked and who answers, inside those that are there.

        Raises:
            InvalidInputError: for what cannot be called.
        """
        _check_callable("use", middleware)
        with self._lock:
            self.middleware = (*self.middleware, middleware)
        return middleware

    def hears(self, event: str) -> bool:
        """Whether anybody is told of an event."""
        return bool(self._listeners[event])

    def tell(self, event: str, value: object) -> None:
        """Tell everybody who wants to know; one who fails is logged, and stops nobody."""
        for listener in self._listeners[event]:
            try:
                listener(value)
            except Exception:  # whatever a stranger's function does, the answer is not lost to it
                _log.exception("a function told of %r failed: %r", event, listener)

    def around(self, call: Next) -> Next:
        """A call with all middleware around it, the first that came outermost."""
        for middleware in reversed(self.middleware):
            call = _between(middleware, call)
        return call


def check_event(event: str) -> None:
    """Refuse an unknown event.

    Raises:
        InvalidInputError: listing those there are.
    """
    if event not in EVENTS:
        raise InvalidInputError(
            f"event {event!r} is unknown", remedy=f"choose one of: {', '.join(EVENTS)}"
        )


def _between(middleware: Middleware, call: Next) -> Next:
    return lambda request: middleware(request, call)


def _check_callable(where: str, given: object) -> None:
    if not callable(given):
        raise InvalidInputError(f"{where}({given!r}) is no function", remedy="give one")
