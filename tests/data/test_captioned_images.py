"""Images with captions from folders, archives and every usual file of captions."""

import gzip
import io
import json
import pathlib
import tarfile

import pytest
from PIL import Image

from tests.data.epochs_probe import epoch_of
from zoo.data import caption_batches, read, read_splits
from zoo.data.missing_split import MissingSplitError
from zoo.text import learn_tokenizer

REAL = pathlib.Path(__file__).parents[3] / "shared" / "data"
NAMES = ["a.jpg", "b.png", "c.jpg"]
CAPTIONS = {
    "a.jpg": ["a red square", "something red"],
    "b.png": ["a green square"],
    "c.jpg": ["a blue square"],
}


def image(name):
    colour = ["red", "lime", "blue"][NAMES.index(name)]
    file = io.BytesIO()
    kind = {"jpg": "JPEG", "png": "PNG"}[name[2:]]
    Image.new("RGB", (4, 4), colour).save(file, kind)
    return file.getvalue()


def write_images(folder, names=NAMES):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(image(name))


def write_archive(path, names=NAMES, prefix=""):
    with tarfile.open(path, "w") as archive:
        for name in names:
            member = tarfile.TarInfo(prefix + name)
            member.size = len(image(name))
            archive.addfile(member, io.BytesIO(image(name)))


def write_table(path, split=None, separator="\t"):
    rows = [["image", "caption", *(["split"] if split else [])]]
    for name, captions in CAPTIONS.items():
        more = [split[name]] if split else []
        rows += [[name, text, *more] for text in captions]
    path.write_text("\n".join(separator.join(row) for row in rows) + "\n")


def examples_of(dataset):
    return [
        (example["image"], [text.decode() for text in example["captions"]])
        for example in dataset.as_numpy_iterator()
    ]


EXPECTED = [(image(name), CAPTIONS[name]) for name in NAMES]


@pytest.mark.parametrize("suffix", [".tsv", ".csv"])
def test_a_table_beside_a_folder_of_images(tmp_path, suffix):
    write_images(tmp_path / "images")
    write_table(tmp_path / f"captions{suffix}", separator="\t,"[suffix == ".csv"])
    assert examples_of(read(tmp_path)) == EXPECTED


def test_a_file_of_captions_itself_may_be_read(tmp_path):
    write_images(tmp_path)
    write_table(tmp_path / "all.csv", separator=",")
    assert len(examples_of(read(tmp_path / "all.csv"))) == len(NAMES)
    (tmp_path / "texts.csv").write_text("image,text\nnone,a film\nfew,a play\n")
    texts = read(tmp_path / "texts.csv").as_numpy_iterator()
    assert [set(text) for text in texts] == [{"text"}] * 2


def test_a_table_may_begin_with_the_name_of_its_split(tmp_path):
    write_images(tmp_path)
    for split in ("train", "val", "test"):
        write_table(tmp_path / f"{split}_captions.tsv")
    train, validation, tests = read_splits(tmp_path)
    assert list(tests) == ["test"]
    for part in (train, validation, tests["test"]):
        assert examples_of(part) == EXPECTED


def test_other_annotations_of_coco_are_left_alone(tmp_path):
    write_images(tmp_path)
    write_table(tmp_path / "captions.tsv")
    images = {"images": [{"id": 1, "file_name": "a.jpg"}], "categories": []}
    boxes = {**images, "annotations": [{"id": 7, "image_id": 1}]}
    (tmp_path / "annotations").mkdir()
    for name, content in (("instances_train2017", boxes), ("image_info", images)):
        (tmp_path / "annotations" / f"{name}.json").write_text(json.dumps(content))
    assert examples_of(read(tmp_path)) == EXPECTED


def test_what_is_held_out_hangs_on_no_path(tmp_path, monkeypatch):
    folder = tmp_path / "photos"
    folder.mkdir()
    rows = ["image\tcaption"]
    for i in range(120):
        (folder / f"{i}.png").write_bytes(image("b.png"))
        rows.append(f"{i}.png\tsquare {i}")
    (folder / "captions.tsv").write_text("\n".join(rows))

    def captions(path):
        parts = read_splits(path)[:2]
        return [[text for _, text in examples_of(part)] for part in parts]

    expected = captions(folder)
    assert sum(map(len, expected)) < 120
    monkeypatch.chdir(tmp_path)
    assert captions("photos") == expected
    folder.rename(tmp_path / "other")
    assert captions("other") == expected


