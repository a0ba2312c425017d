"""Tasks from the checkpoints that other people published."""

from zoo.interop import read_hugging_face
from zoo.models import EmbeddingModel
from zoo.tasks.masked_lm import MaskedLM
from zoo.tasks.text_classifier import TextClassifier
from zoo.tasks.text_embedder import TextEmbedder
from zoo.tasks.token_classifier import TokenClassifier
from zoo.tasks.training_defaults import (
    compile_classification_model,
    compile_embedding_model,
    compile_masked_language_model,
)


def from_hugging_face(folder_or_id, *, pairs=False):
    """Makes a task of a checkpoint, without PyTorch and without transformers.

    Which one follows from what the checkpoint holds: a masked language model, a
    classifier of texts or of tokens, or an encoder, perhaps one that
    sentence-transformers saved, which becomes an embedder.

    >>> embedder = zoo.from_hugging_face("all-MiniLM-L6-v2")
    >>> embedder.embed("a small dog").shape
    (384,)
    >>> classifier = zoo.from_hugging_face("entailment", pairs=True)
    >>> classifier.classify(("a dog barks", "it is quiet"))["label"]
    "contradiction"

    Args:
        folder_or_id: str or path. A folder with `config.json`, `model.safetensors` and
            a tokenizer's files, or the name of one on the Hugging Face Hub, which
            needs huggingface_hub and a network.
        pairs: bool. What a classifier of texts reads is a pair of them, which other
            people's checkpoints do not say; those of `to_hugging_face` do.

    Returns:
        `zoo.MaskedLM`, `zoo.TextClassifier`, `zoo.TextEmbedder` or
        `zoo.TokenClassifier`.

    Raises:
        ValueError: of another type, damaged, with an option that is not supported, or
            with a tensor too many, too few or of another shape; says which.
    """
    name, model, tokenizer, options, _ = read_hugging_face(folder_or_id)
    if pairs and name != "TextClassifier":
        raise ValueError(
            f"{folder_or_id} holds a {name}, but pairs=True is for a TextClassifier "
            "alone. Leave it out."
        )
    shared = {key: options[key] for key in ("max_length", "model_type")}
    if name == "TextClassifier":
        multi_label = options["multi_label"]
        compile_classification_model(model, multi_label)
        return TextClassifier(
            model,
            tokenizer,
            options["labels"],
            multi_label=multi_label,
            pairs=pairs or options["pairs"],
            **shared,
        )
    if name == "MaskedLM":
        compile_masked_language_model(model)
        return MaskedLM(model, tokenizer, **shared)
    if name == "TokenClassifier":
        compile_classification_model(model)
        return TokenClassifier(model, tokenizer, options["labels"], **shared)
    model = EmbeddingModel(model, options["pooling"], options["normalize"])
    model.build()
    compile_embedding_model(model)
    return TextEmbedder(model, tokenizer, **shared)
