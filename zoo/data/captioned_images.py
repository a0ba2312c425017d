"""Images with their captions, from every usual layout."""

import json
import logging
import re

from zoo.data.image_files import find_images
from zoo.data.missing_split import MissingSplitError
from zoo.data.records import SPLIT, first_names, read_records, table_suffix
from zoo.data.text_files import read_lines, read_text

_IMAGE = ("image", "image_name", "file_name", "filename", "image_path")
_CAPTION = ("caption", "captions", "comment", "text", "sentence")
# A line of Flickr8k.token.txt.
_NUMBERED = re.compile(r"(.+\.(?:jpe?g|png))#\d+\t(.*)", re.IGNORECASE)
# More images than this share that are not there are an error, fewer are left out.
_MOST_MISSING = 0.05

_logger = logging.getLogger(__name__)


def read_captioned_images(folder, names):
    """Reads images and their captions.

    Args:
        folder: `pathlib.Path` with a file of captions and images in it, in folders
            below it or in tar archives. Captions are in a table with columns such as
            `image` and `caption` (and `split`), in COCO's or Karpathy's JSON, or in
            Flickr8k's `NAME.jpg#0 TAB caption` with its lists of a split's images.
        names: names of the split, the first that exists is read.

    Returns:
        {"image": places as `find_images` gives them, "captions": lists of str}; None
        where no file of captions is known.
    """
    if not folder.is_dir():
        return None
    rows = _rows(folder)
    if rows is None:
        return None
    captions = {}
    for image, caption in _of_split(folder, rows, names):
        captions.setdefault(image, []).append(caption)
    images = find_images(folder)
    missing = [image for image in captions if image not in images]
    if len(missing) > _MOST_MISSING * len(captions):
        raise ValueError(
            f"{folder} has captions of {len(captions):,} images, but {len(missing):,} "
            f"of these are not there, such as {missing[0]!r}. Put the images into the "
            "folder, into folders below it or as .tar archives."
        )
    if missing:
        _logger.warning(
            "%s: left out %d of %d images, which are not there, such as %r.",
            *(folder, len(missing), len(captions), missing[0]),
        )
    found = [image for image in captions if image in images]
    return {
        "image": [images[image] for image in found],
        "captions": [captions[image] for image in found],
    }


def _of_split(folder, rows, names):
    """(image, caption) of the first split that exists."""
    splits = {split for _, split, _ in rows}
    name = next((name for name in names if name in splits), None)
    if name is None and splits == {None} and names[0] == "train":
        return [(image, caption) for image, _, caption in rows]
    if name is None:
        known = sorted(split for split in splits if split)
        raise MissingSplitError(
            f"{folder} has no split {names[0]!r}. "
            + (f"It has {known}." if known else "Its captions name no splits.")
        )
    return [(image, caption) for image, split, caption in rows if split == name]


def _rows(folder):
    """list of (image, split or None, caption) of all files of captions."""
    rows = []
    places = [folder, folder / "annotations"]
    files = [path for place in places if place.is_dir() for path in place.iterdir()]
    for path in sorted(path for path in files if path.is_file()):
        if path.suffix == ".json":
            rows += _json_rows(path)
        elif table_suffix(path) == ".txt":
            rows += _numbered_rows(path, folder)
        elif table_suffix(path):
            rows += _table_rows(path)
    return [(i, s, c.strip()) for i, s, c in rows if c.strip()] or None


def _table_rows(path):
    known = {str(name).strip().lower(): name for name in first_names(path)}
    image = next((known[name] for name in _IMAGE if name in known), None)
    caption = next((known[name] for name in _CAPTION if name in known), None)
    if image is None or caption is None:
        return []
    rows = []
    for number, record in read_records(path)[1]:
        if record is None:
            continue
        captions = record.get(caption)
        captions = captions if isinstance(captions, list) else [captions]
        texts = [record.get(image), *captions]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(
                f"{path}, line {number}: {image!r} and {caption!r} must be strings, or "
                f"a list of strings; got {texts!r:.200}."
            )
        split = record.get(SPLIT) or _split_in(path)
        rows += [(record[image], split, text) for text in captions]
    return rows


def _numbered_rows(path, folder):
    """Flickr8k's: NAME.jpg#0, a tab, the caption; splits are lists of names."""
    matches = [_NUMBERED.fullmatch(line) for line in read_lines(path)]
    if not matches or not all(matches):
        return []
    split_of = {}
    for listing in sorted(folder.glob("*mages.txt")):
        split = _split_in(listing)
        split_of |= {line.strip(): split for line in read_lines(listing)}
    return [(m[1], split_of.get(m[1]), m[2]) for m in matches]


def _json_rows(path):
    """COCO's annotations, or Karpathy's list of images with sentences."""
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: no JSON ({error}).") from error
    images = content.get("images") if isinstance(content, dict) else None
    if not isinstance(images, list) or not _has_captions(content):
        return []
    try:
        if "annotations" in content:
            names = {image["id"]: image["file_name"] for image in images}
            split = _split_in(path)
            return [
                (names[each["image_id"]], split, each["caption"])
                for each in content["annotations"]
            ]
        return [
            (image["filename"], image["split"], sentence["raw"])
            for image in images
            for sentence in image["sentences"]
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is neither COCO's annotations of captions (images with id and "
            "file_name, annotations with image_id and caption) nor Karpathy's list "
            f"(images with filename, split and sentences): {error} is missing."
        ) from error


def _has_captions(content):
    """COCO has files of boxes and of images alone beside those of captions."""
    rows = content.get("annotations", content["images"])
    keys = ("caption", "sentences")
    return any(isinstance(row, dict) and set(row) & set(keys) for row in rows)


def _split_in(path):
    """The split that a file is named after; None if none."""
    words = re.findall(r"[a-z]+", path.name.lower().replace("images", ""))
    known = ("train", "validation", "val", "valid", "dev", "test")
    return next((name for name in known for word in words if word.endswith(name)), None)
