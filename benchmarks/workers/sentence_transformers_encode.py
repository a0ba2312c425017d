"""Worker: sentence-transformers in eager PyTorch, as its users call it.

It sorts the texts by length and pads each batch of 32 to its longest.
"""

import sentence_transformers
import torch

from benchmarks.worker import serve
from benchmarks.workers.encoding import encodings


def build(options):
    """Options: `model`, a checkpoint's folder, and those of `encodings`."""
    model = sentence_transformers.SentenceTransformer(options["model"], device="cpu")

    def embed(texts):
        return model.encode(texts, show_progress_bar=False)

    facts = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "versions": f"sentence-transformers {sentence_transformers.__version__}, "
        f"torch {torch.__version__}",
    }
    return encodings(embed, options), facts


if __name__ == "__main__":
    serve(build)
