"""Where MiniLM's files come from."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from conduit.core.errors import ConfigurationError
from conduit.features.encoders.minilm_files import EncoderSource
from conduit.features.encoders.releases import MINILM
from tests.features.encoders.conftest import Published
from tests.features.encoders.hub import serving

NO_HUB = "http://127.0.0.1:1"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, scratch files too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_nowhere(published: Published, tmp_path: Path) -> None:
    """Without cache, download and package there are no files, and no folder is made."""
    release = replace(published.release, package="no_such_package")
    source = EncoderSource(cache_dir=tmp_path / "cache", release=release)
    assert source.find() is None
    assert not (tmp_path / "cache").exists()


def test_package_is_converted_once(published: Published, tmp_path: Path) -> None:
    """What was made from the package is cached, and enough without the package."""
    first = EncoderSource(cache_dir=tmp_path, release=published.release).find()
    kept = contents(tmp_path)
    absent = replace(published.release, package="no_such_package")
    assert EncoderSource(cache_dir=tmp_path, release=absent).find() == first
    assert contents(tmp_path) == kept
    assert len(kept) == 2


def test_hub_comes_before_the_package(published: Published, tmp_path: Path) -> None:
    """With leave to download, the hub's files are taken and kept; the next call asks nobody."""
    with serving(published.files) as hub:
        source = EncoderSource(cache_dir=tmp_path, release=published.release, hub=hub.address)
        files = source.find(allow_download=True)
        assert files is not None
        assert files.graph.read_bytes() in published.files.values()
        assert len(hub.asked) == 2
        assert source.find(allow_download=True) == files
        assert len(hub.asked) == 2


def test_no_leave_no_request(published: Published, tmp_path: Path) -> None:
    """Without leave to download, the hub is not asked."""
    with serving(published.files) as hub:
        EncoderSource(cache_dir=tmp_path, release=published.release, hub=hub.address).find()
        assert hub.asked == []


def test_unreachable_hub_is_passed_over(published: Published, tmp_path: Path) -> None:
    """Without a hub, the package serves, with the same identity."""
    source = EncoderSource(cache_dir=tmp_path, release=published.release, hub=NO_HUB)
    files = source.find(allow_download=True)
    assert files is not None
    assert files.identity == published.release.identity


def test_half_a_download_is_no_cache(published: Published, tmp_path: Path) -> None:
    """A hub that has only the tokenizer is passed over as well."""
    partial = {path: body for path, body in published.files.items() if path.endswith("json")}
    with serving(partial) as hub:
        source = EncoderSource(cache_dir=tmp_path, release=published.release, hub=hub.address)
        files = source.find(allow_download=True)
    assert files is not None
    assert "graph1" in files.graph.name


def test_wrong_file_on_the_hub(published: Published, tmp_path: Path) -> None:
    """A file of the right size and another content is refused, and not kept."""
    wrong = {path: b"x" * len(body) for path, body in published.files.items()}
    with serving(wrong) as hub:
        source = EncoderSource(cache_dir=tmp_path, release=published.release, hub=hub.address)
        with pytest.raises(ConfigurationError, match=published.release.tokenizer.sha256):
            source.find(allow_download=True)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("part", ["weights", "tokenizer"])
def test_wrong_file_in_the_package(published: Published, tmp_path: Path, part: str) -> None:
    """A package with another content is refused: the file and both hashes are named."""
    file = getattr(published.release, part)
    release = replace(published.release, **{part: replace(file, sha256="0" * 64)})
    with pytest.raises(ConfigurationError) as caught:
        EncoderSource(cache_dir=tmp_path, release=release).find()
    for said in (file.path, file.sha256, "0" * 64):
        assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert contents(tmp_path) == {}


def test_file_missing_in_the_package(published: Published, tmp_path: Path) -> None:
    """A package without its weights is an error that names the file."""
    file = replace(published.release.weights, path="gone.safetensors")
    source = EncoderSource(cache_dir=tmp_path, release=replace(published.release, weights=file))
    with pytest.raises(ConfigurationError, match=r"gone\.safetensors cannot be read"):
        source.find()


@pytest.mark.parametrize("suffix", [".onnx", ".json"])
def test_damaged_cache(published: Published, tmp_path: Path, suffix: str) -> None:
    """A cached file whose content changed is refused, with the remedy."""
    source = EncoderSource(cache_dir=tmp_path, release=published.release)
    source.find()
    (damaged,) = tmp_path.glob(f"*{suffix}")
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(ConfigurationError, match="delete it") as caught:
        source.find()
    assert str(damaged) in str(caught.value)


def test_unwritable_cache(published: Published, tmp_path: Path) -> None:
    """A cache folder that cannot be made is an error that names it."""
    (tmp_path / "file").write_text("in the way")
    source = EncoderSource(cache_dir=tmp_path / "file", release=published.release)
    with pytest.raises(ConfigurationError, match="cannot be written to"):
        source.find()


def test_two_processes_at_once(published: Published, tmp_path: Path) -> None:
    """Processes that convert at the same moment leave one set of whole files."""
    script = (
        "import sys, pickle; from pathlib import Path;"
        "from conduit.features.encoders.minilm_files import EncoderSource;"
        "release = pickle.loads(bytes.fromhex(sys.argv[1]));"
        "files = EncoderSource(cache_dir=Path(sys.argv[2]), release=release).find();"
        "print(files.graph.name)"
    )
    arguments = [pickle.dumps(published.release).hex(), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(2)
    ]
    names = {process.communicate(timeout=60)[0].strip() for process in running}
    assert [process.returncode for process in running] == [0, 0]
    assert len(names) == 1
    assert len(contents(tmp_path)) == 2
    assert EncoderSource(cache_dir=tmp_path, release=published.release).cached() is not None


def test_official_release_is_pinned() -> None:
    """The official release pins three files of one commit by full hashes."""
    pins = (MINILM.graph, MINILM.weights, MINILM.tokenizer)
    assert {len(bytes.fromhex(file.sha256)) for file in pins} == {32}
    assert len({file.sha256 for file in pins}) == 3
    assert len(bytes.fromhex(MINILM.revision)) == 20
