"""What can be asked and what is answered, for programs: OpenAPI 3.1.

<https://spec.openapis.org/oas/v3.1.0>
"""

_MODEL = "/v1/models/{name}"
_WHICH = {"": [], "/versions/{version}": ["version"], "/labels/{label}": ["label"]}
_EXAMPLE = {"instances": ["Good morning."]}
_REFUSALS = {
    400: "The request is damaged or does not fit the model, or the label is unknown",
    401: "The token is missing or wrong",
    404: "There is no such model, version or path",
    408: "The body came too slowly",
    413: "The body is too large",
    415: "The body is compressed by something other than gzip",
    503: "Too much waits already; Retry-After says for how many seconds to wait",
    504: "The answer took too long",
}


def description():
    """The document, a dict."""
    paths = {
        "/v1/models": {"get": _get("The models, and what they take and give")},
        "/metrics": {"get": _get("Counts and times, for Prometheus", "text/plain")},
        "/healthz": {"get": _probe("Whether the server lives")},
        "/readyz": {"get": _probe("Whether its models are loaded", 503)},
        "/openapi.json": {"get": _get("This description")},
        "/": {"get": _probe("A page to try the models on", content="text/html")},
    }
    for which, names in _WHICH.items():
        path, names = _MODEL + which, ["name", *names]
        paths[path] = {
            "parameters": _in_path(names),
            "get": _get("The versions and whether they answer", refused=[400, 404]),
        }
        paths[f"{path}/metadata"] = {
            "parameters": _in_path(names),
            "get": _get("The signatures as TensorFlow has them", refused=[400, 404]),
        }
        paths[f"{path}:predict"] = {
            "parameters": _in_path(names),
            "post": _post("Answers, rows for rows and columns for columns"),
        }
        paths[f"{path}:stream"] = {
            "parameters": _in_path(names),
            "post": _post("One text while it is written", "text/event-stream"),
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "zoo serve", "version": "v1"},
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Request": _REQUEST, "Value": _VALUE, "Error": _ERROR},
        },
    }


_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}},
}
_VALUE_REF = {"$ref": "#/components/schemas/Value"}
_VALUE = {
    "anyOf": [
        {"type": "string"},
        {"type": "number"},
        {"type": "boolean"},
        {
            "type": "object",
            "required": ["b64"],
            "properties": {"b64": {"type": "string", "contentEncoding": "base64"}},
            "additionalProperties": False,
        },
        {"type": "array", "items": _VALUE_REF},
        {"type": "object", "additionalProperties": _VALUE_REF},
    ]
}
_REQUEST = {
    "type": "object",
    "properties": {
        "signature_name": {"type": "string", "default": "serving_default"},
        "instances": {
            "description": "Rows: values, or objects by the names of the inputs; bytes "
            'are {"b64": base64}.',
            "type": "array",
            "minItems": 1,
            "items": _VALUE_REF,
        },
        "inputs": {
            "description": "Columns: one, or an object of them by name.",
            **_VALUE_REF,
        },
    },
    "oneOf": [{"required": ["instances"]}, {"required": ["inputs"]}],
}


def _get(summary, content="application/json", refused=()):
    return {
        "summary": summary,
        "responses": {"200": _answer(summary, content), **_refusals([401, *refused])},
    }


def _probe(summary, *more, content="application/json"):
    """Needs no token."""
    answers = {str(status): _answer(summary, content) for status in (200, *more)}
    return {"summary": summary, "security": [], "responses": answers}


def _post(summary, content="application/json"):
    schema = {"$ref": "#/components/schemas/Request"}
    body = {"application/json": {"schema": schema, "example": _EXAMPLE}}
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": body},
        "responses": {"200": _answer(summary, content), **_refusals(_REFUSALS)},
    }


def _in_path(names):
    kinds = {"version": {"type": "integer", "minimum": 0}}
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": kinds.get(name, {"type": "string"}),
        }
        for name in names
    ]


def _refusals(statuses):
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        str(status): {"description": _REFUSALS[status], "content": content}
        for status in statuses
    }


def _answer(summary, content):
    return {"description": summary, "content": {content: {}}}
