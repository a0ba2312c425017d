import keras
import pytest
import tensorflow as tf

from tests.training.tiny import EXAMPLES, Task, batches, tiny_model
from zoo.training import DecodedEvaluation


def fit(model, *callbacks, epochs=2):
    return model.fit(
        batches(), epochs=epochs, callbacks=list(callbacks), shuffle=False, verbose=0
    ).history


def test_later_callbacks_see_the_scores():
    task = Task(bleu=[1.0, 9.0, 2.0, 3.0])
    seen = []
    after = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(logs["val_bleu"])
    )
    stop = keras.callbacks.EarlyStopping("val_bleu", mode="max", patience=1)
    evaluation = DecodedEvaluation(task, EXAMPLES)
    history = fit(task.model, evaluation, after, stop, epochs=9)
    assert history["val_bleu"] == seen == [1.0, 9.0, 2.0]
    assert history["val_chrf"] == [1.0, 1.0, 1.0]
    assert len(history["val_seconds"]) == 3


def test_the_signature_is_printed_once(capsys):
    task = Task()
    fit(task.model, DecodedEvaluation(task, EXAMPLES), epochs=3)
    assert capsys.readouterr().out.count("bleu_signature: nrefs:1|case:mixed") == 1


def test_samples_show_source_reference_and_hypothesis(tmp_path):
    task, path = Task(bleu=[1.0, 2.0]), tmp_path / "samples.txt"
    options = {"num_samples": 2, "decoding": {"num_beams": 1}}
    evaluation = DecodedEvaluation(task, EXAMPLES, samples_path=path, **options)
    fit(task.model, evaluation)
    first, second = path.read_text().split("=== epoch ")[1:]
    assert first.splitlines()[:5] == [
        *("1: bleu 1.00  chrf 1.00", "", "source      a dog"),
        *("reference   ein Hund", "hypothesis  A DOG by 1 beams"),
    ]
    assert second.startswith("2: bleu 2.00")
    assert second.count("source") == 2


def test_samples_of_images_show_their_captions(tmp_path):
    class Captioner(Task):
        def evaluate(self, examples, num_beams=4, meteor=True):
            return {"cider_d": float(meteor)}

        def generate(self, images, num_beams=4):
            return [f"{len(image)} bytes" for image in images]

    task, path = Captioner(), tmp_path / "samples.txt"
    images = {"image": [b"png", b"jpeg"], "captions": [["a dog", "a d\u00f6g"]] * 2}
    evaluation = DecodedEvaluation(
        *(task, tf.data.Dataset.from_tensor_slices(images)),
        samples_path=path,
        decoding={"num_beams": 1},
        scoring={"meteor": False},
    )
    fit(task.model, evaluation, epochs=1)
    assert path.read_text().splitlines() == [
        *("=== epoch 1: cider_d 0.00", ""),
        *("reference   a dog / a d\u00f6g", "hypothesis  3 bytes", ""),
        *("reference   a dog / a d\u00f6g", "hypothesis  4 bytes", ""),
    ]


def test_samples_of_an_epoch_trained_again_replace_the_old(tmp_path):
    path = tmp_path / "samples.txt"
    for bleu in ([1.0, 2.0], [8.0]):
        task = Task(bleu=bleu)
        evaluation = DecodedEvaluation(task, EXAMPLES, samples_path=path)
        model, begin = task.model, 2 - len(bleu)
        model.fit(
            batches(),
            initial_epoch=begin,
            epochs=2,
            callbacks=[evaluation],
            verbose=0,
            shuffle=False,
        )
    assert path.read_text().count("=== epoch 2") == 1
    assert "epoch 2: bleu 8.00" in path.read_text()
    assert "epoch 1: bleu 1.00" in path.read_text()
    assert "zwei Kätzchen" in path.read_text()


def test_another_models_scores_are_refused():
    with pytest.raises(ValueError, match="Fit task.model"):
        fit(tiny_model(), DecodedEvaluation(Task(), EXAMPLES))
