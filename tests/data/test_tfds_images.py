"""Images with captions from TensorFlow Datasets: COCO's as mock data, and our own."""

import io

import pytest
import tensorflow as tf
import tensorflow_datasets
from PIL import Image

from zoo.data import read, read_splits
from zoo.data.missing_split import MissingSplitError


def jpeg(colour):
    file = io.BytesIO()
    Image.new("RGB", (8, 6), colour).save(file, "JPEG")
    return file.getvalue()


class Postcards(tensorflow_datasets.core.GeneratorBasedBuilder):
    """Images with captions as COCO has them, and other things."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")

    def _info(self):
        kinds = tensorflow_datasets.features
        features = {
            "image": kinds.Image(encoding_format="jpeg"),
            "captions": kinds.Sequence({"id": tf.int64, "text": tf.string}),
            "label": kinds.ClassLabel(names=["sent", "kept"]),
        }
        return tensorflow_datasets.core.DatasetInfo(
            builder=self, features=kinds.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples() for name in ("train", "val")}

    def _generate_examples(self):
        texts = {"red": ["a red card ", "red\n"], "blue": ["", "a blue card"]}
        for number, colour in enumerate(texts):
            captions = [{"id": i, "text": text} for i, text in enumerate(texts[colour])]
            yield (
                number,
                {"image": jpeg(colour), "captions": captions, "label": "kept"},
            )


@pytest.fixture
def postcards(tmp_path, monkeypatch):
    monkeypatch.setattr(
        tensorflow_datasets, "builder", lambda name: Postcards(data_dir=tmp_path)
    )


class Stamps(Postcards):
    """Many small ones, of which none is set apart for validation or test."""

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for number in range(300):
            captions = [{"id": number, "text": f"stamp {number}"}]
            image = jpeg((number % 20 * 12, number // 20 * 12, 0))
            yield number, {"image": image, "captions": captions, "label": "sent"}


def test_validation_and_test_are_held_out(tmp_path, monkeypatch):
    monkeypatch.setattr(
        tensorflow_datasets, "builder", lambda name: Stamps(data_dir=tmp_path)
    )
    train, validation, tests = read_splits("tfds:stamps")
    parts = [
        {tuple(example["captions"]) for example in part.as_numpy_iterator()}
        for part in (train, validation, tests["held out"])
    ]
    assert all(parts)
    assert len(parts[0]) > 270
    assert sum(map(len, parts)) == len(set.union(*parts)) == 300


@pytest.mark.parametrize("split", ["train", "val", "validation"])
def test_files_come_as_they_were_stored_and_captions_bare(postcards, split):
    cards = read("tfds:postcards", split)
    assert {
        example["image"]: example["captions"].tolist()
        for example in cards.as_numpy_iterator()
    } == {jpeg("red"): [b"a red card", b"red"], jpeg("blue"): [b"a blue card"]}
    assert cards.cardinality() == 2


def test_missing_split(postcards):
    with pytest.raises(
        MissingSplitError, match=r"no split 'test'. It has \['train', 'val'\]"
    ):
        read("tfds:postcards", "test")


def test_columns_that_are_named_are_read_instead(postcards):
    with pytest.raises(ValueError, match="no column 'text'. It has .*'captions'"):
        read("tfds:postcards", text="text")


def stored_as_coco(builder, split, decoders, **_):
    """What TensorFlow Datasets makes of an example of COCO's features, as stored.

    Its own mock data cannot: it breaks strings in sequences unless all is decoded.
    """
    features = decoders.extract_features(builder.info.features)
    texts = ["A man on a horse.", "A rider on a brown horse. "]
    example = {"image": jpeg("brown"), "captions": [{"text": text} for text in texts]}
    stored = features.serialize_example(features.encode_example(example))
    return tf.data.Dataset.from_tensors(stored).map(
        lambda data: features.deserialize_example(data, decoders=decoders.decoders)
    )


def test_captions_of_coco(tmp_path):
    with tensorflow_datasets.testing.mock_data(
        as_dataset_fn=stored_as_coco, data_dir=str(tmp_path)
    ):
        examples = read("tfds:coco_captions", "validation")
    (example,) = examples.as_numpy_iterator()
    assert example["image"] == jpeg("brown")
    assert example["captions"].tolist() == [
        b"A man on a horse.",
        b"A rider on a brown horse.",
    ]


def test_mock_data_of_images_with_one_caption(tmp_path):
    with tensorflow_datasets.testing.mock_data(num_examples=3, data_dir=str(tmp_path)):
        examples = read("tfds:laion400m")
    assert examples.element_spec == {
        "image": tf.TensorSpec([], tf.string),
        "captions": tf.TensorSpec([None], tf.string),
    }
    assert examples.cardinality() == 3
    for example in examples.as_numpy_iterator():
        assert Image.open(io.BytesIO(example["image"])).format == "PNG"
        assert example["captions"].shape == (1,)


def test_images_without_captions_are_no_captioned_images(tmp_path):
    with (
        tensorflow_datasets.testing.mock_data(data_dir=str(tmp_path)),
        pytest.raises(ValueError, match="mnist is no translation data set"),
    ):
        read("tfds:mnist")
