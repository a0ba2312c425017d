"""Morse code as sound, made on the spot, with its one right transcript.

Messages are groups of letters and digits, as amateur radio sends them: call signs,
numbers, words, letters by chance. The hash of a message tells which split it belongs
to, so no message of the test occurs in training. Each is sent once, at another speed,
pitch and loudness, in white noise.
"""

import string

import numpy as np
import tensorflow as tf

from zoo.data.generated import split_name, split_of

SAMPLE_RATE_HZ = 8_000
NUM_SOUNDS = {"train": 5_000, "validation": 200, "test": 1_000}
# ITU-R M.1677-1.
_SIGNS = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - "
    "..- ...- .-- -..- -.-- --.. ----- .---- ..--- ...-- ....- ..... -.... --... ---.. "
    "----."
)
CODE = dict(zip(string.ascii_uppercase + string.digits, _SIGNS.split(), strict=True))
_WORDS = (
    "THE AND FOR ARE YOU ALL NEW WAS CAN HAS WIND RAIN SUN SNOW NORTH SOUTH EAST WEST "
    "SHIP PORT CREW COAST HELP STOP GO COME SEND WAIT CALL NAME BACK HOME GOOD DAY "
    "NIGHT TIME HERE RADIO TEST POWER SIGNAL CLEAR OVER"
)

_WORDS_PER_MINUTE = (15, 30)
_SECONDS_TIMES_SPEED = 1.2  # of a dot: "PARIS" takes 50 dots
_DASH, _LETTER_GAP, _WORD_GAP = 3, 3, 7  # dots
_PITCH_HZ = (400, 900)
_SIGNAL_TO_NOISE_DB = (0, 30)
_AMPLITUDE = (0.02, 0.15)  # of the tone; with its noise it stays below 1
_RISE_SECONDS = 0.005  # of a tone, which would click
_SILENCE_SECONDS = (0.05, 0.4)  # before and after
_MOST_CHARACTERS = 12
_GROUPS = (0.6, 0.25, 0.15)  # shares of the messages with 1, 2 and 3


def morse_sounds(split="train", *, num_sounds=None, seed=0):
    """Sends messages such as "NORTH W1AW" in Morse code.

    15 to 30 words a minute, 400 to 900 Hz, 0 to 30 dB of signal to noise over the whole
    band of 4 kHz.

    >>> next(morse_sounds("test").as_numpy_iterator())
    {"audio": b"RIFF...", "transcript": b"..."}

    Args:
        split: `"train"`, `"validation"` or `"test"`; no message is in two of them.
        num_sounds: int. Defaults to 5,000, 200 and 1,000. Fewer are the first of more.
        seed: int, not negative.

    Returns:
        `tf.data.Dataset` of `{"audio", "transcript"}`: the bytes of a WAV file of 8 kHz
        and 16 bits, and a string.
    """
    split = split_name(split, "Morse code")
    num_sounds = NUM_SOUNDS[split] if num_sounds is None else num_sounds
    if not 1 <= num_sounds <= 100_000:
        raise ValueError(f"num_sounds must be in 1 ... 100,000, got {num_sounds}.")
    sounds, messages = [], []
    for number in range(num_sounds):
        generator = np.random.default_rng([seed, list(NUM_SOUNDS).index(split), number])
        message = _message(split, generator)
        sound = in_noise(tone(message, generator), generator)
        sounds.append(tf.audio.encode_wav(sound[:, None], SAMPLE_RATE_HZ).numpy())
        messages.append(message)
    # As an array: TensorFlow tries a list of bytes as a number first, and writes it all
    # into the error that it then forgets.
    return tf.data.Dataset.from_tensor_slices(
        {"audio": np.array(sounds, object), "transcript": messages}
    )


def keyed(message):
    """What a key does for each dot of time, int `(dots,)`: 1 while it is down.

    >>> "".join(map(str, keyed("AN E")))
    "101110001110100000001"
    """
    words = []
    for word in message.split():
        letters = [_pulses(CODE[letter]) for letter in word]
        words.append(_joined(letters, _LETTER_GAP))
    return _joined(words, _WORD_GAP)


def tone(message, generator):
    """The sound of a message, float `(samples,)`, of amplitude 1."""
    dot = _SECONDS_TIMES_SPEED / generator.uniform(*_WORDS_PER_MINUTE)
    before, after = generator.uniform(*_SILENCE_SECONDS, 2)
    keys = keyed(message)
    seconds = before + len(keys) * dot + after
    time = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    place = np.floor((time - before) / dot).astype(int)
    is_sent = (place >= 0) & (place < len(keys))
    is_down = np.where(is_sent, keys[np.clip(place, 0, len(keys) - 1)], 0)
    rise = np.hanning(int(_RISE_SECONDS * SAMPLE_RATE_HZ) + 2)
    loudness = np.convolve(is_down, rise / rise.sum(), "same")
    pitch = generator.uniform(*_PITCH_HZ)
    return loudness * np.sin(2 * np.pi * (pitch * time + generator.random()))


def in_noise(sound, generator):
    """float32: a tone made softer, in white noise of so much less or equal power."""
    amplitude = generator.uniform(*_AMPLITUDE)
    ratio = 10 ** (-generator.uniform(*_SIGNAL_TO_NOISE_DB) / 20)
    noise = generator.normal(size=len(sound)) * np.sqrt(0.5) * ratio
    return (amplitude * (sound + noise)).astype("float32")


def _message(split, generator):
    while True:
        count = generator.choice(len(_GROUPS), p=_GROUPS) + 1
        message = " ".join(_group(generator) for _ in range(count))
        if len(message) <= _MOST_CHARACTERS and split_of(message) == split:
            return message


def _group(generator):
    kind = generator.choice(["word", "letters", "number", "call sign"])

    def some(characters, least, most):
        size = generator.integers(least, most, endpoint=True)
        return "".join(generator.choice(list(characters), size))

    if kind == "word":
        return str(generator.choice(_WORDS.split()))
    if kind == "letters":
        return some(string.ascii_uppercase, 1, 5)
    if kind == "number":
        return some(string.digits, 1, 4)
    letters = string.ascii_uppercase
    return some(letters, 1, 2) + some(string.digits, 1, 1) + some(letters, 1, 3)


def _pulses(code):
    """`".-"` -> 1 0 1 1 1"""
    return _joined([[1] * (_DASH if sign == "-" else 1) for sign in code], 1)


def _joined(parts, gap):
    """The parts with `gap` dots of silence between them."""
    joined = list(parts[0])
    for part in parts[1:]:
        joined += [0] * gap + list(part)
    return np.array(joined)
