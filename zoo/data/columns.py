"""Which column of a table holds what: named by the reader, or known by its name."""

import dataclasses

_TEXT = ("text", "sentence", "review", "content", "document", "body", "tweet")
_PAIRS = (
    ("text", "text_pair"),
    ("text_a", "text_b"),
    ("sentence1", "sentence2"),
    ("sentence_a", "sentence_b"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("question", "answer"),
)
_NESTED = "translation"  # an object of texts by language
_LABEL = ("label", "labels", "class", "category", "sentiment", "topic", "intent")
_DOCUMENT = ("doc", "doc_id", "document_id")
_TOKENS = ("tokens", "words")
_TOKEN_LABELS = ("labels", "tags", "ner_tags", "pos_tags", "upos", "ner", "pos")


@dataclasses.dataclass(frozen=True)
class Columns:
    """The columns that a reader names; see `zoo.data.read`."""

    text: str | None = None
    text_pair: str | None = None
    label: str | None = None
    tokens: str | int | None = None
    labels: str | int | None = None
    label_separator: str | None = None
    document: str | None = None
    unlabelled: bool = False

    def __post_init__(self):
        asked = self._asked()
        others = asked - {"text", "document", "unlabelled"}
        if self.unlabelled and others:
            raise ValueError(
                "unlabelled=True reads texts alone. Leave out "
                f"{', '.join(f'{name}=' for name in sorted(others))}."
            )
        texts = {"text", "text_pair", "label", "label_separator", "document"}
        texts.add("unlabelled")
        if asked & texts and asked - texts:
            raise ValueError(
                f"{', '.join(f'{name}=' for name in sorted(asked))} do not go "
                "together: tokens= and labels= name the columns of labelled words, "
                "text=, text_pair= and label= those of labelled texts (label=, too, "
                "where a text has several labels)."
            )
        if self.document and asked & {"text_pair", "label", "label_separator"}:
            raise ValueError(
                f"document={self.document!r} makes one text of many rows, without a "
                "pair or label. Leave it out, or text_pair= and label=."
            )

    @property
    def are_named(self):
        """Whether the reader named any."""
        return bool(self._asked())

    def _asked(self):
        nothing = (None, False)
        return {k for k, v in vars(self).items() if not any(v is x for x in nothing)}

    @property
    def for_tokens(self):
        """Whether the reader asked for labelled words."""
        return self.tokens is not None or self.labels is not None


def recognise(names, columns, place):
    """Says which of the columns `names` hold what.

    >>> recognise(["id", "rating", "label", "text"], Columns(), "train.tsv")
    {"text": "text", "label": "label"}

    Args:
        names: list of str, of columns or keys.
        columns: `Columns`. Where `text` alone is named, the label is left out.
        place: what the errors name, a file for example.

    Returns:
        dict with `"tokens"` and `"labels"`, or with `"text"` and perhaps
        `"text_pair"`, `"label"` and `"document"`; None if nothing was named and
        nothing is known.
    """
    known = {str(name).strip().lower(): name for name in names}

    def find(role, candidates, given):
        if given is None:
            return _only(role, candidates, known, place)
        if given not in names:
            raise ValueError(
                f"{place} has no column {given!r}. It has {list(names)}: pass one of "
                f"them as {role}=."
            )
        return given

    if not columns.are_named and (
        {"source", "target"} <= set(known) or _NESTED in known
    ):
        return None
    if columns.for_tokens or (not columns.are_named and _have_tokens(known)):
        found = {
            "tokens": find("tokens", _TOKENS, columns.tokens),
            "labels": find("labels", _TOKEN_LABELS, columns.labels),
        }
        return _all_found(found, names, place)
    roles = _text_roles(columns, known, find)
    if roles["text"] is None and not columns.are_named:
        return None
    needed = {"text": roles["text"]}
    if columns.label_separator is not None:
        needed["label"] = roles["label"]
    _all_found(needed, names, place)
    return {role: name for role, name in roles.items() if name is not None}


def _text_roles(columns, known, find):
    """{role: name or None} of a table of texts."""
    text, text_pair = columns.text, columns.text_pair
    only_text = text is not None and columns.label_separator is None
    only_text = only_text or columns.document is not None or columns.unlabelled
    label, document = columns.label, columns.document
    if columns.unlabelled and document is None:
        document = next((known[name] for name in _DOCUMENT if name in known), None)
    if text is None and text_pair is None:
        pairs = (pair for pair in _PAIRS if set(pair) <= set(known))
        text, text_pair = next(pairs, (None, None))
        text, text_pair = known.get(text), known.get(text_pair)
        text_pair = None if columns.unlabelled else text_pair
    if label is None and not (only_text and text_pair is None):
        label = find("label", _LABEL, None)
    return {
        "text": find("text", _TEXT, text),
        "text_pair": text_pair and find("text_pair", (), text_pair),
        "label": label and find("label", (), label),
        "document": document and find("document", (), document),
    }


def _have_tokens(known):
    return bool(set(_TOKENS) & set(known) and set(_TOKEN_LABELS) & set(known))


def _only(role, candidates, known, place):
    """The one column with a usual name: the first of these names, or a single one."""
    found = [name for name in candidates if name in known]
    if not found:
        return None
    if len(found) > 1 and found[0] != candidates[0]:
        raise ValueError(
            f"{place} has several columns that could be the {role}: {found}. Pass one "
            f"of them as {role}=."
        )
    return known[found[0]]


def _all_found(found, names, place):
    for role, name in found.items():
        if name is None:
            raise ValueError(
                f"{place} has no column that is known to hold the {role}. It has "
                f"{list(names)}: pass one of them as {role}=."
            )
    return found
