"""The tokenizer of a checkpoint folder, from whichever of its files are there."""

from pathlib import Path

from zoo.interop.json_file import JsonFile, read_json, read_text
from zoo.interop.tokenizer_pipeline import (
    BYTE_PAIR_TOKENS,
    WORD_PIECE_TOKENS,
    check_added_tokens,
    read_byte_pair,
    read_word_piece,
    vocabulary_list,
)
from zoo.text import BytePairTokenizer, WordPieceTokenizer

PIPELINE = "tokenizer.json"
OPTIONS = "tokenizer_config.json"
SPECIAL_TOKENS = "special_tokens_map.json"
ADDED_TOKENS = "added_tokens.json"
_UNLIMITED = 1 << 30  # transformers writes 10^30 for it
# Without a tokenizer.json, what the files mean depends on the class that wrote them.
_WORD_PIECE_CLASSES = ("BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer")
_BYTE_PAIR_CLASSES = ("RobertaTokenizer",)


def read_tokenizer(folder):
    """`(tokenizer, the longest text in tokens that it is meant for)`.

    `tokenizer.json` counts before `vocab.txt` (WordPiece) or `vocab.json` and
    `merges.txt` (byte-pair encoding), as in transformers; options that
    `tokenizer_config.json` has count before those in `tokenizer.json`.

    >>> read_tokenizer("all-MiniLM-L6-v2")
    (WordPieceTokenizer, 512)
    """
    folder = Path(folder)
    options = _optional(folder / OPTIONS)
    if (folder / PIPELINE).is_file():
        pipeline = JsonFile(folder / PIPELINE)
        model = pipeline.object("model")
        kind = model.get("type") or ("BPE" if "merges" in model else "WordPiece")
        if kind == "WordPiece":
            arguments = read_word_piece(pipeline)
        elif kind == "BPE":
            arguments = read_byte_pair(pipeline)
        else:
            raise ValueError(
                f"{pipeline.path} has a model of the type {kind!r:.40}, which is not "
                "supported. Supported: WordPiece, and BPE of bytes."
            )
        words = kind == "WordPiece"
    else:
        words = (folder / "vocab.txt").is_file()
        arguments = _plain_word_piece(folder) if words else _plain_byte_pair(folder)
        _check_class(options, _WORD_PIECE_CLASSES if words else _BYTE_PAIR_CLASSES)
    expected = WORD_PIECE_TOKENS if words else BYTE_PAIR_TOKENS
    _check_special_tokens(options, expected, arguments["vocabulary"])
    _check_special_tokens(
        _optional(folder / SPECIAL_TOKENS), expected, arguments["vocabulary"]
    )
    _check_added(folder / ADDED_TOKENS, expected, arguments["vocabulary"])
    longest = options.number(
        "model_max_length", lowest=3, highest=float("inf"), default=_UNLIMITED
    )
    longest = int(min(longest, _UNLIMITED))
    if words:
        return WordPieceTokenizer(**_normalization(options, arguments)), longest
    spaced = options.flag("add_prefix_space", arguments["add_prefix_space"])
    return BytePairTokenizer(**{**arguments, "add_prefix_space": spaced}), longest


def _normalization(options, arguments):
    """What `tokenizer_config.json` says of it counts before `tokenizer.json`."""
    strip_accents = arguments["strip_accents"]  # may be null, as it may be missing
    if options.get("strip_accents") is not None:
        strip_accents = options.flag("strip_accents")
    return {
        "vocabulary": arguments["vocabulary"],
        "lowercase": options.flag("do_lower_case", arguments["lowercase"]),
        "strip_accents": strip_accents,
        "split_cjk": options.flag("tokenize_chinese_chars", arguments["split_cjk"]),
    }


def _plain_word_piece(folder):
    text = read_text(folder / "vocab.txt").replace("\r\n", "\n")
    return {
        "vocabulary": text.removesuffix("\n").split("\n"),
        "lowercase": True,
        "strip_accents": None,
        "split_cjk": True,
    }


def _plain_byte_pair(folder):
    if not ((folder / "vocab.json").is_file() and (folder / "merges.txt").is_file()):
        raise FileNotFoundError(
            f"{folder} has no tokenizer: {PIPELINE}, or vocab.txt, or vocab.json and "
            "merges.txt, is needed."
        )
    lines = read_text(folder / "merges.txt").replace("\r\n", "\n").split("\n")
    if lines[0].startswith("#version"):
        lines = lines[1:]
    return {
        "vocabulary": vocabulary_list(
            read_json(folder / "vocab.json"), folder / "vocab.json"
        ),
        "merges": [tuple(line.split(" ")) for line in lines if line.strip()],
        "add_prefix_space": False,
    }


def _optional(path):
    return JsonFile(path) if path.is_file() else JsonFile.of_nothing(path)


def _check_class(options, known):
    name = options.text("tokenizer_class", default=known[0])
    if name.removesuffix("Fast") not in known:
        raise ValueError(
            f"{options.path} has tokenizer_class = {name!r:.60}, which is not "
            f"supported without a {PIPELINE}. Supported: {', '.join(known)}."
        )


def _check_special_tokens(options, expected, vocabulary):
    """Special tokens may be listed with their properties, or by name alone."""
    for role, token in expected.items():
        found = options.get(role, token)
        if isinstance(found, dict):
            found = found.get("content")
        if found != token:
            raise ValueError(
                f"{options.path} has {role} = {found!r:.60}, but only {token!r} is "
                "supported."
            )
    more = options.get("additional_special_tokens") or options.get(
        "extra_special_tokens"
    )
    if more:
        raise ValueError(
            f"{options.path} has the additional special tokens {more!r:.100}, which "
            "are not supported."
        )
    added = options.object("added_tokens_decoder")
    for number, entry in added.items():
        if not isinstance(entry, dict):
            raise ValueError(
                f"{options.path} has {entry!r:.60} at {number!r:.20} in "
                'added_tokens_decoder, but an object, {"content": token, ...}, is '
                "needed."
            )
    entries = [{**entry, "id": number} for number, entry in added.items()]
    check_added_tokens(entries, options.path, expected, vocabulary)


def _check_added(path, expected, vocabulary):
    """Older versions of transformers list added tokens alone, `{token: id}`."""
    entries = [
        {"content": token, "id": number, "lstrip": token == "<mask>"}
        for token, number in _optional(path).values.items()
    ]
    check_added_tokens(entries, path, expected, vocabulary)
