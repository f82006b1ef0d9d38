"""Selection rules: from what is believed of the arms to the probability of choosing each."""

from conduit.bandits.rules.greedy import EpsilonGreedy, Greedy, Uniform
from conduit.bandits.rules.inverse_gap import SquareCB
from conduit.bandits.rules.optimistic import UCB1, UpperConfidence
from conduit.bandits.rules.situation import Rule, Situation
from conduit.bandits.rules.thompson import Thompson
from conduit.bandits.rules.threshold import ComplexityThreshold, DifficultyThreshold

__all__ = [
    "UCB1",
    "ComplexityThreshold",
    "DifficultyThreshold",
    "EpsilonGreedy",
    "Greedy",
    "Rule",
    "Situation",
    "SquareCB",
    "Thompson",
    "Uniform",
    "UpperConfidence",
]
