"""Raw examples from files, and batches for training from examples."""

from zoo.data.captioning import caption_batches
from zoo.data.classification import classification_batches
from zoo.data.contrastive import contrastive_batches
from zoo.data.corpora import read_corpora
from zoo.data.image_decoding import decode_image
from zoo.data.image_words import image_word_batches
from zoo.data.joined_sounds import joined_sounds
from zoo.data.labelling import labelling_batches
from zoo.data.left_out_speaker import leave_out_speaker
from zoo.data.masked import masked_batches
from zoo.data.named_examples import first_examples
from zoo.data.read import read
from zoo.data.speech import speech_batches
from zoo.data.splits import read_splits
from zoo.data.translation import translation_batches

__all__ = [
    "caption_batches",
    "classification_batches",
    "contrastive_batches",
    "decode_image",
    "first_examples",
    "image_word_batches",
    "joined_sounds",
    "labelling_batches",
    "leave_out_speaker",
    "masked_batches",
    "read",
    "read_corpora",
    "read_splits",
    "speech_batches",
    "translation_batches",
]
