"""Folders of sentence-transformers: pooling, norm and length of an embedder."""

import json

import pytest

from tests.interop.checkpoints import checkpoint, copy_of, edit_json
from zoo.interop import read_hugging_face, write_hugging_face
from zoo.interop.sentence_transformers_files import read_modules, write_modules

OPTIONS = {"pooling": "mean", "normalize": True, "max_length": 30}


@pytest.fixture
def folder(tmp_path):
    """A tiny model as sentence-transformers saves it."""
    copy_of("bert", tmp_path)
    write_modules(tmp_path, 12, OPTIONS)
    return tmp_path


def edit_modules(folder, change):
    modules = json.loads((folder / "modules.json").read_text())
    (folder / "modules.json").write_text(json.dumps(change(modules)))


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("normalize", [True, False])
def test_what_is_written_is_read(pooling, normalize, tmp_path):
    options = {"pooling": pooling, "normalize": normalize, "max_length": 30}
    write_modules(tmp_path, 12, options)
    assert read_modules(tmp_path) == (tmp_path, options)


def test_a_folder_without_modules_says_nothing(tmp_path):
    assert read_modules(tmp_path) == (tmp_path, None)


def test_the_checkpoint_is_an_embedder(folder):
    edit_json(folder / "config.json", architectures=["BertForMaskedLM"])
    found = read_hugging_face(folder)
    assert found.task_name == "TextEmbedder"
    assert found.options == {**OPTIONS, "model_type": "bert"}
    write_hugging_face(folder / "again", *found[:4])
    assert read_hugging_face(folder / "again").options == found.options


def test_the_length_is_never_more_than_the_model_has(folder):
    edit_json(folder / "sentence_bert_config.json", max_seq_length=512)
    assert read_hugging_face(folder).options["max_length"] == 40


def test_the_model_may_lie_in_a_folder_of_its_own(tmp_path):
    copy_of("bert", tmp_path / "0_Transformer")
    write_modules(tmp_path, 12, OPTIONS)
    (tmp_path / "sentence_bert_config.json").rename(
        tmp_path / "0_Transformer" / "sentence_bert_config.json"
    )
    edit_modules(tmp_path, lambda m: [{**m[0], "path": "0_Transformer"}, *m[1:]])
    assert read_hugging_face(tmp_path).options["max_length"] == 30


def test_newer_files_name_the_pooling_and_other_packages(folder):
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode": "cls"}')
    edit_modules(
        folder,
        lambda m: [{**x, "type": "new." + x["type"].rpartition(".")[2]} for x in m],
    )
    assert read_modules(folder)[1]["pooling"] == "cls"


def test_a_plain_encoder_is_an_embedder_by_the_mean():
    found = checkpoint("distilbert")
    assert found.task_name == "TextEmbedder"
    assert (found.options["pooling"], found.options["normalize"]) == ("mean", False)


MODULES = {
    "a dense layer": (
        lambda m: [
            *m,
            {"path": "3_Dense", "type": "sentence_transformers.models.Dense"},
        ],
        "Transformer, Pooling, Normalize, Dense, but only",
    ),
    "no pooling": (lambda m: m[:1], "modules Transformer, but only"),
    "none": (lambda m: [], "modules none, but only"),
    "no list of modules": (lambda m: [5], "is not a list of modules"),
    "a module without a path": (lambda m: [{"type": "x"}], "is not a list of modules"),
    "a way out of the folder": (
        lambda m: [{**m[0], "path": "../x"}, *m[1:]],
        "names the folder '../x', but only",
    ),
}


@pytest.mark.parametrize("case", MODULES)
def test_unsupported_modules_are_refused(case, folder):
    change, match = MODULES[case]
    edit_modules(folder, change)
    with pytest.raises(ValueError, match=match):
        read_modules(folder)


CONFIGS = {
    "another pooling": (
        "1_Pooling/config.json",
        {"pooling_mode_mean_tokens": False, "pooling_mode_max_tokens": True},
        "the pooling 'max_tokens', which is not supported. Supported: cls, mean",
    ),
    "two poolings": (
        "1_Pooling/config.json",
        {"pooling_mode_max_tokens": True},
        "the pooling 'mean.max_tokens'",
    ),
    "lower-casing outside of the tokenizer": (
        "sentence_bert_config.json",
        {"do_lower_case": True},
        "do_lower_case = true, which lower-cases texts before",
    ),
    "a prompt": (
        "config_sentence_transformers.json",
        {"default_prompt_name": "query"},
        "default_prompt_name = 'query': a prompt before every text",
    ),
    "a length of nothing": (
        "sentence_bert_config.json",
        {"max_seq_length": 0},
        "max_seq_length = 0, but an int from 3",
    ),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_unsupported_options_are_refused(case, folder):
    name, values, match = CONFIGS[case]
    edit_json(folder / name, **values)
    with pytest.raises(ValueError, match=match):
        read_modules(folder)
