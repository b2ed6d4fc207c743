from inference_client.agreement import Agreement
from inference_client.statistics import ClientStatistics, Percentiles, ServerStatistics
from producers.model_figures import ModelFigures, ModelState


def figures(rows, slow_s, address="a", state="closed"):
    latency = Percentiles(slow_s / 2, slow_s, slow_s)
    server = ServerStatistics(address, state, bodies=1, rows=rows, failures=0, latency=latency)
    return ClientStatistics(1, rows, 0, 0, 0, 1, 2, {rows: 1}, 10 * rows, rows, latency, (server,))


def gather(*states):
    return ModelFigures(states)


def test_counts_are_added_and_percentiles_are_those_of_the_slowest_process():
    gathered = gather(ModelState(1, (figures(3, 0.2),)), ModelState(2, (figures(5, 0.1, state="open"),)))
    assert gathered.fallback_calls == 3
    (asked,) = gathered.statistics()
    assert (asked.rows, asked.retries, asked.sent_bytes, asked.body_rows) == (8, 4, 80, {3: 1, 5: 1})
    assert asked.latency == Percentiles(0.1, 0.2, 0.2)
    assert [(server.rows, server.state) for server in asked.servers] == [(8, "open")]


def test_servers_and_fallback_stay_apart():
    states = ModelState(0, (figures(3, 0.2),)), ModelState(1, (figures(1, 0.1), figures(2, 0.3, "b")))
    assert [asked.rows for asked in gather(*states).statistics()] == [4, 2]


def test_agreements_of_fallbacks_add_up_as_far_as_they_were_measured():
    states = [
        ModelState(1, (), Agreement(4, 4, 0.0)),
        ModelState(0, ()),
        ModelState(2, (), Agreement(8, 2, 0.5)),
    ]
    assert gather(*states).fallback_agreement == Agreement(12, 6, 0.5)
    assert gather(states[1]).fallback_agreement is None
