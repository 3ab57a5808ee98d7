"""OpenTelemetry: a span an event with its attempts, a span a run, metrics; no path, address or payload in any of it."""

from __future__ import annotations

import subprocess
import sys
from urllib.parse import urlsplit

import anyio
import pytest
from canaries import assert_silent
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import SpanKind, StatusCode

from sendpulse_async import (
    AuthorizedEventSender,
    ClientCredentials,
    InvalidEventError,
    NotSentError,
    RawEventSender,
    RejectedError,
    RetryPolicy,
    send_many,
)
from sendpulse_async.integrations.opentelemetry import Telemetry
from sendpulse_async.sandbox import Fault

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
EVENT = {"email": "someone@example.com", "secret": "canary"}


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


class Kept:
    """What a telemetry told its providers."""

    def __init__(self):
        self._spans, self._metrics = InMemorySpanExporter(), InMemoryMetricReader()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.tracer = self.provider.get_tracer("test")
        self._meters = MeterProvider([self._metrics], shutdown_on_exit=False)
        self.telemetry = Telemetry(tracer_provider=self.provider, meter_provider=self._meters)

    @property
    def spans(self):
        return self._spans.get_finished_spans()

    @property
    def points(self):
        """The data points of each metric, by its name."""
        scopes = [scope for resource in self._data.resource_metrics for scope in resource.scope_metrics]
        return {metric.name: list(metric.data.data_points) for scope in scopes for metric in scope.metrics}

    @property
    def _data(self):
        return self._metrics.get_metrics_data()

    @property
    def text(self):
        """All that leaves the program."""
        return "\n".join([*(span.to_json() for span in self.spans), self._data.to_json()])


@pytest.fixture
def kept():
    return Kept()


def server_of(sandbox):
    return {"server.address": "127.0.0.1", "server.port": urlsplit(sandbox.event_url).port}


async def test_an_event_is_a_span_with_its_attempts(sandbox, kept):
    """A child of what is current, of kind CLIENT, with an event for each request."""
    sandbox.add_fault(Fault(status=503, retry_after=0.01))
    async with RawEventSender(sandbox.event_url, hooks=[kept.telemetry]) as sender:
        with kept.tracer.start_as_current_span("checkout") as checkout:
            await sender.send_event(EVENT)

    span = kept.spans[0]
    assert (span.name, span.kind, span.parent) == ("sendpulse.event", SpanKind.CLIENT, checkout.get_span_context())
    assert span.attributes == {
        "http.request.method": "POST",
        "url.scheme": "http",
        "sendpulse.outcome": "accepted",
        "http.response.status_code": 200,
        "http.request.resend_count": 1,
        **server_of(sandbox),
    }
    first, second = ({**event.attributes} for event in span.events)
    assert [event.name for event in span.events] == ["attempt", "attempt"]
    assert first.pop("sendpulse.attempt.duration") > 0 < second.pop("sendpulse.attempt.duration")
    assert first == {
        "sendpulse.attempt": 1,
        "sendpulse.outcome": "not_sent",
        "http.response.status_code": 503,
        "error.type": "503",
    }
    assert second == {"sendpulse.attempt": 2, "sendpulse.outcome": "accepted", "http.response.status_code": 200}
    assert span.status.status_code is StatusCode.UNSET


async def test_what_is_not_accepted_is_an_error(sandbox, kept):
    """Of its error the kind alone is told, since the text may hold what SendPulse answered."""
    sandbox.add_fault(Fault(status=400, body={"message": "someone@example.com"}))
    async with RawEventSender(sandbox.event_url, hooks=[kept.telemetry]) as sender:
        with pytest.raises(RejectedError):
            await sender.send_event(EVENT)
        with pytest.raises(InvalidEventError):
            await sender.send_event({})

    refused, invalid = kept.spans
    assert [span.status.status_code for span in (refused, invalid)] == [StatusCode.ERROR] * 2
    assert [span.attributes["error.type"] for span in (refused, invalid)] == ["RejectedError", "InvalidEventError"]
    assert [len(span.events) for span in (refused, invalid)] == [1, 0]
    assert_silent(kept.text)


async def test_a_run_is_a_span_above_its_events(sandbox, kept):
    """A child of what is current; its events are children of it, and end before it does."""
    async with RawEventSender(sandbox.event_url, hooks=[kept.telemetry]) as sender:
        with kept.tracer.start_as_current_span("import") as above:
            await send_many(sender, [EVENT] * 20, max_in_flight=4)

    (run,) = (span for span in kept.spans if span.name == "sendpulse.run")
    children = [span for span in kept.spans if span.name == "sendpulse.event"]
    assert run.parent == above.get_span_context()
    assert {span.parent.span_id for span in children} == {run.get_span_context().span_id}
    assert (len(children), run.attributes["sendpulse.run.accepted"]) == (20, 20)
    assert run.end_time >= max(span.end_time for span in children)


