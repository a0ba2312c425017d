"""Requests that are wrong in every way, the same ones from the same seed."""

import base64
import gzip
import io
import json
import struct
import urllib.parse
import wave
import zlib
from typing import NamedTuple

MODELS = {  # what each takes and answers
    "translate": ("text", "translation"),
    "classify": ("text", "label"),
    "caption": ("image_bytes", "caption"),
    "hear": ("audio_bytes", "transcript"),
}
GOOD_TEXT = "w1 w2"
_WORDS = ["text", "instances", "inputs", "b64", "signature_name", "\ud800", "\0", "é"]


class Sent(NamedTuple):
    """What goes over the wire.

    Attributes:
        raw: bytes.
        may_be_fine: bool. Whether chance may have left nothing wrong.
        is_cut: bool. Whether the client leaves then, and waits for no answer.
    """

    raw: bytes
    may_be_fine: bool = False
    is_cut: bool = False


def request(target, body=b"", method="POST", headers=()):
    """bytes of a request."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *headers]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def predict(model, content):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return request(f"/v1/models/{model}:predict", body)


def b64(data):
    return {"b64": base64.b64encode(data).decode()}


def good_input(model):
    """What the model has an answer to."""
    kind = MODELS[model][0]
    data = {"image_bytes": png, "audio_bytes": wav}
    return b64(data[kind]()) if kind in data else GOOD_TEXT


def png(width=8, height=8, pixels=None):
    """bytes. Of grey pixels, whatever the header says."""

    def chunk(name, data):
        code = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", code)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = pixels or b"".join(b"\0" + bytes(range(8)) for _ in range(8))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(pixels))
        + chunk(b"IEND", b"")
    )


def wav(rate=8000, samples=800):
    """bytes, of 16 bits."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, rate, samples, "NONE", ""))
        writer.writeframes(struct.pack("<hh", 0, 9000) * (samples // 2))
    return file.getvalue()


# Each of these takes a `random.Random`, and what the server says of itself: `states`,
# the inputs of each model's step, and `described`, requests by its description.


def no_json(rng, known):
    body = json.dumps({"instances": [GOOD_TEXT]}).encode()
    place = rng.randrange(len(body))
    return Sent(
        predict(
            rng.choice(list(MODELS)),
            rng.choice(
                [b"", rng.randbytes(rng.randrange(1, 200)), body[:place], body + b"]"]
            ),
        )
    )


def flipped_json(rng, known):
    body = bytearray(json.dumps({"instances": [GOOD_TEXT]}).encode())
    body[rng.randrange(len(body))] = rng.randrange(256)
    return Sent(predict("translate", bytes(body)), may_be_fine=True)


def invalid_utf8(rng, known):
    wrong = rng.choice(
        [b"\xff", b"\xc0\xaf", b"\xe2\x82", b"\xf5\x80\x80\x80", b"\x80"]
    )
    return Sent(predict("translate", b'{"instances": ["a' + wrong + b'b"]}'))


def deep_nesting(rng, known):
    depth = rng.choice([1_000, 10_000, 100_000])
    opened, closed = rng.choice([(b"[", b"]"), (b'{"a":', b"}")])
    nested = opened * depth + b"1" + rng.choice([b"", closed * depth])
    form = rng.choice([b"%s", b'{"instances": %s}', b'{"instances": ["a"], "x": %s}'])
    return Sent(predict("translate", form % nested))


def long_numbers(rng, known):
    number = rng.choice(
        ["9" * 10_000, "-" + "1" * 10_000, "1e99999", "0." + "3" * 10_000]
    )
    body = b'{"instances": [%s]}' % number.encode()
    return Sent(predict(rng.choice(list(MODELS)), body))


def not_a_number(rng, known):
    value = rng.choice([float("nan"), float("inf"), -float("inf")])
    return Sent(predict(rng.choice(list(MODELS)), {"inputs": [value]}))


def duplicate_keys(rng, known):
    name = rng.choice(["instances", "inputs", "signature_name"])
    pair = json.dumps({name: ["a"]})[1:-1]
    return Sent(predict("translate", f'{{"other": 1, {pair}, {pair}}}'.encode()))


def lone_surrogates(rng, known):
    text = rng.choice(["\ud800", "a\udfff", "\udc00\ud800"])
    content = rng.choice(
        [{"instances": [text]}, {"instances": [{text: 1}]}, {text: ["a"]}]
        + [{"signature_name": text, "instances": ["a"]}]
    )
    return Sent(predict("translate", content))


def _value(rng, depth=0):
    """Anything that JSON can say."""
    leaves = [None, True, 0, -1, 2**63, 1.5, "", "x" * 50, rng.choice(_WORDS)]
    if depth > 3 or rng.random() < 0.4:
        return rng.choice(leaves)
    if rng.random() < 0.5:
        return [_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    count = rng.randrange(3)
    return {rng.choice(_WORDS): _value(rng, depth + 1) for _ in range(count)}


def wrong_types(rng, known):
    content = {rng.choice(["instances", "inputs"]): _value(rng)}
    if rng.random() < 0.3:
        content["signature_name"] = _value(rng)
    if rng.random() < 0.1:
        content = _value(rng)
    model, action = rng.choice(list(MODELS)), rng.choice(["predict", "stream"])
    body = json.dumps(content).encode()
    return Sent(request(f"/v1/models/{model}:{action}", body), may_be_fine=True)


def wrong_names_and_rows(rng, known):
    content = rng.choice(
        [
            {},
            {"instances": []},
            {"instances": ["a"], "inputs": ["a"]},
            {"instances": [{"words": "a"}]},
            {"instances": [{"text": "a"}, {"words": "a"}]},
            {"instances": [{"text": "a"}, "a"]},
            {"inputs": {"text": ["a"], "more": ["a"]}},
            {"inputs": {"words": ["a"]}},
            {"instances": ["a"] * 1025},
            {"x" * 100_000: 1},
            {"signature_name": "x" * 100_000, "instances": ["a"]},
        ]
    )
    # Columns that nobody asks for are let be, as by TensorFlow Serving.
    is_fine = "more" in content.get("inputs", {})
    return Sent(predict(rng.choice(["translate", "classify"]), content), is_fine)


def wrong_ranks(rng, known):
    content = rng.choice(["a", [["a"]], [["a"], ["b", "c"]], [[[]]], {"text": "a"}])
    return Sent(predict("translate", {"inputs": content}))


def states_that_no_start_gave(rng, known):
    model = rng.choice([name for name in MODELS if name in known["states"]])
    rows, length = rng.choice([0, 1, 1, 1, 2]), rng.choice([0, 1, 2, 8])
    content = {}
    for name, (dtype, shape) in known["states"][model].items():
        shape = [length if n < 0 else n for n in shape]
        content[name] = _tensor(rng, dtype, [rows, *shape[1:]])
    if "error" in content:  # what is wrong according to the client is told as such
        content["error"] = [""] * rows
    body = {"signature_name": "step", "inputs": content}
    return Sent(predict(model, body), may_be_fine=True)


def _tensor(rng, dtype, shape):
    if shape:
        return [_tensor(rng, dtype, shape[1:]) for _ in range(shape[0])]
    if dtype == "DT_STRING":
        return rng.choice(["", "a", b64(b"\xff")])
    if dtype == "DT_BOOL":
        return rng.random() < 0.5
    if dtype == "DT_FLOAT":
        return rng.choice([0.0, 1.0, -1e30, float("nan"), float("inf")])
    return rng.choice([0, 1, -1, 7, 2**31 - 1, -(2**31)])


def bad_base64(rng, known):
    text = rng.choice(
        ["?", "YQ", "YQ=", "YQ==YQ==", "é", "Y Q=", "-_-_", 1, None, [], ""]
    )
    value = rng.choice([{"b64": text}, {"b64": text, "more": 1}, {"B64": "YQ=="}])
    return Sent(predict(rng.choice(["caption", "hear"]), {"instances": [value]}))


def broken_pictures(rng, known):
    return _broken(rng, "caption", png(), _PICTURES)


def broken_sounds(rng, known):
    return _broken(rng, "hear", wav(), _SOUNDS)


def _broken(rng, model, whole, others):
    way = rng.random()
    if way < 0.5:
        data = rng.choice(others)
    elif way < 0.75:
        data = whole[: rng.randrange(len(whole))]
    else:
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 20)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    signature = rng.choice(["serving_default", "n_best", "explain", "start"])
    body = {"signature_name": signature, "instances": [b64(bytes(data))]}
    if rng.random() < 0.2:
        raw = request(f"/v1/models/{model}:stream", json.dumps(body).encode())
    else:
        raw = predict(model, body)
    return Sent(raw, may_be_fine=way >= 0.5)


def _wav_that_says(place, form, value):
    data = bytearray(wav(samples=8))
    struct.pack_into(form, data, place, value)
    return bytes(data)


_PICTURES = [
    b"",
    b"GIF89a\1\0\1\0\0\0\0;",
    b"BM" + bytes(60),
    b"\xff\xd8\xff\xe0" + bytes(60),
    b"\xff\xd8\xff\xe0" + b"\xff" * 2_000,
    png(50_000, 50_000),
    png(2**31 - 1, 2**31 - 1),
    png(2**32 - 1, 1),
    png(0, 0),
    png(0, 8),
    png(10_000, 10_000),  # few are there
    png(100_001, 1_000, pixels=bytes(1_000_000)),
]
_SOUNDS = [
    b"",
    b"fLaC" + bytes(60),
    b"RIFF",
    b"RIFF\xff\xff\xff\xffWAVE",
    _wav_that_says(20, "<H", 85),  # MP3 inside
    _wav_that_says(22, "<H", 0),  # channels
    _wav_that_says(22, "<H", 65_535),
    _wav_that_says(24, "<I", 0),  # samples a second
    _wav_that_says(24, "<I", 2**32 - 1),
    _wav_that_says(34, "<H", 0),  # bits
    _wav_that_says(34, "<H", 65_535),
    wav(rate=1_000, samples=3_700_000)[:44] + bytes(7_400_000),  # more than an hour
]


def strange_paths(rng, known):
    path = rng.choice(
        [
            "/v1/models/../../etc/passwd",
            "/v1/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd:predict",
            "/v1/models/translate%00:predict",
            "/v1/models/translate%0d%0aX-Header:%201:predict",
            "/v1/models/translate/versions/" + "9" * 5_000 + ":predict",
            "/v1/models/translate/versions/-1:predict",
            "/v1/models/translate/versions/٣:predict",
            "/v1/models/translate/labels/%ff:predict",
            "/v1/models/" + "a" * 50_000 + ":predict",
            "/v1/models/translate:predict/",
            "/v1/models/translate:predict:predict",
            "/v1/models/:predict",
            "//v1//models//translate:predict",
            "/v2/models/translate/infer",
            "/" + urllib.parse.quote(rng.randbytes(20)),
            "/metrics/",
            "*",
            "http://example.com/v1/models/none:predict",
        ]
    )
    path = path if path.isascii() else urllib.parse.quote(path)
    return Sent(request(path, b'{"instances": ["a"]}'))


def wrong_methods(rng, known):
    method = rng.choice(["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "GET", "BREW"])
    path = "/v1/models/translate:predict"
    return Sent(request(path, b'{"instances": ["a"]}', method))


def content_types_and_codings(rng, known):
    body = b'{"instances": ["w1"]}'
    path = "/v1/models/translate:predict"
    if rng.random() < 0.5:
        kind = rng.choice(["text/html", "image/png", "", "\xff", "a" * 5_000])
        return Sent(request(path, body, "POST", [f"Content-Type: {kind}"]), True)
    coding = rng.choice(["gzip", "deflate", "br", "x" * 5_000])
    headers = [f"Content-Encoding: {coding}"]
    raw = request(path, gzip.compress(body, mtime=0), "POST", headers)
    return Sent(raw, may_be_fine=coding == "gzip")


def wrong_http(rng, known):
    end = b"\r\n\r\n"
    post = b"POST /v1/models/translate:predict HTTP/1.1\r\nHost: a\r\n"
    return Sent(
        rng.choice(
            [
                b"\0" + rng.randbytes(100) + end,
                b"\x16\x03\x01" + rng.randbytes(100) + end,  # TLS
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                b"GET /v1/models HTTP/9.9" + end,
                b"GET /v1/mod els HTTP/1.1" + end,
                b"GET /none HTTP/1.1\r\nHost: [" + end,
                b"GET /none\xff HTTP/1.1" + end,
                post + b"no colon" + end,
                post + b"Content-Length: -1" + end,
                post + b"Content-Length: 1e3" + end,
                post + b"Content-Length: 99999999999999999999" + end,
                post + b"Content-Length: 2\r\nContent-Length: 3" + end + b"{}",
                post + b"Content-Length: 2\r\nTransfer-Encoding: chunked" + end + b"{}",
                post + b"Transfer-Encoding: chunked" + end + b"zz\r\n{}\r\n",
                post + b"Transfer-Encoding: chunked" + end + b"2\r\n{}x\r\n0" + end,
                post + b"Content-Length: 100000000000" + end + b"{",
                b"CONNECT example.com:443 HTTP/1.1\r\nHost: a" + end,
                post + b"Connection: Upgrade\r\nUpgrade: websocket" + end,
            ]
        )
    )


def huge_heads(rng, known):
    long, many = "X: " + "a" * 400_000, [f"X-{i}: {'a' * 90}" for i in range(4_000)]
    raw = rng.choice(
        [
            request("/v1/models/none", method="GET", headers=[long]),
            request("/v1/models/none", method="GET", headers=many),
            request("/" + "a" * 400_000, method="GET"),
            b"G" * 400_000,
        ]
    )
    return Sent(raw)


def cut_bodies(rng, known):
    whole = predict(rng.choice(list(MODELS)), {"instances": ["a" * 1_000]})
    return Sent(whole[: rng.randrange(20, len(whole))], is_cut=True)


def huge_json(rng, known):
    count = 5_000_000
    body = rng.choice(
        [
            b'{"instances": [' + b"[]," * count + b"1]}",
            b'{"instances": [' + b"{}," * count + b"1]}",
            b'{"instances": [' + b"1," * count + b"1]}",
            b'{"instances": [{"text": 1, "b": "' + b"a" * 30_000_000 + b'"}]}',
        ]
    )
    return Sent(predict("translate", body))


def by_the_description(rng, known):
    """What hypothesis makes of the server's description, see `described_requests`."""
    described = next(known["described"])
    body = described.body
    if body and rng.random() < 0.1:  # and damaged on the way
        body = body[: rng.randrange(len(body))]
    raw = request(described.path, body, described.method)
    return Sent(raw, may_be_fine=True)


KINDS = [
    *(no_json, flipped_json, invalid_utf8, deep_nesting, long_numbers, not_a_number),
    *(duplicate_keys, lone_surrogates, wrong_types, wrong_names_and_rows, wrong_ranks),
    *(states_that_no_start_gave, bad_base64, broken_pictures, broken_sounds),
    *(strange_paths, wrong_methods, content_types_and_codings, wrong_http, huge_heads),
    cut_bodies,
]
