import keras

from tests.training.test_fit import fit
from tests.training.tiny import Task
from zoo import training

SCORES = {
    "test_2016": {"bleu": 40.123, "chrf": 60.5, "bleu_signature": "nrefs:1|tok:13a"},
    "test_2017": {"bleu": 35.0, "exact_match": 0.25},
}


def card(run_dir, **options):
    task = Task()
    fit(run_dir, task, epochs=2, settings={"seed": 7})
    path = training.write_model_card(
        run_dir,
        task,
        SCORES,
        title="English to German",
        preset="translator_tiny",
        data="Multi30k, 29,000 pairs",
        command="python -m recipes.translate --seed 7",
        **options,
    )
    assert path == run_dir / "README.md"
    return path.read_text()


def test_the_card_says_what_was_measured(run_dir):
    text = card(run_dir)
    assert text.startswith("# English to German\n")
    for line in [
        *("| task | `zoo.Task` |", "| preset | `translator_tiny` |"),
        *("| parameters | 19 |", "| data | Multi30k, 29,000 pairs |"),
        *("| epochs | 2 |", "| command | `python -m recipes.translate --seed 7` |"),
        "| data | bleu | chrf | exact_match |",
        "| test_2016 | 40.12 | 60.5 |  |",
        "| test_2017 | 35 |  | 0.25 |",
        "- bleu_signature: `nrefs:1|tok:13a`",
        "![curves](curves.png)",
        '"seed": 7',
    ]:
        assert line in text
    assert "minutes" in text
    assert "cores" in text


def test_the_card_says_how_to_load_and_serve(run_dir):
    folders = {"preset_dir": "runs/en-de", "export_dir": "saved_models/en-de/1"}
    text = card(run_dir, **folders, search={"num_beams": 4, "ctc": True})
    assert 'task = zoo.Task.from_preset("runs/en-de")\n' in text
    assert "\ntask.generate(..., num_beams=4, ctc=True)\n" in text
    assert "zoo predict saved_models/en-de/1 INPUT" in text
    assert "-v $PWD/saved_models/en-de:/models/en-de" in text


def test_an_export_gets_a_card_too(run_dir, tmp_path):
    version = tmp_path / "saved_models" / "en-de" / "1"
    version.mkdir(parents=True)
    card(run_dir, export_dir=version)
    text = (version / "assets.extra" / "README.md").read_text()
    assert text.startswith("# English to German\n")
    assert "| test_2016 | 40.12 | 60.5 |  |" in text
    assert "curves.png" not in text


def test_without_them_it_promises_neither(run_dir):
    text = card(run_dir)
    assert "## Load" not in text
    assert "## Serve" not in text


def test_the_running_command_hides_the_interpreters_path():
    command = training.model_card.running_command()
    assert command.startswith("python ")
    assert "bin/python" not in command.split()[0]


def test_the_machine_is_described(monkeypatch):
    machine = training.describe_machine()
    assert "cores" in machine
    assert "Keras" in machine
    assert "devices cpu:0" in machine.lower()
    # On Torch, where Keras has no list of devices.
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    monkeypatch.delattr(keras.distribution, "list_devices")
    machine = training.describe_machine()
    assert "devices not listed" in machine
    assert "on torch" in machine
