"""Files to pixels in the graph, against Pillow; what is broken says so."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from zoo.data.image_decoding import MOST_PIXELS, decode_image, resize_image

SIGNATURE = [tf.TensorSpec([], tf.string)]
HEIGHT, WIDTH = 60, 90


@pytest.fixture(scope="module")
def decode():
    """bytes -> (array, error), in a graph that was traced once."""
    function = tf.function(decode_image, input_signature=SIGNATURE)

    def decode(data):
        image, error = function(data)
        return image.numpy(), error.numpy().decode()

    return decode


@pytest.fixture(scope="module")
def photo():
    """Smooth colours, so that JPEG changes little."""
    small = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype("uint8")
    return Image.fromarray(small).resize((WIDTH, HEIGHT))


def written(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P"])
def test_png_has_the_pixels_of_pillow(decode, photo, mode):
    image = photo.convert(mode)
    found, error = decode(written(image, "PNG"))
    assert error == "" and found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_on_white(decode, photo, mode):
    image = photo.convert(mode)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    found, _ = decode(written(image, "PNG"))
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    expected = np.asarray(Image.alpha_composite(white, image).convert("RGB"))
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert found[0].min() > 250  # hardly anything there


def test_a_palette_may_be_transparent(decode):
    image = Image.new("P", (4, 2), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((0, 0), 0)
    found, _ = decode(written(image, "PNG", transparency=0))
    assert found[0, 0].tolist() == [255, 255, 255]
    assert found[1, 1].tolist() == [0, 0, 255]


@pytest.mark.parametrize("count", [2, 4, 16, 200])
@pytest.mark.parametrize("transparent", [False, True])
def test_a_palette_of_few_colours(decode, photo, count, transparent):
    image = photo.quantize(count)
    options = {"transparency": 1} if transparent else {}
    data = written(image, "PNG", **options)
    found, _ = decode(data)
    image = Image.open(io.BytesIO(data)).convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    expected = np.asarray(Image.alpha_composite(white, image).convert("RGB"))
    np.testing.assert_array_equal(found, expected)


def test_black_may_be_transparent(decode, photo):
    data = written(photo.convert("1"), "PNG", transparency=0)
    found, error = decode(data)
    assert error == "" and (found == 255).all()


def test_16_bits_become_8(decode):
    values = np.linspace(0, 65535, 600).reshape(20, 30).astype("uint16")
    found, _ = decode(written(Image.fromarray(values), "PNG"))
    np.testing.assert_array_equal(found[..., 0], values >> 8)
    np.testing.assert_array_equal(found[..., 0], found[..., 2])


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_jpeg_is_as_pillow_has_it(decode, photo, mode, options):
    data = written(photo.convert(mode), "JPEG", quality=95, **options)
    found, error = decode(data)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert error == ""
    assert np.abs(found.astype(int) - expected).mean() < 1.5


@pytest.mark.parametrize("orientation", range(9))
@pytest.mark.parametrize("endian", ["<", ">"])
def test_a_photo_stands_upright(decode, photo, orientation, endian):
    exif = Image.Exif()
    exif.endian = endian
    exif[0x010F] = "A camera with a long name"  # another entry, kept elsewhere
    exif[0x0112] = orientation
    data = written(photo, "JPEG", quality=95, exif=exif, comment=b"Exif\x00\x00")
    found, _ = decode(data)
    with Image.open(io.BytesIO(data)) as image:
        expected = ImageOps.exif_transpose(image).convert("RGB")
    np.testing.assert_array_equal(found, np.asarray(expected))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_png_stands_upright_too(decode, photo, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = written(photo, "PNG", exif=exif)
    found, _ = decode(data)
    with Image.open(io.BytesIO(data)) as image:
        expected = ImageOps.exif_transpose(image).convert("RGB")
    np.testing.assert_array_equal(found, np.asarray(expected))
    place = data.index(b"eXIf")
    damaged, error = decode(data[: place - 4] + b"\x7f" + data[place - 3 :])
    assert error != "" or damaged.shape == (HEIGHT, WIDTH, 3)


def test_damaged_exif_counts_as_none(decode, photo):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = written(photo, "JPEG", quality=95, exif=exif)
    start = data.index(b"Exif\x00\x00") + 6
    assert decode(data)[0].shape == (WIDTH, HEIGHT, 3)
    # The order of bytes, where the directory is, what the tag says.
    for at in (start, start + 4, start + 18):
        damaged = data[:at] + b"\xff\xff" + data[at + 2 :]
        image, error = decode(damaged)
        assert error == "" and image.shape == (HEIGHT, WIDTH, 3)
    filled = data.replace(b"\xff\xe1", b"\xff\xff\xff\xe1", 1)
    assert decode(filled)[0].shape == (WIDTH, HEIGHT, 3)
    damaged = data.replace(b"Exif\x00\x00", b"Eggs\x00\x00")
    assert decode(damaged)[0].shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("size", [(1, 1), (10_000, 3), (3, 10_000)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_one_pixel_and_ten_thousand(decode, size, kind):
    image, error = decode(written(Image.new("RGB", size, (200, 10, 10)), kind))
    assert error == "" and image.shape == (size[1], size[0], 3)
    small = resize_image(tf.constant(image), 16, 24).numpy()
    assert small.shape == (16, 24, 3)
    red = small.reshape(-1, 3)[:, 0] > 180
    assert red.any()


def test_what_is_broken_says_how(decode, photo):
    png, jpeg = written(photo, "PNG"), written(photo, "JPEG", quality=95)
    huge = png[:16] + (20_000).to_bytes(4, "big") * 2 + png[24:]
    cases = {
        b"": "it has no bytes",
        b"GIF89a": "neither a JPEG nor a PNG",
        png[:10]: "The header of the PNG is damaged",
        png[:100]: "The PNG is cut short or damaged",
        png[:-30]: "The PNG is cut short or damaged",
        png[:50] + b"zzzz" + png[54:]: "The PNG is cut short or damaged",
        jpeg[:3]: "The header of the JPEG is damaged",
        jpeg[:200]: "The header of the JPEG is damaged",
        jpeg[: len(jpeg) // 2]: "The JPEG is cut short or damaged",
        huge: "PNG says that it has 20000 x 20000 pixels; at most 100,000,000",
    }
    for data, message in cases.items():
        image, error = decode(data)
        assert message in error, (data[:12], error)
        assert image.shape == (0, 0, 3)


def test_a_size_that_is_only_claimed_is_not_believed(decode, photo):
    jpeg = written(photo, "JPEG")
    claimed = (40_000).to_bytes(2, "big") * 2
    sides = HEIGHT.to_bytes(2, "big") + WIDTH.to_bytes(2, "big")
    assert jpeg.count(sides) == 1 and MOST_PIXELS < 40_000**2
    _, error = decode(jpeg.replace(sides, claimed))
    assert "JPEG says that it has 40000 x 40000 pixels" in error


# Sizes


def test_the_shape_is_kept_and_the_rest_is_grey():
    image = tf.fill([40, 20, 3], tf.constant(255, tf.uint8))
    found = resize_image(image, 16, 24).numpy()
    assert (found[:, 8:16] == 255).all()
    assert (found[:, :8] == 127).all() and (found[:, 16:] == 127).all()


@pytest.mark.parametrize("factor", [1, 3, 20])
def test_it_is_smooth_however_much_smaller_it_becomes(factor):
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (8, 8, 3)).astype("uint8"))
    large = small.resize((16 * factor, 16 * factor), Image.Resampling.BICUBIC)
    found = resize_image(tf.constant(np.asarray(large)), 16, 16).numpy()
    expected = large.resize((16, 16), Image.Resampling.BILINEAR)
    assert np.abs(found.astype(int) - np.asarray(expected)).max() <= 3
