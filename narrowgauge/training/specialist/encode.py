"""Examples as tokens, by the code that serves: the same prompts, the same surface, the same tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field

import llguidance
from tokenizers import Tokenizer

from narrowgauge.contracts.catalogue_text import catalogue_text, holds_dates
from narrowgauge.contracts.closed_sets import TEXT_SETS, closed_sets_of, source_text
from narrowgauge.contracts.contract import ToolCall
from narrowgauge.contracts.places_said import request_shown
from narrowgauge.contracts.prompts import build_prompt, chat_format, context_text, follow_up
from narrowgauge.contracts.record_aliases import RecordAliases
from narrowgauge.contracts.record_columns import context_shown
from narrowgauge.contracts.schema_links import SchemaLink, schema_links
from narrowgauge.contracts.specialist import SpecialistConfig
from narrowgauge.contracts.surfaces import CompiledSurface
from narrowgauge.errors import InvalidRequest
from narrowgauge.training.specialist.batches import EncodedExample
from narrowgauge.v1.catalogue_pb2 import Catalogue
from narrowgauge.v1.specialist_pb2 import ContextDocument

__all__ = ["Encoder", "RefusedCall", "TrainingExample"]


@dataclass(frozen=True)
class RefusedCall:
    """An earlier turn of a sub-task.

    Attributes:
        text: The call that the specialist made, in its surface; or text that is none.
        error: Why the tool refused it, in the tool's words.
    """

    text: str
    error: str


@dataclass(frozen=True)
class TrainingExample:
    """A sub-task and the call that answers it: what the specialist service gets and what it returns.

    Attributes:
        request: The sub-task.
        call: The call.
        catalogue: What exists in the tool's environment.
        context: Documents that the sub-task is about.
        today: YYYY-MM-DD.
        catalogue_text: Text for the prompt when there is no catalogue, as examples files have it.
        refused: The turn before, when the call is the repair of one that the tool refused.
    """

    request: str
    call: ToolCall
    catalogue: Catalogue = field(default_factory=Catalogue)
    context: Sequence[ContextDocument] = ()
    today: str = ""
    catalogue_text: str = ""
    refused: RefusedCall | None = None


class Encoder:
    """Encodes examples for one specialist and one model.

    Args:
        config: The specialist's configuration; its examples are not shown, since a tuned one needs none.
        surface: The compiled surface.
        tokenizer_json: The model's tokenizer.
        vocab_size: Width of the logits.
        eos: Tokens that end a text; the first one ends a call.
        chat: Name of the model's chat format.
    """

    def __init__(
        self,
        config: SpecialistConfig,
        surface: CompiledSurface,
        *,
        tokenizer_json: str,
        vocab_size: int,
        eos: Sequence[int],
        chat: str,
    ) -> None:
        self._config = config
        self._surface = surface
        self._tokenizer = Tokenizer.from_str(tokenizer_json)
        self._trie = llguidance.LLTokenizer(tokenizer_json, n_vocab=vocab_size, eos_token=list(eos))
        self._eos = eos[0]
        self._chat = chat_format(chat)
        self._grammars: dict[tuple[object, ...], str] = {}
        self._matchers: dict[str, llguidance.LLMatcher] = {}

    def of(self, config: SpecialistConfig, surface: CompiledSurface) -> Encoder:
        """Returns an encoder for another specialist on the same model; its tokenizer is not read again."""
        other = copy(self)
        other._config, other._surface = config, surface
        # Keyed by catalogues, and so of this contract alone.
        other._grammars = {}
        other._matchers = {}
        return other

    def encode(self, example: TrainingExample) -> EncodedExample:
        """Encodes one example.

        Raises:
            InvalidRequest: The grammar does not allow the call, so no training could make it served.
        """
        aliases = self._aliases(example)
        asked = aliases.hide(request_shown(example.request, self._surface))
        context = context_shown(example.context, example.request, self._surface)
        chars = self._config.catalogue_chars
        catalogue = example.catalogue_text
        if chars and example.catalogue.entities:
            catalogue = catalogue_text(example.catalogue, max_chars=chars, request=asked)
        links: list[SchemaLink] = []
        if self._config.schema_links:
            links = [*aliases.links(example.catalogue), *schema_links(example.catalogue, asked)]
        parts = build_prompt(
            self._chat,
            self._config.instruction,
            (),
            request=asked,
            catalogue=catalogue,
            context=context_text(aliases.hidden(context)),
            today=example.today,
            dated=holds_dates(example.catalogue),
            links=links,
        )
        # Part by part, as serving does, so that the tokens at the seams are the same.
        prefix = [token for text in parts.texts[:-1] for token in self._ids(text)]
        prompt = prefix + self._ids(parts.texts[-1])
        if example.refused is not None:
            prompt += self._ids(aliases.hide(example.refused.text))
            prompt += self._ids(follow_up(self._chat, aliases.hide(example.refused.error)))
        target = self._ids(aliases.hide(self._surface.render(example.call.tool, example.call.request)))
        sampled = self._sampled(target, self._grammar(example))
        return EncodedExample(tuple(prompt), (*target, self._eos), tuple(sampled), len(prefix))

    def _aliases(self, example: TrainingExample) -> RecordAliases:
        """The names of the record ids, as a conversation makes them."""
        source = source_text(example.context)
        return RecordAliases.of_sub_task(self._surface.closed_sets, example.request, source)

    def _grammar(self, example: TrainingExample) -> str:
        closed_sets = closed_sets_of(example.catalogue, example.context, example.request)
        own = sorted(self._surface.closed_sets.intersection(TEXT_SETS))
        key = (example.catalogue.hash, *(tuple(closed_sets[name]) for name in own))
        if key not in self._grammars:
            self._grammars[key] = self._surface.grammar(closed_sets)
        return self._grammars[key]

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _sampled(self, target: Sequence[int], grammar: str) -> list[bool]:
        """Tells for each token and for the end whether the grammar leaves a choice there."""
        matcher = self._matcher(grammar).deep_copy()
        sampled: list[bool] = []
        forced: list[int] = []
        for position, token in enumerate(target):
            if not forced:
                forced = list(matcher.compute_ff_tokens())
            sampled.append(not forced or forced[0] != token)
            forced = forced[1:] if forced and forced[0] == token else []
            if not matcher.consume_token(token):
                before = self._tokenizer.decode(list(target[:position]))
                raise InvalidRequest("CALL_NOT_ALLOWED", f"the grammar ends the gold call after {before!r}")
        if not matcher.is_accepting() and not matcher.is_stopped():
            raise InvalidRequest("CALL_NOT_ALLOWED", "the grammar wants more than the gold call says")
        sampled.append(not matcher.is_stopped())
        return sampled

    def _matcher(self, grammar: str) -> llguidance.LLMatcher:
        if grammar not in self._matchers:
            if len(self._matchers) > 256:
                self._matchers.clear()
            compiled = llguidance.LLMatcher.grammar_from_lark(grammar)
            self._matchers[grammar] = llguidance.LLMatcher(self._trie, compiled)
        return self._matchers[grammar]
