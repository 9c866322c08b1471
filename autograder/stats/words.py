"""Words of a collection of texts, counted under every rule that people mean by "word"."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

Rule = Callable[[str], list[str]]

_PUNCTUATION = string.punctuation + "’‘“”…–—"
_NO_PUNCTUATION = str.maketrans("", "", _PUNCTUATION)

SPLITS: dict[str, Rule] = {
    "split at white space": str.split,
    "runs of letters and digits": lambda text: re.findall(r"\w+", text),
    "runs of letters with apostrophes": lambda text: re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text),
    "split, punctuation around them stripped": lambda text: [
        word for part in text.split() if (word := part.strip(_PUNCTUATION))
    ],
    "split after punctuation was removed": lambda text: text.translate(_NO_PUNCTUATION).split(),
}
"""How a text is cut into words."""

RULES: dict[str, Rule] = {
    **{f"{name}, lower case": lambda text, cut=cut: cut(text.lower()) for name, cut in SPLITS.items()},  # type: ignore[misc]
    **{f"{name}, as written": cut for name, cut in SPLITS.items()},
}
"""Every rule by its name, the usual ones first."""

_EVERY_LIST = (
    "a an and are as at be been but by for from had has have he her him his i if in is it its me my not of on or "
    "our she so that the their them then there they this to was we were what when where which who will with you "
    "your am do does did how more no nor only own same she some such than these those through too under until up "
    "very why"
)
ALWAYS_STOPPED = frozenset(_EVERY_LIST.split())
"""Words that every usual list of stop words holds (NLTK, scikit-learn, wordcloud, spaCy)."""

_SOME_LIST = (
    "about above after again against all also although always among any anyone anything around away aren aren't "
    "back because become before behind being below between both can can't cannot could couldn couldn't didn didn't "
    "doesn doesn't doing don don't done dont down during each either else even ever every everyone everything few "
    "further get give go going gonna got hadn hadn't hasn hasn't haven haven't having here here's hers herself "
    "himself how's however i'd i'll i'm i've im isn isn't it's itself ive just keep let let's like ll ma made make "
    "many may maybe might mightn mightn't mine much must mustn mustn't myself needn needn't never next nobody none "
    "nothing now o off often oh once one onto other others otherwise ought ours ourselves out over part perhaps "
    "please put rather re really s say see seem seemed shall shan shan't she'd she'll she's should should've "
    "shouldn shouldn't show side since somehow someone something sometimes still t take that'll that's theirs "
    "themselves there's they'd they'll they're they've though throughout thus till together toward towards us "
    "use used ve via wasn wasn't we'd we'll we're we've well weren weren't what's whatever when's whenever where's "
    "wherever whether while who's whoever whole whom whose why's within without won won't would wouldn wouldn't "
    "yeah yes yet you'd you'll you're you've youre yours yourself yourselves d m y ain ain't cause em til la na "
    "ooh ah hey uh gotta wanna cant wont thats theres ill id shes hes two first last know way come"
)
STOPPED = ALWAYS_STOPPED | frozenset(_SOME_LIST.split())
"""Words that some usual list holds, or that people add for songs."""

SHORT = 3
"""Letters up to which a word may be left out as too short to mean anything."""
N_KEPT = 12
"""Ranked words that are kept of all words, and of those that are no stop words."""


def means(texts: Sequence[str], lengths: Mapping[str, Callable[[str], int]]) -> dict[str, float]:
    """Return the mean of every length over the texts; NaN-free: no texts give an empty mapping."""
    if not texts:
        return {}
    return {name: sum(map(length, texts)) / len(texts) for name, length in lengths.items()}


CHARACTERS: dict[str, Callable[[str], int]] = {
    "all": len,
    "without the ends": lambda text: len(text.strip()),
    "without line breaks": lambda text: len(re.sub(r"[\r\n]", "", text)),
    "without white space": lambda text: len(re.sub(r"\s", "", text)),
    "letters and digits": lambda text: len(re.findall(r"\w", text)),
    "letters": lambda text: sum(map(str.isalpha, text)),
}
"""What people count as characters."""

WORDS: dict[str, Callable[[str], int]] = {
    **{name: (lambda text, cut=cut: len(cut(text))) for name, cut in SPLITS.items()},  # type: ignore[misc]
    "pieces between blanks": lambda text: len(text.split(" ")),
}
"""What people count as words."""


def ranked(texts: Iterable[str], n: int = N_KEPT) -> dict[str, dict[str, int]]:
    """Return the most used words and their counts, by rule.

    Kept are the n most used words and, beyond them, all that is as frequent as the n-th word that is no stop word,
    without the words that everybody stops: enough to judge any top three.
    """
    listed = list(texts)
    kept: dict[str, dict[str, int]] = {}
    for name, rule in RULES.items():
        counts = Counter(word for text in listed for word in rule(text))
        kept[name] = {}
        n_others = 0
        for rank, (word, count) in enumerate(counts.most_common()):
            n_others += word.lower() not in STOPPED and len(word) > SHORT
            if rank < n or word.lower() not in ALWAYS_STOPPED:
                kept[name][word] = count
            if n_others >= n:
                break
    return kept


def reading_of(words: Sequence[str], counts: Mapping[str, Mapping[str, float]]) -> str:
    """Return the rule under which these are the most used words, or "" when there is none.

    Stop words may have been left out: then none of the words is one that every list stops, and all that is used more
    often is stopped by some list, or short.
    """
    for rule, by_word in counts.items():
        if len(set(words)) < len(words) or any(word not in by_word for word in words):
            continue
        least = min(by_word[word] for word in words)
        above = [word.lower() for word, count in by_word.items() if count > least and word not in words]
        if not above:
            return rule
        if all(len(word) == 1 for word in above):
            return f"{rule}, words of one letter left out"
        if ALWAYS_STOPPED.isdisjoint(word.lower() for word in words) and all(
            word in STOPPED or len(word) <= SHORT for word in above
        ):
            return f"{rule}, stop words left out"
    return ""
