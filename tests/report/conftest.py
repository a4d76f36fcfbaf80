"""A run made by hand."""

import pytest

from made_run import after, before, make_run


@pytest.fixture
def run_path(tmp_path):
    return make_run(tmp_path / "one", before(), after())
