import asyncio

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from sendpulse_async import RawEventSender
from sendpulse_async.integrations.opentelemetry import Telemetry

provider = TracerProvider()  # once in your program, as for every other library
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)


async def main() -> None:
    async with RawEventSender.from_env(hooks=[Telemetry()]) as sender:
        with trace.get_tracer("shop").start_as_current_span("checkout"):
            await sender.send_event({"email": "ana@example.com", "product": "Cup"})


asyncio.run(main())
