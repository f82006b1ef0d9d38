"""How far an attempt has come, so that it can be paid and logged wherever it ends."""

from __future__ import annotations

from conduit.core.errors import ProviderError
from conduit.core.outcomes import CANCELLED, Delta, Execution, ModelReply, ModelRequest
from conduit.engines.billing import cost_of, cost_of_tokens, tokens_in, tokens_sent
from conduit.engines.fallback import Attempt


class Progress:
    """One attempt, from its money to its end.

    Args:
        decision_id: the decision it belongs to.
        attempt: which one.

    Attributes:
        outcome: what came of the call; None until that is known.
    """

    def __init__(self, decision_id: str, attempt: Attempt) -> None:
        self._decision_id = decision_id
        self._attempt = attempt
        self._request: ModelRequest | None = None
        self._started_at = 0.0
        self._streamed = 0
        self._given_up = False
        self._cost = 0.0
        self.outcome: ModelReply | ProviderError | None = None

    def begin(self, request: ModelRequest, *, now: float) -> None:
        """The model is asked from now on."""
        self._request = request
        self._started_at = now

    def take(self, piece: Delta | ModelReply | ProviderError) -> None:
        """Note a piece of the answer, or the end of the call.

        Raises:
            UnknownPriceError: when an answer carries no cost and its arm no price.
        """
        if isinstance(piece, Delta):
            self._streamed += tokens_in(piece)
        elif self._request is not None:
            self._cost = cost_of(piece, self._request)
            self.outcome = piece

    def give_up(self) -> None:
        """The caller went away; what is known of the call by now is all that will be."""
        self._given_up = True

    @property
    def is_worth_logging(self) -> bool:
        """Whether a model was asked, and it is known what came of it."""
        return self._request is not None and (self._given_up or self.outcome is not None)

    def execution(self) -> Execution:
        """The attempt as it is paid and logged.

        Of one that was given up, what was sent and what was answered until then is estimated; one
        that was never made, or that broke for a reason of our own, costs nothing.
        """
        if self.outcome is not None:
            return self._ended(self.outcome)
        asked = self._request if self._given_up else None
        tokens = {
            "input_tokens": 0 if asked is None else tokens_sent(asked),
            "output_tokens": self._streamed,
        }
        return Execution(
            decision_id=self._decision_id,
            attempt=self._attempt.number,
            arm=self._attempt.arm,
            failure=None,
            **tokens,
            cost=0.0 if asked is None else cost_of_tokens(asked.arm, **tokens),
            latency=None,
            finish_reason=CANCELLED,
            started_at=self._started_at,
        )

    def _ended(self, outcome: ModelReply | ProviderError) -> Execution:
        reply = outcome if isinstance(outcome, ModelReply) else None
        return Execution(
            decision_id=self._decision_id,
            attempt=self._attempt.number,
            arm=self._attempt.arm,
            failure=None if isinstance(outcome, ModelReply) else outcome.kind,
            input_tokens=outcome.input_tokens,
            output_tokens=outcome.output_tokens,
            cost=self._cost,
            latency=reply.latency if reply else None,
            finish_reason=reply.finish_reason if reply else None,
            started_at=self._started_at,
        )
