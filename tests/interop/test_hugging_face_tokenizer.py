"""Tokenizers from the files of a checkpoint: the same ids, or an error."""

import json

import pytest
import tokenizers

from tests.interop.checkpoints import (
    REFERENCES,
    checkpoint,
    edit_json,
    reference_inputs,
)
from zoo.interop.hugging_face_tokenizer import read_tokenizer
from zoo.interop.hugging_face_tokenizer_writing import write_tokenizer

TEXTS = json.loads((REFERENCES / "texts.json").read_text())
WILD = [
    *TEXTS,
    "D\u00d6GS [mask] [CLS]\tcat\u0000s",
    "  the <mask>  cat </s>",
    "e\u0301",
]


def pipeline(name):
    return json.loads((REFERENCES / name / "tokenizer.json").read_text())


def merges_text(pipeline):
    pairs = (" ".join(pair) for pair in pipeline["model"]["merges"])
    return "\n".join(["#version: 0.2", *pairs, ""])


def write_plain(name, folder, config):
    """A reference's vocabulary as older versions of transformers have it."""
    tokens = pipeline(name)
    ids = tokens["model"]["vocab"]
    edit_json(folder / "tokenizer_config.json", **config)
    if name == "bert":
        (folder / "vocab.txt").write_text("\n".join(sorted(ids, key=ids.get)) + "\n")
    else:
        (folder / "vocab.json").write_text(json.dumps(ids))
        (folder / "merges.txt").write_text(merges_text(tokens), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["bert", "roberta", "distilbert", "electra"])
def test_the_ids_are_those_of_transformers(name):
    inputs, _ = reference_inputs(name)
    tokenizer = checkpoint(name).tokenizer
    expected = [
        ids[mask].tolist()[1:-1]
        for ids, mask in zip(
            *(inputs[k] for k in ("token_ids", "padding_mask")), strict=True
        )
    ]
    assert tokenizer(TEXTS).to_list() == expected


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_what_is_written_gives_the_same_ids_in_hugging_face(name, tmp_path):
    ours = checkpoint(name).tokenizer
    write_tokenizer(tmp_path, ours, max_length=40)
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    expected = [theirs.encode(text, add_special_tokens=False).ids for text in WILD]
    assert ours(WILD).to_list() == expected
    first, last = ours.cls_token_id, ours.sep_token_id
    assert theirs.encode("cat").ids == [first, *ours(["cat"]).to_list()[0], last]


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_each_way_of_storing_gives_the_same_tokenizer(name, tmp_path):
    expected = checkpoint(name).tokenizer
    plain, longest = read_tokenizer(
        write_plain(name, tmp_path, {"model_max_length": 10**30})
    )
    assert longest > 10**6
    assert plain(WILD).to_list() == expected(WILD).to_list()
    write_tokenizer(tmp_path, expected, max_length=40)
    written, longest = read_tokenizer(tmp_path)
    assert longest == 40
    assert written(WILD).to_list() == expected(WILD).to_list()


OPTIONS = {
    "do_lower_case": ("lowercase", False),
    "strip_accents": ("strip_accents", True),
    "tokenize_chinese_chars": ("split_cjk", False),
}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("plain", [True, False])
def test_options_are_taken_from_the_config(option, plain, tmp_path):
    ours, value = OPTIONS[option]
    write_plain("bert", tmp_path, {option: value})
    if not plain:
        (tmp_path / "tokenizer.json").write_text(json.dumps(pipeline("bert")))
    assert getattr(read_tokenizer(tmp_path)[0], ours) == value


def test_options_are_taken_from_the_pipeline_where_the_config_has_none(tmp_path):
    tokens = pipeline("bert")
    tokens["normalizer"] |= {"lowercase": False, "handle_chinese_chars": False}
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokens))
    tokenizer, _ = read_tokenizer(tmp_path)
    assert (tokenizer.lowercase, tokenizer.split_cjk) == (False, False)


def test_an_older_pipeline_may_leave_out_the_type_of_its_model(tmp_path):
    for name in ("bert", "roberta"):
        tokens = pipeline(name)
        del tokens["model"]["type"]
        if name == "roberta":
            pairs = tokens["model"]["merges"]
            tokens["model"]["merges"] = [" ".join(pair) for pair in pairs]
        (tmp_path / "tokenizer.json").write_text(json.dumps(tokens))
        expected = checkpoint(name).tokenizer(WILD).to_list()
        assert read_tokenizer(tmp_path)[0](WILD).to_list() == expected


def test_what_is_put_around_texts_may_be_a_template(tmp_path):
    tokens = pipeline("bert")
    theirs = tokenizers.Tokenizer.from_str(json.dumps(tokens))
    theirs.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    (tmp_path / "tokenizer.json").write_text(theirs.to_str())
    assert read_tokenizer(tmp_path)[0](WILD).to_list()
    theirs.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A [SEP]", pair="$A [SEP] $B:1 [SEP]:1", special_tokens=[("[SEP]", 3)]
    )
    (tmp_path / "tokenizer.json").write_text(theirs.to_str())
    with pytest.raises(ValueError, match=r"other special tokens .* than \[CLS\] text"):
        read_tokenizer(tmp_path)


