"""The page that anyone can try the models on: one file, which needs no network."""

import base64
import functools
import hashlib
import re
from pathlib import Path

from starlette.responses import Response

_FILE = Path(__file__).with_name("page.html")


@functools.cache
def page():
    """The response: the page, and that a browser runs nothing but what is in it."""
    content = _FILE.read_text(encoding="utf-8")
    script, style = (
        _hash(re.search(f"<{tag}>(.*?)</{tag}>", content, re.DOTALL)[1])
        for tag in ("script", "style")
    )
    policy = (
        f"default-src 'none'; connect-src 'self'; img-src blob: data:; "
        f"script-src {script}; style-src {style}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return Response(content, 200, headers, media_type="text/html")


def _hash(text):
    """As a content security policy names what is in a page."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
