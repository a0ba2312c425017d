import numpy as np
import pytest
import tensorflow as tf

from benchmarks import encode, limits, masked_lm, report
from benchmarks.batches import pieces, real_tokens
from benchmarks.driver import Configuration, summarise
from benchmarks.sizes import ENCODERS, masked_lm_flops
from benchmarks.workers.encoding import check_vectors, encodings, save_texts
from benchmarks.workers.products import (
    masked_lm_products,
    multiplications,
    product_flops,
)
from zoo import presets
from zoo.tasks.encoding import encode_in_pieces

SENTENCES = ["a small dog barks", "no dog", "a dog and a small cat", "cats bark"]
TINY = masked_lm.Training(batch_size=4, vocabulary_size=50, steps=2)


@pytest.fixture
def data(tmp_path):
    """A folder of texts, as the README of the benchmarks has them."""
    folder = tmp_path / "dogs"
    folder.mkdir()
    for split in ("train", "test"):
        lines = [f"{sentence}\t1" for sentence in SENTENCES * 8]
        (folder / f"{split}.tsv").write_text("\n".join(["sentence\tlabel", *lines]))
    return folder


@pytest.fixture(scope="module")
def batches():
    return masked_lm.make_batches(TINY)


def fake(tmp_path):
    """What `configurations` returns: workers that invent their measurements."""
    options = {"log": str(tmp_path / "log")}
    return [
        Configuration(name, "tests.benchmark_worker", {"name": name, **options})
        for name in ("zoo", "peer")
    ]


def test_encode_measures_each_set_of_texts(data, tmp_path, monkeypatch):
    monkeypatch.setattr(encode, "write_models", lambda *a: None)
    monkeypatch.setattr(encode, "write_texts", lambda *a: [4, 6, 2])
    monkeypatch.setattr(encode, "configurations", lambda *a: fake(tmp_path))
    measured = encode.main([str(data)], rounds=1, results=tmp_path)
    assert list(measured) == ["dogs, 3 texts, 12 tokens"]
    markdown = (tmp_path / "encode.md").read_text()
    assert "python -m benchmarks.encode --data dogs --rounds 1" in markdown
    assert str(tmp_path) not in markdown


def test_masked_lm_measures_each_size(tmp_path, monkeypatch):
    monkeypatch.setitem(masked_lm.TRAININGS, "bert_mini", TINY)
    monkeypatch.setattr(masked_lm, "configurations", lambda *a: fake(tmp_path))
    measured = masked_lm.main(sizes=["bert_mini"], rounds=1, results=tmp_path)
    assert list(measured) == ["bert_mini, batch 4, vocabulary 50"]
    assert (tmp_path / "masked_lm.png").stat().st_size > 0


def test_texts_are_spread_over_the_whole_set(data, monkeypatch):
    monkeypatch.setitem(encode.NUM_TEXTS, "dogs", 8)
    assert encode.texts_of(data) == SENTENCES[:1] * 8  # every fourth of 32
    assert len(encode.texts_of(data, quick=True)) == 2


def test_the_checkpoint_and_the_texts_are_what_the_workers_read(data, tmp_path):
    model = {"size": "bert_tiny", "vocabulary_size": 45, "max_length": 8}
    embedder = encode.write_models(tmp_path, [data], model)
    lengths = encode.write_texts(tmp_path, embedder, ["a dog", "dog " * 20])
    assert lengths == [4, 8]  # with [CLS] and [SEP], and cut
    options = {"texts": tmp_path / "texts.npz", "every": 1, "tolerance": 1e-4}
    assert encodings(embedder.embed, options)() == sum(lengths)
    assert (tmp_path / "checkpoint" / "model.safetensors").is_file()
    assert (tmp_path / "saved_model" / "1" / "saved_model.pb").is_file()


def test_a_padded_peer_encodes_fewer_texts(tmp_path):
    lengths = [10, 30] * encode.NUM_PADDED_TEXTS
    rows = encode.configurations(tmp_path, lengths, encode.MODEL, None)
    every = {row.name: row.options["every"] for row in rows}
    assert every.pop("KerasNLP, all padded") == 2
    assert set(every.values()) == {1}
    assert rows[0].texts_per_token == 1 / 20


def test_a_worker_takes_every_second_text(tmp_path):
    path = tmp_path / "texts.npz"
    save_texts(path, ["a", "b c", "d"], [1, 2, 3], np.eye(3, 2))
    asked = []

    def encode_texts(texts):
        asked.extend(texts)
        return np.eye(3, 2)[::2]

    repeat = encodings(encode_texts, {"texts": path, "every": 2, "tolerance": 0.0})
    assert repeat() == 4
    assert asked == ["a", "d"]


