"""The model registry: a YAML file that says which models exist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from conduit.catalog import fields
from conduit.catalog.documents import read_document
from conduit.core.arms import Arm, Price
from conduit.core.errors import ConfigurationError, InvalidInputError

SHIPPED = Path(__file__).parent / "data" / "registry.yaml"
"""The registry that is used where the user has none."""

_ENTRY: dict[str, fields.Reader] = {
    "id": fields.name,
    "provider": fields.provider,
    "model": fields.name,
    "tier": fields.tier,
    "input_price": fields.price,
    "output_price": fields.price,
    "max_output_tokens": fields.tokens,
    "base_url": fields.address,
}
_TOP: dict[str, fields.Reader] = {"models": lambda value: value, "baseline": fields.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The models that exist.

    Args:
        arms: in the order of the file, ids unique; the price is None unless the file gives it.
        baseline: id of the model that savings are measured against; None when the file has none.
        base_urls: per provider another address than its own.
    """

    arms: tuple[Arm, ...]
    baseline: str | None = None
    base_urls: Mapping[str, str] = field(default_factory=dict)

    def at(self, base_urls: Mapping[str, str]) -> Registry:
        """The same models with providers at other addresses; an arm's own address stays."""
        arms = tuple(
            replace(arm, base_url=arm.base_url or base_urls.get(arm.provider)) for arm in self.arms
        )
        return replace(self, arms=arms, base_urls=dict(base_urls))

    def find(self, name: str) -> Arm | None:
        """The arm of that name: its id, ``provider/model``, ``provider:model``, or model name.

        Raises:
            InvalidInputError: when several arms answer to the name, none of them by its id.
        """
        exact = [arm for arm in self.arms if arm.id == name]
        matches = exact or [arm for arm in self.arms if name in names_of(arm)]
        if len(matches) > 1:
            raise InvalidInputError(
                f"model {name!r} is ambiguous",
                remedy=f"choose one of: {', '.join(arm.id for arm in matches)}",
            )
        return matches[0] if matches else None


def names_of(arm: Arm) -> tuple[str, ...]:
    """Every name an arm answers to, the id first."""
    pairs = [
        f"{arm.provider}{mark}{model}" for model in (arm.id, arm.api_name) for mark in ("/", ":")
    ]
    return (arm.id, *pairs, arm.api_name)


def read_registry(path: Path = SHIPPED) -> Registry:
    """Read and check a registry file; its schema is in docs/CATALOG.md.

    Raises:
        ConfigurationError: naming file, entry and field.
    """
    top = fields.read_fields(read_document(path), _TOP, where=str(path))
    entries = top.get("models")
    if not isinstance(entries, list) or not entries:
        raise ConfigurationError(
            f"{path}: models is {entries!r}", remedy="list at least one model under 'models:'"
        )
    arms = tuple(_arm(raw, where=f"{path}: models[{i}]") for i, raw in enumerate(entries))
    _check_ids(arms, top.get("baseline"), path=path)
    return Registry(arms=arms, baseline=top.get("baseline"))


def _arm(raw: object, *, where: str) -> Arm:
    if isinstance(raw, dict) and isinstance(raw.get("id"), str):
        where = f"{where} ({raw['id']})"
    given = fields.read_fields(raw, _ENTRY, where=where)
    for required in ("id", "provider"):
        if required not in given:
            raise ConfigurationError(f"{where} has no {required}", remedy=f"add {required}")
    price = _price(given.pop("input_price", None), given.pop("output_price", None), where=where)
    return Arm(price=price, **given)


def _price(into: Any, out: Any, *, where: str) -> Price | None:
    if into is None and out is None:
        return None
    if into is None or out is None:
        missing = "input_price" if into is None else "output_price"
        raise ConfigurationError(f"{where} has no {missing}", remedy="give both prices or neither")
    return Price(input=into, output=out)


def _check_ids(arms: tuple[Arm, ...], baseline: str | None, *, path: Path) -> None:
    for arm_id, count in Counter(arm.id for arm in arms).items():
        if count > 1:
            raise ConfigurationError(
                f"{path}: id {arm_id!r} is given to {count} models", remedy="make every id unique"
            )
    ids = [arm.id for arm in arms]
    if baseline is not None and baseline not in ids:
        raise ConfigurationError(
            f"{path}: baseline is {baseline!r}", remedy=f"it must be one of: {', '.join(ids)}"
        )
