"""Stand-ins of each kind of model: what the page sees of them."""

import tensorflow as tf

TEXT = tf.TensorSpec([None], tf.string, "text")
IMAGE = tf.TensorSpec([None], tf.string, "image_bytes")
SOUND = tf.TensorSpec([None], tf.string, "audio_bytes")


def repeated(value, rows):
    """The same for each row of a request."""
    value = tf.constant(value)
    return tf.repeat(value[None], tf.size(rows), axis=0)


def fail_for(word, text):
    """A dependency that fails for one text."""
    fine = tf.debugging.Assert(tf.reduce_all(text != word), ["no more about", word])
    return tf.control_dependencies([fine])


class Translator(tf.Module):
    @tf.function(input_signature=[TEXT])
    def serving_default(self, text):
        answer = tf.where(text == "<b>", "<i>kein Markup</i>", "guten Morgen")
        return {"translation": answer, "score": repeated(-0.5, text)}

    @tf.function(input_signature=[TEXT])
    def n_best(self, text):
        texts = ["guten Morgen", "Guten Tag"]
        with fail_for("alone", text):
            return {
                "translations": repeated(texts, text),
                "scores": repeated([-0.5, -1.25], text),
            }

    @tf.function(input_signature=[TEXT])
    def explain(self, text):
        with fail_for("alone", text):
            return {
                "translation": repeated("guten Morgen", text),
                "source_pieces": repeated(["▁good", "▁morning", ""], text),
                "target_pieces": repeated(["▁guten", "▁Morgen", "</s>"], text),
                "attention": repeated(
                    [[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.5, 0.5, 0.0]], text
                ),
            }


class Classifier(tf.Module):
    @tf.function(input_signature=[TEXT])
    def serving_default(self, text):
        return {
            "label": repeated("good", text),
            "probability": repeated([0.2, 0.8], text),
            "classes": repeated(["bad", "good"], text),
        }


class Spans(tf.Module):
    @tf.function(input_signature=[TEXT])
    def serving_default(self, text):
        return {
            "label": repeated(["person", "place", ""], text),
            "start": repeated([0, 14, -1], text),
            "end": repeated([4, 18, -1], text),
        }


class Captioner(tf.Module):
    @tf.function(input_signature=[IMAGE])
    def serving_default(self, image_bytes):
        is_png = tf.strings.substr(image_bytes, 1, 3) == "PNG"
        return {
            "caption": tf.where(is_png, "a red square", ""),
            "score": repeated(-0.1, image_bytes),
            "error": tf.where(is_png, "", "This is no PNG."),
        }

    @tf.function(input_signature=[IMAGE])
    def explain(self, image_bytes):
        return {
            "caption": repeated("a red square", image_bytes),
            "target_pieces": repeated(["▁a", "▁red", "▁square"], image_bytes),
            "attention": repeated(
                [[[0.7, 0.1], [0.1, 0.1]], [[0.1, 0.7], [0.1, 0.1]]]
                + [[[0.1, 0.1], [0.1, 0.7]]],
                image_bytes,
            ),
            "error": repeated("", image_bytes),
        }


class Recognizer(tf.Module):
    @tf.function(input_signature=[SOUND])
    def serving_default(self, audio_bytes):
        is_wav = tf.strings.substr(audio_bytes, 0, 4) == "RIFF"
        return {
            "transcript": tf.where(is_wav, "seven", ""),
            "score": repeated(-0.1, audio_bytes),
            "error": tf.where(is_wav, "", "This is no WAV file."),
        }


MODELS = {
    "captions": Captioner,
    "entities": Spans,
    "reviews": Classifier,
    "speech": Recognizer,
    "translate": Translator,
}


def write(folder):
    """One of each."""
    for name, kind in MODELS.items():
        model = kind()
        names = ("serving_default", "n_best", "explain")
        signatures = {key: getattr(model, key) for key in names if hasattr(model, key)}
        tf.saved_model.save(model, str(folder / name / "1"), signatures)
