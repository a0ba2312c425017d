"""Worker: Hugging Face's MarianMTModel with its own `generate`."""

import torch
import transformers

from benchmarks.sizes import SIZES
from benchmarks.worker import serve
from benchmarks.workers.marian_train import marian


def build(options):
    """Options: `size`, `vocabulary_size`, `num_tokens`, `batch`, `beams`."""
    torch.manual_seed(0)
    num_tokens, vocabulary_size = options["num_tokens"], options["vocabulary_size"]
    model = marian(SIZES[options["size"]], vocabulary_size).eval()
    source_ids = torch.randint(4, vocabulary_size, (options["batch"], num_tokens))
    source_ids[:, -1] = model.config.eos_token_id

    def repeat():
        with torch.inference_mode():
            answers = model.generate(
                source_ids,
                attention_mask=torch.ones_like(source_ids),
                num_beams=options["beams"],
                do_sample=False,
                min_new_tokens=num_tokens,
                max_new_tokens=num_tokens,
            )
        return answers.shape[0] * (answers.shape[1] - 1)  # without the start token

    facts = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "versions": f"torch {torch.__version__}, "
        f"transformers {transformers.__version__}",
    }
    return repeat, facts


if __name__ == "__main__":
    serve(build)
