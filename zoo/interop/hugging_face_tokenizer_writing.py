"""A tokenizer as the files that transformers loads."""

from pathlib import Path

from zoo.interop.sentence_transformers_files import write_json
from zoo.interop.tokenizer_pipeline import BYTE_PAIR_TOKENS, WORD_PIECE_TOKENS
from zoo.text import BytePairTokenizer, WordPieceTokenizer

# All that may be there, of either kind.
TOKENIZER_FILES = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
    *("added_tokens.json", "vocab.txt", "vocab.json", "merges.txt"),
)


def write_tokenizer(folder, tokenizer, max_length):
    """Writes a tokenizer's files, for any version of transformers.

    Args:
        folder: str or path.
        tokenizer: `WordPieceTokenizer` or `BytePairTokenizer`.
        max_length: int. Tokens of the longest text, special ones included.
    """
    folder = Path(folder)
    if isinstance(tokenizer, WordPieceTokenizer):
        tokens, parts = WORD_PIECE_TOKENS, _word_piece(folder, tokenizer)
    elif isinstance(tokenizer, BytePairTokenizer):
        tokens, parts = BYTE_PAIR_TOKENS, _byte_pair(folder, tokenizer)
    else:
        raise TypeError(
            f"A {type(tokenizer).__name__} cannot be written for transformers. A "
            "WordPieceTokenizer or a BytePairTokenizer is needed."
        )
    options, pipeline = parts
    added = [
        _added(token, tokenizer.token_to_id(token))
        for token in dict.fromkeys(tokens.values())
    ]
    start = {"version": "1.0", "truncation": None, "padding": None}
    added = sorted(added, key=lambda entry: entry["id"])
    write_json(folder / "tokenizer.json", {**start, "added_tokens": added, **pipeline})
    named = {
        str(entry["id"]): {key: entry[key] for key in entry if key != "id"}
        for entry in added
    }
    options |= {"model_max_length": max_length, "added_tokens_decoder": named}
    write_json(folder / "tokenizer_config.json", {**options, **tokens})
    write_json(folder / "special_tokens_map.json", tokens)


def _word_piece(folder, tokenizer):
    """Writes `vocab.txt` -> (tokenizer_config, tokenizer.json) but for what is added"""
    vocabulary = tokenizer.get_vocabulary()
    config = tokenizer.get_config()
    text = "".join(f"{token}\n" for token in vocabulary)
    (folder / "vocab.txt").write_text(text, encoding="utf-8", newline="\n")
    options = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": config["lowercase"],
        "strip_accents": config["strip_accents"],
        "tokenize_chinese_chars": config["split_cjk"],
    }
    first, last = ("[CLS]", tokenizer.cls_token_id), ("[SEP]", tokenizer.sep_token_id)
    return options, {
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": config["split_cjk"],
            "strip_accents": config["strip_accents"],
            "lowercase": config["lowercase"],
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": last, "cls": first},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {token: number for number, token in enumerate(vocabulary)},
        },
    }


def _byte_pair(folder, tokenizer):
    """Writes `vocab.json` and `merges.txt` -> as `_word_piece` gives"""
    vocabulary = {token: i for i, token in enumerate(tokenizer.get_vocabulary())}
    merges = tokenizer.get_merges()
    spaced = tokenizer.get_config()["add_prefix_space"]
    write_json(folder / "vocab.json", vocabulary)
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": spaced}
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": spaced,
        "trim_offsets": True,
        "use_regex": True,
    }
    return options, {
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": {
            "type": "RobertaProcessing",
            "sep": ("</s>", tokenizer.sep_token_id),
            "cls": ("<s>", tokenizer.cls_token_id),
            "trim_offsets": True,
            "add_prefix_space": spaced,
        },
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocabulary,
            "merges": [list(pair) for pair in merges],
        },
    }


def _added(token, number):
    """RoBERTa's mask takes the space before it along."""
    return {
        "id": number,
        "content": token,
        "single_word": False,
        "lstrip": token == "<mask>",
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
