"""Files of plain numbers: an empty one is empty, a missing one is an error."""

import numpy as np
import pytest

from pipeline.dedup.spill import open_numbers


def test_numbers_are_read_as_they_were_written(tmp_path):
    numbers = np.arange(5, dtype="<u4")
    numbers.tofile(tmp_path / "some")
    assert np.array_equal(open_numbers(tmp_path / "some", "<u4"), numbers)
    (tmp_path / "none").touch()
    assert open_numbers(tmp_path / "none", "<u8").shape == (0,)


def test_what_should_be_there_and_is_not_is_no_empty_table(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_numbers(tmp_path / "absent", "<u4")
