"""Spans that are no steps of their own, because they have no verb, and words that were cut off a step.

The tagger begins a step at some pieces of one: at what says whom it is for (`For Dr. Dubois, condense that`),
at a field behind a comma (`create a case, status New`), at a complement (`list the customers, with city`).
They join the step beside them. It also ends one before its last word (`set the origin to|Phone`), begins it
behind its verb (`complete|task 7`), and misses a second step where a verb stands with its object
(`translate the contract and show me the invoices`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["completed", "joined", "parted"]

Span = tuple[int, int]

_VERBS = frozenset(
    """
    abridge add adjust advance allocate analyse analyze answer approve archive arrange ask assign attach
    average begin book break brief bring build buy calculate call cancel change check clear close
    combine compare compile complete compose compress compute conclude condense connect contrast convert
    copy correct count create cut decide defer delete describe determine disable display divide do
    double draft draw drop dump edit email empty enable enroll enter escalate estimate examine explain
    export express extract fetch figure file fill filter find finish fix flag fold forward generate get
    give grab group hand have highlight identify import include increase inform insert inspect install
    join keep kill label leave let limit link list load log look lower mail make mark match measure
    merge message move multiply name need notify nurture open order organise organize outline overwrite
    pass paste pay pick place plan play plot postpone prepare print produce provide publish pull push
    put qualify query raise rank rate read reassign rebook recap receive recommend record reduce
    reformat refund register reject relate release remind remove rename reopen repeat replace report
    request reschedule reserve reset resolve restart restock restrict retrieve return review rewrite
    roll run save say schedule search see select send set shift ship shorten show sort split start state
    stop store sum summarise summarize switch sync tag take tell test total track transfer translate
    trim turn update upload upsert use verify want wipe withdraw work wrap write
    """.split()  # noqa: SIM905 - words read better as a text
)
_ASKING = frozenset(
    """
    are can could did do does had has have how i i'd is please should tl tldr was we were what what's whats
    when where which who whom whose why will would you
    """.split()  # noqa: SIM905
)
_WORD = re.compile(r"[\w'’-]+")
_WRITES = re.compile(
    r"\b(?:add|create|enter|file|insert|log|make|open|raise|record|register|set|update|upsert)"
    r" (?:an?|another|each|it|one|the|them)\b",
    re.IGNORECASE,
)
_CHANGES = re.compile(r"(?:add|change|create|log|open|raise|set|update|upsert)\b", re.IGNORECASE)
# Words that say for whom, where or on which condition something is done, in front of what is done.
_FRONT = re.compile(
    r"(?:for|from|in|on|at|by|per|among|out of|of|during|with|using|given|based on|depending on|if|whenever"
    r"|when (?:it|they|this|that|these|those|there|one|all|any|some|none|nothing|something"
    r"|the (?:\w+ )?\w+ (?:is|are))"
    r"|unless|should|were|supposing|assuming|provided|in case|on condition|except when)\b",
    re.IGNORECASE,
)
# A complement of what stands before it. `With` and `for` also stand in front of steps.
_COMPLEMENT = re.compile(
    r"(?:of|due|dated|with|without|within|whose|including|excluding|containing|named|called|priced|based on"
    r"|sorted by|ordered by|grouped by|where|which|that)\b",
    re.IGNORECASE,
)
_HOW_MANY = re.compile(r"how many", re.IGNORECASE)
_LIST_GAP = re.compile(r"[ \t]*,?[ \t]*")
_HOW_MANY_GAP = re.compile(r"\s*,?\s+and\s+", re.IGNORECASE)
_BY_GAP = re.compile(r"\s+by\s+", re.IGNORECASE)
_GERUND = re.compile(r"\w{2,}ing\b", re.IGNORECASE)
# Where a step cannot end: its last word wants another.
_DANGLING = re.compile(r"\w+ \w+.*\b(?:called|due next|due this|from the|in the|named|or|to)$", re.IGNORECASE)
_TAIL = re.compile(r" +(?P<words>[^.,;:!?\n]*[^.,;:!?\s])")
_VALUES = re.compile(r": +(?P<words>[^.;:!?\n]*[^.,;:!?\s])")  # what a step sets, behind a colon
_NAME = re.compile(r"(?:[A-Z][\w&'’-]+ ?)+")
_MORE = re.compile(
    r"\w+ly|along\w+|there\w+|further\w*|moreover|one|two|three|four|five|\W*|\w\W*", re.IGNORECASE
)
_NOT = re.compile(r"and not(?! until)(?: \w+){1,3}")
_HEAD = re.compile(r"(?:^|[.,;:!?\n])\s*(?P<word>[A-Za-z]+) +$")
_CONNECTING = frozenset(
    """
    after afterwards also and another as asap at before begin besides by conclude continue end finally
    finish first following get have if in last lastly later let meanwhile need next note now oh ok okay
    on once please plus second start subsequently thank thanks the then there third to want when while
    with you
    """.split()  # noqa: SIM905
)
_ANY_VERB = "|".join(sorted(_VERBS))
_SECOND = re.compile(
    rf"(?:, (?=(?:{_ANY_VERB})"
    r" (?:a|all|an|another|each|every|it|its|me|my|our|the|their|them|these|those)\b)"
    rf"|,? and (?=(?:{_ANY_VERB}) (?:each|me|them|those)\b)"
    rf"| [/+] (?=(?:{_ANY_VERB}|are|can|how|is|what|when|where|which|who) [^/+]* ))",
    re.IGNORECASE,
)
# A record that is linked where it is made: one of its fields, no step of its own.
_LINKED = re.compile(
    r"(?:attach|connect|link|relate|tie) (?:it|them|each)(?: one)? (?:to|with)\b", re.IGNORECASE
)
_AND_GAP = re.compile(r",? and ", re.IGNORECASE)
# Words that are verbs and columns: `the customers in Belgium, name and city`.
_COLUMNS = re.compile(r"(?:contact|name|order|rank|rate|state)(?:,| and) [\w ,]+", re.IGNORECASE)
# The end of a name that is verb and noun: `a case Quarterly|check with high priority`.
_NAMED_SO = re.compile(r".*\w [A-Z][\w-]+(?: [a-z]+)?", re.DOTALL)
_NAME_END = re.compile(
    r"(?:call|check|draft|order|plan|report|request|review|search|test|transfer|update)"
    r"(?=$|[,.]| (?:at|due|for|from|in|of|on|with)\b)"
)
# The beginning of a step that someone asks for in a sentence: no step of its own, and no part of one.
_OPENER = re.compile(
    r"(?:(?:tell|help|let) (?:me|us) ?)?(?:please|(?:can|could|will|would|do|shall|may) ?(?:you|we|i)?"
    r"|(?:i|we)(?: would|'d|’d)? ?(?:want|need|like|wish|have|love)(?: you)?(?: to)?)?",
    re.IGNORECASE,
)
_NO_GAP = re.compile(r"[ \t]*(?:to[ \t]+)?")
# The rest of a title with a comma inside: `add Hello Central,|Give Me Heaven to the list`.
_TITLE_END = re.compile(r".*[a-z][\w'’-]* (?:[A-Z][\w'’-]* )*[A-Z][\w'’-]*", re.DOTALL)
_SUBTITLE = re.compile(r"(?:The|A|An) [A-Z]")
_TITLE_REST = re.compile(r"(?!I\b)[A-Z][\w'’-]* [A-Z][\w'’-]*")
_UNSURE = 0.8  # begin probability below which a field is no step
_FRONT_WORDS = 8
_FEWEST = 3  # words of a step in front of a second verb
_FEW = 2  # words that may be missing behind a dangling one


def joined(text: str, spans: Sequence[Span], begins: Sequence[float]) -> list[Span]:
    """Joins spans that have no verb with the step that they belong to, and leaves out openings of sentences.

    Args:
        text: The request.
        spans: Character spans in text order.
        begins: The tagger's probability that a step begins where each span does.

    Returns:
        Spans in text order; as many, or fewer.
    """
    kept: list[Span] = []
    waiting: int | None = None  # where a piece begins that stands in front of the next step
    in_list = False  # whether the span before was joined as a field: those behind it are fields as well
    for k, (begin, end) in enumerate(spans):
        piece = text[begin:end]
        if k + 1 < len(spans) and _OPENER.fullmatch(piece) and _NO_GAP.fullmatch(text[end : spans[k + 1][0]]):
            continue
        if waiting is None and kept:
            gap = text[kept[-1][1] : begin]
            in_list = _continues(text[slice(*kept[-1])], gap, piece, 0.0 if in_list else begins[k])
            if in_list:
                kept[-1] = (kept[-1][0], end)
                continue
        start = begin if waiting is None else waiting
        behind = spans[k + 1][0] if k + 1 < len(spans) else None
        if behind is not None and _LIST_GAP.fullmatch(text[end:behind]) and _stands_in_front(piece):
            waiting = start
            continue
        kept.append((start, end))
        waiting = None
    return kept


def parted(text: str, spans: Sequence[Span], quotes: Sequence[Span]) -> list[Span]:
    """Divides steps in front of a second verb that has an object of its own.

    Args:
        text: The request.
        spans: Character spans in text order.
        quotes: `quoted_regions(text)`: what is quoted is never divided.

    Returns:
        Spans in text order; as many, or more.
    """
    parts: list[Span] = []
    for begin, end in spans:
        at = begin
        for second in _SECOND.finditer(text, begin, end):
            words = _WORD.findall(text[at : second.start()].lower())
            quoted = any(low <= second.start() < high for low, high in quotes)
            if not quoted and len(words) >= _FEWEST and words[0] in _VERBS:
                parts.append((at, second.start()))
                at = second.end()
        parts.append((at, end))
    return parts


def completed(text: str, spans: Sequence[Span], quotes: Sequence[Span]) -> list[Span]:
    """Gives steps the words at their ends that were left outside.

    Args:
        text: The request.
        spans: Character spans in text order.
        quotes: `quoted_regions(text)`: no step grows into a quotation.

    Returns:
        As many spans, in text order and apart.
    """
    whole: list[Span] = []
    for k, (begin, end) in enumerate(spans):
        head = _HEAD.search(text[whole[-1][1] if whole else 0 : begin])
        if head and head["word"].lower() in _VERBS - _CONNECTING:
            begin -= len(head[0]) - (head.start("word") - head.start())
        behind = spans[k + 1][0] if k + 1 < len(spans) else len(text)
        tail = _TAIL.match(text, end, behind) or _VALUES.match(text, end, behind)
        if (
            tail
            and _belongs(text[begin:end], tail)
            and not any(a < tail.end() and end < b for a, b in quotes)
        ):
            end = tail.end()
        whole.append((begin, end))
    return whole


def _belongs(step: str, behind: re.Match[str]) -> bool:
    """Whether words behind a step, up to the next mark of punctuation, are its last ones."""
    tail = behind["words"]
    first, *others = tail.split()
    if behind[0].startswith(":"):
        return bool(_CHANGES.match(step)) and first.lower() not in _VERBS | _ASKING | _CONNECTING
    if first.lower() in _CONNECTING or _MORE.fullmatch(first):
        return bool(_NOT.fullmatch(tail))
    return bool(
        (len(others) < _FEW and _DANGLING.match(step)) or (step[-1].islower() and _NAME.fullmatch(tail))
    )


def _continues(before: str, gap: str, piece: str, begin: float) -> bool:
    """Whether a span goes on with the step before it."""
    if _HOW_MANY.fullmatch(piece):
        return bool(_HOW_MANY_GAP.fullmatch(gap))
    if _BY_GAP.fullmatch(gap):
        return bool(_GERUND.match(piece))
    if _AND_GAP.fullmatch(gap):
        return bool(_LINKED.match(piece) and _WRITES.search(before))
    if gap == " " and _NAME_END.match(piece):
        return bool(_WRITES.search(before) and _NAMED_SO.fullmatch(before))
    if gap == ": " and _SUBTITLE.match(piece):
        return bool(_TITLE_END.fullmatch(before))
    if not _LIST_GAP.fullmatch(gap):
        return False
    if _COLUMNS.fullmatch(piece) or (
        "," in gap and _TITLE_REST.match(piece) and _TITLE_END.fullmatch(before)
    ):
        return True
    words = [word.lower() for word in _WORD.findall(piece)]
    if not words or words[0] in _VERBS or words[0] in _ASKING:
        return False
    if _COMPLEMENT.match(piece):
        return not any(word in _VERBS for word in words)
    return bool(begin < _UNSURE and _WRITES.search(before) and not _FRONT.match(piece))


def _stands_in_front(piece: str) -> bool:
    """Whether a span only says for whom, where or when the next one is done."""
    words = [word.lower() for word in _WORD.findall(piece)]
    return (
        len(words) <= _FRONT_WORDS
        and "," not in piece
        and bool(_FRONT.match(piece))
        and not any(word in _VERBS for word in words[1:])
    )