class NoRuns(Sampler):
    """Samples all that has no parent, but for runs."""

    def should_sample(self, parent_context, trace_id, name, *arguments, **options):
        return SamplingResult(Decision.DROP if name == "sendpulse.run" else Decision.RECORD_AND_SAMPLE)

    def get_description(self):
        return "no runs"


async def test_the_events_of_a_run_that_is_not_sampled_are_not_either(sandbox):
    """So a sampler that picks runs decides for all that belongs to them, and for nothing else."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(sampler=ParentBased(NoRuns()), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    async with RawEventSender(sandbox.event_url, hooks=[Telemetry(tracer_provider=provider)]) as sender:
        await send_many(sender, [EVENT] * 5)
        await sender.send_event(EVENT)

    assert len(sandbox.events) == 6
    assert [span.name for span in exporter.get_finished_spans()] == ["sendpulse.event"]


async def test_metrics_count_and_measure(sandbox, kept):
    """Requests by their status, events by their outcome, tokens; nothing is pending in the end."""
    sandbox.add_fault(Fault(status=429, retry_after=0.05))
    sender = AuthorizedEventSender(
        ClientCredentials(sandbox.client_id, sandbox.client_secret),
        base_url=sandbox.origin,
        event_name="order_paid",
        hooks=[kept.telemetry],
    )
    async with sender:
        for _ in range(3):
            await sender.send_event(EVENT)

    place = {**server_of(sandbox), "sendpulse.event.name": "order_paid"}
    points = kept.points
    requests = points["http.client.request.duration"]
    (events,) = points["sendpulse.client.event.duration"]
    (pause,) = points["sendpulse.client.pause.duration"]
    assert {point.attributes["http.response.status_code"]: point.count for point in requests} == {429: 1, 200: 3}
    assert (events.count, events.attributes) == (3, {**place, "sendpulse.outcome": "accepted"})
    assert [(point.value, point.attributes) for point in points["sendpulse.client.event.pending"]] == [(0, place)]
    assert (pause.count, pause.sum) == (1, pytest.approx(0.05, abs=0.02))
    assert [point.count for point in points["sendpulse.client.token.duration"]] == [1]
    assert_silent(kept.text)


async def test_events_that_are_cancelled_leave_no_span_open(sandbox, kept):
    """What is broken off ends its span, with what it means."""
    sandbox.add_fault(Fault(drop="hang", times=None))
    async with RawEventSender(sandbox.event_url, hooks=[kept.telemetry]) as sender:
        with anyio.move_on_after(0.2):
            await send_many(sender, [EVENT] * 10)

    outcomes = [span.attributes.get("sendpulse.outcome") for span in kept.spans]
    assert sorted(outcomes, key=str) == [None, *["unknown"] * 10]
    assert len(kept.telemetry._spans) == 0


async def test_a_provider_that_fails_changes_no_outcome(sandbox, caplog):
    """Neither the event nor its caller sees it."""

    class Failing(TracerProvider):
        def get_tracer(self, *arguments, **options):
            tracer = super().get_tracer(*arguments, **options)
            tracer.start_span = lambda *_: 1 / 0
            return tracer

    telemetry = Telemetry(tracer_provider=Failing(shutdown_on_exit=False))
    async with RawEventSender(sandbox.event_url, hooks=[telemetry]) as sender:
        report = await send_many(sender, [EVENT] * 3)

    assert report.accepted == 3
    assert "the hooks Telemetry raised ZeroDivisionError" in caplog.text


async def test_it_works_without_an_sdk(sandbox):
    """A program that installed the API alone sends as before."""
    async with RawEventSender(sandbox.event_url, hooks=[Telemetry()]) as sender:
        receipt = await sender.send_event(EVENT)

    assert receipt.confirmed


async def test_events_that_never_left_are_seen(kept):
    """No connection: an attempt without a status, of the kind of its error."""
    sender = RawEventSender(
        "http://127.0.0.1:9/events/id/canary/1", hooks=[kept.telemetry], retry=RetryPolicy(max_attempts=1)
    )
    async with sender:
        with pytest.raises(NotSentError):
            await sender.send_event(EVENT)

    (span,) = kept.spans
    (attempt,) = span.events
    assert attempt.attributes["error.type"] == span.attributes["error.type"] == "NotSentError"
    assert "http.response.status_code" not in attempt.attributes
    assert_silent(kept.text)


def test_only_the_api_is_imported():
    """Importing the integration imports no SDK."""
    program = (
        "import sys; import sendpulse_async.integrations.opentelemetry;"
        "print(any(name.startswith('opentelemetry.sdk') for name in sys.modules))"
    )

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert said.stdout == "False\n"
