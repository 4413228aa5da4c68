"""Models are installed whole or not at all, listed, checked, loaded and removed."""

import fcntl
import hashlib
import http.server
import io
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from synthetic_focus.doctor import examine
from synthetic_focus.scene import models
from synthetic_focus.scene.command import _progress_bar
from synthetic_focus.scene.onnx_network import read_description
from synthetic_focus.scene.providers import ModelError, provider

PROGRAM = [sys.executable, "-m", "synthetic_focus.cli", "models"]


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "store"
    monkeypatch.setenv("SYNTHETIC_FOCUS_MODELS", str(folder))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return folder


class Server(http.server.ThreadingHTTPServer):
    """Hands out the files of a folder, slowly if need be."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Files)
        self.folder, self.asked, self.hold = folder, [], 0.0
        self.root = f"http://127.0.0.1:{self.server_port}"


class Files(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Range")))
        contents = (self.server.folder / self.path.lstrip("/")).read_bytes()
        begin = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(contents) - 1}/{len(contents)}")
        self.send_header("Content-Length", str(len(contents) - begin))
        self.end_headers()
        half = (begin + len(contents)) // 2
        self.wfile.write(contents[begin:half])
        self.wfile.flush()
        time.sleep(self.server.hold)
        self.wfile.write(contents[half:])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def listed(networks, tmp_path, monkeypatch):
    """A catalogue of one network of two files, on a server of this machine."""
    path = networks.write("tiny", external="weights.bin")
    catalogue = tmp_path / "catalogue"
    catalogue.mkdir()
    monkeypatch.setattr(models, "_CATALOGUE", catalogue)
    with Server(networks.folder) as server:
        text = path.with_suffix(".toml").read_text()
        for name in ("tiny.onnx", "weights.bin"):
            contents = (networks.folder / name).read_bytes()
            text += (
                f"\n[[files]]\nname = '{name}'\nbytes = {len(contents)}\n"
                f"sha256 = '{hashlib.sha256(contents).hexdigest()}'\n"
                f"address = '{server.root}/{name}'\n"
            )
        (catalogue / "tiny.toml").write_text(text)
        models.catalogue.cache_clear()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
    models.catalogue.cache_clear()


def contents(folder: Path) -> set[str]:
    """The files of a folder, those of locks left out."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)) for path in files if path.suffix != ".lock"}


def states() -> dict[str, str]:
    return {model.name: model.state for model in models.models()}


def works(name: str) -> bool:
    picture = np.random.default_rng(1).random((48, 64, 3), np.float32)
    found = models.load(name).estimate(picture).disparity
    return np.allclose(found, picture @ np.float32([0.2126, 0.7152, 0.0722]), atol=1e-5)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=False
    )


# --- the catalogue


def test_the_catalogue_has_models_for_any_use_only_and_every_figure_it_needs():
    catalogue = models.catalogue()
    assert {"depth-anything-v2-small", "depth-anything-3-small", "midas-v2.1-small"} <= set(
        catalogue
    )
    for name, description in catalogue.items():
        assert description.licence in ("Apache-2.0", "MIT"), name
        assert description.source.startswith("https://"), name
        for file in description.files:
            assert file.address is not None, name
            assert file.address.startswith("https://"), name
            assert "/main/" not in file.address, f"{name} may change under its checksum"
        if description.files:
            assert description.files[0].name == f"{name}.onnx"
        else:
            assert description.note, f"{name}: where is it to be had?"


# --- by name


def test_a_model_is_installed_by_its_name_and_runs(listed, store):
    assert states() == {"tiny": "not installed"}
    told = []
    assert models.install("tiny", lambda *numbers: told.append(numbers)) == store / "tiny"
    assert states() == {"tiny": "installed"}
    assert contents(store) == {"tiny/tiny.onnx", "tiny/tiny.toml", "tiny/weights.bin"}
    total = sum(file.bytes for file in models.catalogue()["tiny"].files)
    assert told[-1] == (total, total)
    assert told == sorted(told)
    assert works("tiny")
    assert models.verify("tiny") == ""
    models.install("tiny")
    assert len(listed.asked) == 2  # it was there


def test_a_damaged_model_is_reported_and_installed_again(listed, store):
    models.install("tiny")
    weights = store / "tiny" / "weights.bin"
    weights.write_bytes(bytes(len(weights.read_bytes())))
    assert "weights.bin has been changed" in models.verify("tiny")
    models.install("tiny")
    assert works("tiny")
    weights.write_bytes(weights.read_bytes()[:-1])
    assert states() == {"tiny": "damaged"}
    with pytest.raises(ModelError, match=r"'tiny' is damaged: .*weights\.bin has 11 bytes instead"):
        models.load("tiny")
    weights.unlink()
    with pytest.raises(ModelError, match=r"weights\.bin is missing.*models install tiny` fetches"):
        models.load("tiny")
    models.install("tiny")
    assert works("tiny")
    assert contents(store) == {"tiny/tiny.onnx", "tiny/tiny.toml", "tiny/weights.bin"}