def test_a_file_that_is_gone_and_a_broken_one_are_named(tmp_path, caplog):
    rows = ["image\tcaption"]
    for i in range(150):
        (tmp_path / f"{i}.png").write_bytes(image("b.png"))
        rows.append(f"{i}.png\tsquare {i}")
    (tmp_path / "captions.tsv").write_text("\n".join(rows))
    (tmp_path / "7.png").write_bytes(image("b.png")[:-20])
    examples = read(tmp_path)
    (tmp_path / "9.png").unlink()
    tokenizer = learn_tokenizer([f"square {i}" for i in range(150)], 290)
    batches = caption_batches(examples, tokenizer, image_size=(4, 4))
    rows = sum(int(weight.any(axis=1).sum()) for _, _, weight in epoch_of(batches))
    assert rows == 148
    assert "Left out 2 of 150 images" in caplog.text
    assert "7.png ('square 7'): The PNG is cut short" in caplog.text
    assert "9.png ('square 9'): The image is empty" in caplog.text
    assert "9.png cannot be read (No such file or directory)" in caplog.text


def test_lists_of_captions_in_json_lines(tmp_path):
    write_images(tmp_path)
    lines = [json.dumps({"file_name": n, "captions": c}) for n, c in CAPTIONS.items()]
    (tmp_path / "train.jsonl").write_text("\n".join(lines))
    assert examples_of(read(tmp_path)) == EXPECTED


def test_archives_are_read_where_they_are(tmp_path):
    write_archive(tmp_path / "one.tar", NAMES[:2], prefix="photos/")
    write_archive(tmp_path / "two.tar", NAMES[2:])
    write_table(tmp_path / "captions.tsv")
    assert examples_of(read(tmp_path)) == EXPECTED
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("captions.tsv", "one.tar", "two.tar")
    ]


def test_splits_by_a_column(tmp_path):
    write_images(tmp_path)
    split = {"a.jpg": "train", "b.png": "val", "c.jpg": "test"}
    write_table(tmp_path / "captions.tsv", split)
    train, validation, tests = read_splits(tmp_path)
    found = [examples_of(part) for part in (train, validation, tests["test"])]
    assert found == [[example] for example in EXPECTED]
    with pytest.raises(MissingSplitError, match=r"no split 'extra'. It has \['test'"):
        read(tmp_path, "extra")


def test_coco(tmp_path):
    for split, names in (("train", NAMES[:2]), ("val", NAMES[2:])):
        write_images(tmp_path / f"{split}2017", names)
        content = {
            "info": {},
            "images": [{"id": i, "file_name": name} for i, name in enumerate(names)],
            "annotations": [
                {"id": 9, "image_id": i, "caption": text}
                for i, name in enumerate(names)
                for text in CAPTIONS[name]
            ],
        }
        folder = tmp_path / "annotations"
        folder.mkdir(exist_ok=True)
        (folder / f"captions_{split}2017.json").write_text(json.dumps(content))
    assert examples_of(read(tmp_path)) == EXPECTED[:2]
    assert examples_of(read(tmp_path, "validation")) == EXPECTED[2:]


def test_karpathy(tmp_path):
    write_images(tmp_path)
    images = [
        {"filename": n, "split": "train", "sentences": [{"raw": text} for text in c]}
        for n, c in CAPTIONS.items()
    ]
    (tmp_path / "dataset.json").write_text(json.dumps({"images": images}))
    assert examples_of(read(tmp_path)) == EXPECTED


@pytest.mark.parametrize("text_folder", [".", "Flickr8k_text"])
def test_flickr8k_as_it_was_published(tmp_path, text_folder):
    write_images(tmp_path / "Flicker8k_Dataset")
    texts = tmp_path / text_folder
    texts.mkdir(exist_ok=True)
    lines = [
        f"{n}#{i}\t{text} ." for n, c in CAPTIONS.items() for i, text in enumerate(c)
    ]
    lines.append("d.jpg.1#0\tit has such a name too")
    (texts / "Flickr8k.token.txt").write_text("\n".join(lines))
    (texts / "Flickr8k.lemma.token.txt").write_text("\n".join(lines))
    judged = "a.jpg\tc.jpg#2\t1\t1\t1\n"
    (texts / "ExpertAnnotations.txt").write_text(judged)
    (texts / "Flickr_8k.trainImages.txt").write_text("a.jpg\nb.png\n")
    (texts / "Flickr_8k.testImages.txt").write_text("c.jpg\n")
    (texts / "readme.txt").write_text("About the photos.\n")
    ((_, captions), _) = examples_of(read(tmp_path))
    assert captions == ["a red square .", "something red ."]
    assert [c for _, c in examples_of(read(tmp_path, "test"))] == [["a blue square ."]]


