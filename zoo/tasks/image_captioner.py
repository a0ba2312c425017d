import collections
import secrets
from pathlib import Path

import numpy as np
import tensorflow as tf

from zoo import presets
from zoo.data.captioning import caption_batches
from zoo.export import write_saved_model
from zoo.models import CaptioningModel
from zoo.tasks.caption_scores import caption_scores
from zoo.tasks.captioning_endpoints import captioning_endpoints
from zoo.tasks.captioning_evaluation import captioned_rows
from zoo.tasks.captioning_explanation import explain
from zoo.tasks.captioning_functions import CaptioningFunctions
from zoo.tasks.captioning_graph import pixels_of
from zoo.tasks.exporting import exports
from zoo.tasks.file_requests import tell
from zoo.tasks.generation import (
    as_asked,
    check_one_answer,
    request_answers,
    search_options,
)
from zoo.tasks.image_requests import checked_images, image_bytes
from zoo.tasks.preset_folder import write_preset_folder
from zoo.tasks.requests import check_generation_options, decoded
from zoo.tasks.single_tokenizer import check_model, check_preset, read_folder
from zoo.tasks.training_defaults import compile_captioning_model

_TOGETHER = 256  # images that `generate` reads before it captions them


class ImageCaptioner:
    """Images in, a sentence about each out.

    >>> captioner = zoo.ImageCaptioner.from_preset("captioner_tiny", tokenizer=...)
    >>> captioner.model.fit(captioner.batches(examples), epochs=30, shuffle=False)
    >>> captioner.generate("beach.jpg")
    'a dog runs along the water'

    Args:
        model: `zoo.CaptioningModel`, compiled or not.
        tokenizer: a `zoo.text` tokenizer.
    """

    def __init__(self, model, tokenizer):
        check_model(_TASK, CaptioningModel, model, tokenizer)
        self.model = model
        self.tokenizer = tokenizer
        self.image_size = model.image_size
        self._functions = CaptioningFunctions(self)

    @classmethod
    def from_preset(cls, preset, tokenizer=None, **overrides):
        """Makes a captioner of a named size, or reads one that was saved.

        Args:
            preset: str. A name of `zoo.list_presets()` (random weights), or a folder
                that `save_to_preset` wrote.
            tokenizer: a `zoo.text` tokenizer. Not for a folder, which holds its own.
            **overrides: for a named size: `image_size`, `patch_size`, `stem`;
                `image_encoder`, a Keras model such as a network of keras.applications
                or a backbone of KerasNLP, to use in place of the size's own; arguments
                of `zoo.CaptioningModel`, such as `dropout`. `dtype` also for a folder,
                where an `image_encoder` that was passed keeps its own.
        """
        if Path(preset).is_dir():
            model, tokenizer = read_folder(
                _TASK, CaptioningModel, Path(preset), tokenizer, overrides
            )
            compile_captioning_model(model)
            return cls(model, tokenizer)
        check_preset(_TASK, preset, tokenizer, "captions")
        model = presets.captioning_model(
            preset, tokenizer.vocabulary_size(), **overrides
        )
        compile_captioning_model(model)
        return cls(model, tokenizer)

    def save_to_preset(self, folder):
        """Writes a folder that `from_preset` reads, on any Keras backend."""
        tokenizers = {"tokenizer": self.tokenizer}
        write_preset_folder(folder, _TASK, self.model, tokenizers)

    def batches(self, examples, **options):
        """`{"image", "captions"}` -> batches for `model.fit`, with `shuffle=False`.

        Args:
            examples: tf.data of raw examples, as `zoo.data.read` gives them.
            **options: of `zoo.data.caption_batches`: `batch_tokens`, `augmented`,
                `shuffle`, `seed`, `first_epoch`, ...
        """
        return caption_batches(
            examples,
            self.tokenizer,
            image_size=self.image_size,
            **{"max_length": self.model.max_length, **options},
        )

    def generate(
        self,
        images,
        num_beams=4,
        max_length=None,
        length_penalty=0.6,
        num_return_sequences=1,
        temperature=None,
        top_k=None,
        top_p=None,
        seed=None,
        return_scores=False,
    ):
        """Captions one image, or a list of images.

        An image is read by the graph that serves. One that cannot be decoded is an
        error; in a list it gets an empty caption of score 0 and a warning, and leaves
        the others alone.

        Args:
            images: a path, the bytes of a JPEG or PNG file, or an array of uint8
                `(height, width, 3)`; or a list of these, or an array of 4 dimensions.
            num_beams: int. Width of the beam search; 1 is greedy.
            max_length: int. Longest caption in tokens, the end token included.
            length_penalty: float >= 0. How much longer captions are favoured.
            num_return_sequences: int. Captions of each image, best first.
            temperature, top_k, top_p: any of them given, tokens are drawn instead
                of searched.
            seed: int. Makes draws repeatable. Defaults to a new one each call.
            return_scores: bool. Also return length-normalised log-probabilities.

        Returns:
            str for an image, list for a list, of lists if `num_return_sequences` is
            above 1. With `return_scores` a pair of that and scores of that form.
        """
        images, names, single = checked_images(images)
        options = {
            "num_beams": num_beams,
            "max_length": max_length,
            "length_penalty": length_penalty,
            "num_return_sequences": num_return_sequences,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "seed": secrets.randbits(31) if seed is None else seed,
        }
        check_generation_options(**options)
        options["seen"] = collections.Counter()  # of all sounds or images
        captions, scores, errors = [], [], []
        for begin in range(0, len(images), _TOGETHER):
            data = [image_bytes(x) for x in images[begin : begin + _TOGETHER]]
            some, their_scores, wrong, _ = self._request(data, **options)
            captions += some
            scores += their_scores
            errors += decoded(wrong)
        tell(errors, names, single, "caption")
        return as_asked(captions, scores, single, return_scores)

    def _request(self, data, **options):
        """Captions, scores, errors and ids of the bytes of images."""
        inputs = [tf.constant(data, tf.string)]
        answer = self._functions.answer
        return request_answers(answer, self.model, inputs, data, **options)

    def captions_of(self, examples, *, batch_size=256, **options):
        """Captions examples and keeps their references beside, for pictures.

        Images that cannot be decoded, or have no reference with a word in it, are left
        out with a warning that names them; more than 2 % of them are an error.

        Args:
            examples: tf.data of raw examples, `{"image", "captions"}`.
            batch_size: int. Images at a time; a progress bar counts them.
            **options: of `generate`.

        Returns:
            list of dicts: `image` bytes, `caption` str, `references` list of str.
        """
        return list(self._captioned(examples, batch_size, options))

    def _captioned(self, examples, batch_size, options):
        check_one_answer(options)

        def caption(data):
            captions, _, errors, _ = self._request(data, **options)
            return captions, decoded(errors)

        return captioned_rows(caption, examples, batch_size)

    def evaluate(self, examples, *, batch_size=256, meteor=True, **options):
        """Captions images and scores the captions against the references.

        Args:
            examples, batch_size, **options: as in `captions_of`.
            meteor: bool. `False` leaves METEOR out, which takes the longest.

        Returns:
            dict, see `zoo.tasks.caption_scores`: `bleu_1` to `bleu_4`, `rouge_l`,
            `cider_d`, `exact_match`, `meteor` where Java is there, and the signature.
        """
        rows = [
            (row["caption"], row["references"])
            for row in self._captioned(examples, batch_size, options)
        ]
        return caption_scores(*zip(*rows, strict=True), meteor=meteor)

    def explain(self, image, num_beams=4, length_penalty=0.6):
        """Captions one image and says where each piece of the caption looked.

        Returns:
            dict: `caption` str; `image`, uint8 array `(height, width, 3)`, as the model
            reads it; `target_pieces`, list of str of length T; `attention`, float32
            array `(T, rows, columns)` of the places of the image, the mean over heads
            and layers.
        """
        images, names, single = checked_images(image)
        if not single:
            raise TypeError("explain takes one image. Call it for each.")
        data = [image_bytes(images[0])]
        search = {"num_beams": num_beams, "length_penalty": length_penalty}
        _, _, errors, ids = self._request(data, **search)
        if error := decoded(errors)[0]:
            raise ValueError(f"{names[0]}: {error}")
        data = tf.constant(data)
        attention = self._functions.attention()
        explanation = explain(data, ids[:, 0], attention, self)
        return {
            "caption": decoded(explanation["caption"])[0],
            "image": pixels_of(data, self.image_size)[0][0].numpy(),
            "target_pieces": decoded(explanation["target_pieces"][0]),
            "attention": explanation["attention"][0].numpy(),
        }

    @exports
    def export(self, directory, *, num_beams=4, length_penalty=0.6, jit_compile=True):
        """Writes the next version of a SavedModel that takes the bytes of images.

        Signatures, each from `image_bytes` string `(n,)`, JPEGs or PNGs:
        `serving_default` gives `caption`, `score` and `error`, all `(n,)`; `n_best`
        gives `captions` and `scores` `(n, num_beams)`, best first, and `error`;
        `explain` gives `caption`, `target_pieces`, `attention` and `error`. `start`
        gives the state of a greedy caption, and `step` takes it and gives the next.

        Args:
            directory: str, such as `"saved_models/flickr8k"`. Versions count from 1.
            num_beams, length_penalty: as in `generate`.
            jit_compile: bool. `False` leaves XLA out, for servers without it.

        Returns:
            str, the path of the version.
        """
        check_generation_options(num_beams=num_beams, length_penalty=length_penalty)
        compiled_decode = self._functions.decode(False, num_beams, jit_compile)

        def decode(num_results, *arguments):
            options = search_options(
                self.model, length_penalty=length_penalty, num_results=num_results
            )
            return compiled_decode(options, *arguments)

        blank = np.zeros((*self.image_size, 3), np.uint8)
        return write_saved_model(
            directory,
            self.model,
            captioning_endpoints(decode, self._functions.attention(), num_beams, self),
            warmup_inputs={"image_bytes": np.array([tf.io.encode_png(blank).numpy()])},
        )


_TASK = ImageCaptioner.__name__
