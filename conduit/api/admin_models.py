"""``/v1/admin/models``: models come, go, and change their price while the server runs."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from conduit.api.directives import Name
from conduit.api.gateway import opened
from conduit.api.refusals import refuse
from conduit.api.schemas import ERRORS, PriceBody
from conduit.core.arms import Arm, Price, Tier

routes = APIRouter(prefix="/v1/admin/models", tags=["Administration"], responses=ERRORS)


class NewModel(BaseModel):
    """A model of the catalogue by its name, or another one with its provider and price."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"id": "gpt-4o-mini"},
                {"id": "mine", "provider": "lmstudio", "price": {"input": 0, "output": 0}},
            ]
        },
    )

    id: Name
    provider: Name | None = Field(default=None, description="Left out, the catalogue is asked.")
    model: str = Field(default="", max_length=256, description="The provider's name of it.")
    price: PriceBody | None = Field(default=None, description="Needed with a provider.")
    tier: Tier = Tier.BALANCED
    max_output_tokens: int = Field(default=8192, ge=1, le=10_000_000)

    def arm(self) -> str | Arm:
        """The name, or the arm.

        Raises:
            RefusedError: for what is said of a model that the catalogue is asked for.
        """
        if self.provider is None:
            self._refuse_more()
            return self.id
        price = None if self.price is None else Price(**self.price.model_dump())
        return Arm(
            id=self.id,
            provider=self.provider,
            model=self.model,
            price=price,
            tier=self.tier,
            max_output_tokens=self.max_output_tokens,
        )

    def _refuse_more(self) -> None:
        said = self.model_fields_set - {"id", "provider"}
        if said:
            raise refuse(
                f"the catalogue says {', '.join(sorted(said))} of the model {self.id!r}; "
                "name a provider for a model of your own, or say its id alone",
                code="invalid_value",
                param="provider",
                status=422,
            )


class ArmBody(BaseModel):
    """A model as it is chosen among."""

    id: str
    provider: str
    tier: Tier
    price: PriceBody | None
    max_output_tokens: int

    @classmethod
    def of(cls, arm: Arm) -> ArmBody:
        """The same for people."""
        return cls(
            id=arm.id,
            provider=arm.provider,
            tier=arm.tier,
            price=PriceBody.of(arm.price),
            max_output_tokens=arm.max_output_tokens,
        )


@routes.post("", status_code=201, summary="Choose among one model more")
async def add(body: NewModel, request: Request) -> ArmBody:
    """From the next decision on; a model that was here before goes on with what was learned."""
    return ArmBody.of(await opened(request.scope).router.add_model(body.arm()))


@routes.put("/{model:path}/price", summary="Change what a model costs")
async def reprice(model: Name, body: PriceBody, request: Request) -> ArmBody:
    """From the next decision on; calls already decided are paid at the price of the time."""
    price = Price(input=body.input, output=body.output)
    return ArmBody.of(await opened(request.scope).router.set_price(model, price))


@routes.delete("/{model:path}", summary="Choose among one model fewer")
async def remove(model: Name, request: Request) -> ArmBody:
    """From the next decision on; what was learned of it is kept."""
    return ArmBody.of(await opened(request.scope).router.remove_model(model))
