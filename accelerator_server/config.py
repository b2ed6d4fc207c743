"""What a server and its models are told: typed values from TOML files, options and overrides."""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from accelerator_server.errors import ConfigurationError

Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
Isolation = Literal["auto", "process", "thread"]
_Config = TypeVar("_Config", bound=Struct)


class TlsConfig(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Files of a server that speaks TLS.

    Attributes:
        certificate: PEM file with the server's certificate and those that lead to its CA.
        key: PEM file with its key; empty if the certificate's file holds it.
        client_ca: PEM file with the CAs of clients; empty for clients without certificates.
    """

    certificate: str
    key: str = ""
    client_ca: str = ""


class ServerConfig(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How a server listens and what it bears.

    Attributes:
        host: Address or name to listen on.
        port: 0 takes a free one.
        name: What inference records call this server; empty means host:port.
        max_body_bytes: A larger body is refused before it is read.
        body_timeout_s: Time for a body to arrive.
        keepalive_s: Idle time before a connection is closed; also the time for headers to arrive.
        drain_s: Time for accepted requests to finish when the server stops.
        access_log: One JSON line on stderr for each request.
        token_files: Files with the tokens of clients; without tokens everybody may ask.
        admin_token_files: Files with the tokens of those who may load and unload models too.
        tls: Certificate and key; without them the server speaks plain HTTP.
        versions: How many versions of each model are served, the newest ones.
        trial_timeout_s: Time for a model to load in the process of its device, or, if it runs in threads, in
            one of its own before the server loads it; 0 sets no limit, and loads the latter untried.
        max_connections: More are answered with 503 and closed; liveness is answered still.
        send_timeout_s: Time for a client to take its answer.
        isolation: Where devices of models that do not say so themselves run: in processes of their own, in
            threads of the server, or, auto, the former for engines that can crash.
        max_inside_bytes: Most bytes of bodies that are accepted and not yet answered, over all models.
        memory_limit_bytes: Memory of the server and its workers beyond which nothing new is accepted; 0 takes
            four fifths of what there is.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 0
    name: str = ""
    max_body_bytes: Positive = 256 * 2**20
    body_timeout_s: Seconds = 30.0
    keepalive_s: Seconds = 75.0
    drain_s: Seconds = 30.0
    access_log: bool = False
    token_files: list[str] = []
    admin_token_files: list[str] = []
    tls: TlsConfig | None = None
    versions: Positive = 1
    trial_timeout_s: Annotated[float, Meta(ge=0)] = 300.0
    max_connections: Positive = 10_000
    send_timeout_s: Seconds = 30.0
    isolation: Isolation = "auto"
    max_inside_bytes: Positive = 2**31
    memory_limit_bytes: Annotated[int, Meta(ge=0)] = 0


class TensorConfig(Struct, forbid_unknown_fields=True, frozen=True):
    """Name, datatype and shape of a model's input or output; the first axis counts rows and is -1."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    datatype: str
    shape: list[int]


class BatchingConfig(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How requests are fused and how many may wait.

    Attributes:
        best_rows: Rows up to which requests are fused into one batch; 0 means the model's max_rows.
        preferred_rows: Sizes of batches that the device runs best: one of them is run as soon as it can be
            made, and a batch ends at the largest that comes out even.
        max_queue_delay_us: Time that a request may wait for others to fill its batch though the device is
            free; for devices that prefer full batches.
        oversize: What becomes of requests with more than max_rows rows: they are refused, or split.
        queue_requests: Most requests that wait for the device.
        queue_bytes: Most bytes of tensors that wait for the device.
    """

    best_rows: Annotated[int, Meta(ge=0)] = 0
    preferred_rows: list[Positive] = []
    max_queue_delay_us: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    oversize: Literal["refuse", "split"] = "refuse"
    queue_requests: Positive = 1024
    queue_bytes: Positive = 512 * 2**20


class ModelConfig(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The file model.toml in a version's folder.

    Attributes:
        backend: Name of the backend that runs the model.
        inputs: The model's inputs.
        outputs: The model's outputs.
        file: Name of the model's file in the same folder; empty for backends that need none.
        sha256: Digest of that file, hex.
        max_rows: Most rows in one batch, and in one request unless batching.oversize splits it.
        precision: Arithmetic that is asked of the backend.
        instances: How many times the model is loaded.
        reproducible: Run every batch at one padded shape, so that a row's result has the same bits always.
        labels: Names of the classes along the last axis of the output.
        image_spec: What the model's images are; announced, not interpreted.
        backend_parameters: What the backend in question understands.
        batching: How requests are fused.
        isolation: Whether each instance runs in a process of its own or in threads of the server; auto leaves
            it to the server's configuration.
        batch_timeout_s: Time for a batch in a process of its own, which is killed and started again after it.
        reject_nonfinite: Refuse requests whose inputs hold NaN or infinities.
        allow_nan_outputs: Answer NaN as if it were a result; otherwise it is an error of that request.
        versions: Which versions are served, as the newest one says: so many of the newest, those of these
            numbers, or all; None leaves it to the server's configuration.
        warm_up_rows: Numbers of rows that are run before the model is ready, beside one and max_rows.
    """

    backend: str
    inputs: Annotated[list[TensorConfig], Meta(min_length=1)]
    outputs: Annotated[list[TensorConfig], Meta(min_length=1)]
    file: str = ""
    sha256: str = ""
    max_rows: Positive = 32
    precision: str = "f32"
    instances: Positive = 1
    reproducible: bool = False
    labels: list[str] = []
    image_spec: dict[str, Any] = {}
    backend_parameters: dict[str, Any] = {}
    batching: BatchingConfig = BatchingConfig()
    isolation: Isolation = "auto"
    batch_timeout_s: Seconds = 300.0
    reject_nonfinite: bool = False
    allow_nan_outputs: bool = False
    versions: Positive | Annotated[list[Positive], Meta(min_length=1)] | Literal["all"] | None = None
    warm_up_rows: list[Positive] = []

    def __post_init__(self) -> None:
        most_rows = self.batching.best_rows or self.max_rows
        if most_rows > self.max_rows:
            message = f"batching.best_rows is {most_rows}, and max_rows is {self.max_rows}"
            raise ValueError(message)
        if max(self.batching.preferred_rows, default=0) > most_rows:
            message = f"batching.preferred_rows must be at most {most_rows}, up to which requests are fused"
            raise ValueError(message)
        if max(self.warm_up_rows, default=0) > self.max_rows:
            message = f"warm_up_rows must be at most max_rows, {self.max_rows}"
            raise ValueError(message)
        if self.reproducible and self.warm_up_rows:
            message = "a reproducible model runs at max_rows always; leave warm_up_rows out"
            raise ValueError(message)


_TABLES: dict[str, type[Struct]] = {
    "tls": TlsConfig,
    "inputs": TensorConfig,
    "outputs": TensorConfig,
    "batching": BatchingConfig,
}
_TABLE = re.compile(r"`\$\.(\w+)")
"""Where msgspec says something is wrong, as in `$.batching.best_rows`."""


class Override(Struct, frozen=True):
    """A value given on the command line as MODEL.KEY=VALUE; the model `*` means all.

    Attributes:
        target: MODEL.KEY, where the key may have dots itself.
        value: The value, as TOML reads it, or as text if TOML does not.
    """

    target: str
    value: Any

    def key_for(self, model: str) -> str:
        """The key that is set for a model; empty if the override is not meant for it."""
        for prefix in (f"{model}.", "*."):
            if self.target.startswith(prefix):
                return self.target.removeprefix(prefix)
        return ""


def parse_override(text: str) -> Override:
    """Reads MODEL.KEY=VALUE.

    Raises:
        ConfigurationError: The text has another form.
    """
    target, equals, value = text.partition("=")
    model, dot, key = target.partition(".")
    if not (equals and dot and model and key):
        message = f"override {text!r} is not of the form MODEL.KEY=VALUE, as in toptag.batching.best_rows=8"
        raise ConfigurationError(message)
    try:
        return Override(target, tomllib.loads(f"value = {value}")["value"])
    except tomllib.TOMLDecodeError:
        return Override(target, value)


def read_server_config(path: Path) -> ServerConfig:
    """Reads the server's own configuration.

    Raises:
        ConfigurationError: The file is not there, not TOML, or holds something else.
    """
    return _convert(_read_toml(path), ServerConfig, str(path))


def read_model_config(path: Path, model: str, overrides: list[Override]) -> ModelConfig:
    """Reads a model's configuration and applies what the command line overrides.

    Raises:
        ConfigurationError: The file is not there, not TOML, or holds something else.
    """
    values = _read_toml(path)
    for override in overrides:
        if key := override.key_for(model):
            _set(values, key.split("."), override)
    return _convert(values, ModelConfig, str(path))


def nearest(name: str, known: list[str]) -> str:
    """Words for an error message: the known names, those like `name` first."""
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    return ", ".join([*close, *sorted(set(known).difference(close))]) or "none"


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        message = f"cannot read {path}: {error}"
        raise ConfigurationError(message) from error


def _convert(values: dict[str, Any], kind: type[_Config], origin: str) -> _Config:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        table = _TABLE.search(str(error))
        told = _TABLES.get(table[1], kind) if table else kind
        message = f"{origin}: {error}; known keys are {', '.join(told.__struct_fields__)}"
        raise ConfigurationError(message) from error


def _set(values: dict[str, Any], keys: list[str], override: Override) -> None:
    for key in keys[:-1]:
        inner: object = values.setdefault(key, {})
        if not isinstance(inner, dict):
            message = f"override {override.target}: {key} is not a table"
            raise ConfigurationError(message)
        values = inner
    values[keys[-1]] = override.value
