"""Accuracy on long texts: read to the end in overlapping chunks, and cut.

    python -m benchmarks.long_texts --data ../shared/data/imdb --preset runs/imdb

Takes a trained classifier and the texts for testing that are longer than it reads at
once. Prints how many there are and the accuracy of both ways.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf

from zoo.data import read
from zoo.tasks import TextClassifier
from zoo.tasks.classification_scores import classification_scores
from zoo.tasks.encoding import encode_in_pieces, encoding_function
from zoo.tasks.text_rows import mean_of_rows, rows_of_texts
from zoo.text.special_tokens import num_special_tokens

TOGETHER = 256  # texts


def main(data, preset):
    """Returns a dict: `texts`, `chunks` and `cut`, the accuracies in [0, 1]."""
    classifier = TextClassifier.from_preset(preset)
    tokenizer, max_length = classifier.tokenizer, classifier.max_length
    texts, labels = classifier.texts_and_labels(read(data, "test"))
    lengths = np.concatenate(
        [tokenizer.tokenize(some).row_lengths() for some in parts_of(texts)]
    )
    is_long = lengths > max_length - num_special_tokens(tokenizer)
    texts = [text for text, wanted in zip(texts, is_long, strict=True) if wanted]
    labels = np.asarray(labels)[is_long]
    encode = encoding_function(
        lambda inputs: classifier.model(inputs, training=False),
        classifier.model,
        max_length,
    )

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def both_ways(texts):
        rows, chunk_owner = rows_of_texts(texts, tokenizer, max_length)
        scores = encode_in_pieces(encode, rows, len(classifier.classes))
        chunks, num_texts = tf.nn.softmax(scores), tf.size(texts)
        first = tf.math.unsorted_segment_min(
            tf.range(tf.size(chunk_owner)), chunk_owner, num_texts
        )
        return {
            "chunks": mean_of_rows(chunks, rows, chunk_owner, num_texts),
            "cut": tf.gather(chunks, first),  # a cut text is its first chunk
        }

    answers = {"chunks": [], "cut": []}
    progress = keras.utils.Progbar(len(texts), unit_name="text")
    for some in parts_of(texts):
        for name, probability in both_ways(tf.constant(some)).items():
            answers[name].append(probability.numpy())
        progress.add(len(some))
    accuracy = {
        name: classification_scores(np.concatenate(parts), labels, False)["accuracy"]
        for name, parts in answers.items()
    }
    return {"texts": len(texts), **accuracy}


def parts_of(texts):
    return [texts[i : i + TOGETHER] for i in range(0, len(texts), TOGETHER)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder or file of texts")
    parser.add_argument("--preset", required=True, help="a classifier's folder")
    found = main(**vars(parser.parse_args()))
    print(*(f"{name} {value}" for name, value in found.items()))
