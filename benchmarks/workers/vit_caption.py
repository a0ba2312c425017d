"""Worker: Hugging Face's ViT and a BERT decoder by `generate`, pixels to ids."""

import torch
import transformers

from benchmarks.sizes import CAPTIONERS
from benchmarks.worker import serve


def build(options):
    """Options: `size`, `vocabulary_size`, `num_tokens`, `batch`, `beams`."""
    torch.manual_seed(0)
    num_tokens = options["num_tokens"]
    size = CAPTIONERS[options["size"]]
    model = captioner(size, options["vocabulary_size"], num_tokens).eval()
    pixels = torch.rand(options["batch"], 3, size.image_size, size.image_size)

    def repeat():
        with torch.inference_mode():
            answers = model.generate(
                pixels,
                num_beams=options["beams"],
                do_sample=False,
                min_new_tokens=num_tokens,
                max_new_tokens=num_tokens,
                decoder_start_token_id=2,
                pad_token_id=0,
                eos_token_id=3,
            )
        if answers.shape[1] != num_tokens + 1:
            raise ValueError(f"answers of {answers.shape[1] - 1}, not {num_tokens}")
        return answers.shape[0]

    facts = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "versions": f"torch {torch.__version__}, "
        f"transformers {transformers.__version__}",
    }
    return repeat, facts


def captioner(size, vocabulary_size, num_tokens):
    """A ViT and a decoder with cross-attention, random weights."""
    shared = {
        "hidden_size": size.hidden_dim,
        "num_attention_heads": size.num_heads,
        "intermediate_size": size.intermediate_dim,
    }
    encoder = transformers.ViTConfig(
        num_hidden_layers=size.num_layers,
        image_size=size.image_size,
        patch_size=size.patch_size,
        **shared,
    )
    decoder = transformers.BertConfig(
        vocab_size=vocabulary_size,
        num_hidden_layers=size.num_decoder_layers,
        max_position_embeddings=num_tokens + 1,
        is_decoder=True,
        add_cross_attention=True,
        **shared,
    )
    return transformers.VisionEncoderDecoderModel(
        encoder=transformers.ViTModel(encoder, add_pooling_layer=False),
        decoder=transformers.BertLMHeadModel(decoder),
    )


if __name__ == "__main__":
    serve(build)
