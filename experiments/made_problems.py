"""Arithmetic, algebra, probability and logic problems, made from templates with a seed."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_NAMES = [
    "Amira",
    "Bruno",
    "Chidi",
    "Dalia",
    "Emre",
    "Freya",
    "Goran",
    "Hana",
    "Idris",
    "Jonas",
    "Kavya",
    "Lior",
    "Mei",
    "Nadia",
    "Oskar",
    "Priya",
    "Quentin",
    "Rosa",
    "Samir",
    "Tove",
    "Umar",
    "Vera",
    "Wren",
    "Ximena",
    "Yusuf",
    "Zofia",
]
_THINGS = [
    "apples",
    "pencils",
    "marbles",
    "tickets",
    "notebooks",
    "cookies",
    "stamps",
    "bottles",
    "chairs",
    "eggs",
    "books",
    "flowers",
    "bricks",
    "shirts",
    "cups",
    "coins",
]
_PLACES = [
    "school",
    "the market",
    "a bakery",
    "the library",
    "a farm",
    "the office",
    "a factory",
    "the station",
]
_COLOURS = ["red", "blue", "green", "yellow", "purple", "orange", "black", "white"]
_TRADES = ["baker", "gardener", "teacher", "tailor", "carpenter", "driver", "painter", "nurse"]
_KINDS = ["dogs", "poets", "engineers", "birds", "musicians", "swimmers", "lawyers", "robots"]


def made_problems(rng: Random, *, count: int) -> list[str]:
    """Problems in words, in symbols and in logic, each template equally often."""
    return [rng.choice(_TEMPLATES)(rng) for _ in range(count)]


def _shopping(rng: Random) -> str:
    a, b = rng.sample(_THINGS, 2)
    name = rng.choice(_NAMES)
    return (
        f"{name} goes to {rng.choice(_PLACES)} and buys {rng.randint(2, 30)} {a} at "
        f"${rng.randint(1, 20)} each and {rng.randint(2, 12)} {b} at ${rng.randint(1, 9)}."
        f"{rng.choice((25, 50, 75))} each. How much money does {name} have left from "
        f"${rng.randint(100, 900)}?"
    )


def _sharing(rng: Random) -> str:
    a, b, c = rng.sample(_NAMES, 3)
    thing = rng.choice(_THINGS)
    return (
        f"{a} has {rng.randint(10, 90)} {thing}. {b} has {rng.choice(('twice', 'half', 'three times'))} "
        f"as many {thing} as {a}, and {c} has {rng.randint(2, 9)} fewer than {b}. "
        f"How many {thing} do they have altogether?"
    )


def _work(rng: Random) -> str:
    name, trade = rng.choice(_NAMES), rng.choice(_TRADES)
    return (
        f"{name} is a {trade} who earns ${rng.randint(9, 40)} an hour and works "
        f"{rng.randint(4, 10)} hours a day, {rng.randint(3, 6)} days a week. After paying "
        f"{rng.randint(10, 35)}% in tax, how much does {name} keep in {rng.randint(2, 8)} weeks?"
    )


def _travel(rng: Random) -> str:
    a, b = rng.sample(_NAMES, 2)
    return (
        f"A train with {a} on board leaves {rng.choice(_PLACES)} at {rng.randint(1, 12)} a.m. and "
        f"travels {rng.randint(40, 120)} miles per hour. {rng.randint(1, 4)} hours later {b} "
        f"follows by car at {rng.randint(60, 150)} km/h. When do they meet?"
    )


def _growth(rng: Random) -> str:
    thing = rng.choice(_THINGS)
    return (
        f"On Monday a shop sold {rng.randint(10, 60)} {thing}. On Tuesday it sold "
        f"{rng.randint(5, 40)} more than on Monday, and on Wednesday {rng.randint(2, 5)} times as "
        f"many as on Tuesday. What was the average number of {thing} sold per day?"
    )


def _equation(rng: Random) -> str:
    a, b, c = (rng.randint(2, 20) for _ in range(3))
    return rng.choice(
        (
            f"Solve for x: {a}x^2 - {b}x + {c} = 0",
            f"If {a}x + {b} = {c}, what is x?",
            f"Find the derivative of f(x) = {a}x^3 + sin({b}x) with respect to x.",
            f"Evaluate \\int_0^{a} ({b}x + {c}) dx.",
            f"Compute ({a} + {b}) * {c} - {a * b} / {a}.",
            f"(({a} * -{b} + {c}) - ({b} - -{c} * {a})) =",
            f"What is the remainder when {a}^{b} is divided by {c}?",
            f"Let G be a group of order {a * b}. How many elements of order {b} can it have?",
            f"Determine the eigenvalues of the matrix [[{a}, {b}], [{b}, {c}]].",
            f"Prove that $\\sum_{{k=1}}^n k^{a} < n^{{{a + 1}}}$ for all $n \\ge {b}$.",
        )
    )


def _chance(rng: Random) -> str:
    a, b, c = (rng.randint(2, 12) for _ in range(3))
    return rng.choice(
        (
            f"A bag holds {a} {rng.choice(_COLOURS)}, {b} {rng.choice(_COLOURS)} and {c} other "
            f"balls. Two are drawn without replacement. What is the probability that they match?",
            f"A fair die is thrown {a} times. What is the probability of at least one six?",
            f"A sample of {a * 25} has mean {b * 10} and standard deviation {c}. Find a 95% "
            f"confidence interval for the population mean.",
            f"In how many ways can {a + 2} people sit around a table if {b % 3 + 2} of them "
            f"insist on sitting together?",
        )
    )


def _physics(rng: Random) -> str:
    a, b, c = (rng.randint(2, 60) for _ in range(3))
    return rng.choice(
        (
            f"A body of mass {a} kg slides down a slope of {b} degrees. The coefficient of "
            f"friction is 0.{c}. What is its acceleration?",
            f"A resistor of {a} ohm and a capacitor of {b} microfarad are in series at {c} V. "
            f"Find the time constant and the initial current.",
            f"An ideal gas at {a * 10} K and {b} atm expands from {c} L to {2 * c} L at constant "
            f"temperature. Calculate the work done and the change in entropy.",
            f"How many moles are in {a} g of a compound with molar mass {b} g/mol? "
            f"The yield of the reaction is {c}%.",
        )
    )


def _money(rng: Random) -> str:
    a, b, c = rng.randint(1, 90) * 100, rng.randint(2, 12), rng.randint(1, 30)
    return rng.choice(
        (
            f"A loan of ${a:,} at {b}% interest compounded monthly is repaid over {c} years. "
            f"Find the monthly payment.",
            f"A company has revenue of ${a * 100:,}, fixed costs of ${a * 20:,} and a margin of "
            f"{b}%. What is its break-even volume at a price of ${c}?",
            f"If demand is Q = {a} - {b}P and supply is Q = {c}P, find the equilibrium price and "
            f"the effect of a tax of ${b}.",
        )
    )


def _syllogism(rng: Random) -> str:
    a, b, c = rng.sample(_KINDS, 3)
    return (
        f"All {a} are {b}. {rng.choice(('Some', 'No', 'All'))} {b} are {c}. Does it follow that "
        f"{rng.choice(('some', 'no', 'all'))} {a} are {c}? Answer valid or invalid."
    )


def _testimony(rng: Random) -> str:
    people = rng.sample(_NAMES, 5)
    claims = " ".join(
        f"{speaker} says that {other} {rng.choice(('lies', 'tells the truth'))}."
        for other, speaker in itertools.pairwise(people)
    )
    return f"{people[0]} {rng.choice(('lies', 'is honest'))}. {claims} Is {people[-1]} honest?"


def _ordering(rng: Random) -> str:
    a, b, c, d = rng.sample(_COLOURS, 4)
    return (
        f"Four boxes stand in a row: {a}, {b}, {c} and {d}. The {a} box is left of the {b} box. "
        f"The {c} box is next to the {d} box, which is not last. Which box is "
        f"{rng.choice(('first', 'second', 'third', 'last'))}?"
        f"\n(A) {a}\n(B) {b}\n(C) {c}\n(D) {d}"
    )


def _words(rng: Random) -> str:
    words = " ".join(rng.sample([*_THINGS, *_COLOURS, *_TRADES, *_KINDS], 8))
    return rng.choice(
        (
            f"Sort these words alphabetically: {words}",
            f"How many of these are colours: {words.replace(' ', ', ')}?",
            f"Write a python function that reverses the words of '{words}'.",
        )
    )


_TEMPLATES: tuple[Callable[[Random], str], ...] = (
    _shopping,
    _sharing,
    _work,
    _travel,
    _growth,
    _equation,
    _chance,
    _physics,
    _money,
    _syllogism,
    _testimony,
    _ordering,
    _words,
)
