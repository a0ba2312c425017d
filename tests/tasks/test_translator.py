import collections
import itertools
import json
import os

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.tasks.conftest import LINES, pairs
from zoo.tasks.requests import item_seeds
from zoo.tasks.translation_graph import join_pieces

TEXTS = ["the small dog runs the dog.", "a big cat sees a cat.", "the man"]
# More than the 24 tokens of the model, in three sentences.
LONG = "the small dog runs the dog. a big cat sees a cat. the red man likes the man."


def test_it_learned_its_language(translator):
    scores = translator.evaluate(pairs(LINES[:20]), num_beams=2)
    assert scores["exact_match"] >= 0.9
    assert scores["bleu"] > 90
    assert "tok:13a" in scores["bleu_signature"]
    scores = translator.evaluate(pairs(LINES[:3]), num_beams=2, language="en")
    assert scores["bleu_tokenized_lowercase"] > 90


def test_one_text_gives_one_answer_and_a_list_gives_a_list(translator):
    one = translator.generate(TEXTS[0])
    assert isinstance(one, str)
    assert translator.generate(TEXTS)[0] == one
    assert translator.generate(tuple(TEXTS)) == translator.generate(np.array(TEXTS))
    assert translator.generate([]) == []
    assert translator.generate("") == ""
    assert translator.generate([], return_scores=True) == ([], [])
    assert translator.generate(["", TEXTS[0]], return_scores=True)[1][0] == 0.0


def test_several_answers_come_best_first_with_scores(translator):
    answers, scores = translator.generate(
        TEXTS, num_return_sequences=3, return_scores=True
    )
    assert [len(row) for row in answers] == [3, 3, 3]
    for row in scores:
        assert row == sorted(row, reverse=True)
    best = translator.generate(TEXTS, return_scores=True)
    assert [row[0] for row in answers] == best[0]
    np.testing.assert_allclose([row[0] for row in scores], best[1], atol=1e-5)


def test_an_answer_does_not_depend_on_its_batch(translator):
    together, scores = translator.generate([*TEXTS, LONG, ""], return_scores=True)
    for text, answer, score in zip(TEXTS, together[:3], scores[:3], strict=True):
        alone = translator.generate(text, return_scores=True)
        assert alone[0] == answer
        assert alone[1] == pytest.approx(score, abs=1e-4)


def test_options_change_the_answer_but_trace_nothing(translator):
    translator.generate(TEXTS)
    answer = translator._functions.answer(False, 4)
    everything = translator.generate(TEXTS)
    for long in (10**12, np.int64(40)):
        assert translator.generate(TEXTS, max_length=long) == everything
    short, scores = translator.generate(TEXTS, max_length=2, return_scores=True)
    for text in short:
        assert translator.target_tokenizer(text).shape[0] <= 2
    other = translator.generate(TEXTS, length_penalty=2.0, return_scores=True)[1]
    assert not np.allclose(scores, other)
    # Another number of texts, of other lengths, is no other trace either.
    translator.generate([*TEXTS, "a", "the red dog sees the big man."])
    assert answer.experimental_get_tracing_count() == 1


def test_samples_repeat_with_their_seed_and_not_with_their_place(translator):
    options = {"temperature": 3.0, "seed": 1}
    samples = translator.generate(TEXTS, **options)
    assert translator.generate(TEXTS, **options) == samples
    assert translator.generate(TEXTS[::-1], **options) == samples[::-1]
    assert translator.generate(TEXTS, temperature=3.0, seed=2) != samples
    several = translator.generate(TEXTS[0], num_return_sequences=5, **options)
    assert len(set(several)) > 1
    twice = translator.generate([TEXTS[0]] * 2, **options)
    assert twice[0] == samples[0]
    assert twice[1] != twice[0]


