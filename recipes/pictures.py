"""Pictures that a run of the longer recipes leaves."""

import itertools

import zoo
from zoo.data.wav_decoding import decode_wav
from zoo.tasks.caption_scores import caption_scores_of_each
from zoo.tasks.speech_scores import confusion

NUM_SOUNDS = 10  # with their spectrogram, attention and alignment
NUM_IMAGES = 20  # with the attention for every word
NUM_SHOWN = 10  # of the best captions, and of the worst


def texts_of(rows):
    """What sounds were taken for, and what they are."""
    return [row["transcript"] for row in rows], [row["reference"] for row in rows]


def draw_sounds(recognizer, rows, folder, search):
    """What was heard when; which word was taken for which."""
    (folder / "sounds").mkdir(exist_ok=True)
    rate, longest = recognizer.model.sample_rate_hz, recognizer.model.max_seconds
    heard = ((row, *decode_wav(row["audio"])[:2]) for row in rows)
    at_once = (row for row, x, its_rate in heard if len(x) <= longest * int(its_rate))
    for number, row in enumerate(itertools.islice(at_once, NUM_SOUNDS)):
        explanation = recognizer.explain(row["audio"], **search)
        title = f"{explanation.pop('transcript')}  ({row['reference']})"
        path = folder / "sounds" / f"{number:02}.png"
        zoo.training.draw_transcript(
            path, sample_rate_hz=rate, title=title, **explanation
        )
    zoo.training.draw_confusion(folder / "confusion.png", *confusion(*texts_of(rows)))


def captions_of(rows):
    """What images were called, and what they should be called."""
    return [row["caption"] for row in rows], [row["references"] for row in rows]


def draw_images(captioner, rows, folder, search):
    """Where each word of a caption looked; the best and the worst captions."""
    (folder / "attention").mkdir(exist_ok=True)
    for number, row in enumerate(rows[:NUM_IMAGES]):
        explanation = captioner.explain(row["image"], **search)
        path = folder / "attention" / f"{number:02}.png"
        zoo.training.draw_caption_attention(path, **explanation)
    scores = caption_scores_of_each(*captions_of(rows))
    ranked = sorted(zip(scores, rows, strict=True), key=lambda pair: -pair[0])
    for place, pairs in (("best", ranked[:NUM_SHOWN]), ("worst", ranked[-NUM_SHOWN:])):
        shown = [
            {**row, "score": score, "image": pixels(row["image"])}
            for score, row in pairs
        ]
        title = f"{place} captions by CIDEr-D, a reference below each"
        zoo.training.draw_captions(folder / f"{place}.png", shown, title)


def pixels(data):
    return zoo.data.decode_image(data)[0].numpy()
