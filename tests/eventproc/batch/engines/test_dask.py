import pytest

from eventproc.batch.engines.base import Errand
from eventproc.batch.engines.conformance import LIMITS, EngineConformance
from eventproc.batch.engines.dask import DaskEngine
from eventproc.batch.errors import EngineFailure
from eventproc.errors import ConfigurationError
from tests.eventproc.batch.dask_cluster import dask_cluster


@pytest.fixture(scope="module")
def scheduler():
    with dask_cluster(workers=2, allowed_failures=2) as address:
        yield address


class TestDaskEngine(EngineConformance):
    @pytest.fixture(autouse=True)
    def _scheduler(self, scheduler):
        self.scheduler = scheduler

    def make_engine(self, folder, options):
        return DaskEngine("demo", folder, {"scheduler": self.scheduler, **options})

    def test_a_task_that_kills_its_worker_is_over_and_the_others_run(self, tmp_path):
        engine = self.make_engine(tmp_path, {})
        poison, good = tmp_path / "poison.sh", tmp_path / "good.sh"
        poison.write_text("kill -9 $PPID\nexec sleep 600\n")
        good.write_text(f"echo fine >> {tmp_path}/good-$1.txt\n")
        errands = [Errand(1, 1, poison, tmp_path / "log.txt", LIMITS)]
        errands += [Errand(n, n, good, tmp_path / f"{n}.txt", LIMITS) for n in range(2, 6)]
        ids = [engine_id for _, engine_id in engine.submit(errands)]
        self._wait_until(lambda: not engine.poll(ids))
        # Dask suspects what waited on a worker that died; like any lost attempt it is made again.
        lost = [e for e in errands[1:] if not (tmp_path / f"good-{e.attempt}.txt").exists()]
        ids = [engine_id for _, engine_id in engine.submit(lost)]
        self._wait_until(lambda: not engine.poll(ids))
        assert [(tmp_path / f"good-{n}.txt").exists() for n in range(2, 6)] == [True] * 4


def test_without_a_scheduler_it_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    with pytest.raises(ConfigurationError, match="dask scheduler"):
        DaskEngine("demo", tmp_path, {}).poll(["x"])


def test_a_scheduler_that_does_not_answer_is_no_news_of_the_jobs(tmp_path, monkeypatch):
    monkeypatch.setattr("eventproc.batch.engines.dask.TIMEOUT_S", 0.5)
    with pytest.raises(EngineFailure, match=r"no Dask scheduler answers at 'tcp://127\.0\.0\.1:1'"):
        DaskEngine("demo", tmp_path, {"scheduler": "tcp://127.0.0.1:1"}).poll(["x"])