def test_samples_come_best_first_with_their_scores(translator):
    answers, scores = translator.generate(
        [*TEXTS, LONG],
        temperature=3.0,
        top_k=10**12,
        seed=1,
        num_return_sequences=6,
        return_scores=True,
    )
    for row in scores:
        assert row == sorted(row, reverse=True)
    # The likeliest answer, where it was drawn, has the score that search gives it.
    best, score = translator.generate(LINES[0], return_scores=True)
    answers, scores = translator.generate(
        LINES[0],
        temperature=0.5,
        seed=1,
        num_return_sequences=6,
        return_scores=True,
    )
    assert scores[answers.index(best)] == pytest.approx(score, abs=1e-4)


def test_equal_texts_have_other_seeds_up_to_the_last_seed():
    seeds = item_seeds([b"a", b"b", b"a"], seed=3).numpy()
    assert seeds[2] == seeds[0] + 1
    seen = collections.Counter()
    parts = [item_seeds(part, 3, seen).numpy() for part in ([b"a", b"b"], [b"a"])]
    assert [*parts[0], *parts[1]] == seeds.tolist()
    assert item_seeds([b"", b""], seed=0xFFFFFFFF).numpy().tolist() == [-1, 0]


def test_sampling_becomes_greedy_in_the_limit(translator):
    greedy = translator.generate(TEXTS, num_beams=1)
    assert translator.generate(TEXTS, top_k=1) == greedy
    assert translator.generate(TEXTS, temperature=0.0) == greedy
    assert translator.generate(TEXTS, top_p=1e-6) == greedy


def test_a_long_text_is_translated_in_pieces_and_joined(translator):
    assert translator.source_tokenizer(LONG).shape[0] > 24
    sentences = [f"{sentence}." for sentence in LONG.rstrip(".").split(". ")]
    joined = " ".join(translator.generate(sentences))
    assert translator.generate(LONG) == joined


def test_an_empty_piece_leaves_no_space(tokenizer):
    """As in streaming, where the text so far has nothing after it."""
    said = tokenizer(["the", "", "dog", "", "cat", "", "a", "a"]).to_tensor()
    token_ids = tf.reshape(said, [4, 2, -1])  # two answers to each of four pieces
    scores = tf.constant([[-1.0, -2.0]] * 3 + [[-2.0, -1.0]])
    owner = tf.constant([0, 0, 0, 2], tf.int64)
    answers, scores = join_pieces(owner, token_ids, scores, 3, tokenizer)
    assert answers.numpy().tolist() == [[b"the dog cat", b""], [b"", b""], [b"a", b"a"]]
    assert scores.numpy().tolist() == [[-1.0, -2.0], [0.0, 0.0], [-1.0, -2.0]]
    nothing = join_pieces(owner[:0], token_ids[:0], scores[:0], 1, tokenizer)
    assert nothing[0].numpy().tolist() == [[b"", b""]]


def test_explain_gives_a_row_of_attention_for_every_target_piece(translator):
    for text in (TEXTS[0], LONG):
        explanation = translator.explain(text)
        source, target = explanation["source_pieces"], explanation["target_pieces"]
        assert explanation["attention"].shape == (len(target), len(source))
        np.testing.assert_allclose(explanation["attention"].sum(-1), 1.0, atol=1e-5)
        written = "".join(piece for piece in target if piece != "</s>")
        assert written.replace("\u2581", " ").strip() == translator.generate(text)


def test_an_empty_text_has_nothing_to_explain(translator):
    explanation = translator.explain("")
    assert explanation["source_pieces"] == explanation["target_pieces"] == []
    assert explanation["attention"].shape == (0, 0)


def copied(translator):
    """Another translator with the same weights, free to be changed."""
    model = zoo.models.TranslationModel.from_config(translator.model.get_config())
    model.build()
    model.set_weights(translator.model.get_weights())
    return zoo.Translator(
        model, translator.source_tokenizer, translator.target_tokenizer
    )


