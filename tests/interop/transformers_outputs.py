"""What PyTorch and transformers make of a checkpoint folder: the independent reference.

    python tests/interop/transformers_outputs.py FOLDER TEXTS.json OUTPUTS.npz

Needs torch and transformers, which nothing else here does. TEXTS.json is a list of
texts, or of pairs of texts.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers


def outputs(folder, texts):
    """Ids and what the model gives for them: `{name: array}`."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    config = json.loads((Path(folder) / "config.json").read_text())
    model_class = getattr(transformers, config["architectures"][0])
    model, info = model_class.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True
    )
    wrong = {name: sorted(info[name]) for name in info if info[name]}
    wrong.pop("unexpected_keys", None)
    if wrong:
        raise ValueError(f"{folder}: {wrong}")
    pairs = [text if isinstance(text, list) else [text] for text in texts]
    encoded = tokenizer(
        *map(list, zip(*pairs, strict=True)), padding=True, return_tensors="pt"
    )
    with torch.no_grad():
        given = model.eval()(**encoded, output_hidden_states=True)
    found = {
        "token_ids": encoded["input_ids"],
        "padding_mask": encoded["attention_mask"],
        "segment_ids": encoded.get("token_type_ids"),
        "logits": given.get("logits", given.get("prediction_logits")),
        "next_sentence_logits": given.get("seq_relationship_logits"),
        "sequence_output": given["hidden_states"][-1],
        "pooled_output": given.get("pooler_output"),
    }
    return {name: value.numpy() for name, value in found.items() if value is not None}


def main(folder, texts_file, outputs_file):
    texts = json.loads(Path(texts_file).read_text(encoding="utf-8"))
    np.savez_compressed(outputs_file, **outputs(folder, texts))


if __name__ == "__main__":
    main(*sys.argv[1:])
