import csv
import gzip
import json
import logging
import sys
import tracemalloc

import numpy as np
import pytest
import tensorflow_datasets

import zoo.data.pairs
import zoo.data.records
from zoo.data import read, read_splits
from zoo.data.missing_split import MissingSplitError


def texts_of(dataset):
    return [
        (pair["source"].decode(), pair["target"].decode())
        for pair in dataset.as_numpy_iterator()
    ]


def write(path, text):
    data = text if isinstance(text, bytes) else text.encode("utf-8")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


ENGLISH, GERMAN = ["a dog", "two cats"], ["ein Hund", "zwei Katzen"]
PAIRS = list(zip(ENGLISH, GERMAN, strict=True))


@pytest.fixture(params=["", ".gz"])
def folder(request, tmp_path):
    for split in ("train", "val", "test_2016_flickr"):
        for language, lines in (("en", ENGLISH), ("de", GERMAN), ("fr", GERMAN)):
            text = "".join(f"{line}\n" for line in lines)
            write(tmp_path / f"{split}.{language}{request.param}", text)
    write(tmp_path / "README.md", "Not a corpus.\n")
    return tmp_path


@pytest.mark.parametrize("split", ["train", "val", "test_2016_flickr"])
def test_parallel_files(folder, split):
    assert texts_of(read(folder, split, source="en", target="de")) == PAIRS


@pytest.mark.parametrize("split", ["validation", "val", "valid", "dev"])
def test_names_of_the_validation_split(folder, split):
    assert texts_of(read(str(folder), split, source="en", target="de")) == PAIRS


def test_the_split_asked_for_comes_before_its_other_names(folder):
    write(folder / "dev.en", "one\n")
    write(folder / "dev.de", "eins\n")
    assert texts_of(read(folder, "dev", source="en", target="de")) == [("one", "eins")]
    assert texts_of(read(folder, "val", source="en", target="de")) == PAIRS


def test_line_ends_and_byte_order_marks(tmp_path):
    write(tmp_path / "train.en", b"\xef\xbb\xbfa dog\r\ntwo cats\r\n")
    write(tmp_path / "train.de", "ein Hund\nzwei Katzen")
    assert texts_of(read(tmp_path, source="en", target="de")) == PAIRS


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\r"])
def test_only_line_feeds_end_lines(tmp_path, odd):
    write(tmp_path / "train.en", f"a{odd}dog\ntwo cats\n")
    write(tmp_path / "train.de", "ein Hund\nzwei Katzen\n")
    pairs = texts_of(read(tmp_path, source="en", target="de"))
    assert pairs == [(f"a{odd}dog", "ein Hund"), ("two cats", "zwei Katzen")]


def test_unequal_line_counts(folder):
    write(folder / "train.de", "ein Hund\n")
    (folder / "train.de.gz").unlink(missing_ok=True)
    with pytest.raises(
        ValueError, match=r"train\.en\S* has 2 lines, but \S*train\.de has 1\. Line i"
    ):
        read(folder, source="en", target="de")


@pytest.mark.parametrize("name", ["train.en", "train.en.gz"])
@pytest.mark.parametrize("text", ["", "\n\n"])
def test_empty_file(tmp_path, name, text):
    write(tmp_path / name, text)
    write(tmp_path / "train.de", "ein Hund\n")
    with pytest.raises(ValueError, match=rf"{name} is empty\. Text, one sentence"):
        read(tmp_path, source="en", target="de")


