"""Worker: ONNX Runtime in fp32, on the same pieces of sorted texts as ours.

The model is exported by PyTorch. Its TorchScript exporter takes a second where the
newer one takes many, and the graph that ONNX Runtime makes of it is no slower.
"""

import os
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import tokenizers
import torch
import transformers
from torch.nn import functional

from benchmarks.batches import pieces
from benchmarks.worker import serve
from benchmarks.workers.encoding import encodings

INPUTS = ["input_ids", "attention_mask"]


class PooledEncoder(torch.nn.Module):
    """A checkpoint's encoder, the mean over real tokens, brought to length 1."""

    def __init__(self, folder):
        super().__init__()
        self.encoder = transformers.AutoModel.from_pretrained(
            folder, attn_implementation="eager", add_pooling_layer=False
        )

    def forward(self, input_ids, attention_mask):
        vectors = self.encoder(input_ids, attention_mask).last_hidden_state
        real = attention_mask[..., None].to(vectors.dtype)
        mean = (vectors * real).sum(dim=1) / real.sum(dim=1)
        return functional.normalize(mean, dim=-1)


def build(options):
    """Options: `model`, `max_length`, `places` of a piece, those of `encodings`."""
    session = _session(options["model"])
    tokenizer = tokenizers.Tokenizer.from_file(f"{options['model']}/tokenizer.json")
    tokenizer.enable_truncation(options["max_length"])

    def embed(texts):
        rows = [row.ids for row in tokenizer.encode_batch(texts)]
        lengths = np.array([len(row) for row in rows])
        order = np.argsort(lengths, kind="stable")
        vectors = [
            session.run(None, _padded([rows[i] for i in order[piece]]))[0]
            for piece in pieces(lengths[order], options["places"])
        ]
        return np.concatenate(vectors)[np.argsort(order)]

    return encodings(embed, options), {
        "versions": f"onnxruntime {onnxruntime.__version__}, "
        f"tokenizers {tokenizers.__version__}"
    }


def _session(folder):
    ids = torch.ones((2, 8), dtype=torch.long)
    free = {name: {0: "rows", 1: "length"} for name in INPUTS}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "model.onnx"
        torch.onnx.export(
            PooledEncoder(folder).eval(),
            (ids, ids),
            path,
            input_names=INPUTS,
            output_names=["embedding"],
            dynamic_axes=free,
            opset_version=20,  # the first with GELU as one operation
            dynamo=False,
        )
        return onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )


def _padded(rows):
    """Token ids of ascending lengths -> what the model takes, `(rows, longest)`."""
    shape = len(rows), len(rows[-1])
    inputs = {name: np.zeros(shape, np.int64) for name in INPUTS}
    for number, row in enumerate(rows):
        inputs["input_ids"][number, : len(row)] = row
        inputs["attention_mask"][number, : len(row)] = 1
    return inputs


if __name__ == "__main__":
    serve(build)
