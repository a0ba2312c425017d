"""Sounds with their transcripts, from every usual layout."""

import itertools
import logging
import pathlib
import tarfile

from zoo.data.flac import check_flac
from zoo.data.media_files import SOUNDS, find_media
from zoo.data.media_tables import places_of, rows_of_split, split_in, table_rows
from zoo.data.records import table_suffix
from zoo.data.text_files import read_lines

_SOUND = ("audio", "audio_filepath", "audio_path", "path", "file", "file_name")
_SOUND += ("filename", "wav", "sound")
_TRANSCRIPT = ("transcript", "transcription", "sentence", "text", "word", "digit")
_TRANSCRIPT += ("label",)
_SPEAKER = "speaker"
_UNREAD = (".mp3", ".ogg", ".opus", ".m4a", ".aac", ".wma", ".aif", ".aiff", ".webm")

_logger = logging.getLogger(__name__)


def read_transcribed_sounds(path, names):
    """Reads sounds and their transcripts.

    Args:
        path: `pathlib.Path` of a folder with WAV or FLAC files in it, in folders below
            it or in tar archives. Transcripts are in a table with columns such as
            `audio` and `transcript` (and `split` and `speaker`), or in LibriSpeech's
            `SPEAKER-CHAPTER.trans.txt` beside the sounds. Or of such a table.
        names: names of the split, the first that exists is read.

    Returns:
        {"audio": places as `find_media` gives them, "transcript": list of str} and
        perhaps "speaker", list of str; None where there are no sounds.
    """
    folder = path if path.is_dir() else path.parent
    if path.is_dir():
        rows = _table_rows(folder, folder.iterdir()) or _librispeech_rows(folder)
    else:
        rows = _table_rows(folder, [path])
    if not rows:
        return None
    rows = rows_of_split(folder, rows, names)
    places = places_of(folder, dict.fromkeys(row[0] for row in rows), SOUNDS, "sounds")
    check_flac(places)
    rows = [row for row in rows if row[0] in places]
    columns = {
        "audio": [places[row[0]] for row in rows],
        "transcript": [row[2] for row in rows],
    }
    if all(row[3] is not None for row in rows):
        columns["speaker"] = [row[3] for row in rows]
    return columns


def check_no_sounds(folder):
    """Raises ValueError if there are some, or an archive that begins with one."""
    for path in itertools.chain(folder.iterdir(), folder.glob("*/*")):
        if path.suffix.lower() == ".tar" and tarfile.is_tarfile(path):
            with tarfile.open(path) as archive:
                name = next((x.name for x in archive if x.isfile()), "")
        else:
            name = path.name
        if _is_sound(name):
            raise ValueError(
                f"{folder} has sounds such as {name!r} in it but no transcripts. Add a "
                "table with columns such as `audio` and `transcript`, one row a sound."
            )


def _table_rows(folder, files):
    """list of (file, split or None, transcript, speaker or None) of all tables."""
    rows = []
    for path in sorted(path for path in files if path.is_file()):
        if table_suffix(path) in (".tsv", ".csv", ".jsonl"):
            rows += table_rows(path, _SOUND, _TRANSCRIPT, _SPEAKER) or []
    for file, *_ in rows:
        if pathlib.Path(file).suffix.lower() in _UNREAD:
            raise ValueError(
                f"{folder} tells of sounds such as {file!r}, which are not read. "
                "Convert them to WAV or FLAC, and write so in the table."
            )
    named = _with_suffixes(folder, [_within(folder, row[0]) for row in rows])
    if any(named) and not all(named):
        _logger.warning(
            "%s: left out %d of %d rows, which name no sound, such as %r.",
            *(folder, named.count(None), len(rows), rows[named.index(None)][0]),
        )
    return [
        (file, split, text.strip(), who)
        for file, (_, split, text, who) in zip(named, rows, strict=True)
        if file
    ]


def _with_suffixes(folder, names):
    """Names of sounds, as files have them: None where no suffix makes it one."""
    if all(_is_sound(name) for name in names):
        return names
    # A table of texts may name files too: only where there are sounds all are sought.
    beside = (path.name for path in folder.iterdir())
    if not any(map(_is_sound, names)) and not any(map(_is_sound, beside)):
        return [None] * len(names)
    media = find_media(folder, SOUNDS)

    def found(name):
        return next((name + s for s in SOUNDS if name + s in media), None)

    return [name if _is_sound(name) else found(name) for name in names]


def _is_sound(name):
    return pathlib.PurePosixPath(name).suffix.lower() in SOUNDS


def _within(folder, file):
    """`"./wavs/1.wav"`, or the whole path of that file -> `"wavs/1.wav"`"""
    path = pathlib.PurePosixPath(file.replace("\\", "/"))
    inside = folder.resolve().as_posix()
    if path.is_absolute() and path.is_relative_to(inside):
        path = path.relative_to(inside)
    return path.as_posix()


def _librispeech_rows(folder):
    """`train-clean-100/103/1240/103-1240.trans.txt` beside `103-1240-0000.flac`."""
    rows = []
    for path in sorted(folder.rglob("*.trans.txt")):
        below = path.parent.relative_to(folder)
        splits = (split_in(pathlib.Path(part)) for part in below.parts)
        split = next(filter(None, splits), None)
        for line in read_lines(path):
            name, _, transcript = line.partition(" ")
            suffix = next(
                (s for s in SOUNDS if (path.parent / (name + s)).exists()), ""
            )
            file = (below / f"{name}{suffix or SOUNDS[0]}").as_posix()
            rows.append((file, split, transcript.strip(), name.partition("-")[0]))
    return rows
