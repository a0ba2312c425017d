"""sentence-transformers loads what an embedder writes, and gives the same vectors.

It runs where a Python with sentence-transformers is: this one, or the one that the
environment variable TRANSFORMERS_PYTHON names.
"""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import zoo

PYTHON = os.environ.get("TRANSFORMERS_PYTHON", sys.executable)
LINES = ["a small dog barks", "no dog", "a cat sleeps in the sun", "dog " * 40]
PROGRAM = """
import json, sys
from sentence_transformers import SentenceTransformer
vectors = SentenceTransformer(sys.argv[1], device="cpu").encode(json.loads(sys.argv[2]))
print(json.dumps(vectors.tolist()))
"""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def sentence_transformers():
    command = [PYTHON, "-c", "import sentence_transformers"]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip(f"{PYTHON} has no sentence-transformers")


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("normalize", [True, False])
def test_vectors_are_the_same(pooling, normalize, tmp_path):
    keras.utils.set_random_seed(0)
    tokenizer = zoo.text.learn_tokenizer(LINES * 3, 60, kind="word_piece")
    embedder = zoo.TextEmbedder.from_preset(
        "bert_tiny",
        tokenizer,
        pooling=pooling,
        normalize=normalize,
        max_length=16,
        activation="gelu",
    )
    embedder.to_hugging_face(tmp_path)
    command = [PYTHON, "-c", PROGRAM, str(tmp_path), json.dumps(LINES)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    vectors = json.loads(result.stdout.splitlines()[-1])
    np.testing.assert_allclose(vectors, embedder.embed(LINES), atol=1e-5)
