import os
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.training.run_folder import RunFolder, read_metrics, write_metrics

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {"preset": "translator_tiny", "seed": 0, "epochs": 3}


def test_the_same_settings_go_on(run_dir):
    RunFolder(run_dir, SETTINGS).close()
    (run_dir / "samples.txt").write_text("kept")
    folder = RunFolder(run_dir, {**SETTINGS, "epochs": 9, "num_beams": 2})
    assert folder.samples.read_text() == "kept"


def test_other_settings_are_refused_and_named(run_dir):
    RunFolder(run_dir, SETTINGS).close()
    other = {**SETTINGS, "seed": 1, "epochs": 9, "dropout": 0.3}
    with pytest.raises(ValueError) as error:
        RunFolder(run_dir, other)
    message = str(error.value)
    assert "dropout: None there, 0.3 now; seed: 0 there, 1 now" in message
    assert "another run_dir" in message
    assert "epochs" not in message


def test_not_resuming_moves_aside_and_deletes_nothing(run_dir):
    for run in range(3):
        folder = RunFolder(run_dir, {"seed": run}, resume=False)
        folder.samples.write_text(str(run))
        folder.close()
    aside = [run_dir.with_name(f"run.{number}") for number in (1, 2)]
    assert [(path / "samples.txt").read_text() for path in aside] == ["0", "1"]
    assert folder.samples.read_text() == "2"


@pytest.mark.parametrize("resume", [True, False])
def test_a_folder_that_is_no_run_is_left_alone(run_dir, resume):
    run_dir.mkdir()
    (run_dir / "thesis.txt").write_text("dear")
    with pytest.raises(ValueError, match="not the folder of a run.*another run_dir"):
        RunFolder(run_dir, SETTINGS, resume=resume)
    assert (run_dir / "thesis.txt").read_text() == "dear"


def test_a_file_in_its_place_is_left_alone(run_dir):
    run_dir.write_text("dear")
    with pytest.raises(ValueError, match="not the folder of a run"):
        RunFolder(run_dir, SETTINGS, resume=False)


def test_an_empty_folder_is_taken(run_dir):
    run_dir.mkdir()
    assert RunFolder(run_dir, SETTINGS).checkpoints.is_dir()


def test_what_a_very_early_stop_leaves_is_taken(run_dir):
    run_dir.mkdir()
    (run_dir / "partial-settings.json").write_text('{"se')
    for _ in range(2):  # begins, then goes on
        assert RunFolder(run_dir, {"seed": 1}).checkpoints.is_dir()
        assert (run_dir / "settings.json").is_file()


def test_damaged_settings_are_named(run_dir):
    RunFolder(run_dir, {"seed": 1})
    (run_dir / "settings.json").write_text("")
    with pytest.raises(ValueError, match="settings.json is damaged.*--no-resume"):
        RunFolder(run_dir, {"seed": 1})
    RunFolder(run_dir, {"seed": 1}, resume=False)


@pytest.mark.slow
def test_a_second_process_is_refused(run_dir):
    folder = RunFolder(run_dir, SETTINGS)
    for resume in (True, False):
        code = f"""
from zoo.training.run_folder import RunFolder
RunFolder({str(run_dir)!r}, {SETTINGS!r}, resume={resume})
"""
        second = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
        )
        message = f"run is in use: process {os.getpid()} trains there. Wait for it"
        assert message in second.stderr
    assert [path.name for path in run_dir.parent.iterdir()] == ["run"]
    folder.close()
    assert RunFolder(run_dir, SETTINGS, resume=False).path == run_dir


def test_values_that_json_lacks_compare_by_their_text(run_dir, tmp_path):
    settings = {"data": tmp_path, "betas": (0.9, 0.98)}
    RunFolder(run_dir, settings)
    assert RunFolder(run_dir, settings).settings["data"] == str(tmp_path)


def test_metrics_survive_the_csv(tmp_path):
    history = [{"epoch": 1, "loss": 0.1}, {"epoch": 2, "loss": 1 / 3, "val_bleu": 9.5}]
    write_metrics(tmp_path / "metrics.csv", history)
    assert read_metrics(tmp_path / "metrics.csv") == history
    header = (tmp_path / "metrics.csv").read_text().splitlines()[0]
    assert header == "epoch,loss,val_bleu"
