import logging
from functools import partial

from aiohttp import web

from sendpulse_async import RawEventSender, SendPulseError
from sendpulse_async.integrations.aiohttp import SendPulse, get_sender

logger = logging.getLogger("shop")
routes = web.RouteTableDef()


@routes.post(r"/checkout/{number:\d+}")
async def checkout(request: web.Request) -> web.Response:
    number = int(request.match_info["number"])
    # ... the order is stored, and paid
    try:
        await get_sender(request).send_event({"email": request.query["email"], "order": number})
    except SendPulseError as error:  # what it says holds no address and no secret
        logger.warning("the event of order %d: %s: %s", number, type(error).__name__, error)
    return web.json_response({"ordered": number})


def make_app() -> web.Application:
    app = web.Application()
    app.add_routes(routes)
    app.cleanup_ctx.append(SendPulse(partial(RawEventSender.from_env, deadline=0.8)))  # SENDPULSE_EVENT_URL
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1")
