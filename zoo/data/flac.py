"""FLAC files as WAV files, which is the kind that the graph reads."""

import io

import tensorflow as tf

from zoo.data.wav_header import MOST_SECONDS

try:
    import soundfile
except (ModuleNotFoundError, OSError):  # an extra, and what it needs itself
    soundfile = None

_MAGIC = b"fLaC"
_SUBTYPES = {"PCM_S8": "PCM_16"}  # WAV has no signed bytes; others keep their own


def check_flac(names):
    """Raises if there are FLAC files among `names` and nothing that reads them."""
    name = next((name for name in names if name.lower().endswith(".flac")), None)
    if name is not None and soundfile is None:
        raise ModuleNotFoundError(
            f"{name} needs soundfile: pip install 'zoo[flac]', and the system's "
            "libsndfile where that brings none. WAV files need nothing."
        )


def wav_of_flac(data):
    """string scalar -> string scalar: a FLAC file's sound as a WAV file.

    What is no FLAC file stays as it is; so does one that is damaged or longer than
    an hour, which `decode_wav` then says.
    """
    return tf.cond(
        tf.strings.substr(data, 0, len(_MAGIC)) == _MAGIC,
        lambda: tf.ensure_shape(
            tf.numpy_function(_converted, [data], tf.string, stateful=False), []
        ),
        lambda: data,
    )


def _converted(data):
    if soundfile is None:  # and its name did not say what it is
        return data
    file = io.BytesIO()
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            subtype = _SUBTYPES.get(sound.subtype, sound.subtype)
            if sound.frames > MOST_SECONDS * sound.samplerate:
                return data  # or its header is damaged
            samples = sound.read(dtype="int32")
            rate = sound.samplerate
        soundfile.write(file, samples, rate, subtype=subtype, format="WAV")
    except soundfile.SoundFileError:
        return data
    return file.getvalue()
