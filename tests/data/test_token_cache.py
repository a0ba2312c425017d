"""A corpus in files: the same pairs, made once, refused where it does not fit."""

import collections
import concurrent.futures
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.data import token_cache
from zoo.data.translation import translation_batches

ROOT = Path(__file__).resolve().parents[2]
LINE = "a small dog and two large cats see the red house of an old man"
WORDS = LINE.split(" ")
OPTIONS = {"batch_tokens": 512, "max_length": 24, "seed": 3}


def pairs(count=150, seed=0):
    draws = np.random.default_rng(seed)
    sides = {
        side: [
            " ".join(draws.choice(WORDS, draws.integers(1, 9))) for _ in range(count)
        ]
        for side in ("source", "target")
    }
    return tf.data.Dataset.from_tensor_slices(sides)


@pytest.fixture(scope="module")
def tokenizer():
    return zoo.text.learn_tokenizer([LINE] * 5, 290, at_most=True)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(token_cache, "SHARD_PAIRS", 40)
    monkeypatch.setattr(token_cache, "FILLED_TOGETHER", 2)
    monkeypatch.setattr(token_cache, "_LOOKED_AT", 100)


@pytest.fixture(scope="module")
def folder(tokenizer, tmp_path_factory):
    """Of 150 pairs, in four shards."""
    folder = tmp_path_factory.mktemp("tokens") / "new"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(token_cache, "SHARD_PAIRS", 40)
        patch.setattr(token_cache, "FILLED_TOGETHER", 2)
        patch.setattr(token_cache, "_LOOKED_AT", 100)
        token_cache.cache_pairs(pairs(), folder, tokenizer, tokenizer, 24, 1)
    return folder


@pytest.fixture
def one_thread(monkeypatch):
    """Starts no process, which takes longer than its work."""

    def pool(num_processes, context, initializer):
        return concurrent.futures.ThreadPoolExecutor(1)

    monkeypatch.setattr(concurrent.futures, "ProcessPoolExecutor", pool)


def batches(tokenizer, **options):
    return translation_batches(pairs(), tokenizer, tokenizer, **OPTIONS, **options)


def seen(epoch):
    """How often each pair of id lists is in the batches of an epoch, unpacked."""
    counts = collections.Counter()
    for inputs, _, _ in epoch:
        segments = inputs.get("source_segment_ids", inputs["source_ids"] != 0)
        others = inputs.get("target_segment_ids", inputs["target_ids"] != 0)
        for source, target, its, other in zip(
            inputs["source_ids"], inputs["target_ids"], segments, others, strict=True
        ):
            for number in range(1, int(np.max(its)) + 1):
                pair = source[its == number], target[other == number]
                counts[tuple(map(tuple, pair))] += 1
    return counts


@pytest.mark.parametrize("packed", [True, False])
def test_the_same_pairs_as_from_memory(folder, tokenizer, packed):
    cached = batches(tokenizer, packed=packed, cache_dir=folder)
    plain = batches(tokenizer, packed=packed)
    expected = seen(plain.as_numpy_iterator())
    assert 100 < sum(expected.values()) < 150  # some are too long
    epochs = [[*cached.as_numpy_iterator()] for _ in range(2)]
    for epoch in epochs:
        assert len(epoch) == int(cached.cardinality())
        assert seen(epoch) == expected
        for _, _, weight in epoch:
            assert weight.mean() == pytest.approx(1, abs=1e-5)
    first = [epoch[0][0]["source_ids"] for epoch in epochs]
    assert first[0].shape != first[1].shape or (first[0] != first[1]).any()


def test_an_epoch_follows_from_its_number(folder, tokenizer):
    options = {"packed": True, "subword_sampling": 0.2, "cache_dir": folder}
    two = batches(tokenizer, **options)
    [*two.as_numpy_iterator()]
    second = [*two.as_numpy_iterator()]
    again = batches(tokenizer, **options, first_epoch=1)
    for one, other in zip(second, again.as_numpy_iterator(), strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, one, other)


def test_batches_of_an_update_share_their_weights(folder, tokenizer):
    cached = batches(tokenizer, cache_dir=folder, batches_per_update=3)
    weights = [weight for _, _, weight in cached.as_numpy_iterator()]
    assert len(weights) % 3 == 0
    for at in range(0, len(weights), 3):
        means = [weight.mean() for weight in weights[at : at + 3]]
        assert np.mean(means) == pytest.approx(1, abs=1e-5)


@pytest.mark.usefixtures("one_thread")
def test_no_shard_has_too_little_for_an_update(tokenizer, tmp_path):
    cache = token_cache.cache_pairs(pairs(82), tmp_path, tokenizer, tokenizer, 24, 1)
    sizes = [shard["pairs"] + shard["left_out"] for shard in cache._shards]
    assert sizes == [40, 21, 21]


def test_what_is_there_is_not_made_again(folder, tokenizer, monkeypatch, caplog):
    monkeypatch.setattr(token_cache, "_make", None)
    cache = token_cache.cache_pairs(pairs(), folder, tokenizer, tokenizer, 24)
    assert len(cache) == 4
    assert "of 150 pairs: they have more than max_length=24 ids" in caplog.text
    assert cache.max_lengths.max() <= 24


