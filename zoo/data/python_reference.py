"""Python's own reference text: its language topics and its modules' docstrings."""

import ast
import functools
import importlib.util
import inspect
import pathlib
import pydoc_data.topics
import random
import sysconfig

import tensorflow as tf

from zoo.data.generated import split_name, split_of

_FEWEST_CHARACTERS = 40
# Folders that hold programs and tests rather than modules to read about.
_NO_MODULES = {"site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3"}


def python_reference(split="train"):
    """What Python says of itself: reference topics and docstrings, as documents.

    Sources of the standard library are parsed, not imported. The text depends on the
    Python that runs.

    >>> next(python_reference("test").as_numpy_iterator())
    {"text": b"The \\"assert\\" statement\\n************\\n\\nAssert statements ..."}

    Args:
        split: `"train"`, `"validation"` or `"test"`; disjoint by the hash of the text.

    Returns:
        `tf.data.Dataset` of `{"text"}`, scalar strings, in random order that is the
        same every time. No document occurs twice.
    """
    split = split_name(split, "Python reference")
    texts = [text for text in _documents() if split_of(text) == split]
    return tf.data.Dataset.from_tensor_slices({"text": texts})


@functools.cache
def _documents():
    """list of str, mixed."""
    texts = [inspect.cleandoc(text) for text in pydoc_data.topics.topics.values()]
    library = pathlib.Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.rglob("*.py")):
        if not _NO_MODULES & set(path.relative_to(library).parts):
            texts += _docstrings(path)
    texts = sorted({text for text in texts if len(text) >= _FEWEST_CHARACTERS})
    random.Random("Python reference").shuffle(texts)
    return texts


def _docstrings(path):
    """Docstrings of a module, its classes and functions: one text a module or class."""
    try:
        tree = ast.parse(importlib.util.decode_source(path.read_bytes()))
    except (SyntaxError, UnicodeDecodeError, ValueError):
        return  # some files of the library are examples of broken source
    kinds = ast.Module | ast.ClassDef
    for node in ast.walk(tree):
        if isinstance(node, kinds):
            parts = [node, *(part for part in node.body if _is_function(part))]
            texts = [ast.get_docstring(part) for part in parts]
            yield "\n\n".join(text for text in texts if text)


def _is_function(node):
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