@pytest.mark.parametrize("damage", ["cut", "no gzip", "flipped"])
def test_broken_gzip(tmp_path, damage):
    data = bytearray(gzip.compress("".join(map(chr, range(40, 999))).encode()))
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "no gzip":
        data = b"a dog\n"
    else:
        data[len(data) // 2] ^= 0xFF
    (tmp_path / "train.en.gz").write_bytes(data)
    write(tmp_path / "train.de", "ein Hund\n")
    with pytest.raises(ValueError, match=r"train\.en\.gz is no complete gzip file \("):
        read(tmp_path, source="en", target="de")


def test_bytes_that_are_not_utf_8(tmp_path):
    write(tmp_path / "train.en", "a dog\ntwo cats\n")
    write(tmp_path / "train.de", "ein Hund\nzwei Bäume\n".encode("latin1"))
    with pytest.raises(
        ValueError, match=r"train\.de, line 2: not UTF-8 \(byte 0xe4\)\. Convert"
    ):
        read(tmp_path, source="en", target="de")


def test_empty_lines_are_skipped_and_counted(tmp_path, caplog):
    write(tmp_path / "train.en", "a dog\n\n two \n \nfour\n")
    write(tmp_path / "train.de", "ein Hund\nzwei\n\nvier\nvier\n")
    with caplog.at_level(logging.WARNING):
        pairs = texts_of(read(tmp_path, source="en", target="de"))
    assert pairs == [("a dog", "ein Hund"), ("four", "vier")]
    (record,) = caplog.records
    assert record.message.endswith(": left out 3 of 5 pairs, which have an empty side.")


def test_nothing_but_empty_sides(tmp_path):
    write(tmp_path / "train.en", "a\n\n")
    write(tmp_path / "train.de", "\nb\n")
    with pytest.raises(ValueError, match="no pair of sentences .* 2 pairs, all with"):
        read(tmp_path, source="en", target="de")


def test_missing_split(folder):
    expected = r"has no split 'test'\. It has \['test_2016_flickr', 'train', 'val'\]\."
    with pytest.raises(ValueError, match=expected):
        read(folder, "test", source="en", target="de")


def test_folder_without_a_corpus(tmp_path):
    write(tmp_path / "README.md", "Nothing.")
    with pytest.raises(
        ValueError, match=r"has no split 'train'.*train\.en and train\.de .* expected"
    ):
        read(tmp_path, source="en", target="de")


def test_unknown_language(folder):
    expected = r"no language 'xx'\. Languages: \['de', 'en', 'fr'\]\. Pass one .*add"
    with pytest.raises(ValueError, match=expected):
        read(folder, source="en", target="xx")
    with pytest.raises(ValueError, match="source= is needed"):
        read(folder)


def test_a_split_with_one_of_two_languages(tmp_path):
    write(tmp_path / "train.en", "a dog\n")
    expected = r"'train': there is no language 'de'\. Languages: \['en'\]\. Pass"
    with pytest.raises(ValueError, match=expected):
        read(tmp_path, source="en", target="de")


def test_a_table_beside_a_note_of_its_name(tmp_path):
    write(tmp_path / "train.tsv", "a\tb\n")
    write(tmp_path / "train.md", "where it is from\n")
    assert texts_of(read(tmp_path)) == [("a", "b")]


def test_a_glossary_is_not_taken_for_a_missing_split(folder):
    write(folder / "glossary.tsv", "a\tb\tc\n")
    with pytest.raises(MissingSplitError, match="no split 'test'. It has"):
        read(folder, "test", source="en", target="de")


def test_no_such_path(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="no file or folder '.*gone'.*tfds:gone"
    ):
        read(tmp_path / "gone")


HEADERS = {
    ".tsv": "en\tde\na dog\tein Hund\ntwo cats\tzwei Katzen\n",
    ".csv": 'de,note,en\nein Hund,,a dog\n"zwei Katzen","a ""note""",two cats\n',
    ".jsonl": '{"en": "a dog", "de": "ein Hund"}\n'
    '{"translation": {"de": "zwei Katzen", "en": "two cats"}}\n',
}


@pytest.mark.parametrize("suffix", HEADERS)
@pytest.mark.parametrize("packing", ["", ".gz"])
def test_tables_with_names(tmp_path, suffix, packing):
    path = tmp_path / f"pairs{suffix}{packing}"
    write(path, HEADERS[suffix])
    assert texts_of(read(path, source="en", target="de")) == PAIRS
    # A folder that holds nothing else is the same.
    assert texts_of(read(tmp_path, source="en", target="de")) == PAIRS


@pytest.mark.parametrize("suffix", [".tsv", ".txt", ".csv"])
def test_two_columns_without_names(tmp_path, suffix):
    separator = "," if suffix == ".csv" else "\t"
    path = tmp_path / f"pairs{suffix}"
    write(path, "".join(f"{a}{separator}{b}\r\n" for a, b in PAIRS))
    assert texts_of(read(path)) == PAIRS


@pytest.mark.parametrize("suffix", [".tsv", ".csv"])
def test_two_columns_whose_names_are_given_but_not_there(tmp_path, suffix, caplog):
    separator = "," if suffix == ".csv" else "\t"
    path = tmp_path / f"pairs{suffix}"
    write(path, "".join(f"{a}{separator}{b}\n" for a, b in PAIRS))
    assert texts_of(read(path, source="en", target="de")) == PAIRS
    (record,) = caplog.records
    assert record.message.endswith(
        "line 1: no names of columns but ['a dog', 'ein Hund']. It is read as the "
        "first pair, its first column as 'en', its second as 'de'."
    )


def test_the_names_source_and_target_need_not_be_given(tmp_path):
    path = tmp_path / "pairs.tsv"
    write(path, "target\tnote\tsource\nein Hund\t\ta dog\n")
    assert texts_of(read(path)) == PAIRS[:1]


def test_quotes_are_text_in_tsv_and_quotes_in_csv(tmp_path):
    write(tmp_path / "a.tsv", '"Go!" he said\t"Los!\n')
    write(tmp_path / "b.csv", '"Go, ""now""!\nQuick!",Los\n')
    assert texts_of(read(tmp_path / "a.tsv")) == [('"Go!" he said', '"Los!')]
    assert texts_of(read(tmp_path / "b.csv")) == [('Go, "now"!\nQuick!', "Los")]


def test_long_csv_fields(tmp_path):
    text = "word " * 50_000
    write(tmp_path / "a.csv", f"{text},{text}\n")
    assert texts_of(read(tmp_path / "a.csv")) == [(text, text)]


def test_column_split(tmp_path):
    # As in ../shared/data/tatoeba_spa_eng.
    path = tmp_path / "spa-eng.tsv.gz"
    lines = ["eng\tspa\tsplit", "Go.\tVe.\ttrain", "Run!\tCorre.\tval", "I\tYo\ttrain"]
    write(path, "\n".join(lines))
    options = {"source": "eng", "target": "spa"}
    assert texts_of(read(path, **options)) == [("Go.", "Ve."), ("I", "Yo")]
    assert texts_of(read(tmp_path, "dev", **options)) == [("Run!", "Corre.")]
    with pytest.raises(ValueError, match=r"no split 'test'. It has \['train', 'val'\]"):
        read(path, "test", **options)


def test_key_split_of_json_lines(tmp_path):
    records = [
        {"source": "a", "target": "b", "split": "train"},
        {"source": "c", "target": "d", "split": "test"},
    ]
    path = tmp_path / "pairs.jsonl"
    write(path, "".join(json.dumps(record) + "\n" for record in records))
    assert texts_of(read(path, "test")) == [("c", "d")]


def test_a_column_split_with_a_gap(tmp_path):
    path = tmp_path / "pairs.tsv"
    write(path, "source\ttarget\tsplit\na\tb\ttrain\n\nc\td\t\n")
    with pytest.raises(ValueError, match=r"tsv, line 4: 'split' is missing, but .* Ad"):
        read(path)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"split": 1}, "line 2: 'split' is 1, but a string is needed, for example"),
        ({"split": ["test"]}, r"line 2: 'split' is \['test'\], but a string"),
        ({"split": None}, "line 2: 'split' is missing, but other lines have one. Add"),
        ({}, "line 2: 'split' is missing, but other lines have one. Add it, for"),
    ],
)
def test_a_wrong_key_split_of_json_lines(tmp_path, split, message):
    pair = {"source": "a", "target": "b"}
    path = tmp_path / "pairs.jsonl"
    write(path, f"{json.dumps(pair | {'split': 'train'})}\n{json.dumps(pair | split)}")
    with pytest.raises(ValueError, match=rf"pairs\.jsonl, {message}"):
        read(path)


