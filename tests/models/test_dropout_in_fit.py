"""`fit` reaches what behaves differently in training, on whichever backend."""

import keras
import numpy as np
import pytest

from tests.models.test_captioning_model import IMAGES, image_encoder
from tests.models.test_heads import MASKED, classifier, embedding, labeller, masked
from tests.models.test_speech_model import INPUTS as SOUNDS
from tests.models.test_speech_model import speech_model
from tests.models.test_translation_model import INPUTS as PAIRS
from tests.models.test_translation_model import make as translation_model
from zoo.layers import Dropout
from zoo.models import CaptioningModel, residual_network

TEXTS = {name: MASKED[name] for name in ("token_ids", "segment_ids")}
CAPTIONS = {"images": IMAGES, "target_ids": np.array([[1, 5, 7], [1, 8, 0]])}
SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32}


def captioner(encoder):
    return CaptioningModel(encoder, 30, **SIZES, dropout=0.2)


FAMILIES = {
    "translation": (translation_model, PAIRS),
    "captioning": (lambda: captioner(image_encoder(dropout=0.2)), CAPTIONS),
    "speech": (speech_model, SOUNDS),
    "image encoder": (lambda: image_encoder(dropout=0.2), IMAGES),
    "text encoder": (lambda: labeller(dropout=0.2).encoder, TEXTS),
    "classification": (classifier, TEXTS),
    "labelling": (labeller, TEXTS),
    "embedding": (embedding, TEXTS),
    "masked language model": (masked, MASKED),
}


def fit(model, inputs):
    if not model.built:
        model.build()
    answers = model(inputs)
    zeros = keras.tree.map_structure(lambda x: np.zeros(x.shape, "float32"), answers)
    losses = keras.tree.map_structure(lambda _: "mse", answers)
    model.compile("sgd", loss=losses)
    model.fit(inputs, zeros, verbose=0)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")  # of some poolers
@pytest.mark.parametrize("family", FAMILIES)
def test_every_dropout_drops(family, monkeypatch):
    seen, call = {}, Dropout.call

    def recorded(self, x, training=False):
        seen.setdefault(id(self), set()).add(bool(training))
        return call(self, x, training=training)

    monkeypatch.setattr(Dropout, "call", recorded)
    make, inputs = FAMILIES[family]
    model = make()
    fit(model, inputs)
    layers = [each for each in model._flatten_layers() if isinstance(each, Dropout)]
    dropping = [layer for layer in layers if layer.rate and id(layer) in seen]
    assert len(dropping) >= 3
    assert all(True in seen[id(layer)] for layer in dropping)
    seen.clear()
    model(inputs)
    assert set.union(*seen.values()) == {False}


def test_a_network_of_images_learns_what_is_usual():
    network = residual_network(16, widths=(8,), num_blocks=1)
    before = [np.array(w) for w in network.non_trainable_weights]
    fit(captioner(network), {**CAPTIONS, "images": IMAGES[:, :16, :16]})
    after = [np.array(w) for w in network.non_trainable_weights]
    assert before
    for old, new in zip(before, after, strict=True):
        assert np.abs(old - new).max() > 1e-4
