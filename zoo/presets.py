"""Named sizes: a preset is a row with a source."""

import difflib
from typing import NamedTuple

from zoo.models import (
    CaptioningModel,
    ImageEncoder,
    SpeechModel,
    TextEncoder,
    TranslationModel,
)


class Preset(NamedTuple):
    """A named size, as `zoo.list_presets()` shows it.

    `parameters` is the published count, for the vocabulary of the publication; of a
    captioner, whose encoder of images alone was published, the count of both.
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

_TURC = "Turc et al. 2019, https://arxiv.org/abs/1908.08962"
_DEVLIN = "Devlin et al. 2018, https://arxiv.org/abs/1810.04805"
_WANG = "Wang et al. 2020, https://arxiv.org/abs/2002.10957"

_TEXT_ENCODERS = {
    # name          layers heads hidden intermediate
    "bert_tiny":   (2,     2,    128,   512),
    "bert_mini":   (4,     4,    256,   1024),
    "minilm_l6":   (6,     12,   384,   1536),
    "bert_small":  (4,     8,    512,   2048),
    "bert_medium": (8,     8,    512,   2048),
    "bert_base":   (12,    12,   768,   3072),
    "bert_large":  (24,    16,   1024,  4096),
}  # fmt: skip

# Published: parameters, with the vocabulary of 30,522 that they all have.
_TEXT_ENCODERS_PUBLISHED = {
    "bert_tiny":   (4_385_920,   _TURC),
    "bert_mini":   (11_170_560,  _TURC),
    "minilm_l6":   (22_713_216,  _WANG),
    "bert_small":  (28_763_648,  _TURC),
    "bert_medium": (41_373_184,  _TURC),
    "bert_base":   (109_482_240, _DEVLIN),
    "bert_large":  (335_141_888, _DEVLIN),
}  # fmt: skip

_XIAO = "ours; stem of Xiao et al. 2021, https://arxiv.org/abs/2106.14881"
_HASSANI = "Hassani et al. 2021, https://arxiv.org/abs/2104.05704"
_TOUVRON = "Touvron et al. 2021, https://arxiv.org/abs/2012.12877"
_DOSOVITSKIY = "Dosovitskiy et al. 2021, https://arxiv.org/abs/2010.11929"

_CAPTIONERS = {
    # name              image patch stem             layers heads hidden intermediate
    "captioner_mini":  ((64,  8,    "convolutional", 2,     4,    128,   256),  1),
    "captioner_tiny":  ((160, 16,   "convolutional", 7,     4,    256,   512),  4),
    "captioner_small": ((224, 16,   "linear",        12,    6,    384,   1536), 6),
    "captioner_base":  ((224, 16,   "linear",        12,    12,   768,   3072), 6),
}  # fmt: skip

# Our count, with a vocabulary of 8,000, and what was published of the encoder.
_CAPTIONERS_COUNTED = {
    "captioner_mini":  (1_606_144,   "of 2 layers",       _XIAO),
    "captioner_tiny":  (9_378_816,   "like ViT-Lite-7's", _HASSANI),
    "captioner_small": (38_928_000,  "as DeiT-S's, 22 M", _TOUVRON),
    "captioner_base":  (148_634_880, "as ViT-B's, 86 M",  _DOSOVITSKIY),
}  # fmt: skip

_WANG_S2T = "Wang et al. 2020, https://arxiv.org/abs/2010.05171"

_SPEECH = {
    # name           layers   heads hidden intermediate filters dropout positions
    "speech_tiny":  ((4,  2), 4,    128,   512,         (32, 64, 64), 0.1, "rotary"),
    "speech_small": ((12, 6), 4,    256,   2048,        1024,   0.1,    "sinusoidal"),
    "speech_base":  ((12, 6), 8,    512,   2048,        1024,   0.15,   "sinusoidal"),
}  # fmt: skip

# s2t_transformer_s and _m: parameters of the published checkpoints, with their
# vocabulary of 10,000 and without CTC; ours of the smallest is our count.
_SPEECH_PUBLISHED = {
    "speech_tiny":  (2_739_520,  "ours, after " + _WANG_S2T),
    "speech_small": (29_536_256, _WANG_S2T),
    "speech_base":  (71_207_936, _WANG_S2T),
}  # fmt: skip


def list_presets():
    """All named sizes, `{name: Preset}`, small ones of a task first."""
    presets = {}
    for name, (layers, heads, hidden, intermediate, _) in _TRANSLATORS.items():
        parameters, vocabulary_size, source = _TRANSLATORS_PUBLISHED[name]
        description = (
            f"{layers}+{layers} layers, {hidden}/{intermediate}, {heads} heads, "
            f"post-norm, counted with {vocabulary_size:,} tokens"
        )
        presets[name] = Preset(name, "Translator", description, parameters, source)
    for name, (layers, heads, hidden, intermediate) in _TEXT_ENCODERS.items():
        parameters, source = _TEXT_ENCODERS_PUBLISHED[name]
        description = (
            f"{layers} layers, {hidden}/{intermediate}, {heads} heads, post-norm, "
            "counted with 30,522 tokens"
        )
        presets[name] = Preset(name, "TextEncoder", description, parameters, source)
    for name, ((size, patch, *_, hidden, intermediate), layers) in _CAPTIONERS.items():
        parameters, encoder, source = _CAPTIONERS_COUNTED[name]
        description = (
            f"images of {size} x {size}, patches of {patch}, encoder {encoder}, "
            f"decoder {layers} layers, {hidden}/{intermediate}, pre-norm, counted with "
            "8,000 tokens"
        )
        presets[name] = Preset(name, "ImageCaptioner", description, parameters, source)
    for name, (layers, heads, hidden, intermediate, *_) in _SPEECH.items():
        parameters, source = _SPEECH_PUBLISHED[name]
        description = (
            f"{'+'.join(map(str, layers))} layers, {hidden}/{intermediate}, {heads} "
            "heads, pre-norm, counted with 10,000 tokens, without CTC"
        )
        presets[name] = Preset(
            name, "SpeechRecognizer", description, parameters, source
        )
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


def text_encoder(name, vocabulary_size, **overrides):
    """Builds a `TextEncoder` of a named size, with random weights.

    The published ones have biases of keys, which never train; so have these.

    >>> model = text_encoder("bert_tiny", vocabulary_size=30_522)
    """
    if name not in _TEXT_ENCODERS:
        raise ValueError(unknown_preset(name, _TEXT_ENCODERS))
    columns = ("num_layers", "num_heads", "hidden_dim", "intermediate_dim")
    size = dict(zip(columns, _TEXT_ENCODERS[name], strict=True))
    options = {"use_key_bias": True, **size, **overrides}
    model = TextEncoder(vocabulary_size, **options)
    model.build()
    return model


def captioning_model(name, vocabulary_size, image_encoder=None, **overrides):
    """Builds a `CaptioningModel` of a named size, with random weights.

    >>> model = captioning_model("captioner_tiny", vocabulary_size=8_000)
    >>> model = captioning_model("captioner_tiny", 8_000, image_size=96, patch_size=8)

    Args:
        name: str.
        vocabulary_size: int.
        image_encoder: a Keras model to use for the size's own, as `CaptioningModel`
            takes it.
        **overrides: `image_size`, `patch_size` and `stem` of the encoder, arguments of
            `CaptioningModel`; `dropout` and `dtype` are for both.
    """
    if name not in _CAPTIONERS:
        raise ValueError(unknown_preset(name, _CAPTIONERS))
    (*image, num_layers, num_heads, hidden, intermediate), layers = _CAPTIONERS[name]
    image = dict(zip(("image_size", "patch_size", "stem"), image, strict=True))
    size = {
        "num_heads": num_heads,
        "hidden_dim": hidden,
        "intermediate_dim": intermediate,
    }
    own = {key: overrides.pop(key) for key in image if key in overrides}
    if image_encoder is None:
        shared = {k: overrides[k] for k in ("dropout", "dtype") if k in overrides}
        image_encoder = ImageEncoder(
            num_layers=num_layers, **size, **{**image, **own, **shared}
        )
    elif own:
        raise ValueError(
            f"captioning_model got an image_encoder and {', '.join(own)}, which are "
            "for the size's own. Leave out one of them."
        )
    options = {"num_layers": layers, **size, **overrides}
    model = CaptioningModel(image_encoder, vocabulary_size, **options)
    model.build()
    return model


def speech_model(name, vocabulary_size, **overrides):
    """Builds a `SpeechModel` of a named size, with random weights.

    >>> model = speech_model("speech_tiny", vocabulary_size=1_000)
    >>> model = speech_model("speech_small", 10_000, sample_rate_hz=8_000)
    """
    if name not in _SPEECH:
        raise ValueError(unknown_preset(name, _SPEECH))
    (num_layers, num_decoder_layers), *others = _SPEECH[name]
    columns = (
        *("num_heads", "hidden_dim", "intermediate_dim", "filters", "dropout"),
        "positions",
    )
    size = dict(zip(columns, others, strict=True))
    size |= {"num_layers": num_layers, "num_decoder_layers": num_decoder_layers}
    model = SpeechModel(vocabulary_size, **{**size, **overrides})
    model.build()
    return model


def unknown_preset(name, known):
    """The message for a name that is no preset, nearest names first."""
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.3)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"Unknown preset {name!r}.{hint} Known here: {', '.join(sorted(known))}."
