"""The catalogue of mistakes in TODO 1 and 6: which parameters train that should not, and which do not. Never shipped.

The difference itself is told in any case (``naming.in_words``), and it cannot be wrong. A cause is added only where
exactly one entry explains all of it; entries with the same words count as one.
"""

import difflib
import functools
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass

from autograder.models import Observation

from .naming import IN_BLOCK, in_words

LAST = r"\.h\.(10|11)\."
BEGINNING = "`h.1` is also the beginning of `h.10` and `h.11`: compare the number with the dots around it"
EVERY_BLOCK = "this name alone is in all 12 blocks: compare the number of the block as well"
NUMBERED = "the 12 blocks are numbered from 0 to 11, so the last two are 10 and 11"
PROJECTION = "`c_proj` is the projection; query, key and value are in `c_attn`"
LARGE = "LoRA stands in for the update of the large matrices, which stay frozen"
BESIDE = "the biases of the two layers with LoRA train as well"


@dataclass(frozen=True)
class Mistake:
    """What trains in excess and what is missing: every name of that side that a pattern finds; "" for none."""

    extra: str
    missing: str
    words: str

    def explains(self, extra: Set[str], missing: Set[str], right: Set[str], wrong: Set[str]) -> bool:
        """Whether it is the whole difference; ``right`` should train, ``wrong`` should not."""
        return (matching(self.extra, frozenset(wrong)), matching(self.missing, frozenset(right))) == (extra, missing)


@functools.lru_cache(maxsize=1024)
def matching(pattern: str, names: frozenset[str]) -> frozenset[str]:
    """The names in which the pattern is found; the same for most of a class."""
    return frozenset(name for name in names if pattern and re.search(pattern, name))


MISTAKES = (
    Mistake(r"\.h\.1\.attn\.c_attn\.", "", BEGINNING),
    Mistake(r"\.h\.1\.attn\.c_attn\.bias", "", BEGINNING),
    Mistake(r"\.h\.1\.attn\.c_attn\.weight", "", BEGINNING),
    Mistake(r"\.h\.1\.attn\.c_attn\.weight", r"c_attn\.bias", BEGINNING),
    Mistake(r"\.h\.1[01]?\.", "", BEGINNING),
    Mistake(r"\.h\.1[01]?\.attn", "", BEGINNING),
    Mistake(r"\.h\.1[01]?\..*bias", "", BEGINNING),
    Mistake(r"attn\.c_attn\.", "", EVERY_BLOCK),
    Mistake(r"\.h\.\d\.attn\.c_attn\.", "", EVERY_BLOCK),
    Mistake(r"\.h\.\d\.attn\.c_attn\.bias", "", EVERY_BLOCK),
    Mistake(r"\.h\.\d\.attn\.c_attn\.weight", r"c_attn\.bias", EVERY_BLOCK),
    Mistake(LAST + r"attn\.c_proj", "", PROJECTION),
    Mistake(LAST + r"(attn|mlp)\.c_proj", "", PROJECTION),
    Mistake(LAST + r"attn\.c_proj", r"attn\.c_attn\.(weight|bias)", PROJECTION),
    Mistake(LAST + r"(attn|mlp)\.c_proj", r"attn\.c_attn\.(weight|bias)", PROJECTION),
    Mistake(LAST + r"attn\.c_proj\.bias", "", PROJECTION),
    Mistake(LAST + r"attn\.c_proj\.bias", r"attn\.c_attn\.bias", PROJECTION),
    Mistake(LAST + r"(attn|mlp)\.c_proj\.bias", r"attn\.c_attn\.bias", PROJECTION),
    Mistake(LAST, "", "only `attn.c_attn` of these blocks is to train: compare the name of the layer as well"),
    Mistake(LAST + "attn", "", "only `attn.c_attn` of the attention is to train, not its projection `c_proj`"),
    Mistake(LAST + r"attn\.c_attn\.weight", "", LARGE),
    Mistake(LAST + r"attn\.c_attn\.weight", r"c_attn\.bias", LARGE),
    Mistake(r"\.bias", "", "`bias` alone is in the name of every bias of the model"),
    Mistake(r"ln_f", "", "`ln_f` is the last LayerNorm; the head is `score`"),
    Mistake(r"ln_f", "score", "`ln_f` is the last LayerNorm; the head is `score`"),
    Mistake(r"wte|wpe", "", "the embeddings stay frozen"),
    Mistake(r"wte", "", "the embeddings stay frozen"),
    Mistake(r"wpe", "", "the embeddings stay frozen"),
    Mistake("", "score", "its parameter is called `score.weight`"),
    Mistake("", r"c_attn\.bias", "query, key and value have a bias beside their weight"),
    Mistake("", r"lora_", "LoRA's matrices are called `lora_A` and `lora_B`, with capital letters"),
    Mistake("", r"lora_A", "LoRA has two matrices, and both train"),
    Mistake("", r"lora_B", "LoRA has two matrices, and both train"),
)
"""Ways to the difference that are known, one for each set of names."""


@dataclass(frozen=True)
class Seen:
    """What one call left: all names, those that train, and what else happened, in words."""

    names: Set[str]
    trained: Set[str]
    harm: str

    def difference(self, right: Set[str]) -> tuple[frozenset[str], frozenset[str]]:
        """(names that train in excess, names that should train, are there and do not)."""
        return frozenset(self.trained - right), frozenset(right & self.names) - self.trained


