"""Worker: Hugging Face's Speech2Text, trained in eager PyTorch.

As its users write it: features made beforehand, fused AdamW, label smoothing by
PyTorch's cross-entropy, dropout on, the gradient's norm bounded.
"""

import torch
from torch.nn import functional

from benchmarks.worker import serve
from benchmarks.workers.speech2text import facts, features_of, sounds, speech2text


def build(options):
    """Options: `size`, `vocabulary_size`, `num_tokens`, `batch`, `seconds`, `steps`."""
    model = speech2text(options).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    inputs = features_of(sounds(options))
    shape = (options["batch"], options["num_tokens"])
    ids = torch.randint(4, options["vocabulary_size"], shape)

    def step():
        logits = model(**inputs, decoder_input_ids=ids, use_cache=False).logits
        loss = functional.cross_entropy(
            logits.flatten(0, 1), ids.flatten(), ignore_index=0, label_smoothing=0.1
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    def repeat():
        for _ in range(options["steps"]):
            step()
        return options["steps"] * options["batch"] * options["seconds"]

    return repeat, facts(model)


if __name__ == "__main__":
    serve(build)
