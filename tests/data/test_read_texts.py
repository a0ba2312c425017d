"""Texts, labelled texts and labelled words, from every layout."""

import gzip
import json
import pathlib
import re

import pytest
import tensorflow as tf
import tensorflow_datasets

from zoo.data import read, read_splits
from zoo.data.missing_split import MissingSplitError

REAL = pathlib.Path(__file__).parents[3] / "shared" / "data"


def examples_of(dataset):
    """list of dicts of str and lists of str."""

    def decoded(value):
        if isinstance(value, bytes):
            return value.decode()
        return [item.decode() for item in value]

    return [
        {name: decoded(value) for name, value in example.items()}
        for example in dataset.as_numpy_iterator()
    ]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode("utf-8")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


FILMS = [{"text": "a fine film", "label": "1"}, {"text": '"so, so"', "label": "0"}]
TABLES = {
    ".tsv": 'id\tlabel\ttext\n1\t1\ta fine film\n2\t0\t"so, so"\n',
    ".csv": 'Text,stars,Label\na fine film,5,1\n"""so, so""",2,0\n',
    ".jsonl": '{"sentence": "a fine film", "label": 1}\n'
    '{"label": "0", "sentence": "\\"so, so\\""}\n',
}


@pytest.mark.parametrize("suffix", TABLES)
@pytest.mark.parametrize("packing", ["", ".gz"])
def test_a_table_with_usual_names_gives_labelled_texts(tmp_path, suffix, packing):
    path = write(tmp_path / f"train{suffix}{packing}", TABLES[suffix])
    assert examples_of(read(path)) == FILMS
    assert examples_of(read(tmp_path)) == FILMS


def test_columns_by_their_given_names(tmp_path):
    rows = "verdict\tplot\tview\nbad\tA man.\tAwful.\n"
    path = write(tmp_path / "train.tsv", rows)
    only_text = [{"text": "Awful."}]
    with_label = [{"text": "Awful.", "label": "bad"}]
    pair = [{"text": "A man.", "text_pair": "Awful.", "label": "bad"}]
    names = {"text": "plot", "text_pair": "view", "label": "verdict"}
    assert examples_of(read(path, text="view")) == only_text
    assert examples_of(read(path, text="view", label="verdict")) == with_label
    assert examples_of(read(path, **names)) == pair


def test_the_text_column_alone_leaves_the_label_out(tmp_path):
    path = write(tmp_path / "train.tsv", TABLES[".tsv"])
    assert examples_of(read(path, text="text")) == [
        {"text": film["text"]} for film in FILMS
    ]


@pytest.mark.parametrize(
    "names",
    [("premise", "hypothesis"), ("sentence1", "sentence2"), ("question", "sentence")],
)
def test_pairs_with_usual_names(tmp_path, names):
    path = write(tmp_path / "train.tsv", f"{names[1]}\t{names[0]}\tlabel\nb\ta\tyes\n")
    assert examples_of(read(path)) == [{"text": "a", "text_pair": "b", "label": "yes"}]


def test_several_columns_that_could_be_it_must_be_named(tmp_path):
    path = write(tmp_path / "train.tsv", "review\tbody\tlabel\na\tb\t1\n")
    expected = r"several columns that could be the text: \['review', 'body'\]\. Pass"
    with pytest.raises(ValueError, match=expected):
        read(path)
    assert examples_of(read(path, text="body", label="label"))[0]["text"] == "b"


def test_an_unknown_column_is_an_error_that_lists_the_columns(tmp_path):
    path = write(tmp_path / "train.tsv", TABLES[".tsv"])
    expected = r"no column 'body'\. It has \['id', 'label', 'text'\]: pass .* text="
    with pytest.raises(ValueError, match=expected):
        read(path, text="body")


def test_a_table_of_translations_stays_one(tmp_path):
    rows = "source\ttarget\ttext\tlabel\na\tb\tc\td\n"
    path = write(tmp_path / "train.tsv", rows)
    assert examples_of(read(path)) == [{"source": "a", "target": "b"}]


def test_options_of_two_kinds_of_examples_do_not_go_together(tmp_path):
    path = write(tmp_path / "train.tsv", TABLES[".tsv"])
    with pytest.raises(ValueError, match="either these or those"):
        read(path, source="text", label="label")
    with pytest.raises(ValueError, match="labels=, text= do not go together"):
        read(path, text="text", labels="label")
    with pytest.raises(ValueError, match="document='id' makes one text of many"):
        read(path, document="id", label="label")


