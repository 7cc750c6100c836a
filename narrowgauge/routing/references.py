"""What the words of a request say of its dependencies, where the pair classifier is sure and wrong.

The classifier reads means of token states: it sees that a step refers to something, and misses what one word
decides. These rules change its probabilities before they are decoded:

- An order is reversed where the words between two steps say so ("but first"), and is one where a step stands
  behind "when done with"; without any word of order there is none.
- "the machines", "those machines", "each machine" is the last step before it that asks for machines, or that
  makes "a machine for each".
- "everything" is each result that no other step has used, and so are several results at once.
- A summary is about the result that its words name ("summarize the case count"), nearer or not.
- A step that runs for each row runs over one result, the nearest.
- Without a word that can refer to anything a step uses nothing; where it quotes a text, "this" means that.
- "their", "it" with nothing in the step that they can mean, and a condition, use the step just before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from narrowgauge.routing.dependencies import KINDS
from narrowgauge.routing.lexical import asked_text
from narrowgauge.routing.topics import Topics

__all__ = ["ruled"]

Array = npt.NDArray[np.float32]

_NONE, _AFTER, _USES, _FOR_EACH = range(1 + len(KINDS))
_SURE = 0.95  # above it a word that refers may only be misspelt, or a noun stand for it
_RULED = np.float32(0.97)  # a rule's probability; on held-back plans they are right about this often

_REVERSED = re.compile(
    r"\bdo (?:this|that|it)(?: one)? first\b|\bbut (?:\w+ ){0,2}first\b|\bfirst,? though\b|\bbeforehand\b"
    r"|\b(?:before|prior to) (?:that|this|doing (?:so|that|this)|you do(?: so| that| this)?)\b"
    r"|^[\s,]*(?:but )?(?:not )?(?:only )?(?:right )?(?:after|once|until|as soon as)"
    r"(?: (?:you|we)(?:'ve| have| had)?)?\s*$",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    r"\b(?:after(?: having)?|upon|(?:when|once|if)(?: (?:you|we) (?:are|were)|(?: you)?'re)?"
    r" (?:done|finished|through)(?: with)?|(?:when|once|as soon as|after) (?:you|we)(?: have|'ve)?)\s*$",
    re.IGNORECASE,
)
_FIRST = re.compile(r"\b(?:first|start|begin|initially)", re.IGNORECASE)
_BEFORE = re.compile(
    r"\b(?:before|prior to|ahead of|earlier than)(?: (?:you|we|i)(?: go and)?)?\s*$", re.IGNORECASE
)
_THEN = re.compile(r"\b(?:then|next|afterwards|after that|thereafter|subsequently)\b[,:]?\s*$", re.IGNORECASE)
_SAME_SENTENCE = re.compile(r"\s*,\s*(?:please\s*)?")
_ORDER = re.compile(
    r"\b(?:then|next(?! step)|after\w*|there(?:after|upon)|subsequently|later|final(?:ly)?|last(?:ly)?|end"
    r"|once|when|upon|follow\w*|done|finish\w*|before\w*|prior|first\w*|second\w*|third\w*|start\w*|begin\w*"
    r"|complete\w*|until|soon|only|having|ahead|earlier|through|conclu\w+|eventually|initially|now)\b",
    re.IGNORECASE,
)
# Without any of these a request may be of another language, whose words of order and reference are others.
_ENGLISH = re.compile(
    r"\b(?:the|and|of|to|with|for|from|by|me|how|what|which|is|are|every|all)\b", re.IGNORECASE
)
# Words that may point at another step. `IT` within a text that is not all capitals is a department.
_REFERS = re.compile(
    r"\b(?:they|them|their|theirs|its|him|her|his|this|that|these|those|such|said|each|every|any|none|ones?|both|all|two|same"
    r"|everything|above|former|latter|results?|outcomes?|answers?|findings?|output|summary"
    r"|there|just|found|returned|listed|respective\w*|first|oldest|newest|top|if|unless|in case|should"
    r"|whenever|so|what)\b"
    r"|(?<=(?:the|his|hat) )(?:data|list|table|query|record|new)\b",
    re.IGNORECASE,
)
_IT = re.compile(r"\b(?:it|It)\b")
_CONDITION = re.compile(
    r"\b(?:if|should|unless|in case|provided|assuming)\b"
    r".{0,30}?\b(?:there|any|none|so|not|nothing|exist\w*|found|empty)\b",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\b(each|every|any|the|those|these|such|said)(?: (?:such|one|single|of (?:the|those|these)))?"
    r" (?!most\b|fewest\b|least\b|more\b|(?:high|low|larg|bigg|small|few)est\b)(\w{3,})(?: (\w{3,}))?\b",
    re.IGNORECASE,
)
_THAT_ONE = re.compile(r"\b(?:that|this|the new) ([a-z]{3,})(?=$|[.,;!?]|\s)", re.IGNORECASE)
_MAKES = (
    r"(?:add|create|enter|file|log|make|open|raise|record|register|set up) (?:an?|another)(?: [\w-]+){0,2}? "
)
# What follows "the machines" where it says which machines these are: no reference then.
_COMPLEMENT = re.compile(
    r"\s+(?:of|with|that|which|who|whose|without|where|in|at|from|created|owned|by|due|dated)\b",
    re.IGNORECASE,
)
_DETERMINED = re.compile(
    r"\b(?:each|every|any|the|those|these|such|said|this|that)(?: \w+)?\s+$", re.IGNORECASE
)
# "a task … for each": as many tasks.
_ONE_EACH = re.compile(r"\b(?:an?|one)(?: [\w-]+){0,3} $", re.IGNORECASE)
_FOR_EACH_OF = re.compile(r"(?:\s[^,.;]{0,40})??\s(?:for|per) (?:each|every)\b", re.IGNORECASE)
_TOTAL = re.compile(
    r"\b(?:everything|all (?:of )?(?:it|this|that)|the answers|(?:those|these) two"
    r"|(?:the two|both)(?: of them)?(?=$|[.,;!?]|\s+(?:for|to|into|in)\b))\b",
    re.IGNORECASE,
)
_THIS_QUOTED = re.compile(r"\b(?:this|these|the following)\b[^.]{0,20}:\s*", re.IGNORECASE)
_COUNTS = re.compile(r"(?:count|how many)\b", re.IGNORECASE)
# What is changed for each row is that row still, and no result of its own.
_ALTERS = re.compile(
    r"(?:change|close|give|mark|move|postpone|push|put|raise|reassign|set|shift|switch|update)\b",
    re.IGNORECASE,
)
_NEAR = 40  # characters before a noun in which its determiner stands
_START = 20  # characters of a step in which a word of order may stand
_THEIR = re.compile(r"\btheir\b", re.IGNORECASE)
_PLURAL = re.compile(
    r"\b(?!does\b|was\b|has\b|his\b|this\b)\w{3,}s\b|\b(?:people|children|who|each|every)\b", re.IGNORECASE
)
_ONE_BY_ONE = re.compile(r"\bone by one\b|\beach of (?:them|those|these)\b", re.IGNORECASE)
_TO_EACH = re.compile(r"\w+ each (?:an?|the)\b", re.IGNORECASE)
_RESULT = re.compile(
    r"\b(?:the|that) (?:output|outcome|result|figure|new \w+|resulting \w+)\b(?! of\b)"
    r"|\bwhat (?:comes back|came back|was returned|was found|you found)\b",
    re.IGNORECASE,
)
_OBJECT = re.compile(
    r"\b(?:it|them|those|these|that|this|him|her)\b(?=$|[.,;!?]|\s+(?:to|for|into|as|on|over|tomorrow)\b)",
    re.IGNORECASE,
)


def ruled(
    text: str, spans: Sequence[tuple[int, int]], quotes: Sequence[tuple[int, int]], probabilities: Array
) -> Array:
    """Probabilities that follow the words of a request.

    Args:
        text: The request.
        spans: Character spans of its steps, in text order.
        quotes: `quoted_regions(text)`: what is quoted says nothing of steps.
        probabilities: float32 [n, n, 1 + len(KINDS)] of the pair classifier: row depends on column.

    Returns:
        A changed copy of the probabilities.
    """
    out = probabilities.copy()
    if len(spans) < 2:
        return out
    english = bool(_ENGLISH.search(text))
    steps = [asked_text(text, span, quotes) for span in spans]
    gaps = [
        text[a:b]
        for a, b in zip([0, *(end for _, end in spans)], [begin for begin, _ in spans], strict=False)
    ]
    for i in range(1, len(spans)):
        _order(out, i, gaps, steps, english)
    used: set[int] = set()
    topics = Topics(steps)
    for i, step in enumerate(steps):
        if i:
            _results(out, i, steps, gaps, topics, used, english, quoted=step != text[slice(*spans[i])])
        used |= {j for j in range(i) if out[i, j].argmax() >= _USES}
    return out


def _order(out: Array, i: int, gaps: Sequence[str], steps: Sequence[str], english: bool) -> None:
    """Order of a step and the one before it, from what stands between and before them."""
    gap, front = gaps[i], gaps[i - 1]
    same_sentence = bool(_SAME_SENTENCE.fullmatch(gap))
    # "Before you delete it, show me its name": what the second step is about is no result of the first.
    before = same_sentence and bool(_BEFORE.search(front))
    if out[i, i - 1].argmax() >= _USES and not before:
        return
    if _REVERSED.search(gap) or before:
        _set(out, i - 1, i, _AFTER)
        _set(out, i, i - 1, _NONE)
        return
    if english and out[i - 1, i].argmax() == _AFTER and not _ORDER.search(gap + front):
        _set(out, i - 1, i, _NONE)
    # "When done with" in front of a step is about the step behind it.
    said = _BEHIND.sub("", gap) if i + 1 < len(gaps) and _SAME_SENTENCE.fullmatch(gaps[i + 1]) else gap
    if (same_sentence and _BEHIND.search(front)) or _THEN.search(said):
        _set(out, i, i - 1, _AFTER)
    elif (
        english
        and out[i, i - 1].argmax() == _AFTER
        and (out[i, i - 1, _AFTER] < _SURE or said != gap)
        and not (_ORDER.search(said) or _ORDER.search(steps[i][:_START]) or _FIRST.search(front))
    ):
        _set(out, i, i - 1, _NONE)


def _results(
    out: Array,
    i: int,
    steps: Sequence[str],
    gaps: Sequence[str],
    topics: Topics,
    used: set[int],
    english: bool,
    *,
    quoted: bool,
) -> None:
    """Which results a step uses, from its own words."""
    step = _THIS_QUOTED.sub("", steps[i]) if quoted else steps[i]
    data = [j for j in range(i) if out[i, j].argmax() >= _USES]
    named = _named(steps, i)
    if named is not None:
        source, kind = named
        for j in data:
            _set(out, i, j, _NONE)
        _set(out, i, source, kind)
        return
    topic = topics.of(i, data) if not _TOTAL.search(step) else None
    if topic is not None:
        for j in data:
            _set(out, i, j, _NONE)
        _set(out, i, topic, _USES)
        return
    each = [j for j in data if out[i, j].argmax() == _FOR_EACH]
    if _TOTAL.search(step) or (len(data) > 1 and not each):
        for j in range(i):
            if j not in used:
                _set(out, i, j, _USES)
            elif j in data:
                _set(out, i, j, _NONE)
        return
    for j in each[:-1]:
        _set(out, i, j, _NONE)
    if (_ONE_BY_ONE.search(step) and (not data or not each)) or (not data and _TO_EACH.match(step)):
        _set(out, i, data[-1] if data else i - 1, _FOR_EACH)
    elif each and _ONE_BY_ONE.search(step) and _ALTERS.match(steps[each[-1]]):
        rows = [j for j in range(each[-1]) if out[each[-1], j].argmax() == _FOR_EACH]
        if rows:
            _set(out, i, each[-1], _NONE)
            _set(out, i, rows[-1], _FOR_EACH)
    elif english and data and not _refers(step) and max(float(out[i, j, _USES:].max()) for j in data) < _SURE:
        for j in data:
            _set(out, i, j, _AFTER if j == i - 1 and _ORDER.search(gaps[i]) else _NONE)
    elif not data and (_conditional(gaps[i], step) or _points_back(step)):
        _set(out, i, i - 1, _USES)


def _named(steps: Sequence[str], i: int) -> tuple[int, int] | None:
    """The step that asked for what a step names again ("the machines"), and the kind of the dependency."""
    made = _made(steps, i)
    if made is not None:
        return made, _USES
    tried: set[str] = set()
    for match in _NAMED.finditer(steps[i]):
        each = match[1].lower() in ("each", "every")
        for group in (2, 3):
            noun = (match[group] or "").lower()
            complement = None if each else _COMPLEMENT.match(steps[i], match.end(group))
            if not noun or not (each or noun.endswith("s")) or complement:
                continue
            if noun in tried:
                continue
            tried.add(noun)
            mention = re.compile(rf"\b{_stem(noun)}\b", re.IGNORECASE)
            for j in reversed(range(i)):
                if group == 3 and _COUNTS.match(steps[i]) and not _says(steps[j], match[2]):
                    continue
                found = [m for m in mention.finditer(steps[j]) if _asks_for(steps[j], m)]
                if found and _COUNTS.match(steps[i]) and not found[0][0].lower().endswith("s"):
                    return None  # how many there are now, not how many were made
                if found:
                    return j, _FOR_EACH if each else _USES
    return None


def _says(step: str, word: str) -> bool:
    """Whether a step has a word: `the warm leads` are not those of `find the cold leads`."""
    return bool(re.search(rf"\b{re.escape(word)}\b", step, re.IGNORECASE))


def _made(steps: Sequence[str], i: int) -> int | None:
    """The last step before that makes what a step means by "that task"."""
    for match in _THAT_ONE.finditer(steps[i]):
        made = re.compile(rf"{_MAKES}{re.escape(match[1])}\b", re.IGNORECASE)
        for j in reversed(range(i)):
            if made.match(steps[j]):
                return j
    return None


def _stem(noun: str) -> str:
    """A pattern of the singular and the plural of a noun, in either of which it may stand."""
    if noun.endswith(("ies", "y")):
        return re.escape(noun.removesuffix("ies").removesuffix("y")) + "(?:y|ies)"
    return re.escape(noun.removesuffix("s")) + "(?:e?s)?"


def _asks_for(step: str, mention: re.Match[str]) -> bool:
    """Whether a noun in a step is a plural that the step itself brings up, no reference to one before; or one
    that it makes for each of several.
    """
    before = step[max(0, mention.start() - _NEAR) : mention.start()]
    if not mention[0].lower().endswith("s"):
        return bool(_ONE_EACH.search(before) and _FOR_EACH_OF.match(step[mention.end() :]))
    return not _DETERMINED.search(before) or bool(_COMPLEMENT.match(step[mention.end() :]))


def _refers(step: str) -> bool:
    """Whether a step has a word that may point at another one."""
    their = _THEIR.search(step)
    if their and _PLURAL.search(step[: their.start()]):
        step = _THEIR.sub("", step)
    return bool(_REFERS.search(step) or _IT.search(step) or (step.isupper() and "IT" in step.split()))


def _conditional(gap: str, step: str) -> bool:
    """Whether a step begins with a condition, perhaps behind a filler, or one stands right before it."""
    head, comma, _ = step.partition(",")
    return bool(_CONDITION.match(step) or _CONDITION.search(gap + head if comma else gap))


def _points_back(step: str) -> bool:
    """Whether a step has a pronoun that nothing in it explains."""
    their = _THEIR.search(step)
    if their and not _PLURAL.search(step[: their.start()]):
        return True
    if _RESULT.search(step):
        return True
    pronoun = _OBJECT.search(step)
    return bool(pronoun and len(step[: pronoun.start()].split()) <= 3)


def _set(out: Array, i: int, j: int, kind: int) -> None:
    """Makes a kind of a pair the likeliest; where it is already, its probability stays."""
    if out[i, j].argmax() != kind:
        out[i, j] = (1 - _RULED) / len(KINDS)
        out[i, j, kind] = _RULED
