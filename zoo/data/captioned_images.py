"""Images with their captions, from every usual layout."""

import csv
import json
import re

from zoo.data.media_files import IMAGES
from zoo.data.media_tables import places_of, rows_of_split, split_in, table_rows
from zoo.data.records import first_names, table_suffix
from zoo.data.text_files import read_lines, read_text

_IMAGE = ("image", "image_name", "file_name", "filename", "image_path")
_CAPTION = ("caption", "captions", "comment", "text", "sentence")
# A line of Flickr8k.token.txt, which names a NAME.jpg.1 too.
_NUMBERED = re.compile(r"([^\t#]+\.(?:jpe?g|png)[^\t#]*)#\d+\t(.*)", re.IGNORECASE)
_BARRED = "image_name|comment_number|comment"
_NO_CAPTIONS = "lemma"  # in the name of a file: the captions again, their words' stems
# Karpathy's: what the papers train with too.
_RESTVAL = "restval"


def read_captioned_images(path, names):
    """Reads images and their captions.

    Args:
        path: `pathlib.Path` of a folder with a file of captions and images in it, in
            folders below it or in tar archives. Captions are in a table with columns
            such as `image` and `caption` (and `split`), in COCO's or Karpathy's JSON,
            in Flickr30k's `NAME.jpg| 0| caption`, or in Flickr8k's
            `NAME.jpg#0 TAB caption` with its lists of a split's images. Or of such a
            file, with its images beside it.
        names: names of the split, the first that exists is read.

    Returns:
        {"image": places as `find_media` gives them, "captions": lists of str}; None
        where no file of captions is known.
    """
    folder = path if path.is_dir() else path.parent
    rows = _rows(folder, [path] if path.is_file() else _files(folder))
    if path.is_file() and not any(_is_image(image) for image, *_ in rows):
        return None  # a table of texts
    if not rows:
        return None
    captions = {}
    for image, _, caption in rows_of_split(folder, rows, names):
        captions.setdefault(image, []).append(caption)
    places = places_of(folder, captions, IMAGES, "images")
    return {
        "image": list(places.values()),
        "captions": [captions[image] for image in places],
    }


def _is_image(name):
    return any(suffix in name.lower() for suffix in IMAGES)


def _files(folder):
    # Flickr8k comes as two folders beside each other, images and Flickr8k_text.
    places = [folder, folder / "annotations", *sorted(folder.glob("*_text"))]
    return [path for place in places if place.is_dir() for path in place.iterdir()]


def _rows(folder, files):
    """list of (image, split or None, caption) of all files of captions."""
    rows = []
    for path in sorted(path for path in files if path.is_file()):
        name = path.name.lower().removesuffix(".gz")
        if _NO_CAPTIONS in name:
            continue
        if name.endswith(".json"):
            rows += _json_rows(path)
        elif name.endswith((".txt", ".token")):
            rows += _numbered_rows(path) or _comma_rows(path)
        elif table_suffix(path):
            rows += _barred_rows(path) or [
                row[:3] for row in table_rows(path, _IMAGE, _CAPTION) or []
            ]
    return [(i, s, c.strip()) for i, s, c in rows if c.strip()]


def _numbered_rows(path):
    """Flickr8k's: NAME.jpg#0, a tab, the caption; splits are lists of names."""
    matches = [_NUMBERED.fullmatch(line) for line in read_lines(path)]
    if not matches or not all(matches):
        return []
    split_of = {}
    for listing in sorted(path.parent.glob("*mages.txt")):
        split = split_in(listing)
        split_of |= {line.strip(): split for line in read_lines(listing)}
    return [(m[1], split_of.get(m[1]), m[2]) for m in matches]


def _comma_rows(path):
    """Another's captions.txt: `image,caption`, then `NAME.jpg,the caption`."""
    lines = read_lines(path)
    if lines[0].strip().lower() != "image,caption":
        return []
    parts = [row for row in csv.reader(lines[1:]) if len(row) > 1]
    return [(name, split_in(path), ",".join(text)) for name, *text in parts]


def _barred_rows(path):
    """Flickr30k's results.csv: `image_name| comment_number| comment`."""
    if [name.replace(" ", "") for name in map(str, first_names(path))] != [_BARRED]:
        return []
    parts = [line.split("|", 2) for line in read_lines(path)[1:]]
    return [(p[0].strip(), split_in(path), p[2]) for p in parts if len(p) == 3]


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
            split = split_in(path)
            return [
                (names[each["image_id"]], split, each["caption"])
                for each in content["annotations"]
            ]
        return [
            (
                image["filename"],
                "train" if image["split"] == _RESTVAL else image["split"],
                sentence["raw"],
            )
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
