"""Loading: what was begun is undone if the rest cannot be."""

import pytest

from accelerator_server.errors import BackendUnavailableError
from accelerator_server.models.model_loading import load_here, load_model
from accelerator_server.models.repository import find_models
from tests.accelerator_server.model_files import write_model


def test_devices_are_freed_if_one_of_a_models_instances_cannot_be_loaded(tmp_path):
    write_model(tmp_path, keys="instances = 3")
    (folder,) = find_models(tmp_path)
    loaded, closed = [], []

    def load(name, *arguments):
        if len(loaded) == 2:
            raise BackendUnavailableError
        backend = load_here(name, *arguments)
        backend.close = lambda: closed.append(name)
        loaded.append(name)
        return backend

    with pytest.raises(BackendUnavailableError):
        load_model(folder, [], load)
    assert loaded == ["m-1-0", "m-1-1"]
    assert sorted(closed) == loaded
