"""Work off the queue."""

from pathlib import Path

from orders import total

print(Path("/srv/checked").read_text().strip())
for number, order in enumerate([{"tea": 2}, {"tea": 1, "scone": 2}], 1):
    print(f"order {number}: {total(order)}")
