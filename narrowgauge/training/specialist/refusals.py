"""Requests that no specialist of a contract can serve, for contracts that can say so."""

from __future__ import annotations

import random
import re
from collections.abc import Collection

__all__ = ["unrelated_requests"]

_UNRELATED = (
    *("what is the weather like tomorrow", "tell me a joke", "who won the match last night"),
    *("translate good morning into French", "how tall is Mount Everest", "play some jazz"),
    *("what is the capital of Peru", "turn off the lights in the kitchen", "set an alarm for seven"),
    *("recommend a good book", "what's the square root of 169", "find me a recipe for lentil soup"),
    *("how do I get to the airport", "write a poem about autumn", "what time is it in Tokyo"),
    *("convert 20 miles to kilometres", "who wrote Don Quixote", "show me pictures of cats"),
    *("is the pharmacy still open", "how many calories are in an apple", "call my mother"),
    *("what's the exchange rate of the euro", "remind me to water the plants", "spell necessary"),
    *("how long do I boil an egg", "which team leads the league", "what does ephemeral mean"),
    *("give me three names for a dog", "when is the next full moon", "are there flights to Madrid today"),
    *("order a pizza with mushrooms", "tell me the news", "what's on TV tonight", "how old is the universe"),
    *("summarize this article for me", "proofread my letter", "draw a circle", "what is your name"),
    *("explain how a transistor works", "do I need an umbrella", "start the vacuum cleaner"),
    *(
        "which bus goes to the station",
        "compose an email to the landlord",
        "how do you say thanks in Japanese",
    ),
    *("what happened in 1989", "pick a random number", "good morning", "are you there", "never mind"),
    *("what can you do", "I am bored", "book me a haircut", "how deep is the ocean", "name all planets"),
    *("check my blood pressure", "what should I cook tonight", "who is the mayor of Lyon"),
)


def unrelated_requests(rng: random.Random, contract_words: Collection[str]) -> list[str]:
    """Returns requests that have no telling word in common with a contract, in random order.

    Args:
        rng: Shuffles.
        contract_words: Words of the contract's names, descriptions and examples, in lower case.
    """
    usable = [
        text
        for text in _UNRELATED
        if not any(len(word) > 3 and word in contract_words for word in re.findall(r"[a-z]+", text.lower()))
    ]
    rng.shuffle(usable)
    return usable
