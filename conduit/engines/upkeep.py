"""What is done to a router between queries: feedback is given, and models come and go."""

from __future__ import annotations

from conduit.core.arms import Arm, Price
from conduit.core.decisions import Decision, QueryFeatures
from conduit.core.outcomes import Change
from conduit.engines.lifetime import Lifetime
from conduit.feedback.ratings import Feedback


class Upkeep(Lifetime):
    """A lifetime in which things are learned and models change."""

    async def features(self, text: str) -> QueryFeatures:
        """What is known of a prompt from its text alone; no model is asked and nothing decided."""
        return await (await self.open()).deciding.analysis.of(text)

    async def decision(self, decision_id: str) -> Decision:
        """A decision made with this database, without its embedding.

        Raises:
            UnknownDecisionError: when there is none.
        """
        return await (await self.open()).learner.awaited(decision_id)

    async def feedback(
        self,
        decision_id: str,
        *,
        rating: float | None = None,
        quality_score: float | None = None,
        met_expectations: bool | None = None,
        error: bool | None = None,
        latency: float | None = None,
        cost: float | None = None,
        output_tokens: int | None = None,
        model: str | None = None,
    ) -> tuple[Change, ...]:
        """Say how an answer was; the model that served it is credited.

        The same feedback again is accepted and changes nothing; a different rating replaces the
        earlier one.

        Args:
            decision_id: ``decision.id`` or ``response.decision_id``.
            rating: 1 to 5.
            quality_score: 0 to 1.
            met_expectations: whether the answer did what was asked.
            error: whether the model failed, where the caller made the call.
            latency: seconds, where the caller made the call.
            cost: USD, where the caller made the call.
            output_tokens: where the caller made the call.
            model: the arm that served, where it is not the one decided.

        Returns:
            What changed; empty when all of it was known already.

        Raises:
            UnknownDecisionError: for a decision that was never made here.
            InvalidInputError: for a value out of range.
        """
        said = Feedback(
            rating=rating,
            quality_score=quality_score,
            met_expectations=met_expectations,
            error=error,
            latency=latency,
            cost=cost,
            output_tokens=output_tokens,
            model=model,
        )
        return await (await self.open()).feedback(decision_id, said)

    async def add_model(self, model: str | Arm) -> Arm:
        """Choose among one model more, from the next decision on.

        A model that was here before goes on with what was learned of it; a new one begins with
        what its price and the other models lead one to expect, and is tried a little whatever is
        expected of it.

        Args:
            model: a name of the catalogue, the id of a removed model, or an arm.

        Returns:
            The arm as it is chosen among.

        Raises:
            InvalidInputError: for a model that is there already, one whose key or address is not
                known here, or one without labelled queries where the policy needs them.
            UnknownModelError: for a name that nothing answers to.
            UnknownPriceError: for a model that nobody priced.
        """
        return await (await self.open()).swapping.add(model)

    async def remove_model(self, model: str) -> Arm:
        """Choose among one model fewer, from the next decision on.

        Calls already decided are finished, by it too, and their feedback is kept with all else
        that was learned of it. As the baseline it stays what savings are measured against.

        Raises:
            UnknownModelError: for an id that is no arm.
            InvalidInputError: when no other is left, or the policy always takes this one.
        """
        return await (await self.open()).swapping.remove(model)

    async def set_price(self, model: str, price: Price) -> Arm:
        """Change what a model costs, from the next decision on.

        Calls already decided are paid at the price they were decided at. The price is kept in the
        database, for all routers on it and over a restart; no configuration is changed.

        Args:
            model: id of an arm.
            price: USD per million tokens.

        Raises:
            UnknownModelError: for an id that is no arm.
            InvalidInputError: for a price that is negative or no number.
        """
        return await (await self.open()).swapping.reprice(model, price)
