from contextlib import asynccontextmanager

from fastapi import FastAPI
from queue_events import queue

from sendpulse_async import Event


@asynccontextmanager
async def lifespan(_: FastAPI):
    async with queue:
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/orders/{number}")
async def order(number: int, email: str) -> dict[str, int]:
    await queue.put(Event(email=email, variables={"order": number}, event_id=f"order-{number}"))
    return {"ordered": number}
