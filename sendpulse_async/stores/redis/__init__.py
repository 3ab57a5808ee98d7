"""What Redis keeps for many processes of one account: the one folder that imports its client."""

from ._log import RedisDeliveryLog
from ._quota import RedisQuota
from ._tokens import RedisTokenStore

__all__ = ["RedisDeliveryLog", "RedisQuota", "RedisTokenStore"]
