"""InferenceService: knows the accelerator servers of a job, and starts one where there is none."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from eventproc.modules import ParameterDescription, Service, doc
from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.recording.joining import join_parts
from inference_client.recording.recorder import Recorder
from inference_client.recording.replay_transport import REPLAY_ADDRESS, Replay
from inference_client.servers.addresses import BALANCER_HOST
from inference_client.signature import ModelExpectation
from producers.fallback_check import FallbackPolicy
from producers.inference_errors import as_framework_errors
from producers.inference_records import SAFETY, whole_timeout_s
from producers.inference_summary import RowWords, summary_lines, told_recording
from producers.model_client import AsksModel, ModelClient
from producers.model_figures import ModelFigures, ModelState
from producers.own_server import OwnServer
from producers.threaded_model_client import ThreadedModelClient

_LOG = logging.getLogger("eventproc.InferenceService")

Mode = Literal["Async", "PseudoAsync", "Sync"]
"""How a module waits, as in CMSSW's SonicCore: not at all, in a thread of the client's own, or in its own."""


class FallbackParameters(ParameterDescription):
    """What happens when no server answers, as in SonicTriton's TritonService."""

    enable: Annotated[bool, doc("start a server on this machine when the listed ones do not answer")] = False
    tolerance: Annotated[
        float, doc("largest difference of its answers from the servers', on the first rows", ge=0)
    ] = FallbackPolicy().tolerance
    onDisagreement: Annotated[
        Literal["refuse", "warn"],
        doc("where it differs by more: 'refuse' does not use it, 'warn' uses it and says so"),
    ] = "refuse"
    timeoutShare: Annotated[
        float,
        doc("part of a module's timeout that is kept for it; servers are waited for in the rest", gt=0, lt=1),
    ] = FallbackPolicy().timeout_share


