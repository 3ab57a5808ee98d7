import logging

from aiohttp import web

from sendpulse_async import RawEventSender, SendPulseError
from sendpulse_async.integrations.aiohttp import SendPulse, get_outbox

logger = logging.getLogger("shop")
routes = web.RouteTableDef()


@routes.post(r"/checkout/{number:\d+}")
async def checkout(request: web.Request) -> web.Response:
    number = int(request.match_info["number"])
    # ... the order is stored, and paid
    try:
        await get_outbox(request).put({"email": request.query["email"], "order": number})  # on disk when it returns
    except SendPulseError as error:  # a wrong address, a full disk
        logger.error("no event of order %d: %s: %s", number, type(error).__name__, error)
    return web.json_response({"ordered": number})


@routes.get("/health")
async def health(request: web.Request) -> web.Response:
    stats = await get_outbox(request).stats()
    return web.json_response({"pending": stats.pending, "dead": stats.dead})


def make_app() -> web.Application:
    app = web.Application()
    app.add_routes(routes)
    app.cleanup_ctx.append(SendPulse(RawEventSender.from_env, outbox="shop.db", drain=5))  # SENDPULSE_EVENT_URL
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", shutdown_timeout=3)
