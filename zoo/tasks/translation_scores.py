"""Scores of translations against references."""

import sacrebleu
from sacremoses import MosesTokenizer


def translation_scores(hypotheses, references, language=None):
    """BLEU and chrF by sacrebleu, and the share of exact matches.

    Args:
        hypotheses, references: lists of str of the same length.
        language: str, optional. The target's code, such as `"de"`; adds the BLEU
            of papers that score lower-cased, Moses-tokenized text, as
            `multi-bleu.perl` and fairseq do.

    Returns:
        dict: `bleu` and `chrf` in percent (cased, tokenizer 13a), `exact_match` in
        [0, 1], `bleu_signature`, `chrf_signature`; with a language
        `bleu_tokenized_lowercase` in percent.
    """
    if not references:
        raise ValueError(
            "There is nothing to evaluate: the examples are empty. Pass a data set "
            "with at least one pair."
        )
    bleu, chrf = sacrebleu.BLEU(), sacrebleu.CHRF()
    scores = {
        "bleu": bleu.corpus_score(hypotheses, [references]).score,
        "chrf": chrf.corpus_score(hypotheses, [references]).score,
        "exact_match": sum(
            hypothesis == reference
            for hypothesis, reference in zip(hypotheses, references, strict=True)
        )
        / len(references),
    }
    if language:
        moses = MosesTokenizer(lang=language)

        def tokenized(texts):
            return [
                moses.tokenize(text.lower(), return_str=True, escape=False)
                for text in texts
            ]

        # The text is tokenized already: sacrebleu shall leave it as it is.
        paper = sacrebleu.BLEU(tokenize="none", force=True)
        scores["bleu_tokenized_lowercase"] = paper.corpus_score(
            tokenized(hypotheses), [tokenized(references)]
        ).score
    scores["bleu_signature"] = str(bleu.get_signature())
    scores["chrf_signature"] = str(chrf.get_signature())
    return scores