def test_a_key_called_translation(tmp_path):
    path = tmp_path / "pairs.jsonl"
    write(path, '{"en": "a dog", "translation": "ein Hund"}\n')
    assert texts_of(read(path, source="en", target="translation")) == PAIRS[:1]


def test_half_a_surrogate_pair_in_json_lines(tmp_path):
    path = tmp_path / "pairs.jsonl"
    write(path, '{"source": "\\ud83d\\ude00", "target": "a"}\n')
    assert texts_of(read(path)) == [("\U0001f600", "a")]
    write(path, '\n{"source": "a", "target": "b\\ud800"}\n')
    expected = (
        r"pairs\.jsonl, line 2: 'target' has half a character, '\\ud800', .*Write"
    )
    with pytest.raises(ValueError, match=expected):
        read(path)


def test_a_table_a_split(tmp_path):
    write(tmp_path / "train.tsv", "a\tb\n")
    write(tmp_path / "val.tsv", "c\td\n")
    assert texts_of(read(tmp_path)) == [("a", "b")]
    assert texts_of(read(tmp_path, "validation")) == [("c", "d")]
    with pytest.raises(ValueError, match=r"no split 'test'. It has \['train', 'val'\]"):
        read(tmp_path, "test")


def test_training_pairs_are_not_taken_for_validation(tmp_path):
    path = tmp_path / "pairs.tsv"
    write(path, "a\tb\n")
    with pytest.raises(
        ValueError, match="no column 'split', so there is no split 'val'"
    ):
        read(path, "val")


