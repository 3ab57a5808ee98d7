import os

from pysendpulse.pysendpulse import PySendPulse

ORDERS = [("ana@example.com", 12.5), ("ben@example.com", 3.0)]


def main() -> None:
    proxy = PySendPulse(os.environ["SENDPULSE_CLIENT_ID"], os.environ["SENDPULSE_CLIENT_SECRET"], "FILE", "tokens/")
    for email, total in ORDERS:
        answer = proxy.send_event("purchase", {"email": email, "total": total})
        if "data" in answer:
            print("failed:", answer["data"]["http_code"])


main()