class InferenceService(Service):
    """Gives inference modules their clients; owns the embedded server of a job that lists none."""

    class Params(ParameterDescription):
        """Where the servers are; nothing of it changes what is computed."""

        servers: Annotated[
            list[str],
            doc("http://host:port of each; none: the site's balancer, else one of our own", untracked=True),
        ] = []
        modelsFolder: Annotated[
            str, doc("model repository of a server that this job starts", untracked=True)
        ] = ""
        localServerOptions: Annotated[
            list[str], doc("more words for that server's command line", untracked=True)
        ] = []
        fallback: Annotated[
            FallbackParameters, doc("a server of our own as the last resort", untracked=True)
        ] = msgspec.field(default_factory=FallbackParameters)
        waitForServers: Annotated[
            float, doc("how long to wait at the start for a first server, s", untracked=True, ge=0)
        ] = 0.0
        tokenFile: Annotated[str, doc("file with the bearer token", untracked=True)] = ""
        caFile: Annotated[str, doc("certificates to trust for https, PEM", untracked=True)] = ""
        certificateFile: Annotated[
            str, doc("this job's own certificate, PEM, for servers that demand one", untracked=True)
        ] = ""
        keyFile: Annotated[str, doc("its key, if it is not in the same file", untracked=True)] = ""
        hedging: Annotated[
            bool, doc("ask a second server when the first is later than 95 % of answers", untracked=True)
        ] = False
        recordFile: Annotated[
            str, doc("file to keep every request and reply in; it must not exist", untracked=True)
        ] = ""
        replayFile: Annotated[
            str, doc("such a file to be answered from, in the place of servers", untracked=True)
        ] = ""

    def __init__(self, params: Params) -> None:
        self._params = params
        self._recorder: Recorder | None = None  # open while the job runs
        self._recorded_parts: list[Path] = []  # of the other processes of the job, until they are joined
        self._replay: Replay | None = None
        self._clients: list[AsksModel] = []
        self._words: list[RowWords] = []  # one for each client
        self._own_server = OwnServer(params.modelsFolder, params.localServerOptions)
        self._has_servers = False  # other than one of this job's own
        self._began_s = self._ended_s = 0.0
        self._absorbed: list[tuple[ModelState, ...]] = []  # of the other processes, for each client

    def add_model(
        self,
        configuration: ClientConfiguration,
        expectation: Callable[[], ModelExpectation],
        mode: Mode = "Async",
        words: RowWords = RowWords(),  # noqa: B008  frozen
    ) -> AsksModel:
        """The client for one module's model; called in the module's constructor.

        Args:
            configuration: what the module says; where the servers are is the service's.
            expectation: gives what the module was made for, once all products are resolved.
            mode: what waits for an answer: nothing, a thread of the client's own, or the whole job.
            words: what the model's rows are called in the summary.
        """
        complete = dataclasses.replace(
            configuration,
            wait_for_servers_s=self._params.waitForServers,
            token_file=self._params.tokenFile,
            ca_file=self._params.caFile,
            certificate_file=self._params.certificateFile,
            key_file=self._params.keyFile,
            hedging=self._params.hedging,
        )
        fallback = self._params.fallback
        refuses = fallback.onDisagreement == "refuse"
        policy = FallbackPolicy(fallback.tolerance, refuses, fallback.timeoutShare)
        asks = ModelClient(complete, expectation, self._make_client, policy)
        client: AsksModel = asks
        if mode != "Async":
            client = ThreadedModelClient(asks, blocks=mode == "Sync")
        self._clients.append(client)
        self._own_server.models.append(configuration.model_name)
        self._words.append(words)
        return client

    async def start(self) -> None:
        """Starts a server if the job lists none, and checks every model before the first event.

        Raises:
            ConfigurationError: an address is malformed, or a model is unknown or does not fit.
            ExternalFailure: no server answers.
        """
        if not self._clients:
            return
        servers = self._params.servers
        with as_framework_errors():
            if self._params.recordFile:
                self._recorder = Recorder(self._params.recordFile)
            if self._params.replayFile:
                self._replay = await asyncio.to_thread(Replay, self._params.replayFile)
                servers = [REPLAY_ADDRESS]
            self._has_servers = bool(servers) or BALANCER_HOST in os.environ
            if not self._has_servers:
                servers = [await self._own_server.find()]
            fallback = self._own_server.find if self._params.fallback.enable else None
            if fallback is not None and self._replay is None:
                self._own_server.check()
            for client in self._clients:
                await client.start(servers, fallback)
                if fallback is not None and self._replay is None:
                    self._own_server.check_digest(
                        client.configuration.model_name, client.model.parameters.sha256
                    )

    async def stop(self) -> None:
        """Closes connections, ends the server of this job, and gives the recording its name."""
        for client in self._clients:
            await client.close()
        await asyncio.to_thread(self._own_server.close)
        if self._recorder is not None:
            await asyncio.to_thread(self._join_recordings)
            await asyncio.to_thread(self._recorder.close)

    def begin_job(self, expected_events: int | None) -> None:  # noqa: ARG002 - the base class's signature
        """Starts the clock of rows per second."""
        self._began_s = time.monotonic()

    def end_job(self) -> None:
        """Stops that clock."""
        self._ended_s = time.monotonic()

    def part_parameters(self, number: int) -> Mapping[str, Any]:
        """The server that this process started, and a file for what the other process asks."""
        parameters: dict[str, Any] = {}
        if self._own_server.address:
            parameters["servers"] = [self._own_server.address]
        if self._recorder is not None:
            self._recorded_parts.append(self._recorder.part_path(number))
            parameters["recordFile"] = str(self._recorded_parts[-1])
        return parameters

    def state(self) -> list[ModelState]:
        """The figures of each model."""
        return [
            ModelState(client.fallback_calls, tuple(client.statistics()), client.fallback_agreement)
            for client in self._clients
        ]

    def absorb(self, states: Sequence[Sequence[ModelState]]) -> None:
        """Takes the figures and recordings of the other processes; this one asked for nothing itself."""
        if self._has_servers and self._own_server.address:
            states = [[state.of_fallback() for state in part] for part in states]
        self._absorbed = list(zip(*states, strict=True))
        self._join_recordings()  # before the summary tells how much was recorded

    def report(self) -> Mapping[str, Any]:
        """Each model's figures, which timeout they suggest, and how often the fallback answered."""
        return {name: _reported(model) for name, (model, _) in self._figures().items()}

    def summary(self) -> Mapping[str, str]:
        """Rows, rates, batch sizes and latencies of each model."""
        lines: dict[str, str] = {}
        figures = self._figures()
        for name, (model, words) in figures.items():
            prefix = f"{name}: " if len(figures) > 1 else ""
            for line, value in summary_lines(model, words, self._ended_s - self._began_s).items():
                lines[prefix + line] = value
        if self._recorder is not None:
            lines["recording"] = told_recording(self._recorder)
        return lines

    def _figures(self) -> dict[str, tuple[ModelFigures, RowWords]]:
        """What was done with each model; modules that ask for the same one are counted together."""
        found: dict[str, tuple[ModelFigures, RowWords]] = {}
        every_state = self._absorbed or [(state,) for state in self.state()]
        for client, own_words, states in zip(self._clients, self._words, every_state, strict=True):
            name = client.configuration.model_name
            before, words = found.get(name, (ModelFigures(()), own_words))
            found[name] = ModelFigures((*before.states, *states)), words
        return found

    def _join_recordings(self) -> None:
        if self._recorder is not None and self._recorded_parts:
            join_parts(self._recorded_parts, self._recorder)
            self._recorded_parts = []

    def _make_client(
        self, configuration: ClientConfiguration, expectation: ModelExpectation
    ) -> InferenceClient:
        if self._replay is None:
            return InferenceClient(configuration, expectation, recorder=self._recorder)
        anywhere = dataclasses.replace(configuration, preferred_server="")
        return InferenceClient(anywhere, expectation, self._replay.connect, self._recorder)


def _reported(model: ModelFigures) -> dict[str, Any]:
    everything, agreement = model.statistics(), model.fallback_agreement
    slow_s = SAFETY * max((statistics.latency.p99_s for statistics in everything), default=0.0)
    return {
        "fallbackCalls": model.fallback_calls,
        "fallbackAgreement": agreement and dataclasses.asdict(agreement),
        "suggestedTimeout_s": whole_timeout_s(slow_s) if slow_s else None,
        "asked": [dataclasses.asdict(statistics) for statistics in everything],
    }