def test_no_such_column(tmp_path):
    path = tmp_path / "pairs.tsv"
    write(path, "en\tde\na\tb\n")
    expected = r"no column 'fr'\. Line 1 names these: \['en', 'de'\]\. Pass two"
    with pytest.raises(ValueError, match=expected):
        read(path, source="en", target="fr")
    write(path, "a\tb\tc\n")
    with pytest.raises(ValueError, match="no column 'source' and no column 'target'"):
        read(path)


@pytest.mark.parametrize("suffix", [".tsv", ".csv"])
def test_a_row_of_another_width(tmp_path, suffix):
    separator = "," if suffix == ".csv" else "\t"
    path = tmp_path / f"pairs{suffix}"
    write(path, f"a{separator}b\nc{separator}d\ne\n")
    expected = rf"pairs{suffix}, line 3: 1 columns, but line 1 has 2"
    with pytest.raises(ValueError, match=expected):
        read(path)


@pytest.mark.parametrize("names", ["", "source,target\n", "source,target,split\n"])
@pytest.mark.parametrize("suffix", [".tsv", ".csv"])
def test_empty_lines_of_tables_are_counted(tmp_path, suffix, names, caplog):
    end = ",train" if "split" in names else ""
    text = f"\n  \n{names}a,b{end}\n\n  \n,\nc,d{end}\n\n"
    path = tmp_path / f"pairs{suffix}"
    write(path, text if suffix == ".csv" else text.replace(",", "\t"))
    with caplog.at_level(logging.WARNING):
        assert texts_of(read(path)) == [("a", "b"), ("c", "d")]
    (record,) = caplog.records
    assert record.message.endswith("left out 6 of 8 pairs, which have an empty side.")


@pytest.mark.parametrize("end", ["", ', "split": "train"'])
def test_empty_lines_of_json_lines_are_counted(tmp_path, end, caplog):
    path = tmp_path / "pairs.jsonl"
    write(path, f'\n{{"source": "a", "target": "b"{end}}}\n  \n')
    with caplog.at_level(logging.WARNING):
        assert texts_of(read(path)) == [("a", "b")]
    (record,) = caplog.records
    assert record.message.endswith("left out 2 of 3 pairs, which have an empty side.")


def test_the_line_of_names_need_not_be_the_first(tmp_path):
    path = tmp_path / "pairs.tsv"
    write(path, "\nen\tde\na\tb\tc\n")
    with pytest.raises(ValueError, match="line 3: 3 columns, but line 2 has 2"):
        read(path, source="en", target="de")
    with pytest.raises(ValueError, match=r"no column 'fr'\. Line 2 names these"):
        read(path, source="en", target="fr")


@pytest.mark.parametrize("text", [",\n,\n", "\u3000\n"])
def test_a_table_of_nothing_but_white_space(tmp_path, text):
    write(tmp_path / "pairs.csv", text)
    with pytest.raises(ValueError, match=r"has no column .* Line 1 names these: \[\]"):
        read(tmp_path / "pairs.csv")


@pytest.mark.parametrize("names", ["source,target\n", "source,target,split\n"])
def test_nothing_but_names(tmp_path, names):
    write(tmp_path / "pairs.csv", names)
    with pytest.raises(ValueError, match="has no pairs: .* nothing below the names"):
        read(tmp_path / "pairs.csv")


