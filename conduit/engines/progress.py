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
            if not self._is_estimated(piece):
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

        Of a call that was given up, or broke off without saying what it billed, what was sent and
        what was answered until then is estimated; one that could not be sent costs nothing. An attempt that was never made, or that broke
        for a reason of our own, costs nothing.
        """
        outcome = self.outcome
        if outcome is None or self._is_estimated(outcome):
            return self._estimated(outcome)
        reply = outcome if isinstance(outcome, ModelReply) else None
        return self._execution(
            outcome,
            input_tokens=outcome.input_tokens,
            output_tokens=outcome.output_tokens,
            cost=self._cost,
            latency=None if reply is None else reply.latency,
        )

    def _is_estimated(self, outcome: ModelReply | ProviderError) -> bool:
        """Whether it broke off without saying what it billed."""
        if not isinstance(outcome, ProviderError) or outcome.output_tokens is not None:
            return False
        return self._streamed > 0 or (outcome.sent and outcome.input_tokens is None)

    def _estimated(self, outcome: ProviderError | ModelReply | None) -> Execution:
        asked = self._request if self._given_up or outcome is not None else None
        sent = 0 if asked is None else tokens_sent(asked)
        cost = 0.0
        if asked is not None:
            cost = cost_of_tokens(asked.arm, input_tokens=sent, output_tokens=self._streamed)
        return self._execution(
            outcome, input_tokens=sent, output_tokens=self._streamed, cost=cost, latency=None
        )

    def _execution(
        self,
        outcome: ModelReply | ProviderError | None,
        *,
        input_tokens: int | None,
        output_tokens: int | None,
        cost: float,
        latency: float | None,
    ) -> Execution:
        finish = outcome.finish_reason if isinstance(outcome, ModelReply) else None
        return Execution(
            decision_id=self._decision_id,
            attempt=self._attempt.number,
            arm=self._attempt.arm,
            failure=outcome.kind if isinstance(outcome, ProviderError) else None,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cost=cost,
            latency=latency,
            finish_reason=CANCELLED if outcome is None else finish,
            started_at=self._started_at,
        )
