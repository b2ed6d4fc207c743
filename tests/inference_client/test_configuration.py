"""Settings of the client are checked when they are made."""

import pickle

import pytest

from inference_client.configuration import ClientConfiguration
from inference_client.errors import InvalidSettingError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout_s", 0.0), ("timeout_s", -1.0), ("connect_timeout_s", 0.0), ("preflight_timeout_s", 0.0),
        ("allowed_tries", 0), ("max_in_flight", 0), ("max_rows", -1), ("wait_for_servers_s", -1.0),
        ("compression", "zip"), ("client_id", "a\nb"), ("model_name", "../x"), ("model_version", "latest"),
        ("key_file", "key.pem"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_work_is_refused(name, value):
    with pytest.raises(InvalidSettingError, match=name.removeprefix("model_")):
        ClientConfiguration(**({"model_name": "jets"} | {name: value}))


def test_one_address_in_the_place_of_a_list_is_refused():
    with pytest.raises(InvalidSettingError, match="list of addresses"):
        ClientConfiguration("jets", servers="http://a:1")


def test_a_configuration_travels_to_another_process():
    configuration = ClientConfiguration("jets", servers=["http://a:1"], timeout_s=3)
    assert pickle.loads(pickle.dumps(configuration)) == configuration
