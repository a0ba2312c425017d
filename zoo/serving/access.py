"""Who may ask: a bearer token (RFC 6750), where one was chosen."""

import hmac
import json
from pathlib import Path

# Probes have no token; the page, which tells nothing by itself, asks for it.
OPEN = ("/", "/healthz", "/readyz")
_SHORTEST = 16  # characters: one that nobody guesses
REFUSED = "This server wants a token. Send the header Authorization: Bearer TOKEN."
_BODY = json.dumps({"error": REFUSED}).encode()


def read_token(path):
    """The token in a file, which ends where the line does.

    Raises:
        ValueError: it is too short to protect anything, or no header can hold it.
    """
    token = Path(path).read_text(encoding="utf-8").strip()
    if len(token) < _SHORTEST or not (token.isascii() and token.isprintable()):
        raise ValueError(
            f"{path} must hold one line of {_SHORTEST} or more printable ASCII "
            "characters. Make one with: openssl rand -hex 32"
        )
    return token


def bearer(token):
    """bytes, the header that holds a token."""
    return f"Bearer {token}".encode()


def is_token(sent, expected):
    """Compares bytes in constant time: how long a refusal takes tells nothing."""
    scheme, space, token = sent.partition(b" ")
    sent = scheme.capitalize() + space + token  # RFC 9110 has it in any case
    return hmac.compare_digest(sent, expected)


def with_token(app, token):
    """An ASGI application that lets only those through who send the token."""
    expected = bearer(token)

    async def guarded(scope, receive, send):
        if scope["type"] == "http" and scope["path"] not in OPEN:
            headers = dict(scope["headers"])
            if not is_token(headers.get(b"authorization", b""), expected):
                await _refuse(send)
                return
        await app(scope, receive, send)

    return guarded


async def _refuse(send):
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(_BODY)).encode()),
        (b"www-authenticate", b"Bearer"),
    ]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": _BODY})
