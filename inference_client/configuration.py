"""Everything that a user may set on a client, checked when it is made."""

from collections.abc import Sequence
from dataclasses import dataclass

from inference_client.errors import InvalidSettingError
from inference_client.protocol.errors import InvalidNameError
from inference_client.protocol.routes import check_model_name, check_model_version
from inference_client.transport.compression import COMPRESSIONS, Compression


@dataclass(frozen=True, slots=True)
class ClientConfiguration:
    """Which servers to ask for which model, and how patiently.

    Attributes:
        model_name: The model to ask for.
        servers: Addresses http://host:port. With none, SONIC_LOCAL_BALANCER_HOST and
            SONIC_LOCAL_BALANCER_PORT name the server.
        preferred_server: Address to ask as long as it may be asked; the others are for when it may not. Empty
            leaves the choice to load and health.
        model_version: Version to ask for; empty takes the latest one at the start and keeps to it.
        timeout_s: Deadline of one `infer` over all its tries.
        allowed_tries: Tries that a server may take in and fail. Tries at servers that take nothing in
            (connection refused, busy) do not count; the deadline bounds them.
        max_rows: Most rows in one body; 0 leaves it to the server.
        max_in_flight: Most bodies under way at one server.
        connect_timeout_s: Longest wait for a connection.
        preflight_timeout_s: Longest wait for a server's metadata.
        wait_for_servers_s: How long `start` waits for a first server to answer; 0 asks each once.
        client_id: Who asks, for the server's fairness; empty makes one up.
        token_file: File that holds the bearer token; empty for servers without tokens, or for the one that is
            found as WLCG says, which only https servers get.
        ca_file: Certificates to trust for https, PEM; empty for those of the system.
        hedging: Ask a second server when the first is later than 95 % of recent answers; the first answer
            counts.
        certificate_file, key_file: The client's own certificate and key, PEM, for servers that demand one.
        compression: How bodies are packed for servers that offer it; sparse tensors need it not.
    """

    model_name: str
    servers: Sequence[str] = ()
    preferred_server: str = ""
    model_version: str = ""
    timeout_s: float = 60.0
    allowed_tries: int = 3
    max_rows: int = 0
    max_in_flight: int = 8
    connect_timeout_s: float = 2.0
    preflight_timeout_s: float = 5.0
    wait_for_servers_s: float = 0.0
    client_id: str = ""
    token_file: str = ""
    ca_file: str = ""
    hedging: bool = False
    certificate_file: str = ""
    key_file: str = ""
    compression: Compression = "none"

    def __post_init__(self) -> None:
        if isinstance(self.servers, str):
            message = f"servers must be a list of addresses, not the string {self.servers!r}"
            raise InvalidSettingError(message)
        for name in ("timeout_s", "connect_timeout_s", "preflight_timeout_s"):
            self._check(name, getattr(self, name) > 0, "above 0")
        self._check("wait_for_servers_s", self.wait_for_servers_s >= 0, "0 or more")
        self._check("max_rows", self.max_rows >= 0, "0 or more")
        for name in ("allowed_tries", "max_in_flight"):
            self._check(name, getattr(self, name) >= 1, "1 or more")
        self._check("compression", self.compression in COMPRESSIONS, f"one of {', '.join(COMPRESSIONS)}")
        if self.key_file:
            self._check("certificate_file", bool(self.certificate_file), "given where key_file is")
        self._check("client_id", self.client_id.isascii() and self.client_id.isprintable(), "printable ASCII")
        try:
            check_model_name(self.model_name)
            if self.model_version:
                check_model_version(self.model_version)
        except InvalidNameError as error:
            raise InvalidSettingError(str(error)) from error

    def _check(self, name: str, good: bool, wanted: str) -> None:
        if not good:
            message = f"{name} must be {wanted}, not {getattr(self, name)!r}"
            raise InvalidSettingError(message)
