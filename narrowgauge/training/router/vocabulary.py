"""Prunes a WordPiece vocabulary to the pieces that requests are made of."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer

__all__ = ["NEWLINE", "prune"]

NEWLINE = "\n"
"""A line break is a token of its own: BERT's tokenizer drops it, and lists are made of it."""

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def prune(tokenizer: Path, texts: Iterable[str], size: int) -> tuple[Tokenizer, list[int]]:
    """Keeps the special tokens, every one-character piece of Latin scripts, and the commonest others.

    A word whose piece is gone falls into smaller pieces, never into `[UNK]`, while its characters are Latin.

    Args:
        tokenizer: `tokenizer.json` of the base model.
        texts: What requests look like.
        size: Pieces to keep, the line break among them.

    Returns:
        The tokenizer with new ids, and for each new id the old one (for the line break, that of `;`).
    """
    source: dict[str, Any] = json.loads(tokenizer.read_text())
    old: dict[str, int] = source["model"]["vocab"]
    full = Tokenizer.from_str(json.dumps({**source, "truncation": None, "padding": None}))
    counts: Counter[str] = Counter()
    for encoding in full.encode_batch(list(texts), add_special_tokens=False):
        counts.update(encoding.tokens)
    kept: list[str] = [piece for piece in _SPECIAL if piece in old]
    kept += [p for p in old if p not in kept and _one_character(p)]
    ranked = sorted((p for p in counts if p not in kept), key=lambda p: (-counts[p], old[p]))
    # What the texts lack is filled in the base vocabulary's own order, which is by frequency.
    rest = [p for p in old if p not in counts and p not in kept and p.isascii() and not p.startswith("[")]
    known = set(kept)
    for piece in [*ranked, *rest]:
        if len(kept) >= size - 1:
            break
        if piece not in known:
            kept.append(piece)
            known.add(piece)
    source["model"]["vocab"] = {piece: i for i, piece in enumerate(kept)}
    source["added_tokens"] = [t for t in source["added_tokens"] if t["content"] in kept]
    for token in source["added_tokens"]:
        token["id"] = kept.index(token["content"])
    source["truncation"] = source["padding"] = source["post_processor"] = None
    pruned = Tokenizer.from_str(json.dumps(source))
    pruned.add_tokens([AddedToken(NEWLINE, normalized=False)])
    return pruned, [*(old[p] for p in kept), old[";"]]


def _one_character(piece: str) -> bool:
    character = piece.removeprefix("##")
    return len(character) == 1 and ord(character) < 0x250
