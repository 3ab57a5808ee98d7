from contextlib import asynccontextmanager

from fastapi import FastAPI

from sendpulse_async import Event, RawEventSender

sender = RawEventSender.from_env()  # SENDPULSE_EVENT_URL


@asynccontextmanager
async def lifespan(_: FastAPI):
    async with sender:
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/orders/{number}")
async def order(number: int, email: str) -> dict[str, int]:
    await sender.send_event(Event(email=email, variables={"order": number}))
    return {"ordered": number}
