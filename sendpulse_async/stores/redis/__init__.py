"""What Redis keeps for many processes of one account: the one folder that imports its client."""

from ._log import RedisDeliveryLog

__all__ = ["RedisDeliveryLog"]
