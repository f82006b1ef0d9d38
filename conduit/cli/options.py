"""Options that several commands share, each with its help."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import typer

from conduit.cli.numbers import number, whole_number
from conduit.core.models import OptimizeFor

Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print JSON on standard output, and nothing else there.")
]
Database: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="PATH",
        help="SQLite file (or postgresql:// address) that remembers; default: see conduit config.",
    ),
]
Prompt: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="PROMPT",
        help="The prompt; left out, it is read from standard input.",
        show_default=False,
    ),
]
PromptOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--query", "-q", metavar="TEXT", help="The prompt, in the place of PROMPT."),
]
Model: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="ID", help="Take this model and no other; default: MODEL_NAME."
    ),
]
Provider: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--provider",
        metavar="NAME",
        help="Take a model of this provider only, and --model by its name there, listed or not; default: MODEL_PROVIDER.",
    ),
]
Reasoning: TypeAlias = Annotated[
    Literal["low", "medium", "high"] | None,
    typer.Option(
        "--reasoning",
        help="How much openai-codex thinks; default: MODEL_REASONING, else its own settings.",
        show_default=False,
    ),
]
PreferProvider: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--prefer-provider",
        metavar="NAME",
        help="Like this provider better; the others stay possible.",
    ),
]
MaxCost: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--max-cost", parser=number, metavar="USD", help="Most this call may cost; never relaxed."
    ),
]
MaxLatency: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--max-latency",
        parser=number,
        metavar="SECONDS",
        help="Longest expected latency; relaxed when no model is fast enough.",
    ),
]
MinQuality: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--min-quality",
        parser=number,
        metavar="0..1",
        help="Least expected quality; relaxed when no model has it.",
    ),
]
MaxTokens: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--max-tokens", parser=whole_number, metavar="N", help="Longest answer, in tokens."
    ),
]
UserId: TypeAlias = Annotated[
    str | None,
    typer.Option("--user-id", metavar="ID", help="Whose prompt it is; kept with the decision."),
]
Optimize: TypeAlias = Annotated[
    OptimizeFor | None,
    typer.Option("--optimize-for", help="What matters most.", show_default=False),
]
PolicyName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--policy",
        metavar="NAME",
        help="How to choose: thompson, rated_thompson, linucb, squarecb, epsilon_greedy, thompson_noncontextual, "
        "ucb1, knn, complexity, cheapest, best, random or fixed:MODEL.",
    ),
]
