"""SavedModels that are made in a moment."""

import tensorflow as tf

WORDS = tf.TensorSpec([None], tf.string, "text")


class Shouting(tf.Module):
    """Upper case, how long, and the words; refuses one text."""

    def __init__(self, mark="!"):
        super().__init__()
        self.mark = tf.Variable(mark)
        self.calls = tf.Variable(0)
        self.steps = tf.Variable(0)

    @tf.function(input_signature=[WORDS])
    def shout(self, text):
        self.calls.assign_add(1)
        fine = tf.debugging.Assert(tf.reduce_all(text != "bad"), ["a bad text"])
        with tf.control_dependencies([fine]):
            return {
                "translation": tf.strings.upper(text) + self.mark,
                "score": tf.cast(tf.strings.length(text), tf.float32),
            }

    @tf.function(input_signature=[WORDS])
    def words(self, text):
        return {"word": tf.strings.split(text).to_tensor("")}

    @tf.function(input_signature=[WORDS])
    def count(self, text):
        return {"calls": tf.repeat(self.calls.read_value(), tf.size(text))}

    @tf.function(input_signature=[WORDS])
    def count_steps(self, text):
        return {"steps": tf.repeat(self.steps.read_value(), tf.size(text))}

    @tf.function(input_signature=[WORDS, tf.TensorSpec([None], tf.int32, "times")])
    def repeat(self, text, times):
        repeated = tf.map_fn(
            lambda pair: tf.strings.reduce_join(tf.repeat(pair[0], pair[1])),
            (text, times),
            fn_output_signature=tf.string,
        )
        return {"repeated": tf.ensure_shape(repeated, [None])}

    @tf.function(input_signature=[WORDS])
    def start(self, text):
        return {
            "translation": tf.fill([tf.size(text)], ""),
            "finished": tf.equal(text, ""),
            "rest": text,
        }

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.bool, "finished"),
            tf.TensorSpec([None], tf.string, "rest"),
            tf.TensorSpec([None], tf.string, "translation"),
        ]
    )
    def step(self, finished, rest, translation):
        """One more letter, loud."""
        self.steps.assign_add(1)
        translation += tf.strings.upper(tf.strings.substr(rest, 0, 1))
        rest = tf.strings.substr(rest, 1, -1)
        is_last = tf.equal(rest, "")
        return {
            "translation": tf.where(is_last, translation + self.mark, translation),
            "finished": is_last,
            "rest": rest,
        }


def write(folder, mark="!"):
    model = Shouting(mark)
    signatures = {
        "serving_default": model.shout,
        "words": model.words,
        "count": model.count,
        "repeat": model.repeat,
        "start": model.start,
        "step": model.step,
        "steps": model.count_steps,
    }
    tf.saved_model.save(model, str(folder), signatures)
