"""Worker: `zoo.SpeechRecognizer.generate`, WAV files to strings, in process."""

from benchmarks.worker import serve
from benchmarks.workers.forced_recognizer import forced_recognizer, random_sounds
from benchmarks.workers.keras_fit import facts
from zoo.tasks.sound_requests import wav_of


def build(options):
    """Options: those of `speech2text_recognize`, and perhaps `ctc`."""
    sizes = (options["size"], options["vocabulary_size"], options["num_tokens"])
    recognizer = forced_recognizer(*sizes)
    rate = recognizer.model.sample_rate_hz
    sounds = random_sounds(options["batch"], options["seconds"], rate)
    files = [wav_of(sound, rate) for sound in sounds]
    search = {"num_beams": options["beams"]}
    if options.get("ctc"):
        search = {"ctc": True}

    def repeat():
        transcripts = recognizer.generate(files, **search)
        lengths = {len(transcript.split()) for transcript in transcripts}
        if not options.get("ctc") and lengths != {options["num_tokens"]}:
            raise ValueError(f"{sorted(lengths)} words, not {options['num_tokens']}")
        return len(files) * options["seconds"]

    return repeat, facts(recognizer.model)


if __name__ == "__main__":
    serve(build)
