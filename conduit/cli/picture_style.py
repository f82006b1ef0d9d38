"""How pictures look: matplotlib's parameters, given to each figure and set for nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from conduit.cli.demo_words import INK

STYLE: Mapping[Any, Any] = MappingProxyType(
    {
        "font.family": "DejaVu Sans",
        "font.size": 8.5,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.linewidth": 0.7,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "axes.titlepad": 12,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "lines.solid_capstyle": "round",
    }
)
