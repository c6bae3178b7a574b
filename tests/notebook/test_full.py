"""What of the profile full can be tested without its download: how SST-2 is split."""

import itertools

import datasets
import pytest
from hw8_lora import lab
from runner import NOTEBOOK

THINGS, WORDS = ("plot", "cast", "score", "ending"), ("dull", "fresh", "warm", "slow", "odd")
PAIRS = enumerate(itertools.product(THINGS, WORDS))
WHOLE = [f"the {thing} is {word} , but number {i} is not" for i, (thing, word) in PAIRS]
PARTS = [" ".join(text.split()[a:b]) for text in WHOLE for a, b in ((0, 4), (1, 4), (5, 10), (6, 8))]


def table(texts):
    """Return labelled sentences in SST-2's columns."""
    rows = {"sentence": [f"{text} " for text in texts], "label": [i % 2 for i in range(len(texts))]}
    return datasets.Dataset.from_dict(rows)


def is_part(text, other):
    """Return whether a text stands word for word in another."""
    return f" {' '.join(text.split())} " in f" {' '.join(other.split())} "


def overlaps(some, others):
    """Return the share of `some` that stand in one of the others or hold one."""
    return sum(any(is_part(a, b) or is_part(b, a) for b, _ in others) for a, _ in some) / len(some)


@pytest.fixture
def load_reviews(monkeypatch):
    """The notebook's own function, with a small table in place of the download."""
    asked = []
    sst2 = datasets.DatasetDict(train=table([*PARTS, *WHOLE, WHOLE[0]]), validation=table(["good .", "bad .", "new ."]))
    monkeypatch.setattr(datasets, "load_dataset", lambda *names: asked.append(names) or sst2)
    monkeypatch.setattr(lab.settings, "PROFILE", "full")
    yield lab.load_reviews
    assert set(asked) == {("nyu-mll/glue", "sst2")}


def test_as_many_whole_sentences_validate_as_test(load_reviews):
    reviews = load_reviews()
    assert len(reviews["validation"]) == len(reviews["test"]) == 3
    assert {text.strip() for text, _ in reviews["validation"]} <= set(WHOLE)
    assert reviews["test"][0] == ("good . ", 0)


def test_no_validation_text_is_part_of_a_training_text_or_holds_one(load_reviews):
    reviews = load_reviews()
    assert overlaps(reviews["validation"], reviews["train"]) == 0
    assert len(reviews["train"]) > 50


def test_a_random_fifth_would_share_its_texts_with_training():
    split = table([*PARTS, *WHOLE]).train_test_split(0.2, seed=8)
    parts = {name: list(zip(part["sentence"], part["label"], strict=True)) for name, part in split.items()}
    assert overlaps(parts["test"], parts["train"]) > 0.8


def test_the_split_is_the_same_every_time(load_reviews):
    assert load_reviews() == load_reviews()


def test_in_tiny_too_no_validation_text_is_part_of_a_training_text(monkeypatch):
    monkeypatch.setattr(lab.settings, "PROFILE", "tiny")
    monkeypatch.setattr(lab.settings, "TINY", NOTEBOOK.parent / "tiny")
    reviews = lab.load_reviews()
    parts = set().union(*(lab.parts_of(text) for text, _ in reviews["train"]))
    assert not any(" ".join(text.split()) in parts for text, _ in reviews["validation"])
    assert len(reviews["train"]) > 3_800


def test_a_results_folder_that_nothing_can_hold_is_refused_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(lab.settings, "RESULTS", tmp_path / "not mounted" / "hw8")
    with pytest.raises(FileNotFoundError, match="choose Mount Drive"):
        lab.settings.make_results_folder()
    monkeypatch.setattr(lab.settings, "RESULTS", tmp_path / "hw8")
    lab.settings.make_results_folder()
    assert (tmp_path / "hw8").is_dir()
