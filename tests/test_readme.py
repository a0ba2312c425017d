"""The README's Python runs as it is written, on a corpus of a few lines."""

import re
from pathlib import Path

import pytest

from tests.tasks.captioned import CAPTIONS, PAIRS, picture
from tests.tasks.conftest import LINES

README = Path(__file__).resolve().parent.parent / "README.md"
CODE = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.mark.slow
def test_from_files_to_a_served_translator(tmp_path, monkeypatch, capsys):
    corpus = tmp_path / "data" / "multi30k"
    corpus.mkdir(parents=True)
    (corpus / "train.en").write_text("\n".join(LINES))
    (corpus / "train.de").write_text("\n".join(line.upper() for line in LINES))
    monkeypatch.chdir(tmp_path)
    code = CODE[0]
    assert "10_000" in code and "epochs=40" in code
    exec(code.replace("10_000", "320").replace("epochs=40", "epochs=1"), {})  # noqa: S102
    assert capsys.readouterr().out
    assert (tmp_path / "runs" / "en-de" / "config.json").is_file()
    assert (tmp_path / "saved_models" / "en-de" / "1" / "saved_model.pb").is_file()


@pytest.mark.slow
def test_from_a_table_to_a_classifier(tmp_path, monkeypatch):
    rows = [("a fine film", "good"), ("an awful film", "bad")] * 20
    table = "".join(f"{text} {i}\t{label}\n" for i, (text, label) in enumerate(rows))
    (tmp_path / "reviews.tsv").write_text("review\tstars\n" + table)
    monkeypatch.chdir(tmp_path)
    code = CODE[1]
    assert "8_000" in code
    names = {}
    exec("import zoo\n" + code.replace("8_000", "50"), names)  # noqa: S102
    assert set(names["classifier"].classify("a fine film")) == {"label", "probability"}
    assert (tmp_path / "saved_models" / "reviews" / "1" / "saved_model.pb").is_file()


@pytest.mark.slow
def test_from_images_to_captions(tmp_path, monkeypatch):
    photos = tmp_path / "photos"
    photos.mkdir()
    lines = ["image\tcaption"]
    for i, (pair, caption) in enumerate(zip(PAIRS, CAPTIONS, strict=True)):
        picture(*pair).save(photos / f"{i}.png")
        lines.append(f"{i}.png\t{caption}")
    (photos / "captions.tsv").write_text("\n".join(lines))
    picture("red", "blue").save(photos / "beach.jpg")
    monkeypatch.chdir(tmp_path)
    code = CODE[3]
    assert "4_000" in code and "epochs=30" in code
    names = {}
    code = code.replace("4_000", "290").replace("epochs=30", "epochs=1")
    exec("import zoo\n" + code, names)  # noqa: S102
    assert isinstance(names["captioner"].generate("photos/beach.jpg"), str)
    assert (tmp_path / "saved_models" / "photos" / "1" / "saved_model.pb").is_file()
    exec(CODE[4].replace("epochs=40", "epochs=1"), names)  # noqa: S102
    assert names["words"].model.output_shape == (None, 290)