def test_a_model_of_that_name_that_is_another_gives_way_to_the_listed_one(listed, networks):
    (networks.folder / "own").mkdir()
    own = networks.write("own/own", tail=[("Sqrt", None)])
    models.install_file(own, name="tiny")
    assert not works("tiny")
    models.install("tiny")
    assert works("tiny")


def test_nothing_is_installed_of_a_model_that_arrives_in_part(listed, store, monkeypatch):
    models.catalogue()
    (listed.folder / "weights.bin").write_bytes(b"another f1le")
    with pytest.raises(ModelError, match=r"weights\.bin is another file than the one expected"):
        models.install("tiny")
    assert states() == {"tiny": "not installed"}
    with pytest.raises(
        ModelError, match=r"'tiny' is not installed.*models install tiny` fetches it"
    ):
        models.load("tiny")


def test_ctrl_c_while_a_model_is_fetched_and_the_next_time(listed, store):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        models.install("tiny", stop)
    assert states() == {"tiny": "not installed"}
    assert any(name.endswith("tiny.onnx.partial") for name in contents(store))
    models.install("tiny")
    assert works("tiny")
    assert contents(store) == {"tiny/tiny.onnx", "tiny/tiny.toml", "tiny/weights.bin"}


def test_a_network_that_does_not_run_is_not_installed(listed, networks, store):
    broken = networks.write("broken", tail=[("Mul", 0.0)])
    with pytest.raises(ModelError, match="for every pixel"):
        models.install_file(broken)
    assert "broken" not in states()
    assert contents(store) == set()


def test_two_processes_that_install_one_model_fetch_it_once(listed, store, tmp_path):
    listed.hold = 0.3
    code = f"""
import sys; from pathlib import Path; from synthetic_focus.scene import models
models._CATALOGUE = Path({str(tmp_path / "catalogue")!r}); print(models.install("tiny"))
"""
    both = [
        subprocess.Popen([sys.executable, "-c", code], stdout=-1, stderr=-1, text=True)
        for _ in range(2)
    ]
    said = sorted(process.communicate() for process in both)
    assert said == [
        (f"{store / 'tiny'}\n", ""),
        (f"{store / 'tiny'}\n", "another process installs or removes tiny; waiting for it\n"),
    ]
    assert len(listed.asked) == 2
    assert works("tiny")


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (signal.SIGINT, 130, "synthetic-focus: stopped"),
        (signal.SIGTERM, 130, "synthetic-focus: stopped"),
        (signal.SIGKILL, -signal.SIGKILL, ""),
    ],
)
def test_an_install_that_is_stopped_goes_on_the_next_time(
    listed, store, tmp_path, number, status, said
):
    code = f"""
import sys; from pathlib import Path; from synthetic_focus import cli
from synthetic_focus.scene import models; models._CATALOGUE = Path({str(tmp_path / "catalogue")!r})
sys.argv[1:] = ["models", "install", "tiny"]; cli.main()
"""
    listed.hold = 30
    process = subprocess.Popen([sys.executable, "-c", code], stdout=-1, stderr=-1, text=True)
    while not any(store.rglob("*.partial")):
        time.sleep(0.02)
    process.send_signal(number)
    assert [text.strip() for text in process.communicate()] == ["", said]
    assert process.returncode == status
    assert states() == {"tiny": "not installed"}
    listed.hold = 0
    models.install("tiny")
    assert works("tiny")


def test_names_that_cannot_be_installed(monkeypatch):
    with pytest.raises(ModelError, match=r"'unknown' cannot be installed by its name.*models list"):
        models.install("unknown")
    with pytest.raises(ModelError, match=r"huggingface\.co/onnx-community/depth-anything-v3-base"):
        models.install("depth-anything-3-base")


# --- from a file


def test_a_model_is_installed_from_a_file_with_its_weights(networks, store):
    path = networks.write("mine", external="weights.bin")
    assert models.install_file(path) == store / "mine"
    assert contents(store) == {"mine/mine.onnx", "mine/mine.toml", "mine/weights.bin"}
    assert states()["mine"] == "installed"
    assert works("mine")
    assert works_as_provider("mine")
    files = read_description(store / "mine" / "mine.toml").files
    assert [(file.name, file.bytes) for file in files] == [
        (name, (networks.folder / name).stat().st_size) for name in ("mine.onnx", "weights.bin")
    ]


def works_as_provider(name: str) -> bool:
    provider.cache_clear()
    return provider(name).identity == models.load(name).identity


def test_an_older_model_of_that_name_is_replaced(networks, store):
    models.install_file(networks.write("mine", tail=[("Sqrt", None)]))
    assert not works("mine")
    models.install_file(networks.write("mine"))
    assert works("mine")
    assert contents(store) == {"mine/mine.onnx", "mine/mine.toml"}


def test_another_name_and_another_toml(networks, store):
    path = networks.write("model")
    toml = path.with_suffix(".toml").rename(networks.folder / "other.toml")
    with pytest.raises(ModelError, match="needs a TOML beside it"):
        models.install_file(path)
    models.install_file(path, toml, "own-v1.0")
    assert works("own-v1.0")


