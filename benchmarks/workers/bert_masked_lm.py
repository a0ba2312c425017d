"""Worker: Hugging Face's BertForMaskedLM, trained in eager PyTorch.

As its users write it: scaled-dot-product attention, fused AdamW (the default of their
Trainer), labels of -100 where nothing is masked, dropout on. It computes the
vocabulary's logits at every place.
"""

import numpy as np
import torch
import transformers

from benchmarks.batches import load_batches, real_tokens
from benchmarks.sizes import ENCODERS
from benchmarks.worker import serve

NOT_PREDICTED = -100


def build(options):
    """Options: `size`, `vocabulary_size`, `batches` (a file)."""
    torch.manual_seed(0)
    size = ENCODERS[options["size"]]
    config = transformers.BertConfig(
        vocab_size=options["vocabulary_size"],
        num_hidden_layers=size.num_layers,
        num_attention_heads=size.num_heads,
        hidden_size=size.hidden_dim,
        intermediate_size=size.intermediate_dim,
        hidden_dropout_prob=size.dropout,
        attention_probs_dropout_prob=size.dropout,
    )
    model = transformers.BertForMaskedLM(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    batches = load_batches(options["batches"])
    tokens = sum(real_tokens(batch) for batch in batches)
    inputs = [_inputs(batch) for batch in batches]

    def step(batch):
        loss = model(**batch).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    def repeat():
        for batch in inputs:
            step(batch)
        return tokens

    return repeat, {
        "parameters": sum(p.numel() for p in model.parameters()),
        "versions": f"torch {torch.__version__}, "
        f"transformers {transformers.__version__}",
    }


def _inputs(batch):
    labels = np.full_like(batch["token_ids"], NOT_PREDICTED)
    rows, slots = np.nonzero(batch["sample_weight"])
    labels[rows, batch["mask_positions"][rows, slots]] = batch["labels"][rows, slots]
    arrays = {
        "input_ids": batch["token_ids"],
        "attention_mask": batch["padding_mask"],
        "labels": labels,
    }
    return {name: torch.from_numpy(array).long() for name, array in arrays.items()}


if __name__ == "__main__":
    serve(build)
