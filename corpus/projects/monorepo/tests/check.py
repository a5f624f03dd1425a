"""Check the library."""

from orders import total

assert total({"tea": 2, "scone": 1}) == 10
print("checked: 1 case")
