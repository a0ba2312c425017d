"""Requests drawn by hypothesis from what a server publishes of itself (OpenAPI).

Most are as the description allows, then changed in one place: what is nearly right gets
further than what is not.
"""

import json
import urllib.parse
from typing import NamedTuple

import hypothesis
from hypothesis import strategies as st

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.just("a" * 20_000),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3)
    ),
    max_leaves=6,
)


class Described(NamedTuple):
    """A request.

    Attributes:
        operation: (path, method), the keys of the description.
        path: str, in which names are filled in.
        body: bytes.
    """

    operation: tuple
    path: str
    body: bytes

    @property
    def method(self):
        return self.operation[1].upper()


def examples(document, names, count, seed=0):
    """list of Described, the same ones from the same seed."""
    drawn = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(requests(document, names))
    def draw(request):
        drawn.append(request)

    draw()
    return drawn


def requests(document, names):
    """A strategy of Described.

    Args:
        document: dict, the description.
        names: dict from parameters of paths to lists of what exists, as in
            `{"name": ["translate"]}`.
    """
    schemas = document["components"]["schemas"]
    # One strategy each, though it refers to itself.
    known = {
        name: st.deferred(lambda schema=schema: values(schema, known))
        for name, schema in schemas.items()
    }
    operations = [
        (path, method)
        for path, item in document["paths"].items()
        for method in ("get", "post")
        if method in item
    ]

    @st.composite
    def drawn(draw):
        path, method = draw(st.sampled_from(operations))
        item, filled = document["paths"][path], path
        for parameter in item.get("parameters", []):
            name = parameter["name"]
            value = values(parameter["schema"], known) | _TEXT
            real = st.sampled_from(names[name]) if name in names else st.nothing()
            # It is there three times in four.
            value = draw(st.one_of(real, real, real, value))
            quoted = urllib.parse.quote(str(value), safe="")
            filled = filled.replace(f"{{{name}}}", quoted)
        return Described((path, method), filled, draw(body(item[method])))

    def body(operation):
        if "requestBody" not in operation:
            return st.just(b"")
        (content,) = operation["requestBody"]["content"].values()
        fine = values(content["schema"], known)
        changed = fine.flatmap(changed_in_one_place)
        return st.one_of(fine, changed, changed).map(lambda x: json.dumps(x).encode())

    return drawn()


def values(schema, known):
    """A strategy of what a JSON schema allows, of the words that ours have.

    Args:
        schema: dict.
        known: dict of the strategies of schemas that others refer to, by their names.
    """
    if "$ref" in schema:
        return known[schema["$ref"].rsplit("/", 1)[-1]]
    if "anyOf" in schema:
        return st.one_of([values(each, known) for each in schema["anyOf"]])
    if "oneOf" in schema:
        return st.one_of([values(each, known) for each in _alone(schema)])
    if "type" not in schema:
        return _ANYTHING
    return {
        "boolean": lambda: st.booleans(),
        "integer": lambda: st.integers(schema.get("minimum")),
        "number": lambda: st.integers() | st.floats(allow_nan=False, width=32),
        "string": lambda: st.just(schema.get("default", "")) | _TEXT,
        "array": lambda: st.lists(
            values(schema.get("items", {}), known),
            min_size=schema.get("minItems", 0),
            max_size=3,
        ),
        "object": lambda: _objects(schema, known),
    }[schema["type"]]()


def _alone(schema):
    """An object that must have one of several properties: a schema for each."""
    choices = [each["required"] for each in schema["oneOf"]]
    for chosen in choices:
        others = {name for names in choices for name in names} - set(chosen)
        properties = schema["properties"]
        kept = {name: each for name, each in properties.items() if name not in others}
        yield {"type": "object", "properties": kept, "required": chosen}


def _objects(schema, known):
    properties = {
        name: values(each, known) for name, each in schema.get("properties", {}).items()
    }
    if not properties:
        more = values(schema.get("additionalProperties", {}), known)
        names = st.sampled_from(["text", "times", "image_bytes"]) | _TEXT
        return st.dictionaries(names, more, max_size=3)
    required = schema.get("required", [])
    return st.fixed_dictionaries(
        {name: properties[name] for name in required},
        optional={k: v for k, v in properties.items() if k not in required},
    )


@st.composite
def changed_in_one_place(draw, value):
    """A value of JSON in which something is another, missing, twice or renamed."""
    if not isinstance(value, list | dict) or not value or draw(st.booleans()):
        return draw(_ANYTHING)
    places = list(value) if isinstance(value, dict) else range(len(value))
    place = draw(st.sampled_from(places))
    inner, copy = value[place], value.copy()
    way = draw(st.sampled_from(["within", "within", "missing", "more", "renamed"]))
    if way == "within":
        copy[place] = draw(changed_in_one_place(inner))
    elif way == "missing":
        del copy[place]
    elif isinstance(value, list):
        copy.append(inner if way == "more" else [inner])
    else:
        copy[draw(_TEXT)] = inner if way == "more" else copy.pop(place)
    return copy
