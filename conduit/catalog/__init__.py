"""Which models exist and what they cost: YAML registry, price sources, selection, baseline."""

from conduit.catalog.catalog import Catalog, load_catalog

__all__ = ["Catalog", "load_catalog"]