def test_vectors_that_differ_are_refused():
    expected = np.zeros((4, 2))
    check_vectors(expected + 1e-5, expected, 1e-4)
    with pytest.raises(ValueError, match="1 of 4 .* text 1 by 0.5"):
        check_vectors(expected + [[0], [0.5], [0], [0]], expected, 1e-4)
    with pytest.raises(ValueError, match="4 of 4"):
        check_vectors(expected + np.nan, expected, 1e-4)
    with pytest.raises(ValueError, match="one for each text"):
        check_vectors(expected[:3], expected, 1e-4)
    one_differs = expected + [[0], [0.5], [0], [0]]
    check_vectors(one_differs, expected, 1e-4, may_differ=0.25)


@pytest.mark.parametrize("places", [1, 12, 1000])
def test_pieces_are_those_of_our_encoder(places):
    lengths = np.sort(np.random.default_rng(0).integers(1, 9, 30))
    rows = tf.RaggedTensor.from_row_lengths(tf.ones([lengths.sum()], tf.int32), lengths)
    seen = []

    def encode_piece(inputs):
        seen.append(tuple(inputs["token_ids"].shape))
        return tf.zeros([len(inputs["token_ids"]), 1])

    encode_in_pieces(encode_piece, {"token_ids": rows}, size=1, places=places)
    found = [lengths[piece] for piece in pieces(lengths, places)]
    assert [(len(piece), piece[-1]) for piece in found] == seen
    np.testing.assert_array_equal(np.concatenate(found), lengths)


def test_rows_for_masking_are_full(batches):
    assert len(batches) == TINY.steps
    for batch in batches:
        shape = (TINY.batch_size, masked_lm.ROW_LENGTH)
        assert batch["token_ids"].shape == shape
        assert real_tokens(batch) == np.prod(shape)
        assert batch["document_ids"].max() == 1
        share = (batch["sample_weight"] > 0).sum() / real_tokens(batch)
        assert share == pytest.approx(0.15, abs=0.01)


def test_the_limit_multiplies_what_masked_training_needs(batches):
    size = ENCODERS["bert_mini"]
    rows = masked_lm.configurations("bert_mini", TINY, batches, "", None)
    flops = {row.useful_flops_per_token for row in rows}
    assert len(flops) == 1
    masks = int((batches[0]["sample_weight"] > 0).sum())
    expected = masked_lm_flops(size, 128, masks / TINY.batch_size, 50)
    done = product_flops(masked_lm_products(size, 50, batches[0]))
    assert done == pytest.approx(TINY.batch_size * expected)


def test_the_limit_does_each_product_as_often_as_it_counts():
    rows = limits.limit_configurations(
        [[((1, 2, 3, 4), 2)], [((1, 5, 6, 7), 1)]], 9, ""
    )
    done = []

    def multiply(*shape):
        done.append(shape)

    repeat = multiplications(rows[0].options, lambda *shape: shape, multiply)
    assert repeat() == 9
    assert done == [(1, 2, 3, 4), (1, 2, 3, 4), (1, 5, 6, 7)]
    assert rows[0].useful_flops_per_token == 2 * (2 * 24 + 210) / 9


@pytest.mark.parametrize("name", ["bert_mini", "minilm_l6"])
def test_the_sizes_are_those_of_the_presets(name):
    size, encoder = ENCODERS[name], presets.text_encoder(name, vocabulary_size=10)
    for field, value in size._asdict().items():
        assert getattr(encoder, field) == value


def test_the_report_shows_texts_a_second_where_there_are_texts(tmp_path):
    answer = {"tokens": 40, "seconds": 2.0, "disturbance": 0.0, "peak_mib": 1.0}
    ready = {"first_call_s": 1.0, "facts": {}}
    results = {"zoo": {"ready": ready, "rounds": [answer]}}
    with_texts = Configuration("zoo", "", {}, texts_per_token=0.25)
    rows = summarise([with_texts], results, ["zoo"])
    assert rows[0]["texts_per_s"] == 5
    assert "texts/s" in report.table(rows)
    report.write_report({"sst2": rows}, tmp_path, "encode", "Encoding", "it")
    assert "| zoo | 20 | 5 | 1.00" in (tmp_path / "encode.md").read_text()
    without = summarise([Configuration("zoo", "", {})], results, ["zoo"])
    assert "texts/s" not in report.table(without)
