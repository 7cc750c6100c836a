"""Many examples out of a few: other values, other words, and what does not belong to the request."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from narrowgauge.contracts.contract import Contract, ToolCall
from narrowgauge.contracts.proto_json import write_message
from narrowgauge.contracts.specialist import Example
from narrowgauge.contracts.validate import violations
from narrowgauge.errors import InvalidRequest
from narrowgauge.training.specialist.grounding import Mention, leaves_of, mentions_in
from narrowgauge.training.specialist.paraphrase import SLOT, Vocabulary, paraphrase, with_distractor
from narrowgauge.training.specialist.refusals import unrelated_requests
from narrowgauge.training.specialist.substitute import Pool, another_value, pool_of, words_of

__all__ = ["augment", "normal_request"]

_WITH_OTHER_VALUES = 0.85
_EACH_VALUE = 0.8
_WITH_DISTRACTOR = 0.08
_REFUSALS = 0.12
# Draws for one wanted variant; an example without values has few variants, and gives up.
_DRAWS = 6
# Stands between request and context where both are searched for values: no value has it.
_BREAK = "\n\x00\n"
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class _Original:
    """An example taken apart.

    Attributes:
        example: The example.
        call: Its call as an object of ProtoJSON.
        tool: Short name of its tool.
        template: Request and context, each value a slot.
        mentions: The values, and for each slot the index of its value and of its place.
        slots: See `mentions`.
    """

    example: Example
    call: dict[str, Any]
    tool: str
    template: str
    mentions: tuple[Mention, ...]
    slots: tuple[tuple[int, int], ...]


def augment(
    contract: Contract, examples: Sequence[Example], *, wanted: int, seed: int, avoid: Collection[str] = ()
) -> list[Example]:
    """Makes variants of examples; the examples themselves are not among them.

    Every variant is a valid call of its contract, and each value that stood in the request stands there anew.

    Args:
        contract: The contract.
        examples: Valid ones; those that are held back must not be among them.
        wanted: Variants in all; there are fewer when the examples do not give so many.
        seed: The same seed gives the same variants.
        avoid: Requests, as `normal_request` writes them, that must not come up.

    Raises:
        InvalidRequest: An example is no call of the contract.
    """
    rng = random.Random(f"augment/{seed}")
    originals = [_taken_apart(contract, example) for example in examples]
    if not originals:
        return []
    pool = pool_of([mention for original in originals for mention in original.mentions])
    words = _words_of_methods(contract, originals)
    contract_words = {word for found in words.values() for word in found}
    verbs = _verbs(contract, originals)
    vocabularies = {
        name: Vocabulary(
            {word for other, found in words.items() if other != name for word in found} - own, verbs
        )
        for name, own in words.items()
    }
    refusing = contract.refusing_tool
    refusals = round(wanted * _REFUSALS) if refusing is not None else 0
    seen = {normal_request(original.example.request) for original in originals} | set(avoid)
    made: list[Example] = []
    for original, share in zip(originals, _shares(originals, wanted - refusals), strict=True):
        got = 0
        for _ in range(share * _DRAWS):
            if got == share:
                break
            variant = _variant(contract, original, rng, pool, vocabularies[original.tool], contract_words)
            if variant is not None and normal_request(variant.request) not in seen:
                seen.add(normal_request(variant.request))
                made.append(variant)
                got += 1
    if refusing is not None:
        method = refusing.name if len(contract.tools) > 1 else ""
        call = json.dumps({_json_name(refusing.request, "unanswerable"): True})
        for text in _refused(refusals, rng, contract_words, verbs):
            if normal_request(text) not in seen:
                seen.add(normal_request(text))
                made.append(Example(text, "", "", method, call))
    return made


def normal_request(text: str) -> str:
    """Returns a request without what does not tell two requests apart: case, white space, closing marks."""
    return " ".join(text.casefold().split()).strip(" .!?")


def _taken_apart(contract: Contract, example: Example) -> _Original:
    parsed = example.tool_call(contract)
    call = json.loads(write_message(parsed.request))
    text = example.request.strip() + (_BREAK + example.context if example.context else "")
    mentions = tuple(mentions_in(text, list(leaves_of(call, parsed.tool.request))))
    slots: list[tuple[int, int]] = []
    template, at = "", 0
    places = sorted(
        (place.begin, place.end, index, number)
        for index, mention in enumerate(mentions)
        for number, place in enumerate(mention.places)
    )
    for begin, end, index, number in places:
        template += text[at:begin] + chr(SLOT + len(slots))
        slots.append((index, number))
        at = end
    return _Original(example, call, parsed.tool.name, template + text[at:], mentions, tuple(slots))


def _variant(
    contract: Contract,
    original: _Original,
    rng: random.Random,
    pool: Pool,
    vocabulary: Vocabulary,
    contract_words: Collection[str],
) -> Example | None:
    values: dict[int, Any] = {}
    if rng.random() < _WITH_OTHER_VALUES:
        for index, mention in enumerate(original.mentions):
            if mention.alone and rng.random() < _EACH_VALUE:
                value = another_value(mention.leaf, rng, pool)
                if value is not None:
                    values[index] = value
        if _is_ambiguous(original, values):
            return None
    words: list[str] = []
    for index, number in original.slots:
        mention = original.mentions[index]
        place = mention.places[number]
        said = words_of(mention, place, values[index]) if index in values else place.words
        if said is None:
            return None
        words.append(said)
    call = original.call
    for index, value in values.items():
        leaf = original.mentions[index].leaf
        call = _with_value(call, leaf.path, leaf.json(value))
    request, _, context = original.template.partition(_BREAK)
    request = paraphrase(request, rng, vocabulary)
    if rng.random() < _WITH_DISTRACTOR:
        request = with_distractor(request, rng, contract_words)
    example = Example(
        _filled(request, words),
        _filled(context, words),
        original.example.catalogue,
        original.example.method,
        json.dumps(call, ensure_ascii=False),
    )
    return example if values == {} or _is_valid(contract, example) else None


def _is_ambiguous(original: _Original, values: dict[int, Any]) -> bool:
    """Says whether a new value is also that of another field, so that nobody could tell which is which."""
    before = [mention.leaf.value for mention in original.mentions]
    after = [values.get(index, value) for index, value in enumerate(before)]
    return len({str(value).casefold() for value in after}) < len({str(value).casefold() for value in before})


def _is_valid(contract: Contract, example: Example) -> bool:
    try:
        parsed: ToolCall = example.tool_call(contract)
    except InvalidRequest:  # a number that the field's type does not hold
        return False
    return not violations(parsed.request)


def _filled(template: str, words: Sequence[str]) -> str:
    return "".join(
        words[ord(char) - SLOT] if 0 <= ord(char) - SLOT < len(words) else char for char in template
    )


def _with_value(node: Any, path: Sequence[str | int], value: Any) -> Any:
    if not path:
        return value
    copy: Any = list(node) if isinstance(node, list) else dict(node)
    copy[path[0]] = _with_value(copy[path[0]], path[1:], value)
    return copy


def _shares(originals: Sequence[_Original], wanted: int) -> list[int]:
    """Returns how many variants each example gives: half by example, half by method, so that none is rare."""
    count = Counter(original.tool for original in originals)
    weights = [0.5 / len(originals) + 0.5 / (len(count) * count[original.tool]) for original in originals]
    return [max(1, round(wanted * weight)) for weight in weights]


def _words_of_methods(contract: Contract, originals: Iterable[_Original]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for tool in contract.tools:
        spoken = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", tool.name)
        texts = [spoken, tool.description, *tool.examples]
        texts += [field.name.replace("_", " ") for field in tool.request.fields]
        found[tool.name] = set(_WORD.findall(" ".join(texts).lower()))
    for original in originals:
        found[original.tool] |= set(_WORD.findall(original.template.lower()))
    return found


def _verbs(contract: Contract, originals: Sequence[_Original]) -> set[str]:
    """Returns the words with which imperatives begin: those that more than one wording says or a name has."""
    firsts = Counter(
        match[0].lower()
        for text in (*(o.template for o in originals), *(e for tool in contract.tools for e in tool.examples))
        if (match := re.match(r"[A-Za-z]+", text))
    )
    names = {re.split(r"(?<=[a-z0-9])(?=[A-Z])", tool.name)[0].lower() for tool in contract.tools}
    common = {word for word, times in firsts.items() if times > 1}
    return (common | names) - _NO_VERBS


_NO_VERBS = {
    *(
        "the",
        "a",
        "an",
        "i",
        "we",
        "my",
        "our",
        "please",
        "can",
        "could",
        "would",
        "what",
        "which",
        "how",
        "who",
    ),
    *(
        "when",
        "where",
        "is",
        "are",
        "do",
        "does",
        "did",
        "has",
        "have",
        "in",
        "on",
        "at",
        "for",
        "from",
        "with",
    ),
    *("to", "there", "this", "that", "it", "hi", "hey", "hello", "some", "any", "no", "not", "need"),
}


def _refused(
    count: int, rng: random.Random, contract_words: Collection[str], verbs: Collection[str]
) -> list[str]:
    texts = unrelated_requests(rng, contract_words)
    vocabulary = Vocabulary(verbs=verbs)
    made = list(texts[:count])
    for _ in range(count * _DRAWS):
        if len(made) >= count or not texts:
            break
        made.append(paraphrase(rng.choice(texts), rng, vocabulary))
    return made[:count]


def _json_name(message: Any, field: str) -> str:
    return str(message.fields_by_name[field].json_name)
