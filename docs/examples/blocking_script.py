from blocking import send_event

receipt = send_event("purchase", {"email": "ana@example.com", "total": 12.5})
print(f"accepted in {receipt.attempts} attempt(s)")
