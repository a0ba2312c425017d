"""What an error of TensorFlow says to a client."""

import time

from zoo.serving.asking import in_words

WHERE = "{{function_node __wrapped__Assert_device_/job:localhost/device:CPU:0}} "


def test_where_an_error_happened_is_left_out():
    stack = "Graph execution error:\n\nat node <stack traces unavailable>\n"
    told = "assertion failed: [a bad text]"
    assert in_words(ValueError(f"{stack}{told}\n\t [[{{{{node Assert}}}}]]")) == told
    assert in_words(ValueError(f"{WHERE}{told} [Op:Assert]")) == f"{told} [Op:Assert]"


def test_a_text_that_looks_like_it_takes_no_time():
    text = "{{function_node " * 2**14
    begin = time.monotonic()
    assert in_words(ValueError(text)) == text
    assert time.monotonic() - begin < 1.0  # and not with its square