EXTRA = {"id": 68, "content": "<user>", "special": True}
PIPELINES = {
    "another model": ("bert", {"model": {"type": "Unigram"}}, "type 'Unigram'"),
    "another normalizer": (
        "bert",
        {"normalizer": {"type": "NFKC"}},
        "normalizer 'NFKC', which is not supported. Supported: BertNormalizer",
    ),
    "no normalizer": ("bert", {"normalizer": None}, "normalizer None"),
    "a normalizer for bytes": (
        "roberta",
        {"normalizer": {"type": "NFC"}},
        "normalizer 'NFC'",
    ),
    "another pre-tokenizer": (
        "bert",
        {"pre_tokenizer": {"type": "Whitespace"}},
        "pre_tokenizer 'Whitespace'",
    ),
    "another regular expression": (
        "roberta",
        {"pre_tokenizer": {"type": "ByteLevel", "use_regex": False}},
        "use_regex = False in its ByteLevel",
    ),
    "another post-processor": (
        "bert",
        {"post_processor": {"type": "ByteLevel"}},
        "post_processor 'ByteLevel'",
    ),
    "no post-processor": ("roberta", {"post_processor": None}, "post_processor None"),
    "an added token": ("bert", {"added_tokens": [EXTRA]}, "adds the token '<user>'"),
    "an added token of a wrong id": (
        "bert",
        {"added_tokens": [{**EXTRA, "content": "[CLS]"}]},
        "adds the token '.CLS.' with the id 68",
    ),
    "a token with an option": (
        "bert",
        {"added_tokens": [{"id": 2, "content": "[CLS]", "rstrip": True}]},
        "rstrip = True for the token '.CLS.', but only False",
    ),
    "a mask that keeps the space": (
        "roberta",
        {"added_tokens": [{"id": 4, "content": "<mask>", "lstrip": False}]},
        "lstrip = False for the token '<mask>', but only True",
    ),
    "ids with a gap": (
        "bert",
        {"model": {"type": "WordPiece", "vocab": {"[PAD]": 1}}},
        "without a gap",
    ),
    "a model in a list": ("bert", {"model": []}, r"json has model = \[\], but an obj"),
    "a type in a list": ("bert", {"normalizer": {"type": ["x"]}}, "normalizer .'x'"),
    "an id in a list": (
        "bert",
        {"model": {"type": "WordPiece", "vocab": {"[PAD]": [0]}}},
        "without a gap",
    ),
    "a merge that is a number": (
        "roberta",
        {"model": {**pipeline("roberta")["model"], "merges": [5]}},
        "has 5 among its merges, but two strings",
    ),
    "an end that is a number": (
        "bert",
        {"post_processor": {"type": "BertProcessing", "cls": 5, "sep": []}},
        "puts other special tokens around texts",
    ),
    "longer words": (
        "bert",
        {"model": {"type": "WordPiece", "max_input_chars_per_word": 200}},
        "max_input_chars_per_word = 200",
    ),
    "random merges": ("roberta", {"model": {"type": "BPE", "dropout": 0.1}}, "dropout"),
}


@pytest.mark.parametrize("case", PIPELINES)
def test_an_unsupported_part_is_refused_by_name(case, tmp_path):
    name, changed, match = PIPELINES[case]
    (tmp_path / "tokenizer.json").write_text(json.dumps({**pipeline(name), **changed}))
    with pytest.raises(ValueError, match=match):
        read_tokenizer(tmp_path)


CONFIGS = {
    "another token": ({"cls_token": "<cls>"}, "cls_token = '<cls>', but only '.CLS.'"),
    "more tokens": ({"additional_special_tokens": ["<a>"]}, "additional .*<a>"),
    "an added token": (
        {"added_tokens_decoder": {"68": {"content": "<a>"}}},
        "adds the token '<a>' with the id 68",
    ),
    "an added token that is a number": (
        {"added_tokens_decoder": {"3": 5}},
        "has 5 at '3' in added_tokens_decoder, but an object",
    ),
    "added tokens in a list": (
        {"added_tokens_decoder": [5]},
        r"added_tokens_decoder = \[5\], but an object",
    ),
    "accents of another type": ({"strip_accents": "yes"}, "'yes', but true or false"),
    "another class": (
        {"tokenizer_class": "BertJapaneseTokenizer"},
        "'BertJapaneseTokenizer', which is not supported without a tokenizer.json",
    ),
    "another type": ({"do_lower_case": "yes"}, "do_lower_case = 'yes', but true or"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_an_unsupported_option_is_refused_by_name(case, tmp_path):
    config, match = CONFIGS[case]
    with pytest.raises(ValueError, match=match):
        read_tokenizer(write_plain("bert", tmp_path, config))


ADDED = {
    "another token": (
        "bert",
        {"<user>": 68},
        "added_tokens.json adds .*'<user>' .* 68",
    ),
    "another id": ("bert", {"[MASK]": 68}, "adds the token '.MASK.' with the id 68"),
    "no id": ("roberta", {"<mask>": [4]}, r"token '<mask>' with the id \[4\]"),
}


@pytest.mark.parametrize("case", ADDED)
def test_a_token_that_an_older_file_adds_is_refused_by_name(case, tmp_path):
    name, added, match = ADDED[case]
    write_plain(name, tmp_path, {})
    edit_json(tmp_path / "added_tokens.json", **added)
    with pytest.raises(ValueError, match=match):
        read_tokenizer(tmp_path)


def test_an_older_file_may_name_the_special_tokens(tmp_path):
    for name in ("bert", "roberta"):
        ids = pipeline(name)["model"]["vocab"]
        folder = tmp_path / name
        folder.mkdir()
        write_plain(name, folder, {})
        mask = "[MASK]" if name == "bert" else "<mask>"
        edit_json(folder / "added_tokens.json", **{mask: ids[mask]})
        assert read_tokenizer(folder)[0].mask_token_id == ids[mask]


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no tokenizer: tokenizer.json, or voc"):
        read_tokenizer(tmp_path)


def test_a_tokenizer_of_another_kind_is_not_written(tmp_path):
    with pytest.raises(TypeError, match="A list cannot be written for transformers"):
        write_tokenizer(tmp_path, [], max_length=3)
