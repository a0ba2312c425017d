import pytest

from zoo.interop import json_file
from zoo.interop.json_file import JsonFile, read_json


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(
        '{"size": 3, "rate": 0.1, "on": true, "name": "x", "nothing": null, '
        '"not_a_number": NaN, "items": [{"a": 1}], "wrong_items": [1]}'
    )
    return JsonFile(path)


def test_values_of_the_right_kind(config):
    assert config.integer("size", highest=3) == 3
    assert config.number("rate") == 0.1
    assert config.number("size", highest=9) == 3.0
    assert config.flag("on") is True
    assert config.text("name") == "x"
    assert config.objects("items") == [{"a": 1}]
    assert config.objects("absent") == []


def test_null_counts_as_missing(config):
    assert config.integer("nothing", highest=9, default=5) == 5
    assert config.get("nothing", "other") == "other"


WRONG = {
    "no int": (lambda c: c.integer("rate", highest=9), "rate = 0.1, but an int from 0"),
    "true": (lambda c: c.integer("on", highest=9), "on = True, but an int"),
    "too large": (lambda c: c.integer("size", highest=2), "size = 3, .* 0 to 2 is"),
    "no number": (lambda c: c.number("name"), "name = 'x', but a number"),
    "nan": (lambda c: c.number("not_a_number"), "not_a_number = nan"),
    "no flag": (lambda c: c.flag("size"), "size = 3, but true or false"),
    "no text": (lambda c: c.text("size"), "size = 3, but a string"),
    "no objects": (lambda c: c.objects("wrong_items"), "but a list of objects"),
    "missing": (lambda c: c.text("absent"), "config.json has no 'absent'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_value_of_another_kind_is_refused(case, config):
    ask, match = WRONG[case]
    with pytest.raises(ValueError, match=match):
        ask(config)


FILES = {
    "cut short": (b'{"a": ', "is not valid JSON"),
    "deeply nested": (b"[" * 100_000, "is not valid JSON"),
    "not UTF-8": (b'{"a": "\xff"}', "is not UTF-8 .byte 0xff at 7"),
    "a list": (b"[1]", "holds a list, but an object"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_broken_file_is_refused(case, tmp_path):
    content, match = FILES[case]
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=match):
        JsonFile(tmp_path / "a.json")


def test_a_file_of_boundless_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(json_file, "MAX_BYTES", 3)
    (tmp_path / "a.json").write_text("[1, 2]")
    with pytest.raises(ValueError, match="has 6 bytes, but no such file has more than"):
        read_json(tmp_path / "a.json")
