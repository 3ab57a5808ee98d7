"""SendPulse's addresses, paths and codes, as data: what the client sends to and the sandbox answers with.

Sources: SendPulse's knowledge base (`/knowledge-base/email-service/automation360/`), its REST page
(`/integrations/api`) and the official clients (`sendpulse/sendpulse-rest-api-{php,python,node.js}`).
"""

from __future__ import annotations

from typing import Final

EVENTS_HOST: Final = "events.sendpulse.com"
API_HOST: Final = "api.sendpulse.com"
DEFAULT_BASE_URL: Final = f"https://{API_HOST}"

RAW_EVENT_PREFIX: Final = "/events/id/"
NAMED_EVENT_PREFIX: Final = "/events/name/"
TOKEN_PATH: Final = "/oauth/access_token"  # noqa: S105 - a path, not a secret

CONTACT_FIELDS: Final = ("email", "phone")
AUTOMATION_ID_FIELD: Final = "automation_id"

DEFAULT_TOKEN_LIFETIME: Final = 3600.0
"""Seconds; what the token endpoint answers, and what the official clients keep a token for."""

REQUESTS_PER_SECOND: Final = 10.0
"""The documented limit of an account."""

ERROR_NO_DATA: Final = 8
ERROR_EVENT_NOT_EXISTS: Final = 102
ERROR_UNAUTHORIZED: Final = 401
ERROR_VALIDATION: Final = 422
ERROR_FORBIDDEN: Final = 800
ERROR_BADLY_FORMED: Final = 999
ERROR_TOO_MANY_REQUESTS: Final = 2020202020
"""Seen in SendPulse's answers as "More than 10 requests per second"; its HTTP status is not documented."""

DUPLICATE_MESSAGE: Final = "Dublicate data"
"""SendPulse's own spelling."""

API_KEY_PREFIX: Final = "sp_apikey_"
