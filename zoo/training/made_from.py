"""What a task learned from its data before it was trained."""

import hashlib
import json

_TOKENIZERS = ("tokenizer", "source_tokenizer", "target_tokenizer")
_CLASSES = ("classes", "labels")


def made_from(task):
    """Short checksums of a task's vocabularies and of the names of its classes.

    Other data give others, and a model that was trained with these is wrong with those.

    >>> made_from(classifier)
    {"tokenizer": "0f3a91c2b7d4", "classes": "77ab01c9e8f2"}
    """
    learned = {
        name: getattr(task, name).get_vocabulary()
        for name in _TOKENIZERS
        if hasattr(getattr(task, name, None), "get_vocabulary")
    }
    learned |= {
        name: list(getattr(task, name)) for name in _CLASSES if hasattr(task, name)
    }
    return {name: _checksum(value) for name, value in learned.items()}


def _checksum(value):
    return hashlib.sha256(json.dumps(value, default=str).encode()).hexdigest()[:12]
