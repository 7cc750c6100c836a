"""A model's tokenizer, as the engine needs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import llguidance
from tokenizers import Tokenizer

from narrowgauge.errors import DataLoss

__all__ = ["ModelTokenizer"]


class ModelTokenizer:
    """Text to tokens and back, and the token trie that constraints walk. Safe to use from several threads.

    Attributes:
        vocab_size: Width of the logits; may exceed the number of tokens.
        tokens: Number of tokens.
        eos: Tokens that end a text; at least one.
        trie: The token trie.
    """

    def __init__(self, path: Path, *, vocab_size: int, eos: Sequence[int]) -> None:
        """Loads `tokenizer.json`.

        Raises:
            DataLoss: The file is not a tokenizer of byte-level tokens.
        """
        try:
            text = path.read_text(encoding="utf-8")
            self._tokenizer = Tokenizer.from_str(text)
            # Sized to the logits, so that padded vocabulary ids have a place in the masks, as forbidden ones.
            self.trie = llguidance.LLTokenizer(text, n_vocab=vocab_size, eos_token=list(eos))
        except Exception as exc:  # the tokenizers library raises bare Exception
            raise DataLoss("BAD_TOKENIZER", f"{path} is not a tokenizer that can be used: {exc}") from exc
        self.vocab_size = vocab_size
        self.tokens: int = self._tokenizer.get_vocab_size()
        self.eos = tuple(eos)
        # Prompts share their parts; a part is tokenised once.
        self._encode_part = lru_cache(maxsize=256)(self.encode)

    def encode(self, text: str) -> tuple[int, ...]:
        """Tokenises a text; the names of special tokens in it become those tokens."""
        return tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def encode_part(self, text: str) -> tuple[int, ...]:
        """The same, remembering the last texts."""
        return self._encode_part(text)

    def bytes_of(self, tokens: Sequence[int]) -> bytes:
        """Returns the bytes that tokens stand for."""
        data: bytes = self.trie.decode_bytes(list(tokens))
        return data

    def texts(self) -> Iterator[tuple[int, str]]:
        """Yields every token that writes text, with that text; parts of characters as U+FFFD."""
        for token in range(self.tokens):
            if not self.trie.is_special_token(token):
                yield token, self.bytes_of([token]).decode("utf-8", "replace")

    def tokens_with_digits(self) -> dict[int, str]:
        """Returns every token that writes an ASCII digit, with its text."""
        return {token: text for token, text in self.texts() if any("0" <= c <= "9" for c in text)}