def enable_lora(model):
    """Gives every dense layer LoRA weights that change its outputs."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Dense):
            layer.enable_lora(2)
            layer.lora_kernel_b.assign(keras.ops.ones_like(layer.lora_kernel_b) * 0.1)


def answers_of(translator):
    return translator.generate(TEXTS, num_beams=2, return_scores=True)


def assert_weights(translator, expected):
    for weight, value in zip(translator.model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_weights_that_came_later_are_used(translator):
    changed = copied(translator)
    before = answers_of(changed)
    assert before == answers_of(translator)
    enable_lora(changed.model)
    assert not np.allclose(answers_of(changed)[1], before[1])


# Keras warns of each layer without a kernel to quantize.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_quantized_after_use_it_answers_as_one_quantized_before(translator):
    changed = copied(translator)
    before = answers_of(changed)
    changed.model.quantize("int8")
    after = answers_of(changed)
    assert not np.allclose(after[1], before[1], atol=1e-6)
    fresh = zoo.Translator(
        changed.model, changed.source_tokenizer, changed.target_tokenizer
    )
    assert after == answers_of(fresh)
    explained = changed.explain(TEXTS[0])["attention"]
    np.testing.assert_allclose(explained, fresh.explain(TEXTS[0])["attention"])


@pytest.mark.slow
def test_lora_weights_are_saved_within_those_they_change(translator, tmp_path):
    changed = copied(translator)
    enable_lora(changed.model)
    changed.save_to_preset(tmp_path)
    answers, scores = answers_of(zoo.Translator.from_preset(tmp_path))
    expected = answers_of(changed)
    assert answers == expected[0]
    np.testing.assert_allclose(scores, expected[1], atol=1e-4)


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
@pytest.mark.parametrize("mode", ["int8", "float8"])
def test_a_quantized_model_is_not_saved(translator, mode, tmp_path):
    changed = copied(translator)
    changed.model.quantize(mode)
    with pytest.raises(ValueError, match="cannot write a quantized model.*Save before"):
        changed.save_to_preset(tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_the_dtype_comes_back_unless_another_is_asked_for(tokenizer, tmp_path):
    translator = zoo.Translator.from_preset(
        "translator_tiny", tokenizer=tokenizer, num_layers=1, dtype="mixed_bfloat16"
    )
    translator.save_to_preset(tmp_path)
    for options, expected in (
        ({}, "mixed_bfloat16"),
        ({"dtype": "float32"}, "float32"),
    ):
        model = zoo.Translator.from_preset(tmp_path, **options).model
        assert model.dtype_policy.name == expected
        assert model.encoder.dtype_policy.name == expected


def test_of_a_folder_only_the_dtype_can_be_another(translator, tmp_path):
    translator.save_to_preset(tmp_path)
    message = "only dtype= with a folder, got num_layers"
    with pytest.raises(ValueError, match=message):
        zoo.Translator.from_preset(tmp_path, num_layers=3)


def test_a_broken_write_leaves_what_was_there(translator, tmp_path, monkeypatch):
    translator.save_to_preset(tmp_path)
    before = translator.model.get_weights()
    files = sorted(tmp_path.rglob("*"))
    changed = copied(translator)
    changed.model.set_weights([w * 0.9 for w in translator.model.get_weights()])
    replace = os.replace
    for allowed in range(3):  # weights, vocabulary and config are moved in turn
        moves = iter(range(allowed))

        def stop(source, target, moves=moves):
            if next(moves, None) is None:
                raise OSError("No space left on device")
            replace(source, target)

        monkeypatch.setattr(os, "replace", stop)
        with pytest.raises(OSError, match="No space left"):
            changed.save_to_preset(tmp_path)
        monkeypatch.undo()
        assert_weights(zoo.Translator.from_preset(tmp_path), before)
    # The next one that succeeds takes its place and clears up.
    changed.save_to_preset(tmp_path)
    loaded = zoo.Translator.from_preset(tmp_path)
    assert_weights(loaded, changed.model.get_weights())
    assert len(list(tmp_path.rglob("*"))) == len(files)


def test_saved_and_read_again_it_answers_the_same(translator, tmp_path):
    translator.save_to_preset(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    translator.save_to_preset(tmp_path)  # over what is there, leaving the rest
    assert (tmp_path / "notes.txt").read_text() == "mine"
    loaded = zoo.Translator.from_preset(str(tmp_path))
    assert loaded.generate(TEXTS, return_scores=True) == translator.generate(
        TEXTS, return_scores=True
    )
    assert not [p for p in tmp_path.iterdir() if p.suffix in (".pkl", ".pickle")]
    # Compiled, so that training can go on.
    loaded.model.fit(loaded.batches(pairs(LINES)).take(1), verbose=0, shuffle=False)


def test_what_another_task_saved_is_not_replaced(translator, tokenizer, tmp_path):
    classifier = zoo.TextClassifier.from_preset(
        "bert_tiny", tokenizer=tokenizer, classes=["a", "b"], num_layers=1
    )
    translator.save_to_preset(tmp_path)
    with pytest.raises(ValueError, match="holds a Translator, which save_to_preset of"):
        classifier.save_to_preset(tmp_path)
    loaded = zoo.Translator.from_preset(tmp_path)
    assert_weights(loaded, translator.model.get_weights())


def test_two_vocabularies_share_nothing(tokenizer, tmp_path):
    other = zoo.text.learn_tokenizer([line.upper() for line in LINES], 300)
    translator = zoo.Translator.from_preset(
        "translator_tiny",
        source_tokenizer=tokenizer,
        target_tokenizer=other,
        num_layers=1,
        hidden_dim=8,
        num_heads=2,
        intermediate_dim=8,
    )
    assert translator.model.target_vocabulary_size == other.vocabulary_size()
    translator.save_to_preset(tmp_path)
    loaded = zoo.Translator.from_preset(tmp_path)
    assert loaded.target_tokenizer.get_vocabulary() == other.get_vocabulary()
    assert loaded.source_tokenizer.get_vocabulary() == tokenizer.get_vocabulary()


def test_seeding_after_the_first_use_breaks_nothing(translator):
    before = translator.generate(TEXTS)
    keras.utils.set_random_seed(1)
    assert translator.generate(TEXTS) == before
    assert translator.generate("a new number of texts") is not None


@pytest.mark.parametrize("text", ["\x00\x01", "\u4f60\u597d \U0001f600", "   ", "\n"])
def test_any_text_is_answered(translator, text):
    assert isinstance(translator.generate(text), str)


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        (3, TypeError, "takes a str or a list of str, got int"),
        (b"a", TypeError, "got bytes.*Decode bytes first"),
        (["a", 3], TypeError, r"got int \(3\) at place 1"),
        ([b"a"], TypeError, "got bytes.*Decode bytes first"),
        ({"a": "b"}, TypeError, "got dict.*into a list"),
        ({"a", "b"}, TypeError, "got set.*into a list"),
        ("\ud800", ValueError, "place 0 cannot be written as UTF-8"),
    ],
)
def test_what_is_no_text_is_refused(translator, texts, error, message):
    with pytest.raises(error, match=message):
        translator.generate(texts)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_beams": 0}, "num_beams=0 is out of range. It must be at least 1"),
        ({"num_return_sequences": 0}, "num_return_sequences=0 is out of range"),
        ({"num_return_sequences": 0, "top_k": 1}, "num_return_sequences=0 is out"),
        ({"num_beams": 2, "num_return_sequences": 3}, "Raise num_beams"),
        ({"length_penalty": -1.0}, "length_penalty=-1.0 .*It must be from 0 to 1,000,"),
        ({"length_penalty": 1e39}, "length_penalty=1e.39 is out of range"),
        ({"length_penalty": float("nan")}, "length_penalty=nan is out of range"),
        ({"max_length": 0}, "max_length=0"),
        ({"temperature": -1.0}, "temperature=-1.0"),
        ({"top_p": 0.0}, "top_p=0.0"),
        ({"top_k": -1}, "top_k=-1"),
    ],
)
def test_impossible_options_are_refused(translator, options, message):
    with pytest.raises(ValueError, match=message):
        translator.generate("a", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_beams": "4"}, "num_beams='4' is of type str. It must be a whole number"),
        ({"num_beams": None}, "num_beams=None is of type NoneType"),
        ({"num_beams": True}, "num_beams=True is of type bool"),
        ({"max_length": 10.0}, "max_length=10.0 is of type float"),
        ({"num_return_sequences": 1.5}, "num_return_sequences=1.5 is of type float"),
        ({"top_k": 2.0}, "top_k=2.0 is of type float"),
        ({"seed": "x", "temperature": 1}, "seed='x' is of type str"),
        ({"temperature": "hot"}, "temperature='hot'.* It must be a number, at least 0"),
        ({"top_p": False}, "top_p=False is of type bool"),
        ({"length_penalty": None}, "length_penalty=None is of type NoneType"),
    ],
)
def test_options_of_another_type_are_refused(translator, options, message):
    with pytest.raises(TypeError, match=message):
        translator.generate("a", **options)


def test_explain_and_export_check_their_options_first(translator, tmp_path):
    with pytest.raises(ValueError, match="num_beams=0 is out of range"):
        translator.explain("a", num_beams=0)
    for options in ({"num_beams": 0}, {"length_penalty": -1.0}):
        (name,) = options
        with pytest.raises(ValueError, match=f"{name}=.* is out of range"):
            translator.export(tmp_path / "new", **options)
    assert not list(tmp_path.iterdir())


def test_an_unknown_preset_is_answered_with_the_nearest(tokenizer):
    message = "Unknown preset 'translator_tin'. Did you mean 'translator_tiny'"
    with pytest.raises(ValueError, match=message):
        zoo.Translator.from_preset("translator_tin", tokenizer=tokenizer)


def test_a_tokenizer_is_needed_for_a_size_and_refused_for_a_folder(
    translator, tokenizer, tmp_path
):
    with pytest.raises(ValueError, match="needs tokenizer= for both languages"):
        zoo.Translator.from_preset("translator_tiny")
    translator.save_to_preset(tmp_path)
    with pytest.raises(ValueError, match="holds its own tokenizers"):
        zoo.Translator.from_preset(tmp_path, tokenizer=tokenizer)


@pytest.mark.parametrize(
    ("task", "preset"),
    [
        (zoo.Translator, "translator_tiny"),
        (zoo.TextEmbedder, "bert_tiny"),
        (zoo.ImageCaptioner, "captioner_mini"),
        (zoo.SpeechRecognizer, "speech_tiny"),
    ],
)
def test_what_is_no_tokenizer_is_refused(task, preset):
    with pytest.raises(TypeError, match="'runs/en-de' is no tokenizer. zoo.text.learn"):
        task.from_preset(preset, tokenizer="runs/en-de")


@pytest.mark.parametrize(
    ("task", "preset"),
    [
        (zoo.Translator, "translator_tiny"),
        (zoo.ImageCaptioner, "captioner_mini"),
        (zoo.SpeechRecognizer, "speech_tiny"),
    ],
)
def test_a_tokenizer_that_cannot_write_is_refused(task, preset):
    tokenizer = zoo.text.learn_tokenizer(LINES, 100, kind="word_piece", at_most=True)
    with pytest.raises(TypeError, match="A WordPieceTokenizer has no tokens that a"):
        task.from_preset(preset, tokenizer=tokenizer)


def test_a_tokenizer_that_does_not_fit_is_refused(translator, tmp_path):
    other = zoo.text.learn_tokenizer(LINES, 290)
    with pytest.raises(ValueError, match="do not fit the model: they have 290 source"):
        zoo.Translator(translator.model, other, other)
    # One of equal size in the folder is another one all the same.
    other = zoo.text.learn_tokenizer([line[::-1] for line in LINES], 330)
    translator.save_to_preset(tmp_path)
    (folder,) = tmp_path.glob("tokenizer-*")
    other.save_assets(str(folder))
    message = "vocabulary file .* does not fit the saved model"
    with pytest.raises(ValueError, match=message):
        zoo.Translator.from_preset(tmp_path)


def damaged(folder, name, change):
    (path,) = folder.glob(name)
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ("name", "change", "error", "message"),
    [
        ("model-*.h5", lambda b: b[: len(b) // 2], ValueError, "was cut short"),
        ("config.json", lambda b: b[:20], ValueError, "not valid JSON"),
        ("config.json", lambda b: b'"\xff"', ValueError, "not valid JSON"),
        ("config.json", lambda b: b"[" * 10**5, ValueError, "not valid JSON"),
        ("config.json", lambda b: b"[]", ValueError, "not what save_to_preset writes"),
        (
            "config.json",
            lambda b: b"{}",
            ValueError,
            "task, options, model, tokenizers, weights_sha256 missing",
        ),
        (
            "config.json",
            lambda b: b.replace(b'"hidden_dim"', b'"hidden"'),
            ValueError,
            "No TranslationModel can be made of .*config.json.*hidden",
        ),
        (
            "config.json",
            lambda b: b.replace(b'"hidden_dim": 32', b'"hidden_dim": 64'),
            ValueError,
            "No TranslationModel can be made of",
        ),
        (
            "config.json",
            lambda b: b.replace(b'"tokenizer":', b'"tokens":'),
            ValueError,
            r"names the tokenizers \['tokens'\]",
        ),
        ("config.json", lambda b: b.replace(b"Trans", b"Cap"), ValueError, "holds a"),
        (  # what could lead to another file, or to another class
            "config.json",
            lambda b: b.replace(b'"vocabulary.spm"', b'"../vocabulary.spm"'),
            ValueError,
            "what save_to_preset writes: tokenizer missing",
        ),
        (
            "config.json",
            lambda b: b.replace(b'"SentencePieceTokenizer"', b'"Popen"'),
            ValueError,
            "what save_to_preset writes: tokenizer missing",
        ),
        ("tokenizer-*/*.spm", lambda b: b[:100], ValueError, r"\(100 bytes\) does not"),
    ],
)
def test_a_damaged_folder_is_refused(
    translator, tmp_path, name, change, error, message
):
    translator.save_to_preset(tmp_path)
    damaged(tmp_path, name, change)
    with pytest.raises(error, match=message):
        zoo.Translator.from_preset(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model-*.weights.h5", "weights file .* is missing"),
        ("config.json", "holds no config.json"),
        ("tokenizer-*/vocabulary.spm", "vocabulary.spm is missing"),
    ],
)
def test_a_missing_file_is_named(translator, tmp_path, name, message):
    translator.save_to_preset(tmp_path)
    (path,) = tmp_path.glob(name)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=message):
        zoo.Translator.from_preset(tmp_path)


def test_the_config_is_plain_json(translator, tmp_path):
    translator.save_to_preset(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["task"] == "Translator"
    assert config["model"]["hidden_dim"] == 32
    assert config["model"]["dtype"] == "float32"


def test_an_evaluation_of_nothing_is_refused(translator):
    with pytest.raises(ValueError, match="nothing to evaluate"):
        translator.evaluate(pairs(LINES).take(0))


@pytest.mark.parametrize(
    "options", [{"num_return_sequences": 2}, {"return_scores": True}]
)
def test_an_evaluation_takes_one_answer_to_each(translator, options):
    with pytest.raises(ValueError, match="One answer to each is scored, the best"):
        translator.evaluate(pairs(LINES), **options)


def test_a_model_is_a_plain_keras_model(translator):
    batches = translator.batches(pairs(LINES), batch_tokens=512)
    first = next(iter(batches))
    assert translator.model(first[0]).shape == (*first[1].shape, 330)
    assert len(list(itertools.islice(iter(batches), 2))) == 2
    assert isinstance(translator.model, keras.Model)
    assert isinstance(batches, tf.data.Dataset)
