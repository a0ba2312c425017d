import pytest

from zoo.interop import hub
from zoo.interop.hub import checkpoint_folder


class Hub:
    """Stands for huggingface_hub, which needs a network."""

    def __init__(self, folder=None, error=None):
        self.folder, self.error = folder, error

    def snapshot_download(self, name, allow_patterns):
        if self.error:
            raise self.error
        self.name, self.patterns = name, allow_patterns
        return str(self.folder)


def test_a_folder_is_itself(tmp_path):
    assert checkpoint_folder(str(tmp_path)) == tmp_path


def test_an_id_is_fetched_without_pickles(tmp_path, monkeypatch):
    fake = Hub(tmp_path)
    monkeypatch.setattr(hub, "huggingface_hub", fake)
    assert checkpoint_folder("owner/model-1.0") == tmp_path
    assert fake.name == "owner/model-1.0"
    endings = {pattern.rpartition(".")[2] for pattern in fake.patterns}
    assert endings == {"json", "safetensors", "txt"}


def test_without_a_network_the_error_says_so(monkeypatch):
    fake = Hub(error=OSError("unreachable"))
    monkeypatch.setattr(hub, "huggingface_hub", fake)
    with pytest.raises(FileNotFoundError, match="no folder bert.*OSError: unreachable"):
        checkpoint_folder("bert")


def test_without_the_library_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(hub, "huggingface_hub", None)
    with pytest.raises(FileNotFoundError, match="pip install huggingface_hub"):
        checkpoint_folder("owner/model")


@pytest.mark.parametrize("name", ["no/such/folder", "../x", "/nowhere", "a b"])
def test_what_is_neither_a_folder_nor_an_id_is_refused(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hub, "huggingface_hub", Hub(error=AssertionError()))
    with pytest.raises(FileNotFoundError, match="is not a folder. Pass a folder with"):
        checkpoint_folder(name)
