"""What the workers of Hugging Face's Speech2Text share."""

import torch
import transformers

from benchmarks.sizes import SPEECH

SAMPLE_RATE_HZ = 16_000
START, END = 2, 3


def speech2text(options):
    """A `Speech2TextForConditionalGeneration` of our size, random weights."""
    torch.manual_seed(0)
    size = SPEECH[options["size"]]
    config = transformers.Speech2TextConfig(
        vocab_size=options["vocabulary_size"],
        encoder_layers=size.num_layers,
        decoder_layers=size.num_decoder_layers,
        encoder_attention_heads=size.num_heads,
        decoder_attention_heads=size.num_heads,
        encoder_ffn_dim=size.intermediate_dim,
        decoder_ffn_dim=size.intermediate_dim,
        d_model=size.hidden_dim,
        conv_channels=size.filters,
        dropout=size.dropout,
        max_target_positions=options["num_tokens"] + 1,
        pad_token_id=0,
        decoder_start_token_id=START,
        eos_token_id=END,
    )
    return transformers.Speech2TextForConditionalGeneration(config)


def features_of(sounds):
    """float `(batch, samples)` -> its inputs, by its own extractor."""
    extractor = transformers.Speech2TextFeatureExtractor()
    return dict(
        extractor(
            list(sounds),
            sampling_rate=SAMPLE_RATE_HZ,
            padding=True,
            return_tensors="pt",
        )
    )


def sounds(options):
    """Noise, list of float32 arrays."""
    shape = (options["batch"], int(options["seconds"] * SAMPLE_RATE_HZ))
    return (0.1 * torch.randn(shape)).numpy()


def facts(model):
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "versions": f"torch {torch.__version__}, "
        f"transformers {transformers.__version__}",
    }
