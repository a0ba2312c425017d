import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "recipes" / "serve_demo.py"


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def serve(text):
        score = tf.zeros(tf.shape(text)[:1])
        return {"translation": tf.strings.upper(text, "utf-8"), "score": score}

    path = tmp_path_factory.mktemp("saved_models") / "shouter"
    module = tf.Module()
    module.serve = serve
    for version in ("1", "10"):
        tf.saved_model.save(
            module, str(path / version), signatures={"serving_default": serve}
        )
    return path


def answer(*arguments, cwd):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def test_five_sentences_and_those_given_are_answered_without_zoo(export, tmp_path):
    result = answer(export, "schön für $5", "'a' \"b\"", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    answers = [line for line in result.stdout.splitlines() if "->" in line]
    assert len(answers) == 7
    assert answers[-2:] == ["    -> SCHÖN FÜR $5", "    -> 'A' \"B\""]
    assert f"{export}/10" in result.stdout


def test_without_an_export_it_says_how_to_make_one(tmp_path):
    result = answer(tmp_path, cwd=tmp_path)
    assert result.returncode == 1
    assert "No exported version" in result.stderr
    assert "make demo" in result.stderr