def test_open_quote_in_csv(tmp_path):
    write(tmp_path / "a.csv", 'a,b\n"c,d\n')
    with pytest.raises(ValueError, match=r"a\.csv, line 2: unexpected end of data"):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"line 2: no JSON \("),
        ("[1]", "line 2: list instead of a JSON object"),
        (
            '{"source": "a"}',
            "line 2: no text 'target' in {'source': 'a'}. Pass the keys",
        ),
        ('{"source": 1, "target": "b"}', "line 2: no text 'source'"),
    ],
)
def test_broken_json_lines(tmp_path, line, message):
    path = tmp_path / "pairs.jsonl"
    write(path, '{"source": "a", "target": "b"}\n' + line + "\n")
    with pytest.raises(ValueError, match=message):
        read(path)


def test_a_file_of_another_kind(tmp_path):
    path = tmp_path / "train.en"
    write(path, "a dog\n")
    with pytest.raises(ValueError, match="no table .* For parallel files pass their"):
        read(path)


def test_mock_data_of_tensorflow_datasets(tmp_path):
    with tensorflow_datasets.testing.mock_data(num_examples=5, data_dir=str(tmp_path)):
        pairs = texts_of(read("tfds:ted_hrlr_translate/pt_to_en"))
        turned = texts_of(
            read("tfds:ted_hrlr_translate/pt_to_en", source="en", target="pt")
        )
        with pytest.raises(
            ValueError, match=r"no language 'de'. It has \['en', 'pt'\]"
        ):
            read("tfds:ted_hrlr_translate/pt_to_en", source="en", target="de")
        with pytest.raises(ValueError, match="mnist is no translation data set: its"):
            read("tfds:mnist")
    assert len(pairs) == 5
    assert turned == [(target, source) for source, target in pairs]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("wmt14_translat/de-en", r"Its nearest names: \['wmt14_translate', .*\]\. All"),
        ("zzzqqq", "No name is near. All are at https"),
    ],
)
def test_an_unknown_name_of_tensorflow_datasets(name, hint):
    with pytest.raises(ValueError, match=f"tfds:{name} is no data set .* {hint}") as e:
        read(f"tfds:{name}")
    assert len(str(e.value)) < 400


