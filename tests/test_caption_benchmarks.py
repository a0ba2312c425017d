"""The benchmarks of captions and of long texts, on what takes seconds."""

import keras
import pytest

import zoo
from benchmarks import caption, long_texts
from benchmarks.driver import Configuration
from benchmarks.sizes import CAPTIONERS
from benchmarks.workers.forced_captioner import (
    forced_captioner,
    png_files,
    random_images,
)
from zoo import presets


def fake(tmp_path):
    """What `captioners` and `encoders` return: workers that invent measurements."""
    options = {"log": str(tmp_path / "log")}
    return [
        Configuration(name, "tests.benchmark_worker", {"name": name, **options})
        for name in ("zoo", "peer")
    ]


def test_caption_measures_each_batch_and_beam(tmp_path, monkeypatch):
    monkeypatch.setattr(caption, "write_exports", lambda *a: None)
    monkeypatch.setattr(caption, "encoders", lambda *a: fake(tmp_path))
    monkeypatch.setattr(caption, "captioners", lambda *a: fake(tmp_path))
    measured = caption.main(batches=[2], beams=[1, 3], rounds=1, results=tmp_path)
    assert list(measured) == [
        *("encode, batch 16", "caption, batch 2, beam 1", "caption, batch 2, beam 3")
    ]
    markdown = (tmp_path / "caption.md").read_text()
    assert "images/s" in markdown and "tokens/s" not in markdown


def test_the_peers_sizes_are_those_of_the_preset():
    size = CAPTIONERS["captioner_base"]
    model = presets.captioning_model("captioner_base", 300)
    encoder = model.image_encoder
    assert size == (
        *(encoder.image_size[0], encoder.patch_size, encoder.num_layers),
        *(encoder.num_heads, encoder.hidden_dim, encoder.intermediate_dim),
        model.num_layers,
    )


def test_a_forced_captioner_never_ends_before_its_limit(monkeypatch):
    small = ((32, 16, "linear", 1, 2, 16, 32), 1)
    monkeypatch.setitem(presets._CAPTIONERS, "captioner_tiny", small)
    captioner = forced_captioner("captioner_tiny", 300, num_tokens=7)
    files = png_files(random_images(2, 32, 32))
    for text in captioner.generate(files, num_beams=2):
        assert len(text.split()) == 7


@pytest.mark.slow
def test_long_texts_are_read_to_the_end_or_cut(tmp_path):
    """A class shows at the end of its texts alone, where cutting does not see it."""
    keras.utils.set_random_seed(0)
    data = tmp_path / "ends"
    data.mkdir()
    rows = [f"{'so ' * 12}{word}\t{word}" for word in ("good", "bad")]
    for split in ("train", "test"):
        lines = ["text\tlabel", "short\tgood", *rows * 8]
        (data / f"{split}.tsv").write_text("\n".join(lines))
    train = zoo.data.read(data)
    texts = [e["text"].decode() for e in train.as_numpy_iterator()]
    tokenizer = zoo.text.learn_tokenizer(texts, 36, kind="word_piece")
    classifier = zoo.TextClassifier.from_preset(
        "bert_tiny", tokenizer=tokenizer, classes=["bad", "good"], max_length=8
    )
    classifier.model.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    batches = classifier.batches(train, long_texts="chunks").repeat(40)
    classifier.model.fit(batches, shuffle=False, verbose=0)
    classifier.save_to_preset(tmp_path / "run")
    found = long_texts.main(data, tmp_path / "run")
    assert found["texts"] == 16
    assert found["chunks"] > found["cut"] == 0.5
    scores = classifier.evaluate(zoo.data.read(data, "test").skip(1))
    assert found["chunks"] == scores["accuracy"]
