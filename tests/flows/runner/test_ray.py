"""What goes wrong between this machine and a Ray cluster is said in one line, before or in a task.

A run on two nodes, one of them lost, is in tests/faults/test_ray.py.
"""

import dataclasses
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows.config import load
from flows.runner import ray, server
from flows.runner.artifact import check_shared
from flows.runner.flow_run import Run
from flows.runner.references import InputFile
from flows.runner.work import Work
from storage import Lake
from storage.errors import UserError

URL = "PREFECT_API_URL"


def test_without_a_server_of_ones_own_nothing_starts(monkeypatch: Any) -> None:
    monkeypatch.delenv(URL, raising=False)
    with pytest.raises(UserError, match="needs a Prefect server that every node reaches"):
        server.check_shared()
    monkeypatch.setenv(URL, "http://127.0.0.1:9/api")
    monkeypatch.setattr(server, "ANSWER_SECONDS", 0.1)
    with pytest.raises(UserError, match=r"no Prefect server answers at http://127\.0\.0\.1:9"):
        server.check_shared()


def test_an_address_without_ray_is_said_at_once() -> None:
    for address in ("127.0.0.1:9", "ray://127.0.0.1:9"):
        with pytest.raises(UserError, match=f"--ray-address {address}: no Ray answers there"):
            ray._check_answers(address)
    ray._check_answers("auto")  # Ray's own business


def test_where_ray_cannot_start_is_said_at_once(monkeypatch: Any) -> None:
    installed = SimpleNamespace(__file__="/home/a user/ray/__init__.py")
    monkeypatch.setitem(sys.modules, "ray", installed)
    monkeypatch.setitem(sys.modules, "prefect_ray", SimpleNamespace())
    with pytest.raises(UserError, match=r"folder with a space in its name, /home/a user/ray"):
        ray._ray()
    installed.__file__ = "/home/üser/ray/__init__.py"
    assert ray._ray() is installed


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_other_machines_need_more_than_loopback(host: str, monkeypatch: Any) -> None:
    def cluster(*addresses: str) -> Any:
        nodes = [{"Alive": True, "NodeManagerAddress": address} for address in addresses]
        nodes.append({"Alive": False, "NodeManagerAddress": "10.0.0.9"})
        util = SimpleNamespace(get_node_ip_address=lambda: "10.0.0.1")
        return SimpleNamespace(nodes=lambda: nodes, util=util)

    monkeypatch.setenv(URL, f"http://{host}:4200/api")
    ray._check_reach(cluster("10.0.0.1", "10.0.0.1"))
    with pytest.raises(UserError, match=r"but the cluster has 10\.0\.0\.2 as well"):
        ray._check_reach(cluster("10.0.0.1", "10.0.0.2"))
    monkeypatch.setenv(URL, "http://10.0.0.1:4200/api")
    ray._check_reach(cluster("10.0.0.1", "10.0.0.2"))


def test_a_ray_of_this_machine_takes_the_cores_that_this_process_may_use(
    tmp_path: Path, monkeypatch: Any
) -> None:
    taken: list[int] = []
    ours = SimpleNamespace(
        is_initialized=lambda: False, init=lambda **options: taken.append(options["num_cpus"])
    )
    monkeypatch.setattr(ray, "_ray", lambda: ours)
    monkeypatch.setattr(server, "check_shared", lambda: None)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 5}, raising=False)
    for workers in (0, 2):
        config = load("ci", ["input.runner=ray", f"input.workers={workers}"])
        ray.join(Run(config, Lake(tmp_path)))
    assert taken == [3, 2]


def test_settings_that_cannot_be() -> None:
    with pytest.raises(UserError, match=r"input\.runner: unknown 'dask'"):
        load("ci", ["input.runner=dask"])
    with pytest.raises(UserError, match=r"only with input\.runner=ray"):
        load("ci", ["input.ray_address='10.0.0.1:6379'"])
    assert load("ci", ["input.runner=ray"]).input.runner == "ray"


def test_a_node_says_what_it_does_not_see(tmp_path: Path) -> None:
    from toy import STAGE, ToyConfig

    lake, path = Lake(tmp_path / "lake"), tmp_path / "a.warc.gz"
    work = Work(STAGE, ToyConfig(), {"toy": [InputFile(path, "00")]}, lake, "toy")
    with pytest.raises(UserError, match=r"a\.warc\.gz is not on node"):
        check_shared(work)
    path.touch()
    with pytest.raises(UserError, match=r"lake is not on node .* storage that all nodes share"):
        check_shared(work)
    (tmp_path / "lake").mkdir()
    check_shared(work)


def test_an_artifact_on_a_disk_of_the_node_is_no_artifact(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(ray, "VISIBLE_SECONDS", 0.0)
    run = Run(load("ci"), Lake(tmp_path))
    made: Any = {"kind": "toy", "digest": "0" * 64, "uri": "/scratch/toy", "rows": 0, "bytes": 0}
    with pytest.raises(UserError, match="storage that all nodes share"):
        ray._wait_until_seen(run, made)


def test_a_task_elsewhere_makes_the_same_artifact(prefect: None, tmp_path: Path) -> None:
    """Prepared inputs and scratch of its own are of no digest's concern."""
    from toy import STAGE, ToyConfig

    from flows.runner.artifact import artifact

    extra = tmp_path / "extra.json"
    extra.write_text(json.dumps({"total": 0}))
    manifests = []
    for name in ("here", "there"):
        lake = Lake(tmp_path / name)
        work = Work(STAGE, ToyConfig(number=5), {}, lake, "toy")
        if name == "there":
            (tmp_path / name).mkdir()
            prepared: Any = {"extra": [InputFile(extra, "00")]}
            work = dataclasses.replace(work, elsewhere=True, prepared=prepared)
        artifact(work)
        manifests.append(lake.manifest("toy", work.digest).content())
        scratch = tmp_path / name / ".scratch"
        assert not scratch.exists() or not list(scratch.iterdir())
        assert not list((tmp_path / name / ".staging").iterdir())
    assert manifests[0] == manifests[1]