@pytest.mark.parametrize("given", [".", "results.csv"])
def test_flickr30k_with_bars_between(tmp_path, given):
    write_images(tmp_path / "flickr30k_images")
    lines = ["image_name| comment_number| comment"]
    for n, captions in CAPTIONS.items():
        lines += [f"{n}| {i}| {text} , a | b" for i, text in enumerate(captions)]
    lines.append("a.jpg| 4   A line that is cut .")  # the published file has one
    (tmp_path / "results.csv").write_text("\n".join(lines) + "\n")
    expected = [[f"{text} , a | b" for text in texts] for texts in CAPTIONS.values()]
    found = examples_of(read(tmp_path / given))
    assert [captions for _, captions in found] == expected


@pytest.mark.parametrize("name", ["results_20130124.token", "captions.txt"])
def test_other_names_for_the_same(tmp_path, name):
    write_images(tmp_path / "Images")
    lines = ["image,caption"] if name == "captions.txt" else []
    form = '{0},"{1}, so"' if lines else "{0}#{2}\t{1}, so"
    for n, captions in CAPTIONS.items():
        lines += [form.format(n, text, i) for i, text in enumerate(captions)]
    (tmp_path / name).write_text("\n".join(lines))
    expected = [[f"{text}, so" for text in texts] for texts in CAPTIONS.values()]
    assert [captions for _, captions in examples_of(read(tmp_path))] == expected


def test_json_may_be_gzipped_and_restval_is_for_training(tmp_path):
    write_images(tmp_path)
    images = [
        {"filename": n, "split": split, "sentences": [{"raw": f"a caption of {n}"}]}
        for n, split in zip(NAMES, ("train", "restval", "test"), strict=True)
    ]
    text = json.dumps({"images": images})
    (tmp_path / "dataset.json.gz").write_bytes(gzip.compress(text.encode()))
    assert len(examples_of(read(tmp_path))) == 2


def test_a_name_in_two_archives_is_refused(tmp_path):
    for name in ("one.tar", "two.tar"):
        write_archive(tmp_path / name)
    write_table(tmp_path / "captions.tsv")
    message = "'a.jpg' twice, in two.tar and in .*one.tar. Give each file a name"
    with pytest.raises(ValueError, match=message):
        read(tmp_path)


def test_few_images_may_be_missing(tmp_path, caplog):
    write_images(tmp_path, NAMES[:1])
    rows = [f"a.jpg\tcaption {i}" for i in range(3)]
    others = [f"{i}.jpg\ta caption" for i in range(30)]
    for i in range(30):
        (tmp_path / f"{i}.jpg").write_bytes(image("a.jpg"))
    (tmp_path / "0.jpg").unlink()
    table = "\n".join(["image\tcaption", *rows, *others])
    (tmp_path / "captions.tsv").write_text(table)
    assert len(examples_of(read(tmp_path))) == 30
    assert (
        "left out 1 of 31 images, which are not there, such as '0.jpg'" in caplog.text
    )
    for i in range(1, 9):
        (tmp_path / f"{i}.jpg").unlink()
    with pytest.raises(ValueError, match="31 images, but 9 of these are not there"):
        read(tmp_path)


def test_an_archive_that_climbs_out_of_its_folder_is_refused(tmp_path):
    write_archive(tmp_path / "one.tar", prefix="../")
    write_table(tmp_path / "captions.tsv")
    with pytest.raises(ValueError, match=r"one.tar holds '../a.jpg', which leads out"):
        read(tmp_path)


def test_an_archive_that_is_cut_short_is_refused(tmp_path):
    write_archive(tmp_path / "one.tar")
    data = (tmp_path / "one.tar").read_bytes()
    (tmp_path / "one.tar").write_bytes(data[: 512 + len(image("a.jpg")) // 2])
    write_table(tmp_path / "captions.tsv")
    with pytest.raises(ValueError, match="one.tar is no tar archive, or is cut short"):
        read(tmp_path)


def test_a_packed_archive_is_refused(tmp_path):
    (tmp_path / "images.tar.gz").write_bytes(b"x")
    write_table(tmp_path / "captions.tsv")
    with pytest.raises(ValueError, match="files in images.tar.gz, .* Unpack it"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "{", "a.json: no JSON"),
        (
            "a.json",
            '{"images": [{}], "annotations": [{"caption": "a dog", "image_id": 1}]}',
            "'id' is missing",
        ),
        ("a.jsonl", '{"image": "a.jpg", "caption": 3}', "line 1: .* must be strings"),
    ],
)
def test_captions_that_cannot_be_read(tmp_path, name, content, message):
    write_images(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        read(tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason="the public corpora are not here")
def test_flickr8k_is_read_whole():
    sizes = {"train": 5841, "dev": 1000, "test": 1000}
    for split, size in sizes.items():
        dataset = read(REAL / "flickr8k", split)
        assert int(dataset.cardinality()) == size
        first = next(dataset.as_numpy_iterator())
        assert first["image"].startswith(b"\xff\xd8") and len(first["captions"]) == 5
