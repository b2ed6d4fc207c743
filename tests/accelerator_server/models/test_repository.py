"""The folder of models: what is found, what is left alone, what is refused."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from accelerator_server.config import parse_override
from accelerator_server.errors import ConfigurationError, ModelRefusedError
from accelerator_server.models.repository import check_overrides, find_models, find_versions
from tests.accelerator_server.model_files import affine_model, write_model


def test_the_newest_version_of_each_model_is_found(tmp_path):
    for name, version in (("a", 2), ("a", 10), ("b", 1)):
        write_model(tmp_path, name, version)
    assert [(folder.name, folder.version) for folder in find_models(tmp_path)] == [("a", 10), ("b", 1)]


def test_what_is_no_complete_version_of_a_model_is_left_alone(tmp_path):
    write_model(tmp_path, "a", 1)
    (tmp_path / "a" / "2").mkdir()
    (tmp_path / "a" / "latest").mkdir()
    (tmp_path / "README.md").write_text("models")
    write_model(tmp_path, ".hidden", 1)
    assert [(folder.name, folder.version) for folder in find_models(tmp_path)] == [("a", 1)]


def test_a_repository_without_models_is_an_error_that_says_what_was_expected(tmp_path):
    with pytest.raises(ConfigurationError, match=r"<name>/<version>/model\.toml"):
        find_models(tmp_path)
    with pytest.raises(ConfigurationError, match="not a folder"):
        find_models(tmp_path / "nowhere")


@pytest.mark.parametrize("gone", [errno.ENOENT, errno.ENOTDIR])
def test_a_model_that_is_moved_away_while_it_is_looked_for_has_no_versions(tmp_path, monkeypatch, gone):
    def fail(path):
        raise OSError(gone, os.strerror(gone))

    write_model(tmp_path)
    monkeypatch.setattr(Path, "iterdir", fail)
    assert find_versions(tmp_path, "m") == []


def test_a_repository_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    def fail(path):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    write_model(tmp_path)
    monkeypatch.setattr(Path, "iterdir", fail)
    with pytest.raises(ConfigurationError, match=f"cannot read model repository {tmp_path}: Stale"):
        find_models(tmp_path)


@pytest.mark.parametrize("form", [str.lower, str.upper])
def test_the_file_is_read_if_its_digest_is_right(tmp_path, form):
    model = affine_model()
    write_model(tmp_path, model=model, sha256=form(hashlib.sha256(model).hexdigest()))
    (folder,) = find_models(tmp_path)
    assert folder.read_model(folder.read_config([])) == model


def test_a_folder_that_is_moved_away_while_it_is_read_is_refused(tmp_path):
    write_model(tmp_path, model=affine_model())
    (folder,) = find_models(tmp_path)
    config = folder.read_config([])
    (tmp_path / "m").rename(tmp_path / "n")
    with pytest.raises(
        ModelRefusedError, match=r"model\.onnx: No such file or directory; the folder has none"
    ):
        folder.read_model(config)
    with pytest.raises(ConfigurationError, match=r"cannot read .*model\.toml"):
        folder.read_config([])


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0", lambda data: b""])
def test_a_file_that_is_not_the_one_that_was_meant_is_refused(tmp_path, change):
    path = write_model(tmp_path, model=affine_model())
    (path / "model.onnx").write_bytes(change(affine_model()))
    (folder,) = find_models(tmp_path)
    with pytest.raises(ModelRefusedError, match=r"has sha256 [0-9a-f]{64}, model\.toml says"):
        folder.read_model(folder.read_config([]))


def test_a_missing_file_is_refused(tmp_path):
    path = write_model(tmp_path, model=affine_model())
    (path / "model.onnx").unlink()
    (folder,) = find_models(tmp_path)
    with pytest.raises(ModelRefusedError, match="No such file"):
        folder.read_model(folder.read_config([]))


@pytest.mark.parametrize("name", ["../2/model.onnx", "/etc/passwd", "a/b", "..", "."])
def test_a_file_outside_the_folder_is_refused(tmp_path, name):
    write_model(tmp_path, keys=f'file = "{name}"\nsha256 = "0"')
    (folder,) = find_models(tmp_path)
    with pytest.raises((ConfigurationError, ModelRefusedError)):
        folder.read_model(folder.read_config([]))


def test_a_link_is_refused(tmp_path):
    path = write_model(tmp_path, model=affine_model())
    (path / "model.onnx").rename(tmp_path / "elsewhere")
    (path / "model.onnx").symlink_to(tmp_path / "elsewhere")
    (folder,) = find_models(tmp_path)
    with pytest.raises(ConfigurationError, match="plain file"):
        folder.read_model(folder.read_config([]))


def test_an_override_for_no_model_is_refused_with_near_names(tmp_path):
    write_model(tmp_path, "toptag")
    folders = find_models(tmp_path)
    check_overrides([parse_override("toptag.max_rows=1"), parse_override("*.max_rows=1")], folders)
    with pytest.raises(ConfigurationError, match="'toptagg'; there are toptag"):
        check_overrides([parse_override("toptagg.max_rows=1")], folders)