def told(seen: Mapping[str, Seen], right: Set[str], left: Observation, returned: str) -> str:
    """Everything that is wrong with these calls, in words; "" for nothing."""
    wrong = {label: case for label, case in seen.items() if any(case.difference(right))}
    # GPT-2's own size first: it is the one that the homework trains.
    shown = next((wrong[label] for label in ("real", "first", "second") if label in wrong), None)
    choice = choice_words(shown, right, left, returned, occasion(set(wrong), set(seen), right)) if shown else ""
    harm = next((case.harm for case in seen.values() if case.harm), "")
    return "\n".join(filter(None, [choice, harm]))


def choice_words(seen: Seen, right: Set[str], left: Observation, returned: str, when: str) -> str:
    """What is wrong with one choice, and its cause where that is certain: when it happens says more than the names."""
    extra, missing = seen.difference(right)
    found = difference_words(seen, right)
    # What a function left behind besides is evidence of its own; it goes before a guess from the names.
    nothing = seen.trained == seen.names
    cause = when or evidence(left, returned, nothing=nothing)
    if right <= seen.names:  # where parts of the model are gone, names tell nothing of a cause
        cause = cause or known(extra, missing, right, seen.names)
    return f"{found}\n{cause}" if cause else found


def difference_words(seen: Seen, right: Set[str]) -> str:
    """The difference, and nothing but the difference."""
    extra, missing = seen.difference(right)
    if seen.trained == seen.names:
        return "nothing was frozen: every parameter still has requires_grad=True"
    if seen.trained == seen.names - right:
        return "the choice is turned round: what should be frozen trains, and what should train is frozen"
    if not seen.trained:
        return "everything was frozen: no parameter has requires_grad=True"
    parts = [f"frozen though it should train: {in_words(missing)}"] if missing else []
    return "; ".join([*parts, *([f"trained though it should be frozen: {in_words(extra)}"] if extra else [])])


def known(extra: Set[str], missing: Set[str], right: Set[str], names: Set[str]) -> str:
    """The words of the only mistake that explains the difference, or of one for each side of it; else ""."""
    wrong = names - right
    whole = explanation(extra, missing, right, wrong) or moved(extra, missing)
    sides = [explanation(extra, set(), right, wrong), explanation(set(), missing, right, wrong)]
    return whole or ("; ".join(dict.fromkeys(sides)) if all(sides) else "")


def explanation(extra: Set[str], missing: Set[str], right: Set[str], wrong: Set[str]) -> str:
    """The words of the entries that explain this difference, if they agree."""
    words = {mistake.words for mistake in MISTAKES if mistake.explains(extra, missing, right, wrong)}
    return words.pop() if len(words) == 1 else ""


def moved(extra: Set[str], missing: Set[str]) -> str:
    """Whether the same tensors were chosen, in other blocks."""
    places = [[IN_BLOCK.fullmatch(name) for name in names] for names in (extra, missing)]
    if not all(place for side in places for place in side):
        return ""
    tensors = [{(place[2], place[3]) for place in side if place} for side in places]
    return NUMBERED if tensors[0] and tensors[0] == tensors[1] else ""


def evidence(left: Observation, returned: str, *, nothing: bool) -> str:
    """What a function did in place of setting ``requires_grad``, if it did exactly one such thing."""
    found = [*attribute_words(left)]
    if nothing:
        found += ["`.grad` was set, which holds the gradient; what trains is set by `requires_grad`"] * bool(
            left["gradients"].names()
        )
        found += ["eval() was called, which changes dropout and not what trains"] * (not left["training"].flag())
        found += [f"it returned a {returned}, which sets nothing; what trains is set on the parameters"] * (
            returned in COLLECTIONS
        )
    return found[0] if len(found) == 1 else ""


COLLECTIONS = ("list", "tuple", "dict", "set", "generator", "filter", "map")


def attribute_words(left: Observation) -> list[str]:
    """About an attribute that is no parameter's ``requires_grad``, but was meant so."""
    rows = left["attributes"].values
    pairs = {(str(owner), str(key)) for owner, key in rows} if isinstance(rows, list) else set()
    # A name of a library's own, with an underscore before it, was misspelt by nobody.
    meant = {key for _, key in pairs if not key.startswith("_")}
    keys = {key for key in meant if difflib.SequenceMatcher(None, key, "requires_grad").ratio() > 0.7}
    if keys == {"requires_grad"}:
        return ["requires_grad was set on a module, where it is a new attribute; set it on its parameters"]
    return [f"`{key}` is a new attribute; the right one is spelt `requires_grad`" for key in keys - {"requires_grad"}]


def occasion(wrong: Set[str], every: Set[str], right: Set[str]) -> str:
    """When it happens, if not always; the order of the calls and the ranks differ so that this tells."""
    if wrong == every:
        return ""
    if wrong == {"real", "first"}:
        return "only the first call was right, later ones on other models were not: does something stay from the first?"
    if wrong == {"second"} and any("lora_" in name for name in right):
        return "so it was for another rank; for r = 1 the choice is right: does it depend on the shapes?"
    if wrong == {"real"}:
        return "so it was on GPT-2's true size; on smaller models the choice is right: does it depend on the shapes?"
    if wrong == {"first", "second"}:
        return "so it was on small models; on GPT-2's true size the choice is right: does it depend on the shapes?"
    return "so it was on some of the models that were tried"
