"""Texts that are hard to tokenize: many scripts, emoji, controls, special tokens."""

import random
import unicodedata

SENTENCES = [
    "The quick brown fox isn't jumping over the lazy dogs' tails, they're told.",
    "Übergrößenträger fahren in die naïve façade; Ærøskøbing, Łódź, İstanbul, Iğdır.",
    "ΟΔΥΣΣΕΥΣ και ΣΊΣΥΦΟΣ, ᾳ ᾂ ΰ; Ὀδυσσεύς",
    "Съешь ещё этих мягких французских булок, Ёлка Йод",
    "שָׁלוֹם עֲלֵיכֶם, עברית",
    "السَّلَامُ عَلَيْكُم، هل هذا صحيح؟ ۱۲۳",
    "नमस्ते दुनिया। क्या हाल है? क़ ख़",
    "নমস্কার ড় ঢ় য়, ੴ ਸਤਿ ਸ਼੍ਰੀ, ગુજરાતી, ଓଡ଼ିଆ",
    "வணக்கம் கொ, తెలుగు, ಕನ್ನಡ, മലയാളം, සිංහල",
    "สวัสดีครับ ไม่เป็นไร, ພາສາລາວ, မြန်မာ, ភាសាខ្មែរ",
    "བོད་སྐད། ᠮᠣᠩᠭᠣᠯ, አማርኛ፡ ሰላም።",
    "ქართული ენა, Հայերեն լեզու, ᏣᎳᎩ, ᐃᓄᒃᑎᑐᑦ",
    "我爱北京天安门。漢字とひらがな、カタカナ・ガギグ。豈更車賈",
    "한국어는 즐겁다 각 한글 값",
    "e\u0301 A\u030a n\u0303 o\u0302\u0323 q\u0307\u0323 \u0344 Å Ω K ﬁ ǆ",
    "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪 ❤️ 1️⃣ ©️ \U0001faf6",
    "nul \0 bell \x07 del \x7f nel \x85 tab\tfeed\n\r\nvt\x0bff\x0c soft\u00adhyphen",
    "a\u200bb c\u200dd \ufeffbom \u2028line\u2029para \u202er\u202c \u3000w\u00a0",
    "\ue000 \uf8ff \U000f1234 \U0010fffd \ufffd \u0378 \u05ff \U000e0041 \ufdd0",
    "$100,000.50 + 20% = <b>x_y</b> #tag @user http://a.b/c?d=e&f ~^`|\\ ½ ² ٣",
    "w" * 100 + " " + "w" * 101 + " " + "é" * 100 + " " + "ß" * 150 + "!" * 120,
    "",
    " ",
    " \t \n  ",
    "I'll we've 's 'S ''s 'll'd 've  ' re'  's  \n's\u00a0's '",
]


def hard_texts(special_tokens, num_random=1500, seed=0):
    """Sentences in many scripts, as they are and cut up at random with what hurts."""
    draw = random.Random(seed)
    first, *_ = special_tokens
    insertions = [
        *special_tokens,
        *(
            first[:-1],
            first[1:],
            first.lower(),
            first + first,
            f" {first} ",
            f"\n{first}",
        ),
        *(" ", "  ", "\t", "\0", "\u00a0", "\u200d", "'", "'s", "x" * 101, "aaaa"),
    ]
    marks = [
        chr(code)
        for code in range(0x20000)
        if unicodedata.category(chr(code))[0] == "M"
    ]
    texts = [*SENTENCES, *special_tokens, " ".join(special_tokens)]
    for _ in range(num_random):
        highest = draw.choice([0x80, 0x250, 0x3000, 0x20000, 0x110000])
        text = list(draw.choice(SENTENCES)[: draw.randrange(60)])
        text += [chr(draw.randrange(highest)) for _ in range(draw.randrange(10))]
        for _ in range(draw.randrange(8)):
            piece = draw.choice(insertions + draw.sample(marks, 4))
            text.insert(draw.randrange(len(text) + 1), piece)
        texts.append("".join(c for c in text if not "\ud800" <= c <= "\udfff"))
    return texts
