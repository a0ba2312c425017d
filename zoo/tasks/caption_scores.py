"""Scores of captions against several references an image."""

import html
import os
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer import ptbtokenizer

# Java reads and writes numbers in the system's language: 0,5 breaks METEOR.
_ENGLISH = ("-Duser.language=en", "-Duser.country=US")
_NO_JAVA = (
    "substitute for ptb (no Java: not exactly comparable with published figures, "
    "METEOR left out)"
)
# What the PTB tokenizer does to captions, for where Java is not: on 68,666 captions
# of Flickr8k and Multi30k all but 11 come out the same.
_BRACKETS = zip("()[]{}", ("lrb", "rrb", "lsb", "rsb", "lcb", "rcb"), strict=True)
_CHARACTERS = str.maketrans(
    {"’": "'"}
    | dict.fromkeys('"“”–—…', " ; ")  # PTB's names for them are dropped too
    | {bracket: f" -{name}- " for bracket, name in _BRACKETS}
)
_SPLIT = re.compile(
    r"(?<=\w)(?:n't|'(?:s|m|d|ll|re|ve))\b"
    r"|(?<=\bcan)not\b|(?<=\bgon)na\b|(?<=\bwan)na\b|(?<=\bgot)ta\b"
)
_TOKEN = re.compile(
    r"n't|'(?:s|m|d|ll|re|ve)\b|-[lr][rsc]b-|<\w+>|(?:[a-z]\.){2,}"
    r"|\b(?:mr|mrs|ms|dr|st|jr|sr|vs)\.|\w+(?:[-/&'.]\w+|(?<=\d)[,:]\d+)*|\S"
)


def caption_scores(hypotheses, references, meteor=True):
    """BLEU, ROUGE-L, CIDEr-D and METEOR by pycocoevalcap, as papers report them.

    Captions lose their case and punctuation first. METEOR and the tokenizer of
    published figures (Stanford's PTB) need Java; without it a similar tokenizer
    takes its place, and the signature says so.

    Args:
        hypotheses: list of str, one caption an image.
        references: list of lists of str, one or more captions an image.
        meteor: bool. `False` leaves METEOR out, which takes the longest.

    Returns:
        dict: `bleu_1` to `bleu_4` (of the corpus, not smoothed), `rouge_l` and, with
        Java, `meteor` in percent; `cider_d` in [0, 10] (papers often print 100 times
        as much; 0 for a single image, whose words are all equally common);
        `exact_match`, the share of hypotheses that equal one of their references,
        in [0, 1]; `caption_signature`.
    """
    java = _java_runs()
    known, told = _tokenized(hypotheses, references, java)
    bleu, _ = Bleu().compute_score(known, told, verbose=0)
    _, rouge = Rouge().compute_score(known, told)
    # Rouge takes an empty caption for a word that an empty reference has too.
    rouge = sum(score for image, score in enumerate(rouge) if told[image][0])
    scores = {f"bleu_{n}": 100 * float(score) for n, score in enumerate(bleu, 1)}
    scores["rouge_l"] = 100 * float(rouge) / len(told)
    scores["cider_d"] = float(Cider().compute_score(known, told)[0])
    if java and meteor:
        scores["meteor"] = 100 * _meteor(known, told)
    equal = map(lambda text, texts: text in texts, hypotheses, references)
    scores["exact_match"] = sum(equal) / len(told)
    scores["caption_signature"] = _signature(references, java)
    return scores


def caption_scores_of_each(hypotheses, references):
    """CIDEr-D of every caption, a list of float: finds the best and the worst."""
    known, told = _tokenized(hypotheses, references, _java_runs())
    return Cider().compute_score(known, told)[1].tolist()


def _tokenized(hypotheses, references, java):
    """References and hypotheses: dicts image -> list of words joined by spaces."""
    if not references or len(hypotheses) != len(references):
        raise ValueError(
            f"Got {len(hypotheses)} hypotheses and {len(references)} lists of "
            f"references. Pass one of each for every image, and at least one image."
        )
    for image, texts in enumerate(references):
        if isinstance(texts, str):
            raise ValueError(
                f"The references of image {image} are one str, {texts!r}. Pass a list "
                f"of captions for every image: [{texts!r}]."
            )
    texts = [*hypotheses, *(text for texts in references for text in texts)]
    # A newline in a caption would shift all that follow.
    texts = [" ".join(text.split()) for text in texts]
    tokens = _ptb_tokens(texts) if java else map(_similar_tokens, texts)
    dropped = {*ptbtokenizer.PUNCTUATIONS}
    captions = (" ".join(word for word in row if word not in dropped) for row in tokens)
    told = {image: [next(captions)] for image in range(len(hypotheses))}
    known = {i: [next(captions) for _ in texts] for i, texts in enumerate(references)}
    for image, texts in known.items():
        if not any(texts):
            raise ValueError(
                f"Image {image} has no reference with a word in it: "
                f"{references[image]!r}. Pass at least one, or leave the image out."
            )
    return known, told


def _similar_tokens(text):
    text = html.unescape(text).lower().translate(_CHARACTERS)
    return _TOKEN.findall(_SPLIT.sub(r" \g<0>", text))


def _ptb_tokens(texts):
    # pycocoevalcap's own call writes into the folder where it is installed.
    jar = Path(ptbtokenizer.__file__).parent / ptbtokenizer.STANFORD_CORENLP_3_4_1_JAR
    command = ["java", *_ENGLISH, "-cp", jar, "edu.stanford.nlp.process.PTBTokenizer"]
    result = subprocess.run(
        [*command, "-preserveLines", "-lowerCase", "-encoding", "UTF-8"],
        input="".join(f"{text}\n" for text in texts),
        encoding="utf-8",
        capture_output=True,
        check=True,
    )
    return [line.split(" ") for line in result.stdout.split("\n")]


def _java_runs():
    if shutil.which("java") is None:
        return False
    # macOS has a `java` that only tells where to get one.
    return subprocess.run(["java", "-version"], capture_output=True).returncode == 0


def _meteor(known, told):
    before = os.environ.get("JAVA_TOOL_OPTIONS")
    os.environ["JAVA_TOOL_OPTIONS"] = " ".join([before or "", *_ENGLISH])
    try:
        meteor = Meteor()
    finally:
        del os.environ["JAVA_TOOL_OPTIONS"]
        if before is not None:
            os.environ["JAVA_TOOL_OPTIONS"] = before
    process = meteor.meteor_p
    try:
        return meteor.compute_score(known, told)[0]
    except (OSError, ValueError) as error:
        process.kill()
        raise RuntimeError(
            f"METEOR's Java process ended early: {process.stderr.read()[-300:]!r}. It "
            f"needs 1.2 GB of memory. Take `java` off PATH to leave METEOR out."
        ) from error
    finally:
        process.kill()
        process.communicate()  # closes the pipes
        if meteor.lock.locked():  # after an error: `__del__` would wait for ever
            meteor.lock.release()


def _signature(references, java):
    counts = [len(texts) for texts in references]
    count = "-".join(map(str, sorted({min(counts), max(counts)})))
    library = f"pycocoevalcap-{version('pycocoevalcap')}"
    tokenizer = "ptb-corenlp-3.4.1" if java else _NO_JAVA
    return f"refs:{count}|case:lower|tok:{tokenizer}|version:{library}"