class TalksOfThree(tensorflow_datasets.core.GeneratorBasedBuilder):
    """A data set with texts in three languages, not all of them in each example."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")

    def _info(self):
        texts = tensorflow_datasets.features.TranslationVariableLanguages(
            languages=["en", "de", "fr"]
        )
        features = tensorflow_datasets.features.FeaturesDict({"translations": texts})
        return tensorflow_datasets.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(), "dev": self._generate_examples()}

    def _generate_examples(self):
        yield 0, {"translations": {"en": "a dog", "de": "ein Hund"}}
        yield 1, {"translations": {"en": "a cat", "fr": "un chat"}}
        yield 2, {"translations": {"en": "two cats", "de": "zwei Katzen"}}


def test_tensorflow_datasets_with_varying_languages(tmp_path, monkeypatch):
    monkeypatch.setattr(
        tensorflow_datasets, "builder", lambda name: TalksOfThree(data_dir=tmp_path)
    )
    options = {"source": "en", "target": "de"}
    assert sorted(texts_of(read("tfds:talks", **options))) == PAIRS
    assert sorted(texts_of(read("tfds:talks", "validation", **options))) == PAIRS
    with pytest.raises(ValueError, match=r"no split 'test'. It has \['train', 'dev'\]"):
        read("tfds:talks", "test", **options)
    with pytest.raises(
        ValueError, match=r"no language None. It has \['de', 'en', 'fr'\]"
    ):
        read("tfds:talks")


def test_tensorflow_datasets_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    monkeypatch.delitem(sys.modules, "zoo.data.tfds", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'zoo\[tfds\]'"):
        read("tfds:wmt14_translate/de-en")


@pytest.mark.parametrize("suffix", ["tsv", "csv", "jsonl"])
def test_no_more_of_a_large_corpus_is_held_than_is_read_together(
    tmp_path, suffix, monkeypatch
):
    monkeypatch.setattr(zoo.data.pairs, "MOST_HELD", 20_000)
    path = tmp_path / f"pairs.{suffix}"
    separator = "\t" if suffix == "tsv" else ","
    line = f"{'word ' * 9}{separator}{'Wort ' * 9}\n"
    if suffix == "jsonl":
        line = json.dumps({"source": "word " * 9, "target": "Wort " * 9}) + "\n"
    write(path, line * 30_000)
    tracemalloc.start()
    pairs = read(path)
    count = sum(1 for _ in pairs.batch(1000))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 30
    assert most < 2**21 < path.stat().st_size


def test_of_a_small_corpus_the_file_may_go(folder):
    pairs = read(folder, source="en", target="de")
    for path in folder.iterdir():
        path.unlink()
    assert texts_of(pairs) == PAIRS
    assert int(pairs.cardinality()) == 2


def test_a_large_corpus_is_read_and_held_out_alike(tmp_path, monkeypatch):
    path = tmp_path / "pairs.tsv"
    rows = [(f"source {i % 900}", f"target {i}" if i % 7 else " ") for i in range(3000)]
    write(path, "".join(f"{source}\t{target}\n" for source, target in rows))
    few = read_splits(path)
    monkeypatch.setattr(zoo.data.pairs, "MOST_HELD", 20)
    many = read_splits(path)
    for x, y in zip(
        (*few[:2], *few[2].values()), (*many[:2], *many[2].values()), strict=True
    ):
        assert texts_of(x) == texts_of(y)
        assert int(x.cardinality()) == int(y.cardinality()) == len(texts_of(x))
    assert sum(int(x.cardinality()) for x in many[:2]) > 2400


def test_line_ends_within_quotes_stay(tmp_path):
    write(tmp_path / "a.csv", b'"a\r\nx",b\r\n"c\nd",e\rf,g\n')
    expected = [("a\r\nx", "b"), ("c\nd", "e"), ("f", "g")]
    assert texts_of(read(tmp_path / "a.csv")) == expected


def test_a_quote_left_open_before_very_much_text(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo.data.records, "_MOST_CHARACTERS", 1000)
    write(tmp_path / "a.csv", 'a,b\n"c,d\n' + "e,f\n" * 999)
    usual = csv.field_size_limit(1000)
    with pytest.raises(ValueError, match=r"a\.csv, line \d+: .* Is a quote left open"):
        read(tmp_path / "a.csv")
    csv.field_size_limit(usual)


class Nested(TalksOfThree):
    """Translations in a feature of a name of its own, several texts a language."""

    def _info(self):
        features = tensorflow_datasets.features
        texts = features.TranslationVariableLanguages(languages=["en", "de"])
        if self.is_plain:
            texts = features.Translation(languages=["en", "de"])
        features = features.FeaturesDict({"id": np.int32, "both": texts})
        return tensorflow_datasets.core.DatasetInfo(builder=self, features=features)

    def _generate_examples(self):
        for i, pair in enumerate(self.pairs):
            yield i, {"id": i, "both": dict(zip(("en", "de"), pair, strict=True))}


@pytest.mark.parametrize("is_plain", [True, False])
def test_translations_within_an_example_of_tensorflow_datasets(
    tmp_path, monkeypatch, is_plain
):
    monkeypatch.setattr(
        tensorflow_datasets, "builder", lambda name: Nested(data_dir=tmp_path)
    )
    monkeypatch.setattr(Nested, "is_plain", is_plain, raising=False)
    pairs = [("a dog", "ein Hund"), ("a cat", "eine Katze")]
    monkeypatch.setattr(Nested, "pairs", pairs, raising=False)
    options = {"source": "en", "target": "de"}
    assert sorted(texts_of(read("tfds:nested", **options))) == sorted(pairs)


def test_tensorflow_datasets_of_bytes_that_are_not_utf_8(tmp_path, monkeypatch):
    monkeypatch.setattr(
        tensorflow_datasets, "builder", lambda name: Nested(data_dir=tmp_path)
    )
    monkeypatch.setattr(Nested, "is_plain", True, raising=False)
    pairs = [("a dog", "ein Hund"), ("a caf\u00e9".encode("latin1"), "ein Café")]
    monkeypatch.setattr(Nested, "pairs", pairs, raising=False)
    with pytest.raises(ValueError, match="tfds:nested: 1 of 2 pairs are not UTF-8"):
        read("tfds:nested", source="en", target="de")
