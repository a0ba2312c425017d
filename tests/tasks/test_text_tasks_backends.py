"""Tasks on texts that were saved on TensorFlow answer alike on other backends."""

import json

import keras
import numpy as np
import pytest

import zoo
from tests.on_backend import run_on
from tests.tasks.small_encoder import SIZES
from tests.tasks.text_tasks_probe import EXAMPLES, TEXTS, answers

OPTIONS = {
    "TextClassifier": {"classes": ["a", "b"]},
    "TextEmbedder": {},
    "MaskedLM": {},
    "TokenClassifier": {"labels": ["O", "B-x"]},
}


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    """Four tasks by their names, and the folder they are saved to."""
    folder = tmp_path_factory.mktemp("tasks")
    tokenizer = zoo.text.learn_tokenizer(TEXTS * 3, 60, kind="word_piece")
    made = {}
    for name, options in OPTIONS.items():
        keras.utils.set_random_seed(3)
        made[name] = getattr(zoo, name).from_preset(
            "bert_tiny", tokenizer=tokenizer, max_length=16, **SIZES, **options
        )
        made[name].save_to_preset(folder / name)
    return made, folder


def assert_alike(found, expected):
    if isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-4)
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_alike(one, other)
    elif isinstance(expected, dict):
        assert_alike(sorted(found.items()), sorted(expected.items()))
    else:
        assert found == expected


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_answers_alike_and_trains_on(tasks, backend):
    made, folder = tasks
    output = run_on(backend, "-m", "tests.tasks.text_tasks_probe", folder)
    lines = [line for line in output.splitlines() if line.startswith("{")]
    found = {line["task"]: line for line in map(json.loads, lines)}
    assert set(found) == set(EXAMPLES)
    for name, task in made.items():
        assert found[name]["backend"] == backend
        assert np.isfinite(found[name]["loss"]) and found[name]["finite"]
        assert_alike(found[name]["answers"], answers(task))
