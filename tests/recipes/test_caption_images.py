"""The recipe as a user runs it, on few scenes and on a folder of images."""

import pytest

import zoo
from recipes import caption_images
from tests.tasks.captioned import CAPTIONS, PAIRS, picture
from zoo import presets
from zoo.data import generated_scenes

SHRUNK = {"image_size": 64, "epochs": 1, "num_beams": 2}


@pytest.fixture(autouse=True)
def few_scenes_and_a_small_model(monkeypatch):
    small = ((64, 16, "convolutional", 1, 2, 32, 64), 1)
    for name in ("captioner_mini", "captioner_tiny"):
        monkeypatch.setitem(presets._CAPTIONERS, name, small)
    for split, count in {"train": 30, "validation": 8, "test": 6}.items():
        monkeypatch.setitem(generated_scenes.NUM_SCENES, split, count)


@pytest.mark.slow
def test_it_learns_measures_draws_and_exports(tmp_path):
    run, export = tmp_path / "run", tmp_path / "export"
    options = {"run_dir": str(run), "export_dir": str(export), **SHRUNK}
    scores = caption_images.main(**options)
    assert set(scores) == {"test"}
    assert {"bleu_4", "cider_d", "rouge_l", "exact_match"} <= set(scores["test"])
    header, row = (run / "metrics.csv").read_text().splitlines()
    assert "val_cider_d" in header
    assert len(list((run / "attention").glob("*.png"))) == 6
    assert {"best.png", "worst.png", "curves.png"} <= {p.name for p in run.iterdir()}
    samples = (run / "samples.txt").read_text()
    assert "reference   a " in samples and "hypothesis  " in samples
    assert (export / "1" / "saved_model.pb").is_file()
    captioner = zoo.ImageCaptioner.from_preset(run)
    assert captioner.model.image_size == (64, 64)


def test_what_cannot_be_is_told_before_training(tmp_path):
    with pytest.raises(ValueError, match="length_penalty=-1.0 is out of range"):
        caption_images.main(length_penalty=-1.0)
    rows = [f"{number}\tn\n" for number in range(300)]
    (tmp_path / "texts.tsv").write_text("text\tlabel\n" + "".join(rows))
    with pytest.raises(ValueError, match='of {"image", "captions"} strings is needed'):
        caption_images.main(data=str(tmp_path / "texts.tsv"))


@pytest.mark.slow
def test_a_folder_of_images_with_a_table_of_captions(tmp_path):
    data = tmp_path / "colours"
    data.mkdir()
    lines = ["image\tcaption\tsplit"]
    for i, (pair, caption) in enumerate(zip(PAIRS, CAPTIONS, strict=True)):
        picture(*pair).save(data / f"{i}.png")
        split = "test" if i < 3 else "validation" if i < 6 else "train"
        lines += [f"{i}.png\t{caption}\t{split}", f"{i}.png\tA {caption}!\t{split}"]
    (data / "captions.tsv").write_text("\n".join(lines) + "\n")
    scores = caption_images.main(
        data=str(data),
        vocabulary_size=290,
        run_dir=str(tmp_path / "run"),
        export_dir=str(tmp_path / "export"),
        average=1,
        words_epochs=1,
        dtype="mixed_bfloat16",
        **SHRUNK,
    )
    assert "refs:2" in scores["test"]["caption_signature"]
    assert (tmp_path / "run-words" / "metrics.csv").is_file()
    captioner = zoo.ImageCaptioner.from_preset(tmp_path / "run")
    assert captioner.model.image_encoder.layers[-1].compute_dtype == "float32"


def test_both_trainings_begin_anew_or_neither(tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(caption_images, "learn_words", interrupted)
    for resume in (True, False, True):
        with pytest.raises(KeyboardInterrupt):
            caption_images.main(
                run_dir=str(tmp_path / "run"), words_epochs=1, resume=resume, **SHRUNK
            )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run.1"]


def test_the_residual_network_has_no_patches():
    with pytest.raises(ValueError, match="--patch-size is for --encoder transformer"):
        caption_images.main(encoder="residual", patch_size=8)
