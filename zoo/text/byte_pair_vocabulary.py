"""The vocabulary and the merges of byte-level byte-pair encoding, read and checked."""

import json
from pathlib import Path

from zoo.text.encoder_tokenizer import numbered

SPECIAL_TOKENS = CLS, PAD, SEP, UNKNOWN, MASK = (
    *("<s>", "<pad>", "</s>", "<unk>", "<mask>"),
)


def byte_characters():
    """The characters that stand for the bytes 0 to 255 in a vocabulary.

    Bytes that are printable in Latin-1 stand for themselves, the others for the
    characters from U+0100 on.

    >>> byte_characters()[ord(" ")]
    "\u0120"
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(i) if i in printable else chr(next(others)) for i in range(256)]


def read_vocabulary(path):
    """The pieces of a JSON file of piece to id, in the order of their ids."""
    try:
        ids = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is no JSON in UTF-8 ({error}). Save the tokenizer again."
        ) from error
    is_dict = isinstance(ids, dict) and all(type(x) is int for x in ids.values())
    if not is_dict or sorted(ids.values()) != list(range(len(ids))):
        raise ValueError(
            f"{path} is no dict of piece to id, where the ids are 0, 1, 2, ... without "
            "a gap. Save the tokenizer again."
        )
    return sorted(ids, key=ids.get)


def read_merges(path):
    """The pairs of a file with one a line."""
    with open(path, encoding="utf-8", newline="\n") as file:
        lines = file.read().removesuffix("\n").split("\n")
    if lines[0].startswith("#version"):
        lines = lines[1:]
    return [tuple(line.split(" ")) for line in lines if line]


def checked_ids(vocabulary):
    """dict of piece -> id."""
    ids = numbered(vocabulary)
    needed = [*SPECIAL_TOKENS, *byte_characters()]
    missing = [piece for piece in needed if piece not in ids]
    if missing:
        others = " and others" if len(missing) > 5 else ""
        raise ValueError(
            f"The vocabulary of {len(vocabulary)} pieces lacks "
            f"{', '.join(missing[:5])}{others}. It needs {', '.join(SPECIAL_TOKENS)} "
            "and the characters for all 256 bytes."
        )
    return ids


def merge_table(merges, ids):
    """list of (left, right, merged) ids."""
    table = []
    for number, pair in enumerate(merges, start=1):
        if len(pair) != 2:
            raise ValueError(f"Merge {number} is {pair!r}, but two pieces are needed.")
        parts = (*pair, pair[0] + pair[1])
        unknown = [part for part in parts if part not in ids]
        if unknown:
            raise ValueError(
                f"Merge {number}, of {pair[0]!r} and {pair[1]!r}, needs "
                f"{unknown[0]!r}, which the vocabulary lacks. They do not belong "
                "together."
            )
        table.append(tuple(ids[part] for part in parts))
    return table


def bytes_of(vocabulary):
    """The bytes that each piece stands for; special tokens for themselves."""
    byte_of = {character: i for i, character in enumerate(byte_characters())}
    return [
        bytes(byte_of[c] for c in piece)
        if all(c in byte_of for c in piece)
        else piece.encode()
        for piece in vocabulary
    ]