def test_several_labels_by_a_separator_or_a_list(tmp_path):
    expected = [{"text": "a", "labels": ["x", "y"]}, {"text": "b", "labels": []}]
    tsv = write(tmp_path / "a.tsv", "text\tgenres\na\tx| y\nb\t\n")
    assert (
        examples_of(read(tsv, text="text", label="genres", label_separator="|"))
        == expected
    )
    records = [{"text": "a", "labels": ["x", "y"]}, {"text": "b", "labels": []}]
    lines = "\n".join(map(json.dumps, records))
    assert examples_of(read(write(tmp_path / "b.jsonl", lines))) == expected


def test_a_list_of_labels_beside_a_single_one(tmp_path):
    lines = '{"text": "a", "label": ["x"]}\n{"text": "b", "label": "x"}\n'
    with pytest.raises(ValueError, match="Write a list everywhere"):
        read(write(tmp_path / "a.jsonl", lines))


def test_rows_of_one_document_become_one_text(tmp_path):
    rows = "doc\tsentence\tcategory\n1\ta b\tx\n1\tc\tx\n2\td\ty\n"
    path = write(tmp_path / "a.tsv", rows)
    expected = [{"text": "a b\nc"}, {"text": "d"}]
    assert examples_of(read(path, document="doc")) == expected


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("\tb\t1", "line 3: 'text' is '', but a text is needed"),
        ("a\t \t1", "line 3: 'text_pair' is ' ', but a text is needed"),
        ("a\tb\t", "line 3: 'label' is '', but a label is needed"),
    ],
)
def test_few_broken_rows_are_left_out_and_many_are_an_error(
    tmp_path, row, message, caplog
):
    path = tmp_path / "train.tsv"
    names = "text\ttext_pair\tlabel\n"
    write(path, f"{names}a\tb\t1\n{row}\n")
    with pytest.raises(ValueError, match=rf"{message}\. 1 of 2 rows are broken\. Mend"):
        read(path)
    write(path, f"{names}a\tb\t1\n{row}\n" + "a\tb\t1\n" * 98)
    assert len(examples_of(read(path))) == 99
    assert (
        f"left out 1 of 100 rows, the first of them because of this: {path}, line 3"
        in (caplog.text)
    )


def test_empty_lines_of_a_table_are_counted(tmp_path, caplog):
    path = write(tmp_path / "train.tsv", "\ntext\tlabel\n\na\t1\n \n")
    assert examples_of(read(path)) == [{"text": "a", "label": "1"}]
    assert "left out 2 empty lines" in caplog.text


def test_half_a_character_in_a_json_label(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"text": "a", "label": "\\ud800"}\n')
    with pytest.raises(ValueError, match="line 1: 'label' has half a character"):
        read(path)


def test_nothing_but_the_names_of_texts(tmp_path):
    path = write(tmp_path / "train.tsv", "text\tlabel\n")
    with pytest.raises(ValueError, match="has no texts: there is nothing below the na"):
        read(path)


def test_the_splits_of_files_are_words_of_their_names(tmp_path):
    for name in ("wnut17train", "emerging.dev", "emerging.test.annotated"):
        write(tmp_path / f"{name}.conll", f"{name}\tO\n")
    for split, name in (("train", "wnut17train"), ("validation", "emerging.dev")):
        (example,) = examples_of(read(tmp_path, split))
        assert example["tokens"] == [name]
    with pytest.raises(
        MissingSplitError, match=r"has no split 'extra'\. .* the word 'extra', such as"
    ):
        read(tmp_path, "extra", labels=-1)


def test_a_file_called_exactly_like_the_split_comes_first(tmp_path):
    for name in ("train", "train_sentences"):
        write(tmp_path / f"{name}.tsv", f"text\tlabel\n{name}\t1\n")
    for name in ("train", "train_sentences"):
        assert examples_of(read(tmp_path, name)) == [{"text": name, "label": "1"}]


def test_parts_of_a_split_are_read_together(tmp_path):
    for part in (1, 2):
        write(tmp_path / f"train-{part}-of-2.tsv", f"text\tlabel\n{part}\t1\n")
    write(tmp_path / "train.README.md", "about\n")
    assert [example["text"] for example in examples_of(read(tmp_path))] == ["1", "2"]


