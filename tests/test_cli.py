import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest
import tensorflow as tf

import zoo
from zoo import cli

ROOT = Path(__file__).resolve().parent.parent


class Shouter(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def serve(self, text):
        score = tf.zeros(tf.shape(text)[:1])
        return {"translation": tf.strings.upper(text, "utf-8"), "score": score}


@pytest.fixture(autouse=True)
def _engine(monkeypatch):
    """What the command line sets for its process does not reach other tests."""
    for name in ("XLA_FLAGS", "TF_ENABLE_ONEDNN_OPTS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved_models") / "shouter"
    module = Shouter()
    signatures = {"serving_default": module.serve}
    tf.saved_model.save(module, str(path / "1"), signatures=signatures)
    return path


@pytest.mark.parametrize("arguments", [["--help"], ["presets", "--help"]])
def test_help_is_there_at_once(arguments):
    code = (
        "import sys; from zoo.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, *arguments]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "usage: zoo" in result.stdout


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--help"])
    shown = capsys.readouterr().out
    assert "presets" in shown and "predict" in shown


def test_presets_are_a_table_with_parameters_and_source(capsys):
    assert cli.main(["presets"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "task", "parameters", "source"]
    assert [row.split()[0] for row in rows] == list(zoo.list_presets())
    base = next(row for row in rows if row.startswith("translator_base "))
    assert "65,000,000" in base and "Vaswani et al. 2017" in base
    column = header.index("source")
    assert all(row[column - 1] == " " != row[column] for row in rows)


def test_predict_answers_each_text_on_a_line(export, capsys):
    assert cli.main(["predict", str(export), "schön", "$5 'a' \"b\""]) == 0
    assert capsys.readouterr().out == "SCHÖN\n$5 'A' \"B\"\n"


def test_predict_of_no_model_is_one_line_on_standard_error(tmp_path, capsys):
    assert cli.main(["predict", str(tmp_path), "hello"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"zoo: No SavedModel in {tmp_path}")
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("file", ["saved_model.pb", "variables/variables.index"])
@pytest.mark.parametrize("size", [None, 20])
def test_predict_of_a_damaged_export_is_told(export, tmp_path, capsys, file, size):
    copy = shutil.copytree(export, tmp_path / "copy") / "1"
    if size is None and file != "saved_model.pb":
        (copy / file).unlink()
    else:
        (copy / file).write_bytes((copy / file).read_bytes()[: size or 100])
    assert cli.main(["predict", str(copy), "hello"]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith(f"zoo: {copy} cannot be loaded: ")
    assert "Copy the whole folder again" in shown


def test_predict_without_text_says_what_is_missing(export, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["predict", str(export)])
    assert "required: INPUT" in capsys.readouterr().err


@pytest.mark.parametrize("own", [None, "--xla_cpu_use_fusion_emitters=true"])
def test_serve_compiles_fast_unless_told_how(monkeypatch, tmp_path, own):
    if own:
        monkeypatch.setenv("XLA_FLAGS", own)
    assert cli.main(["serve", str(tmp_path / "none")]) == 1
    assert os.environ["XLA_FLAGS"] == (own or "--xla_backend_optimization_level=1")
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"


def test_serve_names_the_form_of_a_label(capsys, export):
    arguments = ["serve", str(export.parent), "--label", "shouter=1"]
    assert cli.main(arguments) == 1
    assert "is not of the form NAME/LABEL=VERSION" in capsys.readouterr().err


def test_serve_says_what_is_missing(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "zoo.serving.server", raising=False)
    assert cli.main(["serve", str(tmp_path)]) == 1
    assert "needs uvicorn, which is not installed" in capsys.readouterr().err


def test_serve_by_ray_says_what_is_missing(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "zoo.serving.ray_server", raising=False)
    assert cli.main(["serve", str(tmp_path), "--engine", "ray"]) == 1
    shown = capsys.readouterr().err
    assert "needs ray, which is not installed" in shown
    assert "pip install 'zoo[ray]'" in shown


def test_only_ray_has_replicas(capsys, tmp_path):
    assert cli.main(["serve", str(tmp_path), "--replicas", "2"]) == 1
    assert "--replicas 2 needs --engine ray" in capsys.readouterr().err


def test_serve_by_ray_passes_on_what_was_given(monkeypatch, tmp_path):
    given = {}
    server = types.SimpleNamespace(
        serve=lambda folder, **options: given.update(options)
    )
    monkeypatch.setitem(sys.modules, "zoo.serving.ray_server", server)
    arguments = ["serve", str(tmp_path), "--engine", "ray", "--replicas", "3"]
    assert cli.main([*arguments, "--streams", "2", "--grpc-port", "4"]) == 0
    assert (given["replicas"], given["port"], given["grpc_port"]) == (3, 8501, 4)
    assert given["bounds"] == {"streams": 2}


@pytest.mark.slow
def test_serve_alone_does_not_import_ray(tmp_path):
    code = (
        "import sys; from zoo.cli import main\n"
        "assert main(['serve', sys.argv[1]]) == 1\n"
        "assert 'zoo.serving.server' in sys.modules and 'ray' not in sys.modules"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "none")]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_serve_needs_a_folder(capsys, tmp_path):
    assert cli.main(["serve", str(tmp_path / "none")]) == 1
    assert "is no folder" in capsys.readouterr().err


def test_serve_passes_on_what_was_given(monkeypatch, tmp_path):
    given = {}
    server = types.SimpleNamespace(
        serve=lambda folder, **options: given.update(options)
    )
    monkeypatch.setitem(sys.modules, "zoo.serving.server", server)
    arguments = ["--batch-rows", "8", "--batch-delay-ms", "2", "--timeout", "5"]
    arguments += ["--request-mib", "0.5", "--label", "a/b=3", "--grpc-port", "1"]
    assert cli.main(["serve", str(tmp_path), *arguments]) == 0
    assert given["limits"] == {"batch_rows": 8, "delay_s": 0.002}
    assert given["bounds"] == {"seconds": 5.0, "body_bytes": 2**19}
    assert given["labels"] == {("a", "b"): 3}
    assert (given["port"], given["grpc_port"]) == (8501, 1)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--waiting-rows", "-1", "waiting_rows must be a number from 0 to"),
        ("--batch-rows", "0", "batch_rows must be a number from 1 to"),
        ("--batches", "0", "batches must be a number from 1 to"),
        ("--timeout", "inf", "seconds must be a number from 0 to"),
        ("--timeout", "nan", "seconds must be a number from 0 to"),
        ("--port", "70000", "port must be a number from 0 to 65,535, got 70000"),
    ],
)
def test_serve_takes_no_bound_that_is_none(capsys, tmp_path, option, value, words):
    assert cli.main(["serve", str(tmp_path), option, value]) == 1
    assert words in capsys.readouterr().err
