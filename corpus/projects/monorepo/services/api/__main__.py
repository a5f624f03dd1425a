"""Answer one request."""

import json

from orders import PRICES, total

print(json.dumps({"prices": PRICES, "total": total({"tea": 1})}, sort_keys=True))
