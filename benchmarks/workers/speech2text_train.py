"""Worker: Hugging Face's Speech2Text, trained in eager PyTorch.

As its users write it: features made beforehand, every batch as long as its longest
sound, fused AdamW, label smoothing by PyTorch's cross-entropy, dropout on, the
gradient's norm bounded.
"""

import torch
from torch.nn import functional

from benchmarks.worker import serve
from benchmarks.workers.speech2text import (
    SAMPLE_RATE_HZ,
    facts,
    features_of,
    speech2text,
)


def build(options):
    """Options: `size`, `vocabulary_size`; `seconds`, list of each sound's;
    `tokens_per_second`; `batch`, how many are in one, in the order of the list.
    """
    seconds, size = options["seconds"], options["batch"]
    longest = int(max(seconds) * options["tokens_per_second"])
    model = speech2text({**options, "num_tokens": longest}).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    parts = [seconds[at : at + size] for at in range(0, len(seconds), size)]
    batches = [_batch(part, options) for part in parts]

    def step(inputs, ids):
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
        for batch in batches:
            step(*batch)
        return sum(seconds)

    return repeat, facts(model)


def _batch(seconds, options):
    """Features of noise, and ids int `(len(seconds), longest)` where 0 is padding."""
    samples = [0.1 * torch.randn(int(each * SAMPLE_RATE_HZ)) for each in seconds]
    ids = [
        torch.randint(
            4, options["vocabulary_size"], (int(each * options["tokens_per_second"]),)
        )
        for each in seconds
    ]
    ids = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)
    return features_of([each.numpy() for each in samples]), ids


if __name__ == "__main__":
    serve(build)
