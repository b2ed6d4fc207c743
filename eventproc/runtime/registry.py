"""ProductRegistry: who makes and who needs which product, settled before the first event."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from eventproc.errors import ConfigurationError, near_names
from eventproc.model.branch import BranchDescription
from eventproc.model.input_tag import InputTag
from eventproc.model.product import EQUAL, Product, product_class
from eventproc.model.token import Token
from eventproc.model.transition import BranchType, Transition
from eventproc.modules.service import Service
from eventproc.modules.source import SourceBinding

T = TypeVar("T", bound=Product)
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class _Request:
    """A product that a module asked for."""

    label: str
    token: Token[Any]
    optional: bool


@dataclass(frozen=True, slots=True)
class _Promise:
    """A product that a module promised."""

    branch: BranchDescription
    token: Token[Any]
    transient: bool = False
    transition: Transition = Transition.Event


@dataclass(slots=True)
class Resolution:
    """The dependency graph of a job with every token's slot settled.

    Attributes:
        n_slots: products an event of this job can hold; runs and luminosity blocks have the same slots.
        bindings: what the source has to provide of events.
        level_bindings: what it has to provide of runs and luminosity blocks.
        dependencies: per consumer label, the labels of this process's modules it needs in events.
        level_dependencies: the same in runs and luminosity blocks.
        whole: what a process must see the whole of, since a product made at its end could not be put
            together of parts: luminosity blocks, or runs; events where there is no such product.
        has_levels: whether a module has to do with products of runs or luminosity blocks.
        makes_levels: whether a module makes some.
    """

    n_slots: int
    bindings: list[SourceBinding] = field(default_factory=list)
    level_bindings: list[SourceBinding] = field(default_factory=list)
    dependencies: dict[str, set[str]] = field(default_factory=dict)
    level_dependencies: dict[str, set[str]] = field(default_factory=dict)
    whole: BranchType = BranchType.InEvent
    has_levels: bool = False
    makes_levels: bool = False


class ProductRegistry:
    """Collects what modules declare, then resolves every tag to one producer.

    Args:
        process: name of the process that runs.
        source_branches: what the input holds, most recent process first.
        services: the job's services, for ``declare.service``.
        idle: labels of modules that are defined but stand on no path and no Task, for messages.
    """

    def __init__(
        self,
        process: str,
        source_branches: Sequence[BranchDescription],
        services: Sequence[Service] = (),
        idle: Collection[str] = (),
    ) -> None:
        self._process = process
        self._source_branches = tuple(source_branches)
        self._services = tuple(services)
        self._idle = frozenset(idle)
        self._requests: list[_Request] = []
        self._promises: list[_Promise] = []
        self._read: dict[BranchDescription, type[Product]] = {}  # of the input, as which class
        self._readers: list[tuple[Token[Any], BranchDescription]] = []

    def declare_for(self, label: str) -> ModuleDeclare:
        """The object a module's constructor declares with."""
        return ModuleDeclare(label, self)

    def branches(self) -> list[BranchDescription]:
        """Every branch an output module may keep: this process's products, then the input's."""
        kept = [promise.branch for promise in self._promises if not promise.transient]
        return kept + list(self._source_branches)

    def keep(self, label: str, branch: BranchDescription) -> Token[Product]:
        """A token for an output module that keeps a branch; the product may be missing from an event."""
        for promise in self._promises:
            if promise.branch == branch:
                kind = promise.token.product_type
                token: Token[Product] = Token(kind, _tag_of(branch), branch.branch_type)
                self._requests.append(_Request(label, token, optional=True))
                return token
        token = Token(product_class(branch.type_name, branch.schema), _tag_of(branch), branch.branch_type)
        self._read_from_source(token, branch)
        return token

    def resolve(self) -> Resolution:
        """Gives every token its slot, and tells those who make a product whether anybody wants it.

        Raises:
            ConfigurationError: products nobody makes, all of them in one message.
        """
        resolution = Resolution(n_slots=0)
        for slot, promise in enumerate(self._promises):
            promise.token.slot, promise.token.is_wanted = slot, False
        problems = [problem for r in self._requests if (problem := self._resolve(r, resolution))]
        if problems:
            raise ConfigurationError("\n".join(problems))
        bindings = self._bind_source()
        for binding in bindings:
            in_event = binding.branch.branch_type is BranchType.InEvent
            (resolution.bindings if in_event else resolution.level_bindings).append(binding)
        resolution.n_slots = len(self._promises) + len(bindings)
        resolution.whole = self._whole()
        resolution.makes_levels = any(p.branch.branch_type is not BranchType.InEvent for p in self._promises)
        resolution.has_levels = resolution.makes_levels or bool(resolution.level_bindings)
        return resolution

    def _whole(self) -> BranchType:
        at_end = {p.transition for p in self._promises if p.branch.merging == EQUAL}
        if Transition.EndRun in at_end:
            return BranchType.InRun
        return BranchType.InLumi if Transition.EndLuminosityBlock in at_end else BranchType.InEvent

    def service(self, label: str, service_type: type[S]) -> S:
        """The service of a type.

        Raises:
            ConfigurationError: the job has none.
        """
        for service in self._services:
            if isinstance(service, service_type):
                return service
        name = service_type.__name__
        message = (
            f"module {label!r} needs the service {name}: add process.{name} = cms.Service({name!r}, ...)"
        )
        raise ConfigurationError(message)

    def request(self, label: str, token: Token[Any], *, optional: bool) -> None:
        """Notes a product that a module asks for."""
        self._requests.append(_Request(label, token, optional))

    def promise(
        self,
        label: str,
        token: Token[Any],
        instance: str,
        *,
        transient: bool = False,
        transition: Transition = Transition.Event,
    ) -> None:
        """Notes a product that a module makes; no output keeps a transient one."""
        kind = token.product_type
        attributes = json.dumps(token.attributes, sort_keys=True)
        names = (kind.name(), label, instance, self._process)
        branch = BranchDescription(*names, kind.schema(), attributes, token.branch_type, kind.merging)
        if any(promise.branch.name == branch.name for promise in self._promises):
            message = f"module {label!r} declares {branch.name} twice; give one an instance name"
            raise ConfigurationError(message)
        self._promises.append(_Promise(branch, token, transient, transition))

    def _resolve(self, request: _Request, resolution: Resolution) -> str:
        """Finds the maker of one product; returns what is wrong, or an empty string."""
        token = request.token
        promise = self._promise_for(token)
        if promise is not None:
            token.slot, token.attributes = promise.token.slot, promise.token.attributes
            promise.token.is_wanted = True
            in_event = token.branch_type is BranchType.InEvent
            needs = resolution.dependencies if in_event else resolution.level_dependencies
            needs.setdefault(request.label, set()).add(promise.branch.label)
            return ""
        if token.tag.process != "@currentProcess":
            for branch in self._source_branches:
                tag = _of_any_earlier_process(token.tag)
                if branch.matches(tag, token.product_type.name(), token.branch_type):
                    self._read_from_source(token, branch)
                    return ""
        return "" if request.optional else self._explain_missing(request)

    def _promise_for(self, token: Token[Any]) -> _Promise | None:
        if token.tag.process not in ("", "@currentProcess", self._process):
            return None
        tag = InputTag(token.tag.label, token.tag.instance)
        for promise in self._promises:
            if promise.branch.matches(tag, token.product_type.name(), token.branch_type):
                return promise
        return None

    def _read_from_source(self, token: Token[Any], branch: BranchDescription) -> None:
        self._readers.append((token, branch))
        # A class that a module names is better than the one generated for an output module.
        if self._read.setdefault(branch, token.product_type) is product_class(
            branch.type_name, branch.schema
        ):
            self._read[branch] = token.product_type

    def _bind_source(self) -> list[SourceBinding]:
        first = len(self._promises)
        bindings = [SourceBinding(b, kind, first + i) for i, (b, kind) in enumerate(self._read.items())]
        slots = {binding.branch: binding.slot for binding in bindings}
        for token, branch in self._readers:
            token.slot, token.attributes = slots[branch], json.loads(branch.attributes)
        return bindings

    def _explain_missing(self, request: _Request) -> str:
        token, name = request.token, request.token.product_type.name()
        hint = self._hint(token.tag, name)
        of = "" if token.branch_type is BranchType.InEvent else f" of the {token.branch_type}"
        return f"module {request.label!r} consumes {name} {str(token.tag)!r}{of}, which nobody makes: {hint}"

    def _hint(self, tag: InputTag, type_name: str) -> str:
        if tag.label in self._idle:
            return f"module {tag.label!r} is defined but stands on no path and no Task"
        branches = self.branches()
        elsewhere = [b for b in branches if b.matches(tag, type_name, b.branch_type)]
        if elsewhere:
            return f"it is a product of the {elsewhere[0].branch_type}"
        of_type = [str(_tag_of(b)) for b in branches if b.type_name == type_name]
        if of_type:
            return near_names(str(tag), of_type)
        of_label = sorted({b.type_name for b in branches if b.label == tag.label})
        if of_label:
            return f"{tag.label!r} makes {', '.join(of_label)}"
        return f"no module and no input makes any {type_name}"


