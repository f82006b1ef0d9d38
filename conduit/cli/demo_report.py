"""What the demo says at the end: one JSON object, or two tables and a few sentences."""

from __future__ import annotations

import shlex
import textwrap
from pathlib import Path

import numpy as np
from rich.table import Table

from conduit.cli.console import say, say_table, table_of
from conduit.cli.demo_replay import DemoRun
from conduit.cli.demo_words import goal_words, percent, quality, usd
from conduit.evaluation.replay_report import RANDOM

_NUMBERS = ("share", "prompts", "quality", "spend", "per prompt")
_VISIBLE = 5e-5
"""Least difference of quality that four decimals show."""

_ASK = 'conduit route "What is 2+2?"'


def payload(run: DemoRun, picture: Path | None) -> dict[str, object]:
    """The figures for programs; qualities are means per prompt, spend and savings totals in USD."""
    report = run.report
    return {
        "prompts": report.prompts,
        "policy": run.policy,
        "quality": report.quality,
        "spend_usd": report.spend_usd,
        "saved_usd": report.saved_usd,
        "saved_pct": report.saved_pct,
        "mixture_quality_at_same_spend": report.mixture_quality_at_same_spend,
        "baselines": {
            name: {"quality": baseline.quality, "spend_usd": baseline.spend_usd}
            for name, baseline in report.baselines.items()
        },
        "shares": dict(report.shares),
        "observations": run.observations,
        "seconds": run.seconds,
        "database": str(run.database),
        "picture": None if picture is None else str(picture),
        "in_sample": run.in_sample,
    }


def say_report(run: DemoRun, picture: Path | None) -> None:
    """Print the figures for people, 80 columns wide."""
    say(_headline(run))
    say("\nWhat Conduit did")
    _say_models(run)
    say("\nAgainst simpler ways to choose")
    _say_baselines(run)
    for paragraph in (_savings(run), _margin(run), _in_sample(run)):
        if paragraph:
            say("\n" + textwrap.fill(paragraph, 80))
    say("")
    if picture is not None:
        say(f"Picture:   {picture}")
    say(f"Database:  {run.database}")
    say(f"Try next:  {_next(run)}")


def _headline(run: DemoRun) -> str:
    return textwrap.fill(
        f"Conduit routed {run.report.prompts:,} recorded prompts in {run.seconds:.0f} s "
        f"(policy {run.policy}{goal_words(run.goal)}, seed {run.seed}).",
        80,
    )


def _say_models(run: DemoRun) -> None:
    table = table_of("model", "share", "prompts", "quality", "spend", right=_NUMBERS)
    arms = np.array([step.arm for step in run.steps])
    got = np.array([step.quality for step in run.steps])
    cost = np.array([step.cost for step in run.steps])
    for k, model in enumerate(run.simulator.outcomes.models):
        mine = arms == k
        mean = quality(float(got[mine].mean())) if mine.any() else "-"
        share = percent(run.report.shares[model])
        table.add_row(model, share, f"{mine.sum():,}", mean, usd(float(cost[mine].sum())))
    say_table(table)


def _say_baselines(run: DemoRun) -> None:
    report = run.report
    table = table_of("choice", "quality", "spend", "per prompt", right=_NUMBERS)
    order = sorted(report.baselines.items(), key=lambda item: -item[1].quality)
    for name, baseline in order:
        label = name if name == RANDOM else f"always {name}"
        _add(table, label, baseline.quality, baseline.spend_usd, prompts=report.prompts)
    mixture, spend = report.mixture_quality_at_same_spend, report.spend_usd
    _add(table, "best constant mixture, same spend", mixture, spend, prompts=report.prompts)
    _add(table, "Conduit", report.quality, spend, prompts=report.prompts, style="bold")
    say_table(table)


def _add(
    table: Table, label: str, mean: float, spend: float, *, prompts: int, style: str = ""
) -> None:
    table.add_row(label, quality(mean), usd(spend), usd(spend / prompts), style=style)


def _savings(run: DemoRun) -> str:
    report = run.report
    best = f"always using {report.best_model}, the best model"
    kept = f"at {percent(report.quality_retained)} of its quality"
    if report.saved_usd < 0:
        return f"Conduit spent {usd(-report.saved_usd)} more than {best}, {kept}."
    share = f"({report.saved_pct:.1f}%)"
    return f"Conduit saved {usd(report.saved_usd)} {share} against {best}, {kept}."


def _margin(run: DemoRun) -> str:
    report = run.report
    margin = report.quality - report.mixture_quality_at_same_spend
    error = report.quality_standard_error
    within = "" if error is None else f" ± {quality(error)} (standard error)"
    own = f"Its quality, {quality(report.quality)}{within}, is"
    mixture = "the best constant mixture of these models at the same spend"
    if abs(margin) < _VISIBLE:
        return f"{own} that of {mixture}."
    if margin > 0:
        return f"{own} {quality(margin)} above {mixture}."
    return (
        f"{own} {quality(-margin)} below {mixture}: on these prompts, a fixed share for "
        "every model, known only afterwards, would have done better."
    )


def _in_sample(run: DemoRun) -> str:
    if not run.in_sample:
        return ""
    return (
        "In sample: this database had learned before the start, so these figures flatter. "
        "Use --fresh to start from nothing."
    )


def _next(run: DemoRun) -> str:
    again = "conduit demo --fresh" + (f" --data {shlex.quote(run.data)}" if run.data else "")
    if run.in_sample:
        return again
    half = f"{run.report.spend_usd / run.report.prompts / 2:.2g}"
    return _ASK if run.goal or not float(half) else f"{again} --budget {half}"
