"""Named sizes: a preset is a row with a source."""

import difflib
from typing import NamedTuple

from zoo.models import TranslationModel


class Preset(NamedTuple):
    """A named size, as `zoo.list_presets()` shows it.

    `parameters` is the published count, for the vocabulary of the publication.
    """

    name: str
    task: str
    description: str
    parameters: int
    source: str


_WU = "Wu et al. 2021, https://aclanthology.org/2021.acl-long.480"
_VASWANI = "Vaswani et al. 2017, https://arxiv.org/abs/1706.03762"

_TRANSLATORS = {
    # name               layers heads hidden intermediate dropout
    "translator_tiny":  (4,     4,    128,   256,         0.3),
    "translator_small": (6,     4,    512,   1024,        0.3),
    "translator_base":  (6,     8,    512,   2048,        0.1),
    "translator_big":   (6,     16,   1024,  4096,        0.3),
}  # fmt: skip

# Published: parameters and the vocabulary that they were counted with.
_TRANSLATORS_PUBLISHED = {
    "translator_tiny":  (2_600_000,   9_708,  _WU),
    "translator_small": (36_500_000,  9_708,  _WU),
    "translator_base":  (65_000_000,  37_000, _VASWANI),
    "translator_big":   (213_000_000, 37_000, _VASWANI),
}  # fmt: skip


def list_presets():
    """All named sizes, `{name: Preset}`, small ones first."""
    presets = {}
    for name, (layers, heads, hidden, intermediate, _) in _TRANSLATORS.items():
        parameters, vocabulary_size, source = _TRANSLATORS_PUBLISHED[name]
        description = (
            f"{layers}+{layers} layers, {hidden}/{intermediate}, {heads} heads, "
            f"post-norm, counted with {vocabulary_size:,} tokens"
        )
        presets[name] = Preset(name, "Translator", description, parameters, source)
    return presets


def translation_model(name, vocabulary_size, **overrides):
    """Builds a `TranslationModel` of a named size, with random weights.

    >>> model = translation_model("translator_tiny", vocabulary_size=10_000)
    >>> model = translation_model("translator_base", 32_000, dropout=0.2)
    """
    if name not in _TRANSLATORS:
        raise ValueError(unknown_preset(name, _TRANSLATORS))
    columns = ("num_layers", "num_heads", "hidden_dim", "intermediate_dim", "dropout")
    size = dict(zip(columns, _TRANSLATORS[name], strict=True))
    model = TranslationModel(vocabulary_size, **{**size, **overrides})
    model.build()
    return model


def unknown_preset(name, known):
    """The message for a name that is no preset, nearest names first."""
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.3)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"Unknown preset {name!r}.{hint} Known here: {', '.join(sorted(known))}."
