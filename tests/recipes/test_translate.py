import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import zoo
from recipes import translate
from tests.tasks.conftest import LINES
from zoo import presets

TINY = {
    "preset": "translator_test",
    "vocabulary_size": 320,
    "epochs": 2,
    "batch_tokens": 1024,
    "average": 1,
    "num_beams": 2,
    "target": "capitals",
}


@pytest.fixture(autouse=True)
def small_preset(monkeypatch):
    """A size of its own, so that the real recipe takes seconds."""
    monkeypatch.setitem(presets._TRANSLATORS, "translator_test", (1, 2, 16, 32, 0.1))
    monkeypatch.setitem(
        presets._TRANSLATORS_PUBLISHED, "translator_test", (1, 320, "https://")
    )


@pytest.fixture
def corpus(tmp_path):
    """One table without splits, as many people have."""
    path = tmp_path / "pairs.tsv"
    rows = [f"{line}\t{line.upper()}\n" for line in LINES]
    path.write_text("en\tcapitals\n" + "".join(rows))
    return str(path)


def run(corpus, tmp_path, **options):
    return translate.main(
        data=corpus,
        run_dir=str(tmp_path / "run"),
        export_dir=str(tmp_path / "export"),
        **{**TINY, **options},
    )


def epochs(tmp_path):
    with open(tmp_path / "run" / "metrics.csv") as file:
        return [row["epoch"] for row in csv.DictReader(file)]


def test_from_a_file_to_an_export_and_on_from_where_it_stopped(corpus, tmp_path):
    scores = run(corpus, tmp_path)
    assert set(scores) == {"held out"}
    assert {"bleu", "chrf", "bleu_tokenized_lowercase"} <= set(scores["held out"])
    assert epochs(tmp_path) == ["1", "2"]
    made = {path.name for path in (tmp_path / "run").iterdir()}
    assert made >= {
        *("metrics.csv", "curves.png", "samples.txt", "attention.png", "README.md"),
        *("config.json", "checkpoints", "tensorboard"),
    }
    assert any(name.startswith("model-") for name in made)
    card = (tmp_path / "run" / "README.md").read_text()
    assert "translator_test" in card
    assert f"{scores['held out']['bleu']:.2f}"[:4] in card

    served = tf.saved_model.load(str(tmp_path / "export" / "1"))
    answer = served.signatures["serving_default"](text=tf.constant(LINES[:2]))
    saved = zoo.Translator.from_preset(tmp_path / "run")
    expected = saved.generate(LINES[:2], num_beams=2)
    assert [text.decode() for text in answer["translation"].numpy()] == expected

    # The same command with one more epoch trains that one, and nothing again.
    run(corpus, tmp_path, epochs=3)
    assert epochs(tmp_path) == ["1", "2", "3"]
    assert (tmp_path / "export" / "2" / "saved_model.pb").is_file()


@pytest.mark.parametrize(
    ("option", "value"), [("num_beams", 0), ("length_penalty", -1.0)]
)
def test_a_search_that_is_none_is_told_before_training(corpus, tmp_path, option, value):
    with pytest.raises(ValueError, match=f"{option}={value} is out of range"):
        run(corpus, tmp_path, **{option: value})
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_other_settings_in_the_same_folder_are_refused(corpus, tmp_path):
    run(corpus, tmp_path, epochs=1)
    with pytest.raises(ValueError, match="dropout"):
        run(corpus, tmp_path, epochs=1, dropout=0.3)
    run(corpus, tmp_path, epochs=1, dropout=0.3, resume=False)
    assert epochs(tmp_path) == ["1"]
    assert (tmp_path / "run.1" / "metrics.csv").is_file()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights(corpus, tmp_path):
    weights = []
    for name in ("a", "b"):
        run(corpus, tmp_path / name, epochs=1)
        saved = zoo.Translator.from_preset(tmp_path / name / "run")
        weights.append(saved.model.get_weights())
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_length_penalty_is_chosen_on_so_many_pairs_at_most():
    seen = []

    class Longest:
        def evaluate(self, pairs, length_penalty):
            seen.append(int(pairs.cardinality()))
            return {"bleu": length_penalty}

    pairs = tf.data.Dataset.range(5000)
    assert translate.best_length_penalty(Longest(), pairs, {}) == 2.0
    assert seen == [2000] * 4


def test_help_names_the_flags_all_recipes_share():
    result = subprocess.run(
        [sys.executable, "-m", "recipes.translate", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    for flag in (
        *("--preset", "--data", "--epochs", "--batch-tokens", "--learning-rate"),
        *("--seed", "--run-dir", "--export-dir", "--resume", "--no-resume"),
    ):
        assert flag in result.stdout


@pytest.mark.slow
def test_small_letters_only(corpus, tmp_path):
    run(corpus, tmp_path, lowercase=True, epochs=1)
    translator = zoo.Translator.from_preset(tmp_path / "run")
    ids = translator.source_tokenizer(["The BIG Dog", "the big dog"]).to_list()
    assert ids[0] == ids[1]
    loaded = tf.saved_model.load(str(tmp_path / "export" / "1"))
    answers = [
        loaded.signatures["serving_default"](text=tf.constant([text]))["translation"]
        for text in ("The BIG Dog", "the big dog")
    ]
    assert answers[0].numpy() == answers[1].numpy()


@pytest.mark.slow
def test_optimizers_by_name(corpus, tmp_path):
    assert set(translate.OPTIMIZERS) == {"adam", "adamw", "lion", "muon"}
    run(corpus, tmp_path, optimizer="muon", epochs=1)
    with open(tmp_path / "run" / "metrics.csv") as file:
        assert float(next(csv.DictReader(file))["loss"]) > 0


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (None, "dates"),
        ("tfds:wmt14_translate/de-en", "wmt14_translate-de-en"),
        ("../data/multi30k", "multi30k"),
        (".", Path.cwd().name),
    ],
)
def test_names_of_runs(data, name):
    assert translate.name_of(data) == name
