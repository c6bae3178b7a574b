"""The one decoder of untrusted bytes: bounds first, decoding second."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from autograder.errors import StudentError
from autograder.observe import wire
from tests.builders import through_the_wire

ROWS = {"names": ["n", "m"], "shape": [0, 0], "shapes": [[2, 3]], "trainable": [1]}
"""Two parameters as a probe reports them."""


def decode(values: Any = None, tensors: bytes = b"", **content: Any) -> Any:
    data = values if isinstance(values, bytes) else json.dumps(values).encode()
    content = {"nonce": "n", "grade_id": "todo1"} | content
    return wire.decode_reply(content, [data, tensors], nonce="n", grade_id="todo1")


def test_tensors_and_values_come_back_as_they_went() -> None:
    matrix = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    observation = through_the_wire({"case": {"a": matrix, "n": 3, "names": ["x"], "none": None, "yes": True}})
    assert np.array_equal(observation["case"]["a"].array(2, 3), matrix.numpy())
    assert observation["case"]["n"].number() == 3
    assert observation["case"]["names"].names() == ["x"]
    assert observation["case"]["yes"].flag() is True


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.bool])
def test_every_dtype_that_a_student_may_produce_is_decoded(dtype: torch.dtype) -> None:
    tensor = torch.tensor([[0, 1], [1, 0]]).to(dtype)
    assert np.array_equal(through_the_wire({"t": tensor})["t"].array(2, 2), [[0, 1], [1, 0]])


def test_arrays_of_one_kind_share_one_tensor_and_keep_their_shapes() -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(7.0), "c": np.arange(4.0)[::-2], "d": torch.ones(0, 2)}
    found = through_the_wire({"arrays": arrays, "whole": np.arange(3)})
    assert {name: array.tolist() for name, array in found.tensors.items()} == {
        "float64": [0, 1, 2, 3, 4, 5, 7, 3, 1],
        "float32": [],
        "int64": [0, 1, 2],
    }
    assert {name: one.any_array().tolist() for name, one in found["arrays"].items()} == {
        "a": [[0, 1, 2], [3, 4, 5]],
        "b": 7,
        "c": [3, 1],
        "d": [],
    }


@pytest.mark.parametrize(
    "odd", [torch.ones(2, device="meta"), torch.ones(2, dtype=torch.complex64), np.array(["text"]), np.array([{}])]
)
def test_what_has_no_numbers_to_send_is_not_a_tensor_and_the_rest_arrives(odd: Any) -> None:
    found = through_the_wire({"odd": odd, "sparse": torch.eye(2).to_sparse(), "n": 3})
    assert found["sparse"].array(2, 2).tolist() == [[1, 0], [0, 1]]
    assert found["n"].number() == 3
    with pytest.raises(StudentError, match="'/odd' is not a tensor"):
        found["odd"].array(2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": -2}, {"at": 3}, {"at": 10**18}, {"at": 0.0}, {"at": None}, {"tensor": None},
        {"shape": [5]}, {"shape": [-1]}, {"shape": [-2, -1]}, {"shape": ["2"]}, {"shape": 2}, {"shape": [2.0]},
        {"shape": [0, 10**18, 10**18]}, {"shape": [2] + [1] * 100}, {"tensor": "other"}, {"tensor": {}},
        {"tensor": "matrix"},
    ],
)  # fmt: skip
def test_an_array_that_is_not_where_it_should_be_is_the_students_error(wrong: dict[str, Any]) -> None:
    tensors = save({"float32": torch.arange(4.0), "matrix": torch.ones(2, 2)})
    leaf = {"tensor": "float32", "at": 2, "shape": [2]}
    assert decode({"x": leaf}, tensors)["x"].any_array().tolist() == [2, 3]
    with pytest.raises(StudentError, match="'/x' is not a tensor"):
        decode({"x": leaf | wrong}, tensors)["x"].any_array()


def test_parameters_are_read_from_their_columns() -> None:
    assert decode({"x": ROWS})["x"].parameters() == {"n": ((2, 3), False), "m": ((2, 3), True)}


@pytest.mark.parametrize("content", [{"nonce": "other"}, {"grade_id": "todo2"}])
def test_a_reply_to_another_probe_is_refused(content: dict[str, str]) -> None:
    with pytest.raises(StudentError, match="does not belong"):
        decode({}, **content)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (b"\xff", "not valid JSON"),
        (b"[" * 5000, "not valid JSON"),
        ("x" * (wire.TEXT_MAX_CHARS + 1), "too long"),
        ([0] * (wire.NODES_MAX + 1), "too many"),
        (b"1" + b"0" * 30, "too large"),
        (b"1e999", "too large"),
        (b" " * (wire.VALUES_MAX_BYTES + 1), "more than"),
    ],
)
def test_values_out_of_bounds_are_refused(values: Any, reason: str) -> None:
    with pytest.raises(StudentError, match=reason):
        decode(values)


def test_deep_nesting_is_refused() -> None:
    nested: Any = 0
    for _ in range(wire.DEPTH_MAX + 1):
        nested = [nested]
    with pytest.raises(StudentError, match="nested"):
        decode(nested)


def test_nan_is_no_number() -> None:
    assert decode(b'{"x": NaN}')["x"].number() is None


def test_bytes_that_are_no_safetensors_are_refused() -> None:
    with pytest.raises(StudentError, match="not valid safetensors"):
        decode({}, b"\x80\x04junk")


def test_a_header_that_promises_more_than_there_is_is_refused() -> None:
    with pytest.raises(StudentError, match="not valid safetensors"):
        decode({}, save({"x": torch.zeros(8)})[:-4])


@pytest.mark.parametrize(
    ("values", "access"),
    [
        ({}, lambda o: o["x"]),
        ({"x": "text"}, lambda o: o["x"].array(2)),
        ({"x": {"tensor": "gone", "at": 0, "shape": [2]}}, lambda o: o["x"].array(2)),
        ({"x": {"tensor": ["list"], "at": 0, "shape": [2]}}, lambda o: o["x"].array(2)),
        ({"x": True}, lambda o: o["x"].number()),
        ({"x": 1}, lambda o: o["x"].flag()),
        ({"x": [1]}, lambda o: o["x"].names()),
        ({"x": [["n"]]}, lambda o: o["x"].parameters()),
        ({"x": ROWS | {"names": ["n"]}}, lambda o: o["x"].parameters()),
        ({"x": ROWS | {"shape": [0, 9]}}, lambda o: o["x"].parameters()),
        ({"x": ROWS | {"shapes": [["a"]]}}, lambda o: o["x"].parameters()),
        ({"x": ROWS | {"trainable": [[]]}}, lambda o: o["x"].parameters()),
        ({"x": 5}, lambda o: o["x"].parameters()),
        ([], lambda o: o.items()),
        (["error"], lambda o: o["error"]),
    ],
)
def test_a_value_of_the_wrong_kind_is_the_students_error_and_no_crash(values: Any, access: Any) -> None:
    with pytest.raises(StudentError):
        access(decode(values))


@settings(max_examples=300)
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_arbitrary_bytes_decode_or_are_refused(values: bytes, tensors: bytes) -> None:
    try:
        observation = decode(values, tensors)
    except StudentError:
        return
    assert observation.path == ""


def header(**tensors: Any) -> bytes:
    """A safetensors file with this header and eight bytes of data."""
    text = json.dumps(tensors).encode()
    return len(text).to_bytes(8, "little") + text + bytes(8)


@pytest.mark.parametrize(
    "tensors",
    [
        header(x={"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}),
        header(x={"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}),
        header(x={"dtype": "F32", "shape": [2], "data_offsets": [0, 2**63]}),
        header(x={"dtype": "F32", "shape": [2**32, 2**32], "data_offsets": [0, 8]}),
        header(x={"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}),
        header(x={"dtype": "F8_E4M3", "shape": [8], "data_offsets": [0, 8]}),
        header(x={"dtype": "object", "shape": [1], "data_offsets": [0, 8]}),
        header(
            x={"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
            y={"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        ),
        (2**62).to_bytes(8, "little") + b"{}",
        (1 << 30).to_bytes(8, "little") + b"{}" * 50,
        header(
            **{f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(wire.TENSORS_MAX + 2)}
        ),
        header(x={"dtype": "F32", "shape": [0] + [1] * 100, "data_offsets": [0, 0]}),
    ],
)
def test_headers_that_lie_are_refused(tensors: bytes) -> None:
    with pytest.raises(StudentError):
        decode({}, tensors)


def test_empty_tensors_and_nan_are_values_like_others() -> None:
    observation = through_the_wire({"e": torch.zeros(0, 3), "n": torch.tensor([float("nan"), float("inf")])})
    assert observation["e"].array(0, 3).size == 0
    assert np.isnan(observation["n"].array(2)[0])
