"""What of the profile full can be tested without its download: SST-2 is split in the same way every time."""

import datasets
import pytest
from hw8_lora import lab


def table(n):
    """Return n labelled sentences in SST-2's columns."""
    rows = {"sentence": [f"review {i} . " for i in range(n)], "label": [i % 2 for i in range(n)], "idx": list(range(n))}
    return datasets.Dataset.from_dict(rows)


@pytest.fixture
def load_reviews(monkeypatch):
    """The notebook's own function, with a small table in place of the download."""
    asked = []
    sst2 = datasets.DatasetDict(train=table(100), validation=table(7))
    monkeypatch.setattr(datasets, "load_dataset", lambda *names: asked.append(names) or sst2)
    monkeypatch.setattr(lab.settings, "PROFILE", "full")
    yield lab.load_reviews
    assert set(asked) == {("nyu-mll/glue", "sst2")}


def test_a_fifth_of_the_training_set_validates_and_glues_validation_set_tests(load_reviews):
    reviews = load_reviews()
    assert {name: len(rows) for name, rows in reviews.items()} == {"train": 80, "validation": 20, "test": 7}
    assert reviews["test"][0] == ("review 0 . ", 0)


def test_the_split_is_the_same_every_time_and_shares_no_sentence(load_reviews):
    first, second = load_reviews(), load_reviews()
    assert first == second
    assert not set(first["train"]) & set(first["validation"])
