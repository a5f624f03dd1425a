"""Print some Roman numerals, and a place."""

from gazetteer.region_3 import place_420
from roman import roman

print(*(roman(number) for number in (4, 9, 26)), place_420(10.0)["number"])
