"""Paths are built from names that could be folders, and from nothing else."""

import pytest

from inference_client.protocol.errors import InvalidNameError
from inference_client.protocol.routes import infer_path, model_path


def test_paths_follow_the_open_inference_protocol():
    assert model_path("toptag") == "/v2/models/toptag"
    assert model_path("toptag", "2") == "/v2/models/toptag/versions/2"
    assert infer_path("resnet-50.v1") == "/v2/models/resnet-50.v1/infer"


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a%2eb", "a b", "x" * 65, "a\n", "é"])
def test_a_name_that_could_leave_the_repository_is_refused(name):
    with pytest.raises(InvalidNameError):
        infer_path(name)


@pytest.mark.parametrize("version", ["0", "-1", "01", "1.0", "latest", "1\n", "9" * 19])
def test_a_version_is_a_positive_whole_number(version):
    with pytest.raises(InvalidNameError):
        model_path("m", version)
