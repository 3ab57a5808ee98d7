from sendpulse_async import RawEventSender, RetryPolicy

sender = RawEventSender.from_env(retry=RetryPolicy.at_least_once())
