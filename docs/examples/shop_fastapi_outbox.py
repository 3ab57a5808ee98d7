from fastapi import FastAPI

from sendpulse_async import Event, RawEventSender
from sendpulse_async.integrations.fastapi import OutboxDep, SendPulse

app = FastAPI(lifespan=SendPulse(RawEventSender.from_env, outbox="shop.db", drain=5))


@app.post("/checkout/{number}")
async def checkout(number: int, email: str, outbox: OutboxDep) -> dict[str, int]:
    # ... the order is stored, and paid
    await outbox.put(Event(email=email, variables={"order": number}))
    return {"ordered": number}


@app.get("/health")
async def health(outbox: OutboxDep) -> dict[str, int]:
    stats = await outbox.stats()
    return {"pending": stats.pending, "dead": stats.dead}
