import logging
from functools import partial

from fastapi import FastAPI

from sendpulse_async import RawEventSender, SendPulseError
from sendpulse_async.integrations.fastapi import SenderDep, SendPulse

logger = logging.getLogger("shop")
app = FastAPI(lifespan=SendPulse(partial(RawEventSender.from_env, deadline=0.8)))  # SENDPULSE_EVENT_URL


@app.post("/checkout/{number}")
async def checkout(number: int, email: str, sender: SenderDep) -> dict[str, int]:
    # ... the order is stored, and paid
    try:
        await sender.send_event({"email": email, "order": number})
    except SendPulseError as error:  # what it says holds no address and no secret
        logger.warning("the event of order %d: %s: %s", number, type(error).__name__, error)
    return {"ordered": number}