@pytest.mark.usefixtures("one_thread")
def test_one_that_was_interrupted_goes_on(folder, tokenizer, tmp_path):
    part = tmp_path / "part"
    part.mkdir()
    names = sorted(path.name for path in folder.glob("pairs-*"))
    for name in names[:3]:
        (part / name).write_bytes((folder / name).read_bytes())
    damaged = (part / names[1]).read_bytes()
    (part / names[1]).write_bytes(damaged[:-1])
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["is_complete"] = False
    del manifest["shards"]["00003"]
    (part / "manifest.json").write_text(json.dumps(manifest))
    before = (part / names[0]).stat().st_mtime_ns
    token_cache.cache_pairs(pairs(), part, tokenizer, tokenizer, 24, 1)
    assert (part / names[0]).stat().st_mtime_ns == before
    for name in names:
        assert (part / name).read_bytes() == (folder / name).read_bytes()
    assert json.loads((part / "manifest.json").read_text()) == json.loads(
        (folder / "manifest.json").read_text()
    )


@pytest.mark.usefixtures("one_thread")
def test_one_that_was_interrupted_at_once_goes_on(tokenizer, tmp_path, monkeypatch):
    def interrupt(*arguments):
        (tmp_path / "partial-pairs-00000.tfrecord").write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(token_cache, "_make", interrupt)
        token_cache.cache_pairs(pairs(), tmp_path, tokenizer, tokenizer, 24)
    cache = token_cache.cache_pairs(pairs(), tmp_path, tokenizer, tokenizer, 24, 1)
    assert len(cache) == 4


def copied(folder, copy):
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


@pytest.mark.usefixtures("one_thread")
def test_a_damaged_shard_is_named_and_made_again(folder, tokenizer, tmp_path):
    copy = copied(folder, tmp_path / "copy")
    damaged, other = (copy / f"pairs-0000{n}.tfrecord" for n in (2, 1))
    before = other.stat().st_mtime_ns
    content = bytearray(damaged.read_bytes())
    content[40] ^= 1
    damaged.write_bytes(content)
    message = "pairs-00002.tfrecord is missing or damaged.*Remove this file"
    with pytest.raises(ValueError, match=message):
        [*batches(tokenizer, cache_dir=copy, num_buckets=3).as_numpy_iterator()]
    damaged.unlink()
    token_cache.cache_pairs(pairs(), copy, tokenizer, tokenizer, 24, 1)
    assert damaged.read_bytes() == (folder / damaged.name).read_bytes()
    assert other.stat().st_mtime_ns == before


def test_an_older_manifest_does_not_say_how_many_pairs(folder, tokenizer, tmp_path):
    copy = copied(folder, tmp_path / "copy")
    manifest = json.loads((copy / "manifest.json").read_text())
    del manifest["num_pairs"]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert len(token_cache.cache_pairs(pairs(), copy, tokenizer, tokenizer, 24)) == 4


@pytest.mark.slow
def test_a_pool_ends_with_the_process_that_was_killed(tmp_path):
    code = f"""
import zoo
from tests.data.test_token_cache import LINE, pairs
from tests.data.waiting_shard import wait
from zoo.data import token_cache

token_cache.write_shard = wait
both = [zoo.text.learn_tokenizer([LINE] * 5, 290, at_most=True)] * 2
token_cache.cache_pairs(pairs(9), {str(tmp_path / "new")!r}, *both, 24, 1)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    while "begun" not in process.stdout.readline():
        assert process.poll() is None
    process.kill()
    process.communicate(timeout=60)  # waits for all that can still write
    assert process.returncode == -9


@pytest.mark.parametrize(("cores", "processes"), [(2, 2), (64, 8)])
def test_a_process_for_each_core_up_to_eight(
    tokenizer, tmp_path, monkeypatch, cores, processes
):
    def pool(num_processes, *arguments, **options):
        assert num_processes == processes
        raise InterruptedError

    own = set(range(cores))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: own, raising=False)
    monkeypatch.setattr(concurrent.futures, "ProcessPoolExecutor", pool)
    with pytest.raises(InterruptedError):
        token_cache.cache_pairs(pairs(), tmp_path, tokenizer, tokenizer, 24)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"examples": pairs(seed=1)}, "tokens of other texts"),
        ({"examples": pairs().repeat(2)}, "tokens of other num_pairs"),
        ({"max_length": 23}, "tokens of other max_length"),
        ({"target_tokenizer": None}, "tokens of other tokenizers"),
    ],
)
def test_tokens_of_something_else_are_refused(folder, tokenizer, change, message):
    other = zoo.text.learn_tokenizer([" ".join(WORDS[::2])] * 5, 285, at_most=True)
    arguments = {
        "examples": pairs(),
        "folder": folder,
        "source_tokenizer": tokenizer,
        "target_tokenizer": tokenizer,
        "max_length": 24,
        **change,
    }
    arguments["target_tokenizer"] = arguments["target_tokenizer"] or other
    with pytest.raises(ValueError, match=message):
        token_cache.cache_pairs(**arguments)


def test_other_folders_are_left_alone(tokenizer, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="is not empty and has no manifest.json"):
        token_cache.cache_pairs(pairs(), tmp_path, tokenizer, tokenizer, 24)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_a_damaged_manifest(tokenizer, tmp_path, content):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(ValueError, match="manifest.json is damaged"):
        token_cache.cache_pairs(pairs(), tmp_path, tokenizer, tokenizer, 24)


@pytest.mark.usefixtures("one_thread")
def test_no_pair_is_short_enough(tokenizer, tmp_path):
    with pytest.raises(ValueError, match="none has at most max_length=1 ids"):
        token_cache.cache_pairs(pairs(9), tmp_path, tokenizer, tokenizer, 1, 1)
