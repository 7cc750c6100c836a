"""Writes the tokenizer of a GGUF file in the `tokenizers` library's form."""

from __future__ import annotations

from typing import Any

from narrowgauge.errors import DataLoss, Unsupported

__all__ = ["gguf_tokenizer_json"]

# Pre-tokenizer expressions of the checkpoints' own tokenizer.json, by `tokenizer.ggml.pre`.
_LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CONTROL, _USER_DEFINED = 3, 4


def gguf_tokenizer_json(metadata: dict[str, Any]) -> str:
    """Converts `tokenizer.ggml.*` metadata.

    Args:
        metadata: Of the whole file.

    Raises:
        DataLoss: Vocabulary or merges are missing.
        Unsupported: The tokenizer is not a byte-level BPE with a known pre-tokenizer.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, normalizers, pre_tokenizers
    from tokenizers import Regex as SplitPattern
    from tokenizers.models import BPE

    kind, pre = metadata.get("tokenizer.ggml.model"), metadata.get("tokenizer.ggml.pre", "default")
    if kind != "gpt2":
        raise Unsupported(
            "TOKENIZER_KIND",
            f"The GGUF tokenizer is of kind {kind!r}; byte-level BPE ('gpt2') can be converted. "
            "Use the checkpoint's safetensors folder, which carries its own tokenizer.json.",
        )
    try:
        tokens, merges = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.merges"]
    except KeyError as error:
        raise DataLoss("TOKENIZER_INCOMPLETE", f"The GGUF file has no {error.args[0]}.") from error

    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(BPE(vocabulary, [tuple(merge.split(" ", 1)) for merge in merges]))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    steps: list[pre_tokenizers.PreTokenizer]
    if pre == "smollm":
        steps = [pre_tokenizers.Digits(individual_digits=True)]
        byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    elif pre == "gpt-2":
        steps = []
        byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    elif pre in ("llama-bpe", "llama3"):
        steps = [pre_tokenizers.Split(SplitPattern(_LLAMA3_SPLIT), "isolated")]
        # Llama 3 looks a whole piece up before it merges: some of its tokens no merge can reach.
        tokenizer.model.ignore_merges = True
    elif pre == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
        steps = [pre_tokenizers.Split(SplitPattern(_QWEN2_SPLIT), "isolated")]
    else:
        raise Unsupported(
            "TOKENIZER_PRE",
            f"The GGUF pre-tokenizer {pre!r} is unknown (known: smollm, gpt-2, llama-bpe, qwen2). "
            "Use the checkpoint's safetensors folder, which carries its own tokenizer.json.",
        )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*steps, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    types = metadata.get("tokenizer.ggml.token_type", [])
    pairs = list(zip(tokens, types, strict=False))
    # One call for all: each call rebuilds the matcher of added tokens.
    tokenizer.add_special_tokens([AddedToken(t, special=True) for t, kind in pairs if kind == _CONTROL])
    tokenizer.add_tokens([AddedToken(t, special=False) for t, kind in pairs if kind == _USER_DEFINED])
    text: str = tokenizer.to_str()
    return text
