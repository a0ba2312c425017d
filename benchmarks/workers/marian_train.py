"""Worker: Hugging Face's MarianMTModel, trained in eager PyTorch.

As its users write it: scaled-dot-product attention, fused Adam (the default of
their Trainer), label smoothing by PyTorch's cross-entropy, dropout on.
"""

import torch
import transformers
from torch.nn import functional

from benchmarks.batches import load_batches, real_tokens
from benchmarks.sizes import SIZES
from benchmarks.worker import serve


def marian(size, vocabulary_size, max_length=256):
    """A randomly initialised MarianMTModel of our size, ids as ours."""
    config = transformers.MarianConfig(
        vocab_size=vocabulary_size,
        max_position_embeddings=max_length,
        encoder_layers=size.num_layers,
        decoder_layers=size.num_layers,
        encoder_attention_heads=size.num_heads,
        decoder_attention_heads=size.num_heads,
        encoder_ffn_dim=size.intermediate_dim,
        decoder_ffn_dim=size.intermediate_dim,
        d_model=size.hidden_dim,
        dropout=size.dropout,
        activation_function="relu",
        scale_embedding=True,
        pad_token_id=0,
        eos_token_id=3,
        decoder_start_token_id=2,
        forced_eos_token_id=None,
    )
    return transformers.MarianMTModel(config)


def build(options):
    """Options: `size`, `vocabulary_size`, `batches` (a file), `steps`."""
    torch.manual_seed(0)
    model = marian(SIZES[options["size"]], options["vocabulary_size"]).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)
    batches = [
        {name: torch.from_numpy(array).long() for name, array in batch.items()}
        for batch in load_batches(options["batches"])
    ]
    tokens = [real_tokens(batch) for batch in load_batches(options["batches"])]
    position = 0

    def step(batch):
        source, target = batch["source_ids"], batch["target_ids"]
        logits = model(
            input_ids=source,
            attention_mask=(source != 0).long(),
            decoder_input_ids=target,
            decoder_attention_mask=(target != 0).long(),
            use_cache=False,
        ).logits
        loss = functional.cross_entropy(
            logits.flatten(0, 1),
            batch["labels"].flatten(),
            ignore_index=0,
            label_smoothing=0.1,
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    def repeat():
        nonlocal position
        done = 0
        for _ in range(options["steps"]):
            step(batches[position])
            done += tokens[position]
            position = (position + 1) % len(batches)
        return done

    facts = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "versions": f"torch {torch.__version__}, "
        f"transformers {transformers.__version__}",
    }
    return repeat, facts


if __name__ == "__main__":
    serve(build)
