import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import zoo.export
from tests.tasks.conftest import LINES
from tests.tasks.test_translator import LONG, TEXTS

CASES = [*TEXTS, LONG, "", "   ", "\x00\U0001f600", "nowhere seen, w\u00e4re"]

# Runs in a process of its own, with nothing but tensorflow and tensorflow_text.
CLIENT = """
import json, sys
import tensorflow as tf, tensorflow_text
model = tf.saved_model.load(sys.argv[1])
answer = model.signatures["serving_default"](text=tf.constant(json.loads(sys.argv[2])))
found = sorted({name.split(".")[0] for name in sys.modules} & {"zoo", "keras_nlp"})
print(json.dumps({
    "translation": [text.decode() for text in answer["translation"].numpy()],
    "score": answer["score"].numpy().tolist(),
    "found": found,
}))
"""


@pytest.fixture(scope="session")
def served(export):
    return tf.saved_model.load(export)


def test_a_process_without_zoo_gives_the_answers_of_the_task(
    translator, export, tmp_path
):
    result = subprocess.run(
        [sys.executable, "-c", CLIENT, export, json.dumps(CASES)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout.splitlines()[-1])
    texts, scores = translator.generate(CASES, num_beams=3, return_scores=True)
    assert answer["translation"] == texts
    np.testing.assert_allclose(answer["score"], scores, atol=1e-4)
    assert answer["found"] == []


def test_n_best_equals_the_task(translator, served):
    answer = served.signatures["n_best"](text=tf.constant(CASES))
    texts, scores = translator.generate(
        CASES, num_beams=3, num_return_sequences=3, return_scores=True
    )
    assert answer["translations"].shape == answer["scores"].shape == (len(CASES), 3)
    assert [
        [text.decode("utf-8", "replace") for text in row]
        for row in answer["translations"].numpy()
    ] == texts
    np.testing.assert_allclose(answer["scores"], scores, atol=1e-4)


def test_explain_equals_the_task(translator, served):
    answer = served.signatures["explain"](text=tf.constant([TEXTS[0], "", LONG]))
    for row, text in ((0, TEXTS[0]), (2, LONG)):
        expected = translator.explain(text, num_beams=3)
        source, target = expected["source_pieces"], expected["target_pieces"]
        assert answer["translation"][row] == translator.generate(text, num_beams=3)
        pieces = [piece.decode() for piece in answer["source_pieces"][row].numpy()]
        assert pieces == source + [""] * (len(pieces) - len(source))
        attention = answer["attention"][row].numpy()
        np.testing.assert_allclose(
            attention[: len(target), : len(source)], expected["attention"], atol=1e-5
        )
    assert not answer["attention"][1].numpy().any()
    empty = served.signatures["explain"](text=tf.constant([""]))
    assert empty["translation"].numpy().tolist() == [b""]
    assert empty["attention"].shape == (1, 0, 0)
    assert empty["source_pieces"].shape == empty["target_pieces"].shape == (1, 0)


def test_streaming_ends_with_the_greedy_answer(translator, served):
    texts = [TEXTS[0], "", LONG, "   "]
    state = served.signatures["start"](text=tf.constant(texts))
    step = served.signatures["step"]
    seen = [state["translation"].numpy()]
    while not state["finished"].numpy().all():
        for name, tensor in state.items():
            assert tensor.shape[0] == len(texts), name
        state = step(**state)
        seen.append(state["translation"].numpy())
        assert len(seen) < 200
    expected = translator.generate(texts, num_beams=1)
    assert [text.decode() for text in seen[-1]] == expected
    # The text grows: what was sent is not taken back.
    for before, after in zip(seen, seen[1:], strict=False):
        assert after[0].decode().startswith(before[0].decode().rstrip("\ufffd"))


def test_rows_that_stand_at_different_tokens_can_share_a_step(translator, served):
    step = served.signatures["step"]
    # As long, so that the states have the same shapes.
    length = translator.source_tokenizer(TEXTS[0]).shape[0]
    other = next(
        line
        for line in LINES
        if line != TEXTS[0] and translator.source_tokenizer(line).shape[0] == length
    )
    ahead = served.signatures["start"](text=tf.constant([TEXTS[0]]))
    behind = served.signatures["start"](text=tf.constant([other]))
    ahead = step(**step(**ahead))
    state = {name: tf.concat([ahead[name], behind[name]], 0) for name in ahead}
    while not state["finished"].numpy().all():
        state = step(**state)
    expected = translator.generate([TEXTS[0], other], num_beams=1)
    assert [text.decode() for text in state["translation"].numpy()] == expected


def test_every_batch_size_is_answered_row_by_row(translator, served):
    texts = (TEXTS * 25)[:70]  # more than one piece of 64
    answer = served.signatures["serving_default"](text=tf.constant(texts))
    expected = translator.generate(TEXTS, num_beams=3)
    assert [text.decode() for text in answer["translation"].numpy()] == (expected * 25)[
        :70
    ]
    empty = served.signatures["serving_default"](text=tf.zeros([0], tf.string))
    assert empty["translation"].shape == (0,)


def test_the_graph_is_compiled_for_few_shapes(served):
    """The searching functions inside take any shape: XLA alone tells them apart."""
    function = served.signatures["serving_default"]
    compiled = [
        node
        for definition in function.graph.as_graph_def().library.function
        for node in definition.attr
        if node == "_XlaMustCompile" and definition.attr[node].b
    ]
    assert len(compiled) == 1


def test_signatures_and_warmup_are_what_tensorflow_serving_reads(served, export):
    assert set(served.signatures) == {
        "serving_default",
        "n_best",
        "explain",
        "start",
        "step",
    }
    (specification,) = (
        served.signatures["serving_default"].structured_input_signature[1].values()
    )
    assert (specification.name, specification.dtype) == ("text", tf.string)
    assert specification.shape.as_list() == [None]
    warmup = Path(export) / "assets.extra" / "tf_serving_warmup_requests"
    (record,) = tf.data.TFRecordDataset(str(warmup)).as_numpy_iterator()
    log = zoo.export.prediction_log_pb2.PredictionLog.FromString(record)
    inputs = log.predict_log.request.inputs["text"]
    assert tf.make_ndarray(inputs).tolist() == [b"A first sentence."]


def test_without_xla_it_answers_the_same(translator, tmp_path):
    path = translator.export(tmp_path, num_beams=3, jit_compile=False)
    model = tf.saved_model.load(path)
    answer = model.signatures["serving_default"](text=tf.constant(TEXTS))
    expected = translator.generate(TEXTS, num_beams=3)
    assert [text.decode() for text in answer["translation"].numpy()] == expected
    names = {
        name
        for definition in model.signatures["serving_default"]
        .graph.as_graph_def()
        .library.function
        for name in definition.attr
        if definition.attr[name].b
    }
    assert "_XlaMustCompile" not in names


def test_a_folder_that_cannot_be_written_is_named(translator, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match="export folder .*file.* cannot be written"):
        translator.export(tmp_path / "file")

    def refuse(prefix, dir):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    message = "folder .*locked cannot be written .*Permission denied.* Choose another"
    with pytest.raises(OSError, match=message):
        translator.export(tmp_path / "locked")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
