"""Other ways to say a request: operators on its words that leave what it asks for as it is.

They work on a text in which each value of the call is one character of the private use area (`SLOT` and those
after it), so that no operator can touch a value.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from narrowgauge.training.specialist.noise import roughen

__all__ = ["SLOT", "SYNONYM_WORDS", "Vocabulary", "paraphrase", "with_distractor"]

SLOT = 0xE000
"""Code point of the first value."""

_SLOTS = "\ue000-\uf8ff"
_POLITE = re.compile(
    r"^(please|kindly|can you|could you|would you|i need|i want|i'd like|we need|hi|hey|hello)\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"^(what|which|how|who|whom|whose|when|where|why|is|are|was|were|do|does|did|has|have|can|could|will)\b",
    re.IGNORECASE,
)
_BEFORE_VERBS = (
    *("please ", "could you ", "can you ", "would you ", "can you please ", "kindly ", "I need you to "),
    *("I want to ", "we need to ", "I'd like to ", "let's ", "time to "),
)
_BEFORE_ALL = (
    "hi, ",
    "hello, ",
    "hey, ",
    "ok, ",
    "ok so ",
    "good morning, ",
    "quick one: ",
    "next: ",
    "also, ",
)
_CLOSINGS = (
    ", please",
    " please",
    ", thanks",
    ", thank you",
    " - thanks",
    ", would be great",
    ", if you can",
)
# Words that mean the same in the requests that a tool gets. What another method of the contract is asked with
# is never put into a request for this one.
_SYNONYMS = (
    ("show", "list", "display", "give me", "pull up"),
    ("create", "add", "make", "set up", "open"),
    ("delete", "remove", "get rid of", "erase"),
    ("cancel", "call off", "undo"),
    ("reserve", "hold", "set aside", "block"),
    ("release", "free up", "give back"),
    ("update", "change", "modify", "edit"),
    ("send", "forward"),
    ("find", "look up", "search for", "get"),
    ("book", "reserve"),
    ("schedule", "plan", "arrange"),
    ("buy", "purchase"),
    ("start", "begin", "launch"),
    ("stop", "end", "halt"),
    ("increase", "raise"),
    ("decrease", "lower", "reduce"),
    ("check", "look at", "verify"),
    ("need", "want", "require"),
    ("units", "pieces", "items", "pcs"),
    ("customer", "client"),
    ("warehouse", "depot", "store"),
    ("about", "around", "roughly"),
    ("immediately", "right away", "at once"),
    ("for", "on behalf of"),
)
SYNONYM_WORDS = frozenset(word for group in _SYNONYMS for phrase in group for word in phrase.split())
"""All words that may take another one's place; a vocabulary that bars them leaves each word as it is."""

_FILLERS = {"the", "a", "an", "of", "please", "our", "my", "some", "kindly"}
_PREPOSITIONS = "in|at|for|from|by|with|on|until|before|after|during|starting|to"
_PHRASE = re.compile(
    rf"^(?P<head>\S+ .+?)[ ,]+(?P<phrase>(?:{_PREPOSITIONS}) [^,.;]*[{_SLOTS}][^,.;]*?)(?P<end>[.!?]?)$"
)
_TWO_PHRASES = re.compile(
    rf"^(?P<head>.+?) (?P<one>(?:{_PREPOSITIONS}) [^,.;]*?[{_SLOTS}]\w*) "
    rf"(?P<two>(?:{_PREPOSITIONS}) [^,.;]*?[{_SLOTS}])(?P<end>[.!?]?)$"
)
_DISTRACTORS = (
    *("I am about to board a train.", "It has been a long day.", "Sorry for the short notice."),
    *("My phone is almost empty.", "The printer is broken again.", "I hope you had a nice weekend."),
    *(
        "Everybody is in a meeting right now.",
        "The coffee machine is being cleaned.",
        "Sorry, typing with one hand.",
    ),
    *("I will be out for lunch soon.", "This came up in the stand-up.", "My manager asked me about it."),
    *("No rush.", "It is rather urgent.", "I nearly forgot about it.", "That is what the email said."),
    *("We talked about it on the phone.", "The weather is awful here.", "Let me know when it is done."),
    *("I will tell the others.", "Nothing else for today.", "Thanks for your help last week."),
    *("I have to leave early today.", "The other system is down.", "You know how it goes."),
    *("It is on my list since last week.", "Somebody should have done it already.", "The line is very bad."),
)

Operator = Callable[[str, random.Random], str]


