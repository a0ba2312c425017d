"""A `tokenizer.json`: the parts of a tokenizer by name, each one known or refused."""

WORD_PIECE_TOKENS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
BYTE_PAIR_TOKENS = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "cls_token": "<s>",
    "sep_token": "</s>",
    "mask_token": "<mask>",
}


def read_word_piece(pipeline):
    """Arguments of the `WordPieceTokenizer` that a `tokenizer.json` describes."""
    model = _part(pipeline, "model", ("WordPiece", None))
    _check_options(
        pipeline,
        model,
        unk_token="[UNK]",
        continuing_subword_prefix="##",
        max_input_chars_per_word=100,
    )
    normalizer = _part(pipeline, "normalizer", ("BertNormalizer",))
    _check_options(pipeline, normalizer, clean_text=True)
    _part(pipeline, "pre_tokenizer", ("BertPreTokenizer",))
    vocabulary = vocabulary_list(model.get("vocab"), pipeline.path)
    check_added_tokens(
        pipeline.objects("added_tokens"), pipeline.path, WORD_PIECE_TOKENS, vocabulary
    )
    _check_ends(pipeline, WORD_PIECE_TOKENS, "BertProcessing")
    return {
        "vocabulary": vocabulary,
        "lowercase": _flag(pipeline, normalizer, "lowercase"),
        "strip_accents": _flag(pipeline, normalizer, "strip_accents"),
        "split_cjk": _flag(pipeline, normalizer, "handle_chinese_chars"),
    }


def read_byte_pair(pipeline):
    """Arguments of the `BytePairTokenizer` that a `tokenizer.json` describes."""
    model = _part(pipeline, "model", ("BPE", None))
    _check_options(
        pipeline,
        model,
        dropout=None,
        continuing_subword_prefix="",
        end_of_word_suffix="",
        byte_fallback=False,
        ignore_merges=False,
    )
    if (normalizer := pipeline.get("normalizer")) is not None:
        raise _unsupported(pipeline, "normalizer", normalizer, "none")
    splitter = _part(pipeline, "pre_tokenizer", ("ByteLevel",))
    _check_options(pipeline, splitter, use_regex=True)
    vocabulary = vocabulary_list(model.get("vocab"), pipeline.path)
    check_added_tokens(
        pipeline.objects("added_tokens"), pipeline.path, BYTE_PAIR_TOKENS, vocabulary
    )
    _check_ends(pipeline, BYTE_PAIR_TOKENS, "RobertaProcessing")
    merges = model.get("merges")
    if not isinstance(merges, list):
        raise ValueError(f"{pipeline.path} has no list of merges. Download it again.")
    pairs = [x.split(" ") if isinstance(x, str) else x for x in merges]
    for pair in pairs:
        if not isinstance(pair, list) or not all(isinstance(x, str) for x in pair):
            raise ValueError(
                f"{pipeline.path} has {pair!r:.60} among its merges, but two strings "
                "are needed. Download it again."
            )
    return {
        "vocabulary": vocabulary,
        "merges": [tuple(pair) for pair in pairs],
        "add_prefix_space": _flag(pipeline, splitter, "add_prefix_space"),
    }


def vocabulary_list(ids, path):
    """`{token: id}` -> the tokens in the order of their ids, of which none is left out.

    >>> vocabulary_list({"b": 1, "a": 0}, "vocab.json")
    ["a", "b"]
    """
    if (
        not isinstance(ids, dict)
        or not all(type(number) is int for number in ids.values())
        or set(ids.values()) != set(range(len(ids)))
    ):
        raise ValueError(
            f"{path} has no vocabulary whose tokens have the ids 0, 1, 2, ... without "
            "a gap. Download it again."
        )
    return sorted(ids, key=ids.get)


def check_added_tokens(entries, path, expected, vocabulary):
    """Tokens that are found in a text as they are: the special ones and no others.

    Args:
        entries: list of dict, as `tokenizer.json` has them.
        path: of the file, for messages.
        expected: `{role: token}`.
        vocabulary: list of str.
    """
    for entry in entries:
        token, number = entry.get("content"), str(entry.get("id"))
        known = token in expected.values() and token in vocabulary
        if not known or number != str(vocabulary.index(token)):
            raise ValueError(
                f"{path} adds the token {token!r:.60} with the id {number:.20}, which "
                f"is not supported: only {', '.join(dict.fromkeys(expected.values()))} "
                "are, with the ids that they have in the vocabulary."
            )
        wanted = {
            "lstrip": token == "<mask>",  # RoBERTa's takes the space before it along
            "rstrip": False,
            "single_word": False,
        }
        if expected is WORD_PIECE_TOKENS:  # what normalises would change the token
            wanted["normalized"] = False
        for name, only in wanted.items():
            if bool(entry.get(name)) != only:
                raise ValueError(
                    f"{path} has {name} = {entry.get(name)!r} for the token {token!r}, "
                    f"but only {only} is supported."
                )


def _part(pipeline, name, known):
    """A part of a pipeline, of one of the known types."""
    part = pipeline.get(name)
    if not isinstance(part, dict) or part.get("type") not in known:
        raise _unsupported(pipeline, name, part, ", ".join(sorted(filter(None, known))))
    return part


def _unsupported(pipeline, name, part, known):
    found = part.get("type") if isinstance(part, dict) else part
    return ValueError(
        f"{pipeline.path} has the {name} {found!r:.60}, which is not supported. "
        f"Supported: {known}."
    )


def _check_options(pipeline, part, **expected):
    """Each option has the one value that is supported; null is like an empty string."""
    for name, only in expected.items():
        value = part.get(name, only)
        if value != only and (value or only):
            raise ValueError(
                f"{pipeline.path} has {name} = {value!r:.60} in its "
                f"{part.get('type')}, but only {only!r} is supported."
            )


def _flag(pipeline, part, name):
    value = part.get(name)
    if value is not None and not isinstance(value, bool):
        raise ValueError(
            f"{pipeline.path} has {name} = {value!r:.60}, but true or false is needed."
        )
    return value


def _check_ends(pipeline, tokens, own_type):
    """What is put around a text and between the texts of a pair."""
    part = _part(pipeline, "post_processor", (own_type, "TemplateProcessing"))
    first, last = tokens["cls_token"], tokens["sep_token"]
    if part["type"] == own_type:
        ends = [part.get("cls"), part.get("sep")]
        fits = [isinstance(x, list) and x[:1] for x in ends] == [[first], [last]]
    else:
        single = [(first, 0), ("A", 0), (last, 0)]
        pair = [*single, ("B", 1), (last, 1)]
        if own_type == "RobertaProcessing":
            pair = [*single, (last, 0), ("B", 0), (last, 0)]
        fits = [_template(part, "single"), _template(part, "pair")] == [single, pair]
    if not fits:
        raise ValueError(
            f"{pipeline.path} puts other special tokens around texts than "
            f"{first} text {last}, which is not supported."
        )


def _template(part, name):
    """-> list of (token or text, type)"""
    try:
        return [
            (value["id"], value["type_id"])
            for item in part[name]
            for value in item.values()
        ]
    except (KeyError, TypeError, AttributeError):
        return None