def test_the_splits_of_one_table(tmp_path):
    rows = "text\tlabel\tsplit\na\t1\ttrain\nb\t0\tval\n"
    path = write(tmp_path / "all.tsv", rows)
    for place in (path, tmp_path):
        assert examples_of(read(place)) == [{"text": "a", "label": "1"}]
        assert examples_of(read(place, "dev")) == [{"text": "b", "label": "0"}]
    with pytest.raises(MissingSplitError, match=r"no split 'test'\. It has \['train',"):
        read(path, "test")


def test_training_texts_are_not_taken_for_another_split(tmp_path):
    path = write(tmp_path / "films.tsv", TABLES[".tsv"])
    with pytest.raises(MissingSplitError, match="no column 'split', so there is no"):
        read(path, "test")
    path = write(tmp_path / "words.conll", "a\tO\n")
    with pytest.raises(MissingSplitError, match="is for training, or for what it is"):
        read(path, "test")


CONLL = "Anna\tB-person\nsmiles\tO\n\t\nNo\tO\n\n\n"
SENTENCES = [
    {"tokens": ["Anna", "smiles"], "labels": ["B-person", "O"]},
    {"tokens": ["No"], "labels": ["O"]},
]


@pytest.mark.parametrize(
    "name", ["train.conll", "train.annotated.gz", "train.txt", "train.tsv", "a.train"]
)
def test_conll_is_known_by_its_name_or_its_content(tmp_path, name):
    path = write(tmp_path / name, CONLL)
    assert examples_of(read(path)) == SENTENCES
    assert examples_of(read(tmp_path)) == SENTENCES


def test_columns_of_conll_by_number(tmp_path):
    text = "-DOCSTART- -X- O O\n\nAnna NNP B-NP B-PER\nsmiles VBZ B-VP O\n"
    path = write(tmp_path / "train.conll", text)
    (example,) = examples_of(read(path))
    assert example == {"tokens": ["Anna", "smiles"], "labels": ["B-PER", "O"]}
    for column in (1, "1"):  # a command line gives strings
        assert examples_of(read(path, labels=column))[0]["labels"] == ["NNP", "VBZ"]
    with pytest.raises(
        ValueError, match="no column 4: it has 4 columns, without names"
    ):
        read(path, labels=4)
    with pytest.raises(ValueError, match="no column 'UPOS'.*Pass a number from 0 as"):
        read(path, labels="UPOS")


CONLL_U = "\n".join(
    [
        "# text = don't go",
        "1-2\tdon't" + "\t_" * 8,
        "1\tdo\tdo\tAUX\tVB" + "\t_" * 5,
        "2\tn't\tnot\tPART\tRB" + "\t_" * 5,
        "2.1\tgone" + "\t_" * 8,
        "3\tgo\tgo\tVERB\tVB" + "\t_" * 5,
        "",
        "# text = #",
        "1\t#\t#\tSYM\t#" + "\t_" * 5,
    ]
)


def test_conll_u(tmp_path):
    path = write(tmp_path / "en-ud-train.conllu.gz", CONLL_U)
    first, second = examples_of(read(path))
    assert first == {"tokens": ["do", "n't", "go"], "labels": ["AUX", "PART", "VERB"]}
    assert second == {"tokens": ["#"], "labels": ["SYM"]}
    options = {"tokens": "LEMMA", "labels": "XPOS"}
    assert examples_of(read(tmp_path, **options))[0] == {
        "tokens": ["do", "not", "go"],
        "labels": ["VB", "RB", "VB"],
    }
    with pytest.raises(ValueError, match=r"no column 'POS'.*named \['ID', 'FORM'"):
        read(path, labels="POS")


def test_a_comment_sign_is_a_word_in_other_conll(tmp_path):
    path = write(tmp_path / "train.conll", "# \tO\n#zoo\tO\n")
    assert examples_of(read(path))[0]["tokens"] == ["#", "#zoo"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("smiles", "line 2: 1 columns, but line 1 has 2. Every word needs the same"),
        ("a\tb\tO", "line 2: 3 columns, but line 1 has 2"),
        ("smiles\t", "line 2: no label in"),
        ("\tO", "line 2: no word in"),
    ],
)
def test_misaligned_columns_are_named_by_file_and_line(tmp_path, line, message):
    path = write(tmp_path / "train.conll", f"Anna\tB-person\n{line}\n")
    with pytest.raises(ValueError, match=rf"train\.conll, {message}"):
        read(path)


