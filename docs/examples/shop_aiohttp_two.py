from aiohttp import web

from sendpulse_async import AuthorizedEventSender, Event, RawEventSender
from sendpulse_async.integrations.aiohttp import SendPulse, get_sender

orders = SendPulse(RawEventSender.from_env)  # SENDPULSE_EVENT_URL
newsletter = SendPulse(AuthorizedEventSender.from_env, name="newsletter")  # SENDPULSE_CLIENT_ID and _SECRET


async def order(request: web.Request) -> web.Response:
    await get_sender(request).send_event({"email": request.query["email"], "order": request.match_info["number"]})
    return web.json_response({"ordered": request.match_info["number"]})


async def subscribe(request: web.Request) -> web.Response:
    event = Event(email=request.query["email"], event_name="subscribed")
    await newsletter.get_sender(request).send_event(event)
    return web.json_response({"subscribed": event.email})


def make_app() -> web.Application:
    app, letters = web.Application(), web.Application()
    app.router.add_post("/orders/{number}", order)
    letters.router.add_post("/", subscribe)
    app.add_subapp("/newsletter", letters)  # its handlers find what the application above it has
    app.cleanup_ctx.extend([orders, newsletter])
    return app
