"""Spans and metrics for what senders do, by OpenTelemetry's API alone: who exports them is the program's affair."""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

from opentelemetry.metrics import Histogram, MeterProvider, get_meter  # pip install 'sendpulse-async[otel]'
from opentelemetry.trace import Span, SpanKind, StatusCode, TracerProvider, get_tracer, set_span_in_context

from .._hooks import Attempt, BulkRun, Hooks, Pause, Sending, TokenRequest
from .._outcomes import Outcome, Report, attempts_of
from .._version import __version__

Attributes = dict[str, str | int | float]

_SCOPE: Final = "sendpulse_async"
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Buckets: https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpclientrequestduration."""
_COUNTS: Final = ("total", "accepted", "rejected", "not_sent", "unknown", "resumed")


class Telemetry(Hooks):
    """Hooks that make a span of each event and each bulk run, and metrics of both, of requests, pauses and tokens.

    `RawEventSender.from_env(hooks=[Telemetry()])`; one object serves any number of senders. Names and attributes of
    requests are those of OpenTelemetry's conventions for HTTP clients. No attribute holds a path, an address or a
    payload; the name of an event does stand in one. Nothing is sent along to SendPulse.

    Spans:

    - `sendpulse.event`, of kind CLIENT: from the moment at which an event sets out to its outcome, a child of the span
      that is current then, or of its run's. Each request is an event `attempt` in it.
    - `sendpulse.run`: a bulk run, from its beginning to its report.

    Metrics, those of time in seconds:

    - `http.client.request.duration`: of each request for an event.
    - `sendpulse.client.event.duration`: of each event, `Receipt.elapsed`, by its outcome.
    - `sendpulse.client.event.pending`: events on their way.
    - `sendpulse.client.pause.duration`: of each pause that a full quota brought.
    - `sendpulse.client.token.duration`: of each request for a token.

    Args:
        tracer_provider: None: the global one.
        meter_provider: None: the global one.
    """

    def __init__(
        self, *, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        self._tracer = get_tracer(_SCOPE, __version__, tracer_provider)
        meter = get_meter(_SCOPE, __version__, meter_provider)

        def seconds(name: str, text: str) -> Histogram:
            return meter.create_histogram(name, "s", text, explicit_bucket_boundaries_advisory=_SECONDS)

        self._requests = seconds("http.client.request.duration", "Duration of HTTP client requests.")
        self._events = seconds("sendpulse.client.event.duration", "From an event's start to its outcome.")
        self._pauses = seconds("sendpulse.client.pause.duration", "For which a full quota lets nobody begin.")
        self._tokens = seconds("sendpulse.client.token.duration", "Duration of requests for a token.")
        text = "Events that set out and have no outcome yet."
        self._pending = meter.create_up_down_counter("sendpulse.client.event.pending", "{event}", text)
        self._spans: WeakKeyDictionary[Sending | BulkRun, Span] = WeakKeyDictionary()

    def on_start(self, sending: Sending) -> None:
        """Begin the span of an event."""
        run = None if sending.run is None else self._spans.get(sending.run)
        context = None if run is None else set_span_in_context(run)
        about = {"http.request.method": "POST", "url.scheme": sending.scheme, **_place(sending)}
        self._spans[sending] = self._tracer.start_span("sendpulse.event", context, SpanKind.CLIENT, about)
        self._pending.add(1, _place(sending))

    def on_attempt(self, attempt: Attempt, sending: Sending) -> None:
        """Note a request."""
        met: Attributes = {}
        if attempt.status_code is not None:
            met["http.response.status_code"] = attempt.status_code
        if attempt.error is not None:
            is_answer = attempt.status_code is not None and attempt.status_code >= 400
            met["error.type"] = str(attempt.status_code) if is_answer else type(attempt.error).__name__
        about = {"http.request.method": "POST", "url.scheme": sending.scheme, **_server(sending)}
        self._requests.record(attempt.elapsed, {**about, **met})
        if (span := self._spans.get(sending)) is not None:
            own = {"sendpulse.attempt": attempt.number, "sendpulse.outcome": attempt.status.value}
            span.add_event("attempt", {**own, "sendpulse.attempt.duration": attempt.elapsed, **met})

    def on_outcome(self, outcome: Outcome, sending: Sending) -> None:
        """End the span of an event."""
        told = outcome.receipt or outcome.error
        met = {"sendpulse.outcome": outcome.status.value, **_error(outcome.error)}
        self._events.record(getattr(told, "elapsed", 0.0), {**_place(sending), **met})
        self._pending.add(-1, _place(sending))
        if (span := self._spans.pop(sending, None)) is None:
            return
        if (code := getattr(told, "status_code", None)) is not None:
            span.set_attribute("http.response.status_code", code)
        if (attempts := attempts_of(outcome)) > 1:
            span.set_attribute("http.request.resend_count", attempts - 1)
        _end(span, met, outcome.error)

    def on_pause(self, pause: Pause) -> None:
        """Note a pause."""
        self._pauses.record(pause.seconds)

    def on_token(self, request: TokenRequest) -> None:
        """Note a request for a token."""
        self._tokens.record(request.elapsed, _error(request.error))

    def on_run(self, run: BulkRun) -> None:
        """Begin the span of a run."""
        self._spans[run] = self._tracer.start_span("sendpulse.run")

    def on_report(self, report: Report, run: BulkRun) -> None:
        """End the span of a run."""
        if (span := self._spans.pop(run, None)) is not None:
            counts = {f"sendpulse.run.{name}": getattr(report, name) for name in _COUNTS}
            _end(span, {**counts, **_error(report.stopped_because)}, report.stopped_because)


def _server(sending: Sending) -> Attributes:
    return {"server.address": sending.host, "server.port": sending.port}


def _place(sending: Sending) -> Attributes:
    name = sending.event_name
    return _server(sending) if name is None else {**_server(sending), "sendpulse.event.name": name}


def _error(error: Exception | None) -> Attributes:
    """Return the kind of an error; its text may hold what SendPulse answered."""
    return {} if error is None else {"error.type": type(error).__name__}


def _end(span: Span, about: Attributes, error: Exception | None) -> None:
    span.set_attributes(about)
    if error is not None:
        span.set_status(StatusCode.ERROR)
    span.end()