def test_lists_of_words_and_labels_in_json_lines(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"tokens": ["a", "b"], "ner_tags": [0, 3]}\n')
    assert examples_of(read(path)) == [{"tokens": ["a", "b"], "labels": ["0", "3"]}]
    write(path, '{"tokens": ["a", "b"], "ner_tags": [0]}\n')
    with pytest.raises(ValueError, match="line 1: 2 words, but 1 labels. Each word"):
        read(path)


def test_text_files_give_paragraphs_or_lines(tmp_path):
    path = write(tmp_path / "a.txt", "one\ntwo\n \n\n three\r\n")
    assert examples_of(read(path)) == [{"text": "one\ntwo"}, {"text": "three"}]
    path = write(tmp_path / "b.txt.gz", "one\ttab\ntwo\nthree\n\n")
    lines = [{"text": line} for line in ("one\ttab", "two", "three")]
    assert examples_of(read(path)) == lines
    assert len(examples_of(read(tmp_path))) == 5


def test_text_files_beside_tables_when_texts_alone_are_asked_for(tmp_path):
    write(tmp_path / "plays.txt", "one\ntwo\n")
    write(tmp_path / "news.tsv", "sentence\tcategory\nthree\tx\n")
    write(tmp_path / "plays_valid.txt", "four\n")
    write(tmp_path / "LICENSE.txt", "Do as you like.\n")
    texts = [{"text": text} for text in ("three", "one", "two")]
    assert examples_of(read(tmp_path, text="sentence")) == texts
    assert examples_of(read(tmp_path, "dev", text="sentence")) == [{"text": "four"}]
    with pytest.raises(
        ValueError, match="news.tsv gives text, label, but .* alone, te"
    ):
        read(tmp_path)


def test_a_note_beside_parallel_files_is_no_corpus(tmp_path):
    for name in ("train.en", "train.de", "notes.txt"):
        write(tmp_path / name, "a\n")
    with pytest.raises(ValueError, match="source= is needed"):
        read(tmp_path)


def test_a_folder_a_class(tmp_path, caplog):
    for split in ("train", "test"):
        write(tmp_path / split / "pos" / "1_9.txt", f"Fine,\n\nin {split}.\n")
        write(tmp_path / split / "neg" / "2_1.txt", "Awful.")
    write(tmp_path / "train" / "unsup" / "3_0.txt", "Who knows.")
    write(tmp_path / "train" / "urls_pos.txt", "http://\n")
    expected = [
        {"text": "Awful.", "label": "neg"},
        {"text": "Fine,\n\nin train.", "label": "pos"},
    ]
    assert examples_of(read(tmp_path)) == expected
    assert examples_of(read(tmp_path / "train")) == expected
    assert "unsup is left out: its texts have no label" in caplog.text
    assert len(examples_of(read(tmp_path, text="text"))) == 3
    assert examples_of(read(tmp_path, "test"))[1]["text"] == "Fine,\n\nin test."


def test_few_empty_files_of_a_class_are_left_out_and_many_are_an_error(
    tmp_path, caplog
):
    for i in range(150):
        write(tmp_path / "train" / f"class{i % 2}" / f"{i}.txt", f"text {i}")
    write(tmp_path / "train" / "class0" / "empty.txt", "")
    found = examples_of(read(tmp_path))
    assert len(found) == 150
    assert {(int(x["text"][5:]) % 2, x["label"]) for x in found} == {
        (0, "class0"),
        (1, "class1"),
    }
    message = "left out 1 of 151 files, the first of them because of this: .*empty.txt"
    assert re.search(message, caplog.text)
    (tmp_path / "train" / "class1" / "latin1.txt").write_bytes(b"caf\xe9")
    expected = "empty.txt is empty.* 2 of 152 files are broken. Mend them"
    with pytest.raises(ValueError, match=expected):
        read(tmp_path)


def test_splits_of_texts(tmp_path):
    rows = "".join(f"text {i % 90}\t{i % 2}\n" for i in range(100))
    write(tmp_path / "train.tsv", f"text\tlabel\n{rows}")
    write(tmp_path / "test.tsv", "text\tlabel\nx\t1\n")
    train, validation, tests = read_splits(tmp_path)
    texts = [{e["text"] for e in examples_of(part)} for part in (train, validation)]
    assert len(texts[1]) == 2 and len(texts[0]) == 88 and not texts[0] & texts[1]
    assert examples_of(tests["test"]) == [{"text": "x", "label": "1"}]


