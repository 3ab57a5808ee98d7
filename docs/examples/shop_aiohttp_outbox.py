from aiohttp import web

from sendpulse_async import Event, RawEventSender
from sendpulse_async.integrations.aiohttp import SendPulse, get_outbox

routes = web.RouteTableDef()


@routes.post(r"/checkout/{number:\d+}")
async def checkout(request: web.Request) -> web.Response:
    number = int(request.match_info["number"])
    # ... the order is stored, and paid
    await get_outbox(request).put(Event(email=request.query["email"], variables={"order": number}))
    return web.json_response({"ordered": number})


@routes.get("/health")
async def health(request: web.Request) -> web.Response:
    stats = await get_outbox(request).stats()
    return web.json_response({"pending": stats.pending, "dead": stats.dead})


def make_app() -> web.Application:
    app = web.Application()
    app.add_routes(routes)
    app.cleanup_ctx.append(SendPulse(RawEventSender.from_env, outbox="shop.db", drain=5))
    return app


if __name__ == "__main__":
    web.run_app(make_app(), host="127.0.0.1", shutdown_timeout=3)
