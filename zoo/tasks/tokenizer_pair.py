"""Which tokenizers a translator reads and writes with."""

from zoo.tasks.requests import check_writing_tokenizer

# Of the tokenizers in the folder of a preset: one for both languages, or two.
TOKENIZER_NAMES = (["tokenizer"], ["source_tokenizer", "target_tokenizer"])


def tokenizer_pair(tokenizer=None, source_tokenizer=None, target_tokenizer=None):
    for given in (tokenizer, source_tokenizer, target_tokenizer):
        if given is not None:
            check_writing_tokenizer(given)
    if tokenizer is not None and source_tokenizer is target_tokenizer is None:
        return tokenizer, tokenizer
    if tokenizer is None and None not in (source_tokenizer, target_tokenizer):
        return source_tokenizer, target_tokenizer
    raise ValueError(
        "A new Translator needs tokenizer= for both languages, or source_tokenizer= "
        "and target_tokenizer=. zoo.text.learn_tokenizer(lines) makes one."
    )


def check_fit(model, source_tokenizer, target_tokenizer):
    expected = (
        model.vocabulary_size,
        model.target_vocabulary_size or model.vocabulary_size,
    )
    found = (source_tokenizer.vocabulary_size(), target_tokenizer.vocabulary_size())
    if found != expected:
        raise ValueError(
            f"The tokenizers do not fit the model: they have {found[0]} source and "
            f"{found[1]} target tokens, the model has {expected[0]} and "
            f"{expected[1]}. Use the tokenizers that the model was trained with."
        )