def test_splits_of_sentences_are_held_out_whole(tmp_path):
    text = "".join(f"word\tO\n{i}\tB-x\n\n" for i in range(100))
    path = write(tmp_path / "all.conll", text)
    train, validation, tests = read_splits(path)
    parts = [examples_of(part) for part in (train, validation, tests["held out"])]
    assert [len(part) for part in parts] == [96, 2, 2]
    together = [example["tokens"][1] for part in parts for example in part]
    assert sorted(together, key=int) == [str(i) for i in range(100)]


def test_too_few_sentences_to_hold_out(tmp_path):
    path = write(tmp_path / "all.conll", "a\tO\n\nb\tO\n")
    with pytest.raises(ValueError, match="only 2 different sentences .* Add sentences"):
        read_splits(path)


def test_labelled_words_can_be_batched(tmp_path):
    dataset = read(write(tmp_path / "train.conll", CONLL))
    (batch,) = dataset.ragged_batch(2)
    assert isinstance(batch["tokens"], tf.RaggedTensor)
    assert batch["labels"].row_lengths().numpy().tolist() == [2, 1]


class Reviews(tensorflow_datasets.core.GeneratorBasedBuilder):
    """Texts and words with classes, one without its class."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")

    def _info(self):
        kinds = tensorflow_datasets.features
        features = {
            "sentence": kinds.Text(),
            "label": kinds.ClassLabel(names=["bad", "good"]),
            "idx": tensorflow_datasets.features.Scalar(tf.int32),
            "words": kinds.Sequence(kinds.Text()),
            "chunks": kinds.Sequence(kinds.ClassLabel(names=["O", "B-NP"])),
        }
        return tensorflow_datasets.core.DatasetInfo(
            builder=self, features=kinds.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        return {name: self._examples(name) for name in ("train", "test")}

    def _examples(self, split):
        for i in range(200):
            label = -1 if i == 7 or split == "test" else "good"
            words, tags = ["a", "film"], ["O", "B-NP"]
            yield (
                i,
                {
                    "sentence": "a film",
                    "label": label,
                    "idx": i,
                    "words": words,
                    "chunks": tags,
                },
            )

    _generate_examples = None


def test_tensorflow_datasets_give_texts_and_words(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(
        tensorflow_datasets, "builder", lambda name: Reviews(data_dir=tmp_path)
    )
    films = examples_of(read("tfds:films"))
    assert films == [{"text": "a film", "label": "good"}] * 199
    assert "tfds:films: left out 1 of 200 rows" in caplog.text
    words = examples_of(read("tfds:films", labels="chunks"))
    assert words == [{"tokens": ["a", "film"], "labels": ["O", "B-NP"]}] * 200
    assert examples_of(read("tfds:films", text="sentence"))[0] == {"text": "a film"}
    with pytest.raises(ValueError, match="tfds:films, line 1: 'label' is None, but a"):
        read("tfds:films", "test")
    with pytest.raises(
        ValueError, match=r"no column 'x'. It has \['sentence', 'label'"
    ):
        read("tfds:films", text="x")


def test_mock_data_of_a_labelled_set_of_tensorflow_datasets(tmp_path):
    with tensorflow_datasets.testing.mock_data(num_examples=4, data_dir=str(tmp_path)):
        reviews = examples_of(read("tfds:imdb_reviews"))
        with pytest.raises(ValueError, match="mnist is no translation data set: its"):
            read("tfds:mnist")
    assert len(reviews) == 4
    assert {review["label"] for review in reviews} <= {"neg", "pos"}
    assert set(reviews[0]) == {"text", "label"}


@pytest.mark.skipif(not REAL.is_dir(), reason=f"there is no {REAL}")
@pytest.mark.parametrize(
    ("name", "split", "number"),
    [
        ("sst2", "train", 67_349),
        ("sst2", "train_sentences", 6_920),
        ("sst2", "dev", 872),
        ("imdb", "test", 25_000),
        ("ag_news_10k", "train", 10_001),
        ("ud_english_ewt", "validation", 2_001),
        ("wnut17", "train", 3_394),
        ("wnut17", "test", 1_287),
    ],
)
def test_public_corpora_have_the_number_of_examples_they_state(name, split, number):
    assert int(read(REAL / name, split).cardinality()) == number