class ModuleDeclare:
    """What one module's constructor declares with; see ``eventproc.modules.Declare``."""

    def __init__(self, label: str, registry: ProductRegistry) -> None:
        self._label = label
        self._registry = registry

    @property
    def label(self) -> str:
        """The module's own label."""
        return self._label

    def consumes(
        self, product_type: type[T], tag: InputTag | str, branch_type: BranchType = BranchType.InEvent
    ) -> Token[T]:
        """Asks for a product."""
        return self._request(product_type, tag, branch_type, optional=False)

    def may_consume(
        self, product_type: type[T], tag: InputTag | str, branch_type: BranchType = BranchType.InEvent
    ) -> Token[T]:
        """Asks for a product that may be missing."""
        return self._request(product_type, tag, branch_type, optional=True)

    def produces(
        self,
        product_type: type[T],
        instance: str = "",
        attributes: Mapping[str, Any] | None = None,
        transition: Transition = Transition.Event,
    ) -> Token[T]:
        """Promises a product."""
        token = Token(product_type, InputTag(self._label, instance), transition.branch_type)
        token.attributes = dict(attributes or {})
        self._registry.promise(self._label, token, instance, transition=transition)
        return token

    def service(self, service_type: type[S]) -> S:
        """The job's service of that type."""
        return self._registry.service(self._label, service_type)

    def _request(
        self, product_type: type[T], tag: InputTag | str, branch_type: BranchType, *, optional: bool
    ) -> Token[T]:
        token = Token(product_type, InputTag(tag) if isinstance(tag, str) else tag, branch_type)
        self._registry.request(self._label, token, optional=optional)
        return token


def _tag_of(branch: BranchDescription) -> InputTag:
    return InputTag(branch.label, branch.instance, branch.process)


def _of_any_earlier_process(tag: InputTag) -> InputTag:
    return InputTag(tag.label, tag.instance) if tag.process == "@skipCurrentProcess" else tag
