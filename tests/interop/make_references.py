"""Makes `references/`: tiny checkpoints of every type and head, and their outputs.

    python tests/interop/make_references.py

Needs torch and transformers (made with 2.13 and 5.23). Each folder is what
`save_pretrained` writes, but for the weights: `tensors.json` has their names, types and
shapes, from which `seeded_weights` makes them. `outputs.npz` is what the model with
these weights gives for `TEXTS` or, in some, `PAIRS`.
"""

import json
import shutil
import string
from pathlib import Path

import numpy as np
import tokenizers
import torch
import transformers
from seeded_weights import write_weights
from transformers_outputs import outputs

FOLDER = Path(__file__).parent / "references"
TEXTS = [
    "the cat sat",
    "A dög, the [MASK] dog! <mask> x",
    "",
    "cats dogs cats 3 4 \u4e2d\u6587",
]
PAIRS = [["the cat", "sat"], ["", "dogs!"], ["the dog sat", ""], ["a", "a cat sat"]]
WORDS = ["the", "cat", "dog", "sat", "##ts", "##og", "do", "!", ",", "\u4e2d"]
SIZES = {"vocab_size": 72, "max_position_embeddings": 40}
BERT_SIZES = {
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    **SIZES,
}
DISTILBERT_SIZES = {"dim": 12, "n_layers": 2, "n_heads": 3, "hidden_dim": 20, **SIZES}
LABELS = {
    "id2label": {0: "bad", 1: "so so", 2: "gut"},
    "label2id": {"bad": 0, "so so": 1, "gut": 2},
}
MULTI = {**LABELS, "problem_type": "multi_label_classification"}

CHECKPOINTS = {  # folder: architecture, options of its config
    "bert": ("BertModel", {}),
    "bert_masked": ("BertForMaskedLM", {"hidden_act": "gelu_new"}),
    "bert_pretraining": ("BertForPreTraining", {}),
    "bert_classifier": ("BertForSequenceClassification", LABELS),
    "bert_multi_label": ("BertForSequenceClassification", MULTI),
    "bert_labels": ("BertForTokenClassification", LABELS),
    "distilbert": ("DistilBertModel", {}),
    "distilbert_masked": ("DistilBertForMaskedLM", {"activation": "relu"}),
    "distilbert_classifier": ("DistilBertForSequenceClassification", LABELS),
    "distilbert_labels": ("DistilBertForTokenClassification", LABELS),
    "roberta": ("RobertaModel", {}),
    "roberta_masked": ("RobertaForMaskedLM", {}),
    "roberta_classifier": ("RobertaForSequenceClassification", LABELS),
    "roberta_labels": ("RobertaForTokenClassification", LABELS),
    "electra": ("ElectraModel", {}),
    "electra_discriminator": ("ElectraForPreTraining", {}),
    "electra_masked": ("ElectraForMaskedLM", {}),
    "electra_classifier": ("ElectraForSequenceClassification", LABELS),
    "electra_labels": ("ElectraForTokenClassification", LABELS),
}
WITH_PAIRS = ("bert_pretraining", "bert_classifier", "roberta_classifier")
IN_BFLOAT16 = ("bert", "electra_masked")
IN_SHARDS = ("distilbert_masked", "roberta")


def word_piece_tokenizer():
    """An uncased BERT tokenizer of 68 tokens; 72 have a vector."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = list(string.ascii_lowercase)
    tokens = [*special, *letters, *(f"##{x}" for x in letters), "3", *WORDS]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    return transformers.BertTokenizer(vocab=vocabulary, model_max_length=40)


def byte_pair_tokenizer():
    """A RoBERTa tokenizer: its five tokens, the bytes, and some merges."""
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=280,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    learner = tokenizers.Tokenizer(tokenizers.models.BPE())
    learner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    learner.train_from_iterator(["the cat sat, the dog sat, a cat and dogs"], trainer)
    learned = json.loads(learner.to_str())["model"]
    mask = tokenizers.AddedToken("<mask>", lstrip=True, normalized=False)
    return transformers.RobertaTokenizer(
        vocab=learned["vocab"],
        merges=[tuple(pair) for pair in learned["merges"]],
        mask_token=mask,
        model_max_length=38,
    )


def make_checkpoint(name, architecture, options):
    kind = name.partition("_")[0]
    sizes = DISTILBERT_SIZES if kind == "distilbert" else BERT_SIZES
    if kind == "roberta":
        sizes = {**sizes, "vocab_size": 280, "type_vocab_size": 1}
    if kind == "electra":
        sizes = {**sizes, "embedding_size": 8}
    model_class = getattr(transformers, architecture)
    model = model_class(model_class.config_class(**sizes, **options))
    if name in IN_BFLOAT16:
        model = model.to(torch.bfloat16)
    size = "10KB" if name in IN_SHARDS else "1GB"
    model.save_pretrained(FOLDER / name, max_shard_size=size)
    make = byte_pair_tokenizer if kind == "roberta" else word_piece_tokenizer
    make().save_pretrained(FOLDER / name)
    write_tensor_list(FOLDER / name)
    write_weights(FOLDER / name, name)
    texts = PAIRS if name in WITH_PAIRS else TEXTS
    np.savez_compressed(FOLDER / name / "outputs.npz", **outputs(FOLDER / name, texts))
    for path in (FOLDER / name).glob("*.safetensors"):
        path.unlink()


def write_tensor_list(folder):
    """`tensors.json`: file of weights -> tensor -> its type and shape."""
    files = {}
    for path in sorted(folder.glob("*.safetensors")):
        data = path.read_bytes()
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        header.pop("__metadata__", None)
        files[path.name] = {
            name: [tensor["dtype"], tensor["shape"]] for name, tensor in header.items()
        }
    (folder / "tensors.json").write_text(json.dumps(files, indent=1) + "\n")


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name, (architecture, options) in CHECKPOINTS.items():
        make_checkpoint(name, architecture, options)
    for name, texts in {"texts.json": TEXTS, "pairs.json": PAIRS}.items():
        (FOLDER / name).write_text(json.dumps(texts, indent=1) + "\n")


if __name__ == "__main__":
    main()