def test_a_name_of_the_catalogue_needs_no_toml_and_must_be_that_model(listed, networks, store):
    elsewhere = networks.folder / "downloads"
    elsewhere.mkdir()
    for name in ("tiny.onnx", "weights.bin"):
        (elsewhere / name).write_bytes((networks.folder / name).read_bytes())
    models.install_file((elsewhere / "tiny.onnx").rename(elsewhere / "model.onnx"), name="tiny")
    assert works("tiny")
    assert listed.asked == []
    other = networks.write("other", tail=[("Sqrt", None)], external="weights.bin")
    other.with_suffix(".toml").unlink()
    with pytest.raises(ModelError, match=r"other\.onnx is another file than .*tiny\.toml lists"):
        models.install_file(other, name="tiny")
    single = networks.write("single")
    single.with_suffix(".toml").unlink()
    with pytest.raises(
        ModelError, match=r"lists the files tiny\.onnx, weights\.bin, but tiny\.onn"
    ):
        models.install_file(single, name="tiny")


@pytest.mark.parametrize("name", ["", "../up", ".hidden", "a/b", "built-in", "a b"])
def test_names_that_a_model_cannot_have(networks, name):
    with pytest.raises(ModelError, match="is no name for a model"):
        models.install_file(networks.write(), name=name)
    with pytest.raises(ModelError, match="there is no model"):
        models.remove(name)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ModelError, match=r"gone\.onnx cannot be read: No such file"):
        models.install_file(tmp_path / "gone.onnx")


def test_a_folder_that_cannot_be_written(networks, store):
    store.write_text("a file in the place of the folder")
    with pytest.raises(
        ModelError, match=r"cannot be written: Not a directory.*SYNTHETIC_FOCUS_MODE"
    ):
        models.install_file(networks.write())
    assert set(states().values()) <= {"not installed", "from a file"}


# --- remove, list, doctor


def test_a_model_is_removed_with_what_has_arrived_of_it(listed, store):
    models.install("tiny")
    models.remove("tiny")
    assert states() == {"tiny": "not installed"}
    with pytest.raises(KeyboardInterrupt):
        models.install("tiny", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    models.remove("tiny")
    assert contents(store) == set()
    with pytest.raises(ModelError, match="there is no model 'tiny' in"):
        models.remove("tiny")


def test_removing_waits_for_an_install(networks, store):
    models.install_file(networks.write("mine"))
    with (store / ".incoming" / "+mine.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        thread = threading.Thread(target=models.remove, args=["mine"])
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        assert (store / "mine").is_dir()
    thread.join(5)
    assert not (store / "mine").exists()


def test_the_command_lists_installs_and_removes(networks, store):
    path = networks.write("mine")
    done = run("install", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{store / 'mine'}\n", "")
    done = run("list")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert any(line.split()[:5] == ["mine", "MIT", "1", "MB", "installed"] for line in lines)
    assert any("depth-anything-v2-small" in line and "99 MB" in line for line in lines)
    assert any("depth-anything-3-base" in line and "from a file" in line for line in lines)
    (store / "mine" / "mine.toml").write_text("nonsense")
    assert "damaged" in run("list").stdout
    assert run("remove", "mine").returncode == 0
    assert not (store / "mine").exists()
    done = run("remove", "mine")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("synthetic-focus: there is no model 'mine' in ")
    assert len(done.stderr.splitlines()) == 1
    assert run("install", "mine", "--name", "other").returncode == 2


def test_progress_is_shown_on_a_terminal_only(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    with _progress_bar("tiny") as show:
        show(40_000_000, 100_000_000)  # what was there already
        time.sleep(0.15)
        show(60_000_000, 100_000_000)
    assert "tiny:  60%" in sys.stderr.getvalue()
    assert "60.0M/100M" in sys.stderr.getvalue()
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with _progress_bar("tiny") as show:
        assert show is None


def test_the_doctor_names_what_is_installed_and_what_is_damaged(networks, store):
    def said():
        found = []
        for finding in examine():
            if finding.name == "models":
                found.append((finding.ok, finding.detail))
            elif found:
                break
        return found

    (nothing,) = said()
    assert nothing[0]
    assert "the built-in estimator is used" in nothing[1]
    for name in ("one", "two"):
        models.install_file(networks.write(name))
    network = store / "two" / "two.onnx"
    network.write_bytes(network.read_bytes()[:-1] + b"\0")
    one, two = said()
    assert one == (True, str(store / "one"))
    assert not two[0]
    assert "two.onnx has been changed" in two[1]


def test_models_are_kept_in_the_users_data_folder(monkeypatch):
    monkeypatch.delenv("SYNTHETIC_FOCUS_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert models.folder() == Path("/data/synthetic-focus/models")
    monkeypatch.setenv("SYNTHETIC_FOCUS_MODELS", "~/depth")
    assert models.folder() == Path("~/depth").expanduser()
