"""OpenTelemetry traces of events: from the store to the directory and the webhooks.

A trace begins where an event is published, at the time when it was recorded: carrying
it through the script that records events would cost all of them what few need. Which
events are traced is decided by their ids, so that one that is published again is, too.

Without ``HOMEPORT_TRACES_URL`` nothing of OpenTelemetry is even imported.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING
from zlib import crc32

from homeport import __version__
from homeport.errors import InvalidConfiguration
from homeport.events.cloudevents import Envelope
from homeport.runtime.config import PREFIX, Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer

EXTRA = "traces"
EXPORT_SECONDS = 2
"""A collector that takes longer is away; its spans are dropped, the services go on."""

_outgoing: ContextVar[str] = ContextVar("outgoing", default="")
_traces: "Traces | None" = None


@contextmanager
def exporting(settings: Settings, *, service: str) -> Iterator[None]:
    """Entered: this process's share of traces goes to the collector, if there is one.

    Raises InvalidConfiguration where OpenTelemetry is not installed.
    """
    if settings.traces_url is None:
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 # loads much
            OTLPSpanExporter,
        )
    except ImportError as error:
        raise InvalidConfiguration(
            f"{PREFIX}TRACES_URL", f"needs pip install 'homeport[{EXTRA}]'"
        ) from error
    exporter = OTLPSpanExporter(settings.traces_url, timeout=EXPORT_SECONDS)
    with using(exporter, ratio=settings.traces_ratio, service=service):
        yield


@contextmanager
def using(exporter: "SpanExporter", *, ratio: float, service: str) -> Iterator[None]:
    """Entered: a share of events is traced. Left: all their spans are exported."""
    global _traces  # noqa: PLW0603 # like logs and metrics, one for the process
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 # loads much
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    os.environ.setdefault("OTEL_BSP_EXPORT_TIMEOUT", str(EXPORT_SECONDS * 1000))
    provider = TracerProvider(
        resource=Resource.create(
            {"service.name": f"homeport-{service}", "service.version": __version__}
        ),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _traces = Traces(provider.get_tracer("homeport", __version__), ratio=ratio)
    try:
        yield
    finally:
        _traces = None
        provider.shutdown()


def publishing(
    envelopes: Sequence[Envelope],
) -> AbstractContextManager[Sequence[Envelope]]:
    """Entered: events are published; yields them with the traces that begin here."""
    if _traces is None:
        return nullcontext(envelopes)
    return _traces.publishing(envelopes)


def handling(
    name: str, traceparents: Iterable[str], **attributes: str
) -> AbstractContextManager[None]:
    """Entered: events are handled that may belong to traces ("" for none)."""
    if _traces is None:
        return nullcontext()
    return _traces.handling(name, traceparents, attributes)


def outgoing() -> Mapping[str, str]:
    """Return the headers that carry on the trace of what is being handled, if any."""
    traceparent = _outgoing.get()
    return {"traceparent": traceparent} if traceparent else {}


class Traces:
    """Traces of a share of events; each goes on in whoever handles its event."""

    def __init__(self, tracer: "Tracer", *, ratio: float) -> None:
        self._tracer = tracer
        self._below = ratio * 2**32

    @contextmanager
    def publishing(self, envelopes: Sequence[Envelope]) -> Iterator[Sequence[Envelope]]:
        """Begin a trace for each event of the share."""
        spans: list[Span] = []
        told: list[Envelope] = []
        for envelope in envelopes:
            traceparent = ""
            if crc32(envelope.id.encode()) < self._below:
                spans.append(self._begin(envelope))
                traceparent = _written(spans[-1])
            told.append(envelope._replace(traceparent=traceparent))
        with _ended(spans):
            yield told

    @contextmanager
    def handling(
        self, name: str, traceparents: Iterable[str], attributes: Mapping[str, str]
    ) -> Iterator[None]:
        """Go on with all traces; what goes out meanwhile carries the first of them."""
        spans = [self._go_on(name, text, attributes) for text in traceparents if text]
        if not spans:
            yield
            return
        token = _outgoing.set(_written(spans[0]))
        try:
            with _ended(spans):
                yield
        finally:
            _outgoing.reset(token)

    def _begin(self, envelope: Envelope) -> "Span":
        from opentelemetry.trace import SpanKind  # noqa: PLC0415 # loads much

        recorded = datetime.fromisoformat(envelope.time).timestamp()
        return self._tracer.start_span(
            f"publish {envelope.fact}",
            kind=SpanKind.PRODUCER,
            start_time=int(recorded * 1e9),
            attributes={
                "cloudevents.event_id": envelope.id,
                "cloudevents.event_type": envelope.fact,
                "cloudevents.event_subject": envelope.device,
                "homeport.account": envelope.account,
            },
        )

    def _go_on(
        self, name: str, traceparent: str, attributes: Mapping[str, str]
    ) -> "Span":
        from opentelemetry.trace import SpanKind  # noqa: PLC0415 # loads much
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        return self._tracer.start_span(
            name,
            context=TraceContextTextMapPropagator().extract(
                {"traceparent": traceparent}
            ),
            kind=SpanKind.CONSUMER,
            attributes=attributes,
        )


@contextmanager
def _ended(spans: Sequence["Span"]) -> Iterator[None]:
    """End spans when left, with what was raised."""
    try:
        yield
    except BaseException as error:
        for span in spans:
            span.record_exception(error)
        raise
    finally:
        for span in spans:
            span.end()


def _written(span: "Span") -> str:
    """Write where a trace stands (W3C Trace Context §3.2); it is sampled."""
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-01"
