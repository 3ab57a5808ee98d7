import logging

from fastapi import FastAPI

from sendpulse_async import RawEventSender, SendPulseError
from sendpulse_async.integrations.fastapi import OutboxDep, SendPulse

logger = logging.getLogger("shop")
app = FastAPI(lifespan=SendPulse(RawEventSender.from_env, outbox="shop.db", drain=5))  # SENDPULSE_EVENT_URL


@app.post("/checkout/{number}")
async def checkout(number: int, email: str, outbox: OutboxDep) -> dict[str, int]:
    # ... the order is stored, and paid
    try:
        await outbox.put({"email": email, "order": number})  # on disk when it returns
    except SendPulseError as error:  # a wrong address, a full disk
        logger.error("no event of order %d: %s: %s", number, type(error).__name__, error)
    return {"ordered": number}


@app.get("/health")
async def health(outbox: OutboxDep) -> dict[str, int]:
    stats = await outbox.stats()
    return {"pending": stats.pending, "dead": stats.dead}