@dataclass(frozen=True)
class Vocabulary:
    """What an operator has to know of a contract.

    Attributes:
        barred: Words that requests for other methods have and those for this one have not.
        verbs: First words of requests that are imperatives.
    """

    barred: Collection[str] = frozenset()
    verbs: Collection[str] = frozenset()


def paraphrase(text: str, rng: random.Random, vocabulary: Vocabulary) -> str:
    """Returns a request in other words, at times in the same.

    Args:
        text: The request, its values as slots.
        rng: Chooses.
        vocabulary: Of the contract.
    """
    first = re.match(r"[A-Za-z]+", text)
    imperative = first is not None and first[0].lower() in vocabulary.verbs
    if rng.random() < 0.45:
        text = _with_synonym(text, rng, vocabulary)
    form = rng.random()
    if form < 0.18:
        moved = _phrase_first(text)
        imperative = imperative and moved == text
        text = moved
    elif form < 0.3:
        text = _phrases_swapped(text)
    if rng.random() < 0.2:
        text = _fragment(text)
    if rng.random() < 0.35:
        text = _opened(text, rng, imperative=imperative)
    if rng.random() < 0.2:
        text = _closed(text, rng)
    return _typed(text, rng)


def with_distractor(text: str, rng: random.Random, contract_words: Collection[str]) -> str:
    """Adds a sentence that has nothing to do with the request, before or after it.

    Args:
        text: The request.
        rng: Chooses.
        contract_words: Words that mean something in the contract; no such sentence has them.
    """
    sentence = rng.choice(_DISTRACTORS)
    if any(len(word) > 3 and word in contract_words for word in re.findall(r"[a-z]+", sentence.lower())):
        return text
    if rng.random() < 0.5:
        return f"{sentence} {text[:1].upper()}{text[1:]}"
    return f"{text}{'' if text.endswith(('.', '?', '!')) else '.'} {sentence}"


def _with_synonym(text: str, rng: random.Random, vocabulary: Vocabulary) -> str:
    choices: list[tuple[str, str]] = []
    for group in _SYNONYMS:
        for word in group:
            if re.search(rf"\b{word}\b", text, re.IGNORECASE):
                others = [other for other in group if other != word]
                choices += [(word, o) for o in others if not set(o.split()) & set(vocabulary.barred)]
    if not choices:
        return text
    word, other = rng.choice(choices)
    # What is set aside is not "set aside it".
    pattern = rf"\b{word}\b" + (r"(?! (?:it|them|those|these|this|that)\b)" if " " in other else "")
    return re.sub(pattern, other, text, count=1, flags=re.IGNORECASE)


def _phrase_first(text: str) -> str:
    match = _PHRASE.match(text)
    if match is None or len(match["phrase"].split()) > 5 or _POLITE.match(match["phrase"]):
        return text
    head = match["head"]
    head = head[:1].lower() + head[1:] if not head[1:2].isupper() else head
    return f"{match['phrase']}, {head}{match['end']}"


def _phrases_swapped(text: str) -> str:
    match = _TWO_PHRASES.match(text)
    return f"{match['head']} {match['two']} {match['one']}{match['end']}" if match else text


def _fragment(text: str) -> str:
    """Leaves out what a hurried writer leaves out."""
    if _QUESTION.match(text):
        return text
    words = text.rstrip(".! ").split(" ")
    kept = [word for word in words if word.lower() not in _FILLERS]
    return " ".join(kept) if len(kept) >= 2 else text


def _opened(text: str, rng: random.Random, *, imperative: bool) -> str:
    if _POLITE.match(text):
        return text
    first = re.match(r"[A-Za-z]+", text)
    lowered = text[:1].lower() + text[1:] if first and len(first[0]) > 1 else text
    if imperative and rng.random() < 0.75:
        opening = rng.choice(_BEFORE_VERBS)
        end = "?" if opening.startswith(("could", "can", "would")) else ""
        return opening + lowered.rstrip(".!") + end
    return rng.choice(_BEFORE_ALL) + lowered


def _closed(text: str, rng: random.Random) -> str:
    bare = text.rstrip(".!?")
    if re.search(r"\b(please|thanks|thank you)\b", bare, re.IGNORECASE):
        return text
    return bare + rng.choice(_CLOSINGS) + text[len(bare) :]


def _typed(text: str, rng: random.Random) -> str:
    bare = text.rstrip(".?! ")
    form = rng.random()
    if form < 0.45 or not bare:
        return text
    if form < 0.55:
        return bare.lower()
    return roughen(bare, rng)
