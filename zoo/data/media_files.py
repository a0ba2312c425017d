"""Images and sounds in folders and tar archives: where each lies, and its bytes."""

import logging
import pathlib
import tarfile

import tensorflow as tf

IMAGES = (".jpg", ".jpeg", ".png")
SOUNDS = (".wav", ".flac")
_WHOLE = -1  # as a size: all of a file
_logger = logging.getLogger(__name__)
_PACKED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def find_media(folder, suffixes):
    """Finds the files of some kinds in a folder, those below it and archives in it.

    >>> find_media("flickr8k", IMAGES)["1000268201_693b08cb0e.jpg"]
    "512:6120:flickr8k/images_train.tar\\n1000268201_693b08cb0e.jpg"

    Returns:
        dict from names to places, which `media_bytes` reads. A name is the path within
        the folder or archive; where only one file has it, also the file's name alone.
    """
    folder = pathlib.Path(folder)
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in suffixes and path.is_file():
            found[path.relative_to(folder).as_posix()] = f"0:{_WHOLE}:{path}"
    for path in sorted(folder.rglob("*.tar")):
        members = _in_archive(path, suffixes)
        twice = next((name for name in members if name in found), None)
        if twice is not None:
            raise ValueError(
                f"{folder} has {twice!r} twice, in {path.name} and in "
                f"{media_path(found[twice])}. Give each file a name of its own."
            )
        found |= members
    packed = [p.name for p in sorted(folder.rglob("*")) if p.name.endswith(_PACKED)]
    if packed and not found:
        raise ValueError(
            f"{folder} has files in {packed[0]}, of which none can be read alone. "
            "Unpack it: they are read from folders and from plain .tar archives."
        )
    return found | _short_names(found)


def media_bytes(place):
    """string scalar, a place of `find_media` -> string scalar, what lies there."""
    data = tf.numpy_function(_read, [place], tf.string, stateful=False)
    return tf.ensure_shape(data, [])


def media_name(place):
    """A place of `find_media` without the folder, such as `"images.tar: 3.jpg"`."""
    path = pathlib.PurePath(media_path(place)).name
    member = place.partition("\n")[2]
    return f"{path}: {member}" if member else path


def media_path(place):
    """The file or archive of a place."""
    return place.partition("\n")[0].split(":", 2)[2]


def _in_archive(path, suffixes):
    found = {}
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                name = pathlib.PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts:
                    raise ValueError(
                        f"{path} holds {member.name!r}, which leads out of its folder. "
                        "Make the archive again, with names within it."
                    )
                if member.isfile() and name.suffix.lower() in suffixes:
                    place = f"{member.offset_data}:{member.size}:{path}\n{name}"
                    found[name.as_posix()] = place
    except (tarfile.TarError, OSError) as error:
        raise ValueError(
            f"{path} is no tar archive, or is cut short ({error}). Copy it again."
        ) from error
    return found


def _short_names(found):
    counts = {}
    for name in found:
        short = pathlib.PurePosixPath(name).name
        counts.setdefault(short, []).append(name)
    return {k: found[names[0]] for k, names in counts.items() if len(names) == 1}


def _read(place):
    place = place.decode("utf-8")
    offset, size = place.split(":", 2)[:2]
    path = media_path(place)
    try:
        with open(path, "rb") as file:
            file.seek(int(offset))
            return file.read(int(size))
    except OSError as error:
        _logger.warning("%s cannot be read (%s).", path, error.strerror)
        return b""  # as any other that cannot be decoded
